"""A study's ``storage``: a URL that pyarrow opens, without any secret in it."""

from typing import Annotated
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator

from morec.errors import did_you_mean
from tune_space.study.url_secrets import without_secrets

OPTIONS: dict[str, tuple[str, ...]] = {
    "abfs": (),
    "file": (),
    "gs": ("endpoint_override", "scheme"),
    "hdfs": (),
    "s3": ("endpoint_override", "region", "scheme"),
}
"""Scheme -> what may follow the ``?`` of its URLs."""
CREDENTIALS = (
    "credentials do not belong into a study, which is recorded and reported: give them to every "
    "node, by its role or in its environment (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for s3)"
)


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in OPTIONS or "://" not in url:
        near = did_you_mean(parts.scheme, OPTIONS)
        raise ValueError(
            f"{without_secrets(url)!r} is no URL that files can be written to.{near} Allowed: "
            + ", ".join(f"{scheme}://" for scheme in OPTIONS)
        )
    if parts.password is not None or (parts.scheme == "s3" and parts.username is not None):
        raise ValueError(f"{without_secrets(url)!r}: {CREDENTIALS}")
    if parts.fragment:
        raise ValueError(f"{url!r}: a storage has no part after #")
    allowed = OPTIONS[parts.scheme]
    for name in parse_qs(parts.query, keep_blank_values=True):
        if name not in allowed:
            options = ", ".join(allowed) or "none"
            raise ValueError(
                f"unknown option {name!r}.{did_you_mean(name, allowed)} Allowed with "
                f"{parts.scheme}://: {options}; {CREDENTIALS}"
            )
    return url


StorageUrl = Annotated[str, AfterValidator(_checked)]
