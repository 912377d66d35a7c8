"""How the page carries data and programs: JSON without spaces, packed as gzip in base64."""

import base64
import gzip
import json
from typing import Any

from markupsafe import Markup


def packed(data: bytes) -> str:
    """Bytes as the page carries them; the same bytes give the same text."""
    return base64.b64encode(gzip.compress(data, 9, mtime=0)).decode("ascii")


def packed_json(value: Any) -> str:
    """A value as the page's script reads it back."""
    return packed(_json(value).encode())


def json_in_script(value: Any) -> Markup:
    """JSON that may stand inside a script element: no text in it can end the element."""
    return Markup(_json(value).replace("<", "\\u003c"))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
