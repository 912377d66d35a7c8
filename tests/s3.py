"""A real S3 server (moto's) on the loopback, in a process of its own."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pyarrow import fs

PATIENCE_S = 60
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "the-key",
    "AWS_SECRET_ACCESS_KEY": "the-secret",
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""Environment of every process that a test starts."""


@dataclass
class S3:
    """A running server with one bucket."""

    url: str
    """Of a folder in the bucket."""

    def of(self, name: str) -> str:
        """The URL of another folder."""
        return self.url.replace("/studies?", f"/{name}?")


@contextmanager
def running_s3() -> Iterator[S3]:
    """Start the server, make the bucket, end the server."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    server = f"endpoint_override=127.0.0.1:{port}&scheme=http&region=us-east-1"
    try:
        _wait(port, process)
        fs.FileSystem.from_uri(f"s3://bucket?allow_bucket_creation=true&{server}")[0].create_dir(
            "bucket"
        )
        yield S3(f"s3://bucket/studies?{server}")
    finally:
        process.terminate()
        process.wait()


def _wait(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"moto.server did not start, exit code {process.poll()}")
