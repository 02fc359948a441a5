"""What the command line says of a launch: the verdict and all its conditions, whether the gate is open or shut."""

import xml.etree.ElementTree as xml

import pytest

from config.refusals import Reason
from readiness import report
from readiness.gate import Gate

SAID = ["verdict: constrain", "condition: on weekdays", "condition: one region"]
SHUT = Reason("freeze_window", "production is frozen.", clear_by="operator")


def answer(*, open_: bool, verdict: str | None = "constrain") -> Gate:
    conditions = ["on weekdays", "one region"] if verdict else []
    return Gate(open_, verdict, conditions, [] if open_ else [SHUT], None, None, None)


@pytest.mark.parametrize("open_", [True, False])
def test_conditions_are_told_wherever_the_verdict_is(open_):
    gate = answer(open_=open_)
    shut = [] if open_ else ["production is frozen. Cleared by: operator."]
    assert report.launch_text(gate).splitlines() == [*shut, "may launch" if open_ else "may not launch", *SAID]
    assert [line in report.launch_markdown(gate) for line in SAID] == [True] * 3
    suite = xml.Element("testsuite")
    report._launch_case(suite, gate)
    assert suite.find("testcase/system-out").text.splitlines() == SAID
    assert (suite.find("testcase/failure") is None) == open_


def test_without_a_verdict_nothing_is_said_of_one():
    assert report.launch_text(answer(open_=False, verdict=None)).splitlines()[-1] == "may not launch"
