"""What owners fill in: a plan's boundary fields, and a move."""

from django import forms
from django.core.validators import MaxLengthValidator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.forms import StrictForm, VersionForm
from drafts.models import CoveragePlan, ExpansionMove

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
# Label, hint, and one real example.
SAID = {
    "name": (gettext_lazy("Name"), gettext_lazy("What you call this plan."), "Operations console threshold"),
    "gate_type": (
        gettext_lazy("Gate type"),
        gettext_lazy("The kind of gate on the path. Take a proposed word or your own."),
        "threshold_gate",
    ),
    "system_scope": (gettext_lazy("System scope"), gettext_lazy("The system that the path leads into."), "operations_console"),
    "authority_context": (
        gettext_lazy("Authority context"),
        gettext_lazy("Who may say yes on this path."),
        "operations owner approves above 500k USD",
    ),
    "external_reference": (
        gettext_lazy("External reference"),
        gettext_lazy("Your own id of the path: a ticket, a request number, a link. It is never opened from here."),
        "host-request-123",
    ),
}


def _field(name: str) -> forms.Field:
    """The model's own field, so that length and allowed characters are said in one place."""
    label, hint, example = SAID[name]
    column = CoveragePlan._meta.get_field(name)
    # `formfield` takes over the length, and no other validator.
    others = [check for check in column.validators if not isinstance(check, MaxLengthValidator)]
    field = column.formfield(label=label, help_text=hint, validators=others)
    field.example = example
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
    partner = forms.ChoiceField(label=gettext_lazy("Partner"), help_text=gettext_lazy("The organisation whose path this plan covers."))
    field_order = ["partner"]

    def __init__(self, *args, partners, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["partner"].choices = with_none_chosen([(partner.slug, partner.name) for partner in partners], _("Choose a partner"))


class EditPlanForm(VersionForm, PlanFields):
    pass


class MoveForm(VersionForm):
    gate_type = _field("gate_type")
    system_scope = _field("system_scope")
    authority_context = _field("authority_context")
    corrects = forms.TypedChoiceField(
        label=gettext_lazy("Corrects"),
        help_text=gettext_lazy("Only if this move replaces an earlier one."),
        coerce=int,
        required=False,
        empty_value=None,
    )

    def __init__(self, *args, moves, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["corrects"].choices = [("", _("No earlier move")), *((move.number, _in_words(move)) for move in moves)]


def _in_words(move: ExpansionMove) -> str:
    said = {"number": move.number, "gate": move.gate_type, "scope": move.system_scope}
    return _("Move %(number)d: %(gate)s, %(scope)s") % said
