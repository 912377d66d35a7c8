"""The Ray session that a study runs in: of this machine, or of a cluster that was checked."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar
from uuid import uuid4

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from morec.code_version import IN_TRIALS
from morec.config import EncoderSpec
from morec.errors import ClusterError, SpecError
from morec.ray_train import node_name
from morec.storage import Storage, is_url, place_within
from tune_space.capacity.admission import Capacity, Slots, machine_capacity, memory_for_trials
from tune_space.execution import node_probe
from tune_space.execution.options import RunOptions
from tune_space.execution.ray_env import NICENESS, SWITCHES, hide_token, set_niceness
from tune_space.execution.ray_servers import needed_servers
from tune_space.execution.ray_start import start_ray
from tune_space.execution.ray_watch import TIMEOUT_S, answers
from tune_space.execution.ray_workers import started_ahead
from tune_space.study.spec import ResourcesSpec

T = TypeVar("T")
MODULES = ("morec", "tune_space")
"""Our packages that trials import; Ray copies them to every node."""
CONNECT_TRIES = 3
JOIN_S = 45.0
"""Longest wait for a cluster to let this machine in."""
ANSWER_S = 180.0
"""Longest wait for a node to start a process with our code and to answer."""
JOIN = "import ray, sys; ray.init(address=sys.argv[1], logging_level='ERROR'); ray.shutdown()"


@contextmanager
def ray_session(
    resources: ResourcesSpec, options: RunOptions, *, num_trials: int = 0
) -> Iterator[None]:
    """Use the open session, join the cluster at ``address``, or start a session on this machine.

    A session that is started here has processes from the beginning: for ``num_trials`` trials, or
    for as many of them as processors allow.

    Raises:
        ClusterError: there is no cluster at the address, or it does not let this machine in.
        RayStartError: Ray does not start on this machine.
    """
    if ray.is_initialized():
        yield
        return
    settings: dict[str, Any] = {
        "log_to_driver": options.verbose,
        "logging_level": "INFO" if options.verbose else "ERROR",
    }
    set_niceness(resources.niceness)
    if options.address is None:
        # Without the dashboard's agent a stopped worker group never frees its resources.
        settings["include_dashboard"] = resources.workers > 1
        settings["dashboard_host"] = "127.0.0.1"
        with (
            needed_servers(dashboard=settings["include_dashboard"], logs=options.verbose),
            started_ahead(min(num_trials, machine_capacity(resources).slots.num)),
        ):
            start_ray(partial(ray.init, address="local", **settings))
    else:
        _reach(options.address)
        _join(options.address, settings | {"runtime_env": _runtime_env(resources)})
    hide_token()
    try:
        yield
    finally:
        ray.shutdown()


def cluster_capacity(resources: ResourcesSpec, options: RunOptions) -> Capacity:
    """What the cluster at ``address`` has for trials; joins it and starts nothing there.

    Raises:
        ClusterError, SpecError: as ``ray_session`` and ``session_capacity``.
    """
    with ray_session(resources, options):
        return session_capacity(resources, options)


def session_capacity(resources: ResourcesSpec, options: RunOptions) -> Capacity:
    """What the session's nodes, taken together, have for trials.

    Raises:
        SpecError: the processors do not allow a single trial.
    """
    slots = _session_slots(resources)
    if options.address is None:
        return Capacity(slots, memory_for_trials())
    total = ray.cluster_resources()
    num_bytes = int(total.get("memory", 0) + total.get("object_store_memory", 0))
    return Capacity(slots, num_bytes, is_local=False)


def _session_slots(resources: ResourcesSpec) -> Slots:
    nodes = {node_name(node): node["Resources"] for node in _nodes()}
    slots = slots_of(nodes.values(), resources)
    if slots.num < 1:
        has = "; ".join(
            f"{name} has {has.get('CPU', 0):g} CPUs and {has.get('GPU', 0):g} GPUs"
            for name, has in nodes.items()
        )
        raise SpecError(
            f"resources: a trial needs {resources.workers} x ({resources.cpus} CPUs, "
            f"{resources.gpus:g} GPUs); node {has}"
        )
    return slots


def slots_of(nodes: Iterable[Mapping[str, float]], resources: ResourcesSpec) -> Slots:
    """Concurrent trials on nodes with these resources; each worker has to fit into one node."""
    one_worker = resources.model_copy(update={"workers": 1})
    held = [Slots.of(one_worker, has.get("CPU", 0), has.get("GPU", 0)) for has in nodes]
    cpus = sum(each.cpus for each in held) // resources.workers
    # On a node with GPUs a worker needs its CPUs as well.
    gpus = sum(each.num for each in held) // resources.workers if resources.gpus else None
    return Slots(cpus, gpus)


def check_nodes(places: Sequence[str], root: Path, weights: Mapping[EncoderSpec, str]) -> None:
    """Check on every node of the session what trials need there.

    ``places`` are the folders and URLs that all nodes share. ``weights`` are the driver's hashes
    of every encoder's weights; relative paths of encoders start from ``root``.

    Raises:
        ClusterError: names every node that lacks something, and what.
    """
    ours = node_probe.software(IN_TRIALS, MODULES)
    _refuse(
        f"{node}: {name} is {there[name]}, the driver has {ours[name]}"
        for node, there in _ask(node_probe.software, IN_TRIALS, MODULES)
        for name in ours
        if there[name] != ours[name]
    )
    _refuse(problem for place in places for problem in _unshared(place))
    if weights:
        _refuse(
            f"{node}: encoder {spec.name!r}: its weights are {weights[spec]} for the driver, "
            f"there: {there}"
            for node, found in _ask(node_probe.weights, str(root), tuple(weights))
            for spec, there in zip(weights, found, strict=True)
            if there != weights[spec]
        )


def _unshared(place: str) -> Iterator[str]:
    """Leave a question at a place; name every node that cannot answer it there, and why."""
    asked = Storage(place_within(place, f".asked-{uuid4().hex}"))
    advice = "" if is_url(place) else "; share the folder, or give the study a storage"
    try:
        with TemporaryDirectory() as folder:
            question = Path(folder) / node_probe.QUESTION
            question.touch()
            asked.put(question, node_probe.QUESTION)
        for node, problem in _ask(node_probe.answer, asked.place):
            if problem is not None:
                yield f"{node}: {place} {problem}{advice}"
    finally:
        with suppress(OSError):
            asked.remove()


def _ask(question: Callable[..., T], *arguments: Any) -> list[tuple[str, T]]:
    """Run ``question`` on every node; the names of the nodes with their answers.

    Raises:
        ClusterError: names the nodes that could not run it, or not within ``ANSWER_S``.
    """
    remote = ray.remote(num_cpus=0, max_retries=0)(question)
    asked = {
        node_name(node): remote.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        ).remote(*arguments)
        for node in _nodes()
    }
    ray.wait(list(asked.values()), num_returns=len(asked), timeout=ANSWER_S)
    answered, problems = [], []
    for node, reference in asked.items():
        try:
            answered.append((node, ray.get(reference, timeout=0)))
        except TimeoutError:
            problems.append(f"{node}: no answer in {ANSWER_S:g} s")
        except RayError as error:
            problems.append(f"{node}: no process can be started there: {error}")
    _refuse(problems)
    return answered


def _refuse(problems: Iterable[str]) -> None:
    found = [f"--address: node {problem}" for problem in problems]
    if found:
        raise ClusterError("\n".join(found))


def _nodes() -> list[dict[str, Any]]:
    """The session's live nodes, ordered by name."""
    return sorted((node for node in ray.nodes() if node["Alive"]), key=node_name)


