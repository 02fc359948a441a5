"""What owners fill in: a plan's boundary fields, and a move."""

from django import forms
from django.core.validators import MaxLengthValidator

from config.forms import StrictForm, VersionForm
from drafts.models import CoveragePlan

# An open vocabulary: these are proposed, others are accepted.
GATE_TYPES = (
    "threshold_gate",
    "privileged_access_gate",
    "counterparty_release_gate",
    "data_export_gate",
    "deployment_approval_gate",
    "manual_override_gate",
    "risk_escalation_gate",
    "cross_system_handoff_gate",
    "cross_org_handoff_gate",
)
SAID = {
    "name": ("Name", "What you call this plan, for example: Operations console threshold"),
    "gate_type": ("Gate type", "The kind of gate on the path. Take a proposed word or your own, for example: threshold_gate"),
    "system_scope": ("System scope", "The system that the path leads into, for example: operations_console"),
    "authority_context": ("Authority context", "Who may say yes on this path, for example: operations owner approves above 500k USD"),
    "external_reference": (
        "External reference",
        "Your own id of the path: a ticket, a request number, a link. For example: host-request-123",
    ),
}


def _field(name: str) -> forms.Field:
    """The model's own field, so that length and allowed characters are said in one place."""
    label, hint = SAID[name]
    column = CoveragePlan._meta.get_field(name)
    # `formfield` takes over the length, and no other validator.
    others = [check for check in column.validators if not isinstance(check, MaxLengthValidator)]
    field = column.formfield(label=label, help_text=hint, validators=others)
    if name == "gate_type":
        field.widget.attrs["list"] = "gate-types"
    return field


class PlanFields(StrictForm):
    name = _field("name")
    gate_type = _field("gate_type")
    system_scope = _field("system_scope")
    authority_context = _field("authority_context")
    external_reference = _field("external_reference")


def with_none_chosen(choices: list[tuple[str, str]], words: str) -> list[tuple[str, str]]:
    """Nothing is chosen for a person who has a choice."""
    return choices if len(choices) == 1 else [("", words), *choices]


class NewPlanForm(PlanFields):
    partner = forms.ChoiceField(label="Partner", help_text="The organisation whose path this plan covers.")
    field_order = ["partner"]

    def __init__(self, *args, partners, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["partner"].choices = with_none_chosen([(partner.slug, partner.name) for partner in partners], "Choose a partner")


class EditPlanForm(VersionForm, PlanFields):
    pass


class MoveForm(VersionForm):
    gate_type = _field("gate_type")
    system_scope = _field("system_scope")
    authority_context = _field("authority_context")
    corrects = forms.TypedChoiceField(
        label="Corrects", help_text="Only if this move replaces an earlier one.", coerce=int, required=False, empty_value=None
    )

    def __init__(self, *args, moves, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        earlier = [(move.number, f"Move {move.number}: {move.gate_type}, {move.system_scope}") for move in moves]
        self.fields["corrects"].choices = [("", "No earlier move"), *earlier]
