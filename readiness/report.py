"""The gate for machines and people who read reports: plain text, Markdown, JUnit XML."""

import xml.etree.ElementTree as xml  # noqa: S405  writes, never parses
from collections.abc import Iterable

from readiness.gate import Gate, Readiness
from readiness.registry import Finding, Result

MARKS = {Result.PASS: "✓", Result.BLOCK: "✕", Result.WARN: "!", Result.UNKNOWN: "?", Result.NOT_APPLICABLE: "–"}


def text(found: Readiness) -> str:
    lines = []
    for finding in found.findings:
        lines.append(f"{finding.result:15} {finding.title}. {finding.evidence}")
        lines += [f"{'':15} {finding.remedy}"] if finding.remedy else []
    return "\n".join([*lines, found.status])


def launch_text(gate: Gate) -> str:
    shut = [f"{reason.detail} Cleared by: {reason.clear_by or 'an operator'}." for reason in gate.blockers]
    return "\n".join([*shut, "may launch" if gate.may_launch else "may not launch", *_said(gate)])


def _said(gate: Gate) -> list[str]:
    """The verdict and every condition of it, also while something else keeps the gate shut; and what has moved on since."""
    if not gate.verdict:
        return gate.onward.sentences
    return [f"verdict: {gate.verdict}", *(f"condition: {condition}" for condition in gate.conditions), *gate.onward.sentences]


def _cell(words: str) -> str:
    return words.replace("|", "\\|").replace("\n", " ")


def markdown(found: Readiness) -> str:
    """A heading and a table, as CI step summaries show them."""
    rows = [
        f"| {MARKS[each.result]} {each.result} | {_cell(each.title)} | {_cell(each.evidence)} | {_cell(each.remedy)} |"
        for each in found.findings
    ]
    head = [f"## Readiness: {found.status}", "", "| Result | Check | Evidence | Remedy |", "| --- | --- | --- | --- |"]
    return "\n".join([*head, *rows, ""])


def launch_markdown(gate: Gate) -> str:
    said = [f"- {line}" for line in _said(gate)]
    shut = [f"- {reason.detail} Cleared by: {reason.clear_by or 'an operator'}." for reason in gate.blockers]
    return "\n".join([f"## Launch: {'may launch' if gate.may_launch else 'may not launch'}", "", *said, *shut, ""])


def junit(found: Readiness, gate: Gate | None = None) -> str:
    """One test case a check, and one for the launch that was asked about; a doubt is an error, a block a failure."""
    suite = xml.Element("testsuite", name="readiness")
    for finding in found.findings:
        _case(suite, finding)
    if gate is not None:
        _launch_case(suite, gate)
    cases = list(suite)
    suite.set("tests", str(len(cases)))
    suite.set("failures", str(_with(cases, "failure")))
    suite.set("errors", str(_with(cases, "error")))
    return xml.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _with(cases: Iterable[xml.Element], tag: str) -> int:
    return sum(case.find(tag) is not None for case in cases)


def _case(suite: xml.Element, finding: Finding) -> None:
    case = xml.SubElement(suite, "testcase", classname=finding.area, name=finding.title)
    said = f"{finding.evidence} {finding.remedy}".strip()
    tags = {Result.BLOCK: "failure", Result.UNKNOWN: "error", Result.NOT_APPLICABLE: "skipped"}
    if tag := tags.get(finding.result):
        xml.SubElement(case, tag, message=said)
    elif finding.result == Result.WARN:
        xml.SubElement(case, "system-out").text = said


def _launch_case(suite: xml.Element, gate: Gate) -> None:
    case = xml.SubElement(suite, "testcase", classname="Launch", name="This plan may launch")
    if not gate.may_launch:
        xml.SubElement(case, "failure", message=" ".join(reason.detail for reason in gate.blockers))
    if said := _said(gate):
        xml.SubElement(case, "system-out").text = "\n".join(said)
