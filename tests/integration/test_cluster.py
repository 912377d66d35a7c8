"""A study on a real Ray cluster of two nodes on this machine, token authentication on.

Each node keeps what it fetches in a folder of its own, so that nothing is shared by accident.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from morec.results import TrialStatus
from tests.integration.command import Command, study_numbers, wait_until
from tests.integration.nodes import Cluster, two_nodes
from tests.s3 import S3
from tune_space.ledger.records import Ledger

pytestmark = pytest.mark.ray
LONG = ("budget.trials=0", "training.max_epochs=120", "training.patience=120")
"""A trial that trains an encoder takes longer than a process takes to start on another node; of
shorter ones the next begins in the process of the last."""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with two_nodes(tmp_path) as cluster:
        yield cluster


def command_on(cluster: Cluster, study_file: Path, name: str, *words: str) -> Command:
    words = ("--address", cluster.address, *words)
    return Command(study_file, cluster.folder / name, *words, environment=cluster.environment)


def nodes_of(command: Command) -> set[str]:
    """The names of the nodes that the trials ran on."""
    costs = [result.cost for result in Ledger(command.out).read_all().values()]
    return {node.split()[0] for cost in costs if cost for node in cost.nodes}


def cached(cluster: Cluster, node: str) -> set[str]:
    """The artefacts that a node has fetched."""
    return {path.name for path in (cluster.folder / node).glob("morec-studies/artefacts/[!.]*")}


def test_trials_run_on_both_nodes_and_fetch_what_they_need_from_the_storage(
    cluster, study_file
) -> None:
    storage = cluster.folder / "storage"
    words = ("--only", "E2E", "--set", *LONG, f"storage={storage.as_uri()}")
    command = command_on(cluster, study_file, "out", *words)
    done = command.run()
    assert done.returncode == 0, done.stdout + done.stderr
    statuses = [result.status for result in Ledger(command.out).read_all().values()]
    assert statuses == [TrialStatus.COMPLETED] * 2
    assert nodes_of(command) == {"head", "other"}
    assert "on head (" in done.stdout and "on other (" in done.stdout
    published = {path.name for path in (storage / "artefacts").iterdir()}
    assert {name.split("-")[0] for name in published} == {"dataset", "tokens"}
    assert cached(cluster, "head") == cached(cluster, "other") == published
    assert [path.name for path in storage.iterdir()] == ["artefacts"]


@pytest.mark.nightly
def test_the_plan_counts_the_clusters_cpus_and_starts_nothing(cluster, study_file) -> None:
    command = command_on(cluster, study_file, "out", "--plan")
    done = command.run()
    assert done.returncode == 0, done.stderr
    assert not command.out.exists()
    shown = command_on(cluster, study_file, "out", "--set", "resources.cpus=2", "--plan").run()
    assert shown.returncode == 2
    assert "a trial needs 1 x (2 CPUs, 0 GPUs); node head (" in shown.stderr
    assert ") has 1 CPUs and 0 GPUs; other (" in shown.stderr


@pytest.mark.nightly
@pytest.mark.parametrize("kind", ["folder", "file", "s3"])
def test_killing_a_node_loses_no_result_and_its_trial_goes_on_elsewhere(
    cluster, study_file, kind, s3: S3
) -> None:
    words = {
        "folder": (),
        "file": (f"storage={(cluster.folder / 'storage').as_uri()}",),
        "s3": (f"storage={s3.of(cluster.folder.name)}",),
    }
    long = ("--set", *LONG, "seeds=[1, 2, 3]")
    alone = Command(study_file, cluster.folder / "alone", *long)
    assert alone.run().returncode == 0
    command = command_on(cluster, study_file, "out", *long, *words[kind])
    process = command.start()
    wait_until(lambda: command.records() and _other_trains(cluster), process)
    before = {path: path.read_bytes() for path in command.records()}
    cluster.nodes["other"].kill()
    output = process.communicate()[0]
    assert process.returncode == 0, output
    assert {path: path.read_bytes() for path in before} == before
    assert study_numbers(command.out) == study_numbers(alone.out)
    results = Ledger(command.out).read_all().values()
    assert {result.status for result in results} == {TrialStatus.COMPLETED}
    continued = [result for result in results if result.num_starts > 1]
    assert continued
    assert all(result.cost.nodes[0].startswith("head ") for result in continued)


def _other_trains(cluster: Cluster) -> bool:
    """Whether a trial has been running on the other node for a moment."""
    children = psutil.Process(cluster.nodes["other"].process.pid).children(recursive=True)
    for child in children:
        try:
            name, spent = " ".join(child.cmdline()), child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        if name.startswith("ray::ImplicitFunc.train") and spent.user > 8:
            return True
    return False


@pytest.mark.nightly
@pytest.mark.parametrize("shares", ["folder", "storage"])
def test_a_trial_of_two_workers_spans_both_nodes(cluster, study_file, shares) -> None:
    words = ("budget.trials=0", "seeds=[1]", "model.dropout=0.0")
    place = [f"storage={(cluster.folder / 'storage').as_uri()}"] if shares == "storage" else []
    alone = Command(study_file, cluster.folder / "alone", "--only", "ID", "--set", *words)
    assert alone.run().returncode == 0
    spread = ("--only", "ID", "--set", *words, "resources.workers=2", *place)
    command = command_on(cluster, study_file, "out", *spread)
    done = command.run()
    assert done.returncode == 0, done.stdout + done.stderr
    (result,) = Ledger(command.out).read_all().values()
    (one,) = Ledger(alone.out).read_all().values()
    assert sorted(node.split()[0] for node in result.cost.nodes) == ["head", "other"]
    assert result.test.metrics == one.test.metrics
    losses = [[epoch.train_loss for epoch in each.epochs] for each in (result, one)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


def environment_without(package: str, folder: Path) -> str:
    """A virtual environment with everything this one has but a package; its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (target,) = folder.glob("lib/python*/site-packages")
    for source in {Path(path) for path in sys.path if path.endswith("site-packages")}:
        for each in source.iterdir():
            if each.name.split("-")[0].lower() != package and not (target / each.name).exists():
                (target / each.name).symlink_to(each)
    return str(folder / "bin" / "python")