def _runtime_env(resources: ResourcesSpec) -> dict[str, Any]:
    """Our code and switches for the processes of every node; other packages are installed there."""
    folders = [str(Path(__file__).parents[2] / name) for name in MODULES]
    switches = [*SWITCHES, *([NICENESS] if resources.niceness is not None else [])]
    return {"py_modules": folders, "env_vars": {name: os.environ[name] for name in switches}}


def _join(address: str, settings: Mapping[str, Any]) -> None:
    """Join the cluster; whatever Ray raises becomes a sentence."""
    try:
        ray.init(address=address, **settings)
    except Exception as error:
        ray.shutdown()
        raise ClusterError(_format_refusal(address, "refused", str(error))) from error


def _reach(address: str) -> None:
    """Check in bounded time that a cluster lets this machine in; ``ray.init`` may wait for ever.

    Raises:
        ClusterError: says what was tried, for how long, and what to look at.
    """
    server = re.fullmatch(r"(?P<host>[\w.-]+|\[[\w:]+\]):(?P<port>\d{1,5})", address)
    if server is None and address != "auto":
        raise ClusterError(
            f"--address {address}: give HOST:PORT of the cluster's head (as `ray start --head` "
            "prints it), or auto on one of its nodes. Ray Client (ray://) is not supported: start "
            "the command on a node of the cluster"
        )
    if server is not None and not _connects((server["host"].strip("[]"), int(server["port"]))):
        raise ClusterError(
            f"--address {address}: nothing takes a connection there, tried {CONNECT_TRIES} times "
            f"for up to {TIMEOUT_S:g} s. Is the head running, is this its port (6379 unless `ray "
            "start --head --port` says otherwise), is the port open to this machine?"
        )
    try:
        done = subprocess.run(
            [sys.executable, "-c", JOIN, address],
            capture_output=True, text=True, timeout=JOIN_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise ClusterError(
            _format_refusal(address, f"not within {JOIN_S:g} s", error.stderr)
        ) from None
    if done.returncode:
        raise ClusterError(_format_refusal(address, "refused", done.stderr))


def _connects(server: tuple[str, int]) -> bool:
    for attempt in range(CONNECT_TRIES):
        if answers(server):
            return True
        time.sleep(attempt)
    return False


def _format_refusal(address: str, how: str, output: str | bytes | None) -> str:
    text = output.decode(errors="replace") if isinstance(output, bytes) else output or ""
    last = (text.strip().splitlines() or ["nothing"])[-1]
    return (
        f"--address {address}: this machine could not join the cluster: {how}. Does a node of the "
        "cluster run on this machine (`ray start --address`), has it the cluster's token "
        "(RAY_AUTH_TOKEN or ~/.ray/auth_token), are Python and Ray of the same versions? "
        f"Ray said: {last}"
    )
