"""URLs and messages without the secrets that may stand in them."""

import re

_REST = re.compile(r"(?<=://)\S+")


def without_secrets(url: str) -> str:
    """Scheme, host and path of a URL, which may be printed; no user, password or options.

    A password may hold a slash or an @ itself, so all before the last @ goes. Where that @ stands
    behind a ? or a #, either side of it may be a secret, and nothing of them is left.
    """
    scheme, separator, rest = url.partition("://")
    return f"{scheme}://{_place(rest)[0]}" if separator else url


def hide_secrets(text: str) -> str:
    """A text without users, passwords and options of the URLs in it."""
    return _REST.sub(lambda found: "".join(_place(found[0])), text)


def _place(rest: str) -> tuple[str, str]:
    """What may be shown of a URL behind its scheme, and a mark where options are left out."""
    first = re.search(r"[?#]", rest)
    if first is None:
        return rest.rpartition("@")[2], ""
    if "@" in rest[first.start() :]:
        return "...", ""
    return rest[: first.start()].rpartition("@")[2], f"{first[0]}..."
