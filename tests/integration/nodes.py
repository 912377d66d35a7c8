"""A real Ray cluster of two nodes on this machine, each with its own processes and environment."""

import contextlib
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

import psutil
import pytest

from tests.integration.command import PATIENCE_S, REPOSITORY

STARTED = "Ray runtime started"


@dataclass
class Node:
    """``ray start`` in the foreground, and everything that came of it."""

    process: "subprocess.Popen[bytes]"
    log: Path

    def wait(self) -> None:
        """Return once the node runs."""
        deadline = time.monotonic() + PATIENCE_S
        while STARTED not in self.log.read_text():
            if self.process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the node did not start: {self.log.read_text()}")
            time.sleep(0.1)

    def kill(self) -> None:
        """End the whole node at once, as a machine that loses its power does."""
        with contextlib.suppress(psutil.NoSuchProcess):
            root = psutil.Process(self.process.pid)
            for each in [root, *root.children(recursive=True)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()
        self.process.wait()


@dataclass
class Cluster:
    """A head and what joins it; nobody else's Ray is seen or touched."""

    folder: Path
    nodes: dict[str, Node] = field(default_factory=dict)
    address: str = ""

    def __post_init__(self) -> None:
        (self.folder / "token").write_text(secrets.token_hex(32))
        # Short, because the names of Ray's sockets may have 107 bytes.
        self.ray_folder = mkdtemp(prefix="ray")
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("RAY_")},
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(self.folder / "token"),
            "PYTHONPATH": str(REPOSITORY),
        }

    def start(self, name: str, *, python: str = sys.executable, **environment: str) -> None:
        """Start a node of one CPU: the head if it is the first, else one that joins it."""
        role = ["--address", self.address] if self.nodes else ["--head", "--port=0"]
        role += [] if self.nodes else ["--include-dashboard=false", "--temp-dir", self.ray_folder]
        words = [python, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus=1"]
        words += ["--disable-usage-stats", "--node-name", name, *role]
        log = self.folder / f"{name}.log"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                words,
                env=self.environment | environment,
                cwd=self.folder,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
        self.nodes[name] = Node(process, log)
        self.nodes[name].wait()
        if not self.address:
            found = re.search(r"--address='([^']+)'", log.read_text())
            assert found, log.read_text()
            self.address = found[1]

    def stop(self) -> None:
        """End every node."""
        for node in reversed(self.nodes.values()):
            node.kill()
        shutil.rmtree(self.ray_folder, ignore_errors=True)


@contextlib.contextmanager
def two_nodes(folder: Path) -> Iterator[Cluster]:
    """The nodes ``head`` and ``other``; each keeps what it caches in a folder of its name."""
    cluster = Cluster(folder)
    try:
        for name in ("head", "other"):
            cluster.start(name, HF_HOME=str(folder / name))
        yield cluster
    finally:
        cluster.stop()
