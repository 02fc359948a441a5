"""People with a second factor, in tests: an authenticator app, its codes, and signing in with them."""

from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice

from access.models import User
from tests.factories import PASSWORD
from tests.pages import Visitor

LOGIN, PAGE = "/accounts/login/", "/accounts/second-factor/"


def code_of(user: User, *, step: int = 0) -> str:
    """The code of the app `step` half minutes from now; a code counts once, so tests go forward in steps."""
    device = TOTPDevice.objects.filter(user=user).latest("pk")
    return f"{totp(device.bin_key, t0=-30 * step):06d}"


def equip(user: User) -> Visitor:
    """Set up an app; the session in which that was done."""
    visitor = Visitor(user)
    visitor.get(PAGE)
    assert visitor.post(PAGE, code=code_of(user, step=-1), password=PASSWORD).status_code == 302
    return visitor


def signed_in_with_code(user: User) -> Visitor:
    """Somebody with an app, in a session of their own that its code has opened."""
    visitor = Visitor()
    visitor.post(LOGIN, username=user.username, password=PASSWORD)
    assert visitor.post(LOGIN, code=code_of(user)).status_code == 302
    return visitor
