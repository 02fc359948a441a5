"""Safety switches are read strictly: a word that is neither yes nor no stops the start."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import env


@pytest.mark.parametrize("word", ["true", "TRUE", "True", " true ", "1", "yes", "on", "On\n"])
def test_switch_reads_words_for_true(word):
    assert env.switch({"X": word}, "X") is True


@pytest.mark.parametrize("word", ["false", "FALSE", "0", "no", "off", "\tOff "])
def test_switch_reads_words_for_false(word):
    assert env.switch({"X": word}, "X", default=True) is False


@pytest.mark.parametrize("environ", [{}, {"X": ""}, {"X": "  \t"}])
@pytest.mark.parametrize("default", [True, False])
def test_switch_takes_its_default_when_missing_or_blank(environ, default):
    assert env.switch(environ, "X", default=default) is default


@pytest.mark.parametrize("word", ["ture", "y", "t", "2", "-1", "enabled", "null", "none", "true false", "ｔｒｕｅ", "0x1", "'true'"])
def test_switch_refuses_any_other_word_without_repeating_it(word):
    with pytest.raises(ImproperlyConfigured) as refusal:
        env.switch({"SAFETY": word}, "SAFETY")
    assert str(refusal.value) == "SAFETY must be true or false; the word it holds is neither."


@pytest.mark.parametrize(("value", "expected"), [("", "d"), ("  ", "d"), (" a b ", "a b")])
def test_text_strips_and_falls_back(value, expected):
    assert env.text({"X": value}, "X", default="d") == expected


@pytest.mark.parametrize(("value", "expected"), [("", []), (" , ,", []), ("a", ["a"]), (" a ,, b", ["a", "b"])])
def test_words_splits_at_commas(value, expected):
    assert env.words({"X": value}, "X") == expected


@pytest.mark.parametrize(("value", "expected"), [("", 7), ("1", 1), (" 90 ", 90), ("007", 7), ("999999999", 999_999_999)])
def test_whole_number_reads_digits(value, expected):
    assert env.whole_number({"X": value}, "X", default=7, least=1) == expected


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "1e3", "٣", "²", "nine", "1000000000", "1_000", "+4"])
def test_whole_number_refuses_anything_else(value):
    with pytest.raises(ImproperlyConfigured, match="X must be a whole number of at least 1"):
        env.whole_number({"X": value}, "X", default=7, least=1)


def test_what_a_caller_leaves_out_is_the_closed_answer():
    assert env.switch({}, "X") is False
    assert env.text({}, "X") == ""
    assert env.whole_number({"X": "0"}, "X", default=7) == 0


@pytest.mark.parametrize(("value", "expected"), [("", ""), (" unix:/run/signer ", "unix:/run/signer")])
def test_a_socket_is_named_by_its_absolute_path(value, expected):
    assert env.unix_socket({"X": value}, "X") == expected


@pytest.mark.parametrize("value", ["unix:run/signer", "/run/signer", "tcp:/run/signer", "unix:", "http://x"])
def test_anything_else_is_no_socket(value):
    with pytest.raises(ImproperlyConfigured, match="X must be unix: and the absolute path of a socket"):
        env.unix_socket({"X": value}, "X")
