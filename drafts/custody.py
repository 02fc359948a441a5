"""Which rule of config.custody each text of a plan and its moves obeys, and all that is wrong with one."""

from django.core.exceptions import ValidationError

from config.custody import comment_text, evidence_link, fold_key, folded, name_text, no_payload, plain_text, slug_text
from config.refusals import Reason

# Models, forms and serializers take these; old migrations name some of them here.
__all__ = [
    "comment_text",
    "evidence_link",
    "fold_key",
    "folded",
    "name_text",
    "no_payload",
    "plain_text",
    "rule_reasons",
    "slug_text",
    "text_reasons",
]


def text_reasons(fields: dict[str, object], model) -> list[Reason]:
    """What is wrong with texts that are about to be stored in columns of a model: length, and the column's own validators."""
    return [reason for name, value in fields.items() if isinstance(value, str) for reason in _reasons(name, value, model)]


def rule_reasons(value: str, check, *, pointer: str, length: int) -> list[Reason]:
    """What is wrong with one text that is no column of a model's, or of which the caller knows better."""
    if len(value) > length:
        return [Reason("max_length", f"This may have {length} characters at most.", pointer=pointer, status=400)]
    try:
        check(value)
    except ValidationError as error:
        return [Reason(error.code, f"{pointer[1:]}: {error.messages[0]}", pointer=pointer, status=400)]
    return [] if value.strip() else [Reason("blank", "This may not be blank.", pointer=pointer, status=400)]


def _reasons(name: str, value: str, model) -> list[Reason]:
    try:
        model._meta.get_field(name).run_validators(value)
    except ValidationError as error:
        return [
            Reason(found.code or "invalid", f"{name}: {found.messages[0]}", pointer=f"/{name}", status=400) for found in error.error_list
        ]
    return [] if value.strip() else [Reason("blank", f"{name}: This may not be blank.", pointer=f"/{name}", status=400)]
