"""What a page that only reads says to any other method."""

from collections.abc import Callable

from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe as get_or_head


def require_safe(view: Callable) -> Callable:
    """GET and HEAD alone. Nothing can be forged where nothing is written, so a POST is told 405 and not that its token is missing."""
    return csrf_exempt(get_or_head(view))
