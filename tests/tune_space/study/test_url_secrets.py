"""URLs and messages without secrets."""

import pytest

from tune_space.study.url_secrets import hide_secrets, without_secrets


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://host:5000/path", "https://host:5000/path"),
        ("https://me:SECRET@host/path?token=SECRET#x", "https://host/path"),
        ("postgresql://me:SEC/RET@SECRET@host/db", "postgresql://host/db"),
        ("mysql://me:SEC#RET@host/db", "mysql://..."),
        ("mysql://me:SEC?RET@host/db", "mysql://..."),
        ("mysql://host/db?password=a@SECRET", "mysql://..."),
        ("no url", "no url"),
    ],
)
def test_what_is_printed_of_a_url_is_scheme_host_and_path(url: str, shown: str) -> None:
    assert without_secrets(url) == shown


def test_a_message_keeps_all_but_the_secrets_of_its_urls() -> None:
    said = "GET https://me:SECRET@host/x?key=SECRET failed: 401, see mysql://h/db"
    assert hide_secrets(said) == "GET https://host/x?... failed: 401, see mysql://h/db"
    assert hide_secrets("at http://a/b#SECRET and http://me:SEC#RET@h/b") == (
        "at http://a/b#... and http://..."
    )
