"""URLs and messages without the secrets that may stand in them."""

import re

_USER = re.compile(r"(?<=://)\S*@")
_OPTIONS = re.compile(r"(://[^\s?]*)\?\S*")


def without_secrets(url: str) -> str:
    """Scheme, host and path of a URL, which may be printed; no user, password or options.

    A password may hold a slash or an @ itself, so all before the last @ goes.
    """
    scheme, separator, rest = url.partition("://")
    place = rest.split("?")[0].split("#")[0]
    return f"{scheme}://{place.rpartition('@')[2]}" if separator else url


def hide_secrets(text: str) -> str:
    """A text without users, passwords and options of the URLs in it."""
    return _OPTIONS.sub(r"\1?...", _USER.sub("", text))