@pytest.mark.nightly
def test_a_node_without_a_package_is_named_and_nothing_is_started(tmp_path, study_file) -> None:
    cluster = Cluster(tmp_path)
    try:
        cluster.start("head")
        cluster.start("bare", python=environment_without("timm", tmp_path / "bare-environment"))
        command = command_on(cluster, study_file, "out")
        done = command.run()
    finally:
        cluster.stop()
    assert done.returncode == 2, done.stdout
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("--address: node bare (")
    assert "): timm is not installed, the driver has 1." in line
    assert command.records() == []


@pytest.mark.nightly
@pytest.mark.skipif(os.geteuid() != 0, reason="hiding a folder from a process needs root")
def test_a_node_that_does_not_see_the_folder_is_named_with_it(tmp_path, study_file) -> None:
    """The node runs in a mount name space of its own, with another folder over the shared one."""
    (tmp_path / "runs").mkdir()
    wrapper = tmp_path / "python-elsewhere"
    wrapper.write_text(
        "#!/bin/sh\n"
        f"exec unshare --mount sh -c 'mount -t tmpfs none {tmp_path}/runs && exec \"$@\"' "
        f'sh {sys.executable} "$@"\n'
    )
    wrapper.chmod(0o755)
    cluster = Cluster(tmp_path)
    try:
        cluster.start("head")
        cluster.start("far", python=str(wrapper))
        done = command_on(cluster, study_file, "runs/out").run()
        words = ("--set", f"storage={(tmp_path / 'all').as_uri()}", *LONG)
        stored = command_on(cluster, study_file, "runs/stored", *words)
        stored_done = stored.run()
    finally:
        cluster.stop()
    assert done.returncode == 2, done.stdout
    lines = done.stderr.strip().splitlines()
    advice = "is not the driver's there; share the folder, or give the study a storage"
    assert [line.partition("): ")[2] for line in lines] == [
        f"{tmp_path}/runs/{folder} {advice}" for folder in ("out", "artefacts")
    ]
    assert all(line.startswith("--address: node far (") for line in lines)
    assert stored_done.returncode == 0, stored_done.stderr
    assert "far" in nodes_of(stored)
