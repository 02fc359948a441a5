"""Usernames go into permanent records, so none of them may be an e-mail address: the form says no, and the database too (L06)."""

import sqlite3
from contextlib import closing

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from access.models import User

pytestmark = pytest.mark.usefixtures("both_stores")

ADDRESSES = ["ada@example.org", "@", "a@b", "ada@"]


@pytest.mark.parametrize("username", ["ada", "Ada.Lovelace", "a", "0", "svc-ci_1", "a" * 64])
def test_usernames_of_letters_digits_and_three_signs_are_fine(username):
    User(username=username, password="x").full_clean()


@pytest.mark.parametrize(
    "username",
    [
        *ADDRESSES,
        "",
        " ",
        "-ada",
        ".ada",
        "_ada",
        "ada lovelace",
        "ada\n",
        "ada\x00",
        "adä",
        "аda",
        "ada\u202e",
        "ada\u200b",
        "a/b",
        "a" * 65,
    ],
)
def test_w17_other_usernames_are_refused_by_the_validator(username):
    with pytest.raises(ValidationError) as refusal:
        User(username=username, password="x").full_clean()
    assert set(refusal.value.message_dict) == {"username"}


WAYS = {
    "create": lambda name: User.objects.create(username=name),
    "create_user": lambda name: User.objects.create_user(name),
    "create_superuser": lambda name: User.objects.create_superuser(name),
    "bulk_create": lambda name: User.objects.bulk_create([User(username=name)]),
    "update": lambda name: User.objects.filter(username="ada").update(username=name),
    "save": lambda name: User(pk=User.objects.get(username="ada").pk, username=name).save(update_fields=["username"]),
}


@pytest.mark.parametrize("username", ADDRESSES)
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_l06_address_as_a_username_is_refused_by_the_database(username, way):
    User.objects.create_user("ada")
    with pytest.raises(IntegrityError, match="username_is_no_address"), transaction.atomic(using="default"):
        way(username)
    assert list(User.objects.values_list("username", flat=True)) == ["ada"]


def test_l06_address_as_a_username_is_refused_by_sqlite_too(sqlite_installation):
    columns = "password, is_superuser, first_name, last_name, email, is_staff, is_active, date_joined, username, machine"
    insert = f"INSERT INTO access_user ({columns}) VALUES ('', 0, '', '', '', 0, 1, '2026-01-01', ?, 0)"
    with closing(sqlite3.connect(sqlite_installation.primary)) as database:
        database.execute(insert, ["ada"])
        with pytest.raises(sqlite3.IntegrityError, match="username_is_no_address"):
            database.execute(insert, ["ada@example.org"])


def test_l06_createsuperuser_refuses_an_address():
    with pytest.raises((CommandError, ValidationError, IntegrityError)), transaction.atomic(using="default"):
        call_command("createsuperuser", "--noinput", username="ada@example.org", email="")
    assert not User.objects.exists()


def test_username_is_unique():
    User.objects.create_user("ada")
    with pytest.raises(IntegrityError), transaction.atomic(using="default"):
        User.objects.create_user("ada")
