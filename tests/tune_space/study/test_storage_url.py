"""A study's storage: which URLs are allowed, and that none may hold a secret."""

import re

import pytest
from pydantic import TypeAdapter, ValidationError

from tune_space.study.storage_url import CREDENTIALS, StorageUrl

ADAPTER = TypeAdapter(StorageUrl)
ALLOWED = "Allowed: abfs://, file://, gs://, hdfs://, s3://"


@pytest.mark.parametrize(
    "url",
    [
        "s3://bucket",
        "s3://bucket/deep/er?region=eu-north-1&scheme=http&endpoint_override=minio:9000",
        "file:///mnt/all/studies",
        "gs://bucket/studies",
        "abfs://container@account.dfs.core.windows.net/studies",
        "hdfs://user@namenode:8020/studies",
    ],
)
def test_what_pyarrow_opens_is_a_storage(url: str) -> None:
    assert ADAPTER.validate_python(url) == url


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("/mnt/all", f"'/mnt/all' is no URL that files can be written to. {ALLOWED}"),
        ("s3:bucket", f"'s3:bucket' is no URL that files can be written to. {ALLOWED}"),
        ("gss://b/p", "'gss://b/p' is no URL that files can be written to. Did you mean 'gs'? "
         f"{ALLOWED}"),
        ("s3://b/p#x", "'s3://b/p#x': a storage has no part after #"),
        ("s3://b?regoin=x", "unknown option 'regoin'. Did you mean 'region'? Allowed with s3://: "
         f"endpoint_override, region, scheme; {CREDENTIALS}"),
        ("file:///x?scheme=http", "unknown option 'scheme'. Allowed with file://: none; "
         f"{CREDENTIALS}"),
        ("s3://KEY:SECRET@b/p?x=SECRET", f"'s3://b/p': {CREDENTIALS}"),
        ("s3://KEY@b/p", f"'s3://b/p': {CREDENTIALS}"),
        ("hdfs://me:SECRET@host/p", f"'hdfs://host/p': {CREDENTIALS}"),
        ("s4://KEY:SECRET@b/p?SECRET", f"'s4://b/p' is no URL that files can be written to. "
         f"{ALLOWED}"),
        ("s3://b?secret_key=SECRET", "unknown option 'secret_key'. Allowed with s3://: "
         f"endpoint_override, region, scheme; {CREDENTIALS}"),
    ],
)  # fmt: skip
def test_anything_else_is_refused_without_repeating_a_secret(url: str, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ADAPTER.validate_python(url)
    said = caught.value.errors()[0]["msg"].removeprefix("Value error, ")
    assert said == message
    assert not {"KEY", "SECRET"} & set(re.findall(r"\w+", said))
