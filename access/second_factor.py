"""A second factor: time-based codes (RFC 6238) of an app that the person has. Kept and checked by django-otp, in the primary."""

import time

import segno
from django.db import transaction
from django_otp import verify_token
from django_otp.plugins.otp_totp.models import TOTPDevice

from access.sessions import APP, VERIFIED_AT
from config.databases import PRIMARY

# Session member: who has given a password and not a code yet, and until when.
WAITING, WAIT_SECONDS = "waiting_for_code", 300


def device_of(user) -> TOTPDevice | None:
    """The app that the person has set up; None while there is none."""
    return TOTPDevice.objects.filter(user=user, confirmed=True).first()


def prepare(user) -> TOTPDevice:
    """The app that is being set up, made where there is none: it counts only once a code of its was right."""
    with transaction.atomic(using=PRIMARY):
        waiting = TOTPDevice.objects.using(PRIMARY).select_for_update().filter(user=user, confirmed=False).order_by("pk").first()
        return waiting or TOTPDevice.objects.create(user=user, confirmed=False, name="app")


def confirm(user, code: str) -> bool:
    """Take the prepared app into use if the code is one of its, and drop any other."""
    prepared = prepare(user)
    if not verify_token(user, prepared.persistent_id, code):
        return False
    with transaction.atomic(using=PRIMARY):
        TOTPDevice.objects.filter(user=user).exclude(pk=prepared.pk).delete()
        TOTPDevice.objects.filter(pk=prepared.pk).update(confirmed=True)
    return True


def is_right(user, code: str) -> bool:
    """Whether a code is the app's, now. Each counts once, and wrong ones make the next try wait, longer each time."""
    device = device_of(user)
    return device is not None and verify_token(user, device.persistent_id, code) is not None


def reset(user) -> int:
    """Forget the person's apps; how many there were."""
    return TOTPDevice.objects.filter(user=user).delete()[0]


def secret_text(device: TOTPDevice) -> str:
    """The secret in base32, in groups of four, for who types it."""
    text = device.config_url.partition("secret=")[2].partition("&")[0].rstrip("=")
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


def qr_svg(device: TOTPDevice) -> str:
    """The secret as a QR code (ISO/IEC 18004), an SVG element without style attributes."""
    return segno.make(device.config_url, error="m").svg_inline(
        scale=4, border=4, light="white", omitsize=False, svgclass="qr", lineclass=None
    )


# --- sessions -----------------------------------------------------------------------------------------------------------------------


def mark_verified(session, user) -> None:
    """A code of the person's app was right. Which app is kept too: of one that is out of use since, nothing counts any more."""
    session[VERIFIED_AT], session[APP] = int(time.time()), device_of(user).pk


def is_verified(session) -> bool:
    """Whether this session was opened, or gone on with, by a right code."""
    return VERIFIED_AT in session


def forget_verified(session) -> None:
    session.pop(VERIFIED_AT, None)
    session.pop(APP, None)


def wait_for_code(session, user) -> None:
    """The password was right; the session knows who, and opens nothing."""
    session.cycle_key()
    session[WAITING] = {"user": user.pk, "until": int(time.time()) + WAIT_SECONDS, "hash": user.get_session_auth_hash()}


def who_waits(session) -> dict | None:
    waiting = session.get(WAITING)
    return waiting if waiting and waiting["until"] > time.time() else None
