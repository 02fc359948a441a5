"""Strict reading of environment variables: an unknown word in a switch is an error, never False."""

from collections.abc import Mapping

from django.core.exceptions import ImproperlyConfigured

TRUE_WORDS = frozenset({"true", "1", "yes", "on"})
FALSE_WORDS = frozenset({"false", "0", "no", "off"})
UNIX_SOCKET = "unix:"


def text(environ: Mapping[str, str], name: str, *, default: str = "") -> str:
    """The variable without surrounding blanks; `default` when it is missing or blank."""
    return environ.get(name, "").strip() or default


def switch(environ: Mapping[str, str], name: str, *, default: bool = False) -> bool:
    """The variable as a boolean; `default` when missing or blank. Raises ImproperlyConfigured on any other word."""
    word = text(environ, name).lower()
    if not word:
        return default
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise ImproperlyConfigured(f"{name} must be true or false; the word it holds is neither.")


def words(environ: Mapping[str, str], name: str) -> list[str]:
    """The comma-separated words of a variable, blanks dropped."""
    return [word.strip() for word in environ.get(name, "").split(",") if word.strip()]


def one_of(environ: Mapping[str, str], name: str, known: tuple[str, ...], *, default: str) -> str:
    """One of the known words; `default` when missing or blank. Raises ImproperlyConfigured on any other word."""
    word = text(environ, name, default=default)
    if word not in known:
        raise ImproperlyConfigured(f"{name} must be one of these words: {', '.join(known)}.")
    return word


def whole_number(environ: Mapping[str, str], name: str, *, default: int, least: int = 0) -> int:
    """The variable as an integer of at least `least`; `default` when missing or blank. Raises ImproperlyConfigured otherwise."""
    digits = text(environ, name, default=str(default))
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 9 or int(digits) < least:
        raise ImproperlyConfigured(f"{name} must be a whole number of at least {least}.")
    return int(digits)


def unix_socket(environ: Mapping[str, str], name: str) -> str:
    """`unix:` and an absolute path, or empty. Raises ImproperlyConfigured otherwise."""
    given = text(environ, name)
    if given and not given.startswith(f"{UNIX_SOCKET}/"):
        raise ImproperlyConfigured(f"{name} must be unix: and the absolute path of a socket.")
    return given
