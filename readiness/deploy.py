"""The same findings as Django system checks, for `manage.py check --deploy`: always judged as production-like."""

from django.core.checks import CheckMessage, Error, Warning, register

from readiness.gate import readiness
from readiness.registry import Finding, Result


@register(deploy=True)
def deploy_findings(app_configs, **kwargs) -> list[CheckMessage]:
    return [message for finding in readiness(production_like=True, entering=True).findings if (message := as_message(finding))]


def as_message(finding: Finding) -> CheckMessage | None:
    """A block or a doubt is an error `readiness.E…`, a warning `readiness.W…`; the number is the check's."""
    text = f"{finding.title}: {finding.evidence}"
    if finding.result in (Result.BLOCK, Result.UNKNOWN):
        return Error(text, hint=finding.remedy or None, id=f"readiness.E{finding.number:03}")
    if finding.result == Result.WARN:
        return Warning(text, hint=finding.remedy or None, id=f"readiness.W{finding.number:03}")
    return None
