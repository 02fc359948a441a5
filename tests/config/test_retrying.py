"""config/retrying.py: which functions are tried again. How, on real PostgreSQL: tests/reviews/test_contention.py."""

import ast
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent.parent
VERBS = ("reviews/decisions.py", "reviews/opening.py", "reviews/policies.py", "reviews/freezes.py", "drafts/coverage.py")


def unretried(source: str) -> list[str]:
    """Functions that are a turn or a recorded transaction and have no `@retried`."""
    return [
        function.name
        for function in ast.parse(source).body
        if isinstance(function, ast.FunctionDef)
        and any(isinstance(part, ast.With) and _opens(part) for part in function.body)
        and not any(getattr(decorator, "id", "") == "retried" for decorator in function.decorator_list)
    ]


def _opens(block: ast.With) -> bool:
    return any(getattr(getattr(item.context_expr, "func", None), "id", "") in ("taking_turn", "recorded") for item in block.items)


@pytest.mark.parametrize("path", VERBS)
def test_R10_every_verb_is_tried_again(path):
    assert unretried((PROJECT / path).read_text()) == []


def test_a_verb_that_is_not_is_found():
    assert unretried("def vote():\n    with taking_turn(1) as turn:\n        pass") == ["vote"]
    assert unretried("@retried\ndef vote():\n    with recorded(1):\n        pass") == []
