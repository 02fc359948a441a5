"""Reads beside a page: on another thread, in the language of the page."""

import threading

import pytest
from django.utils import translation

from readiness import aside


@pytest.mark.parametrize("server", [True, False])
def test_read_is_in_the_language_of_its_page(settings, server):
    settings.SERVER = server

    with translation.override("eo"):
        collect = aside.start(lambda: (translation.get_language(), threading.current_thread()))
    language, thread = collect()

    assert (language, thread is threading.main_thread()) == ("eo", not server)
