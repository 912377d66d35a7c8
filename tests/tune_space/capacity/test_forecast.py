"""The forecast of disk, memory and concurrent trials; a plan and a run make the same one."""

import re
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from morec.data.dataset import load_dataset
from morec.encoders.artefacts import ArtefactStore
from morec.encoders.item import prepare_item_inputs
from morec.model_profile import ModelProfile, profile_model
from studies.run import main
from tests.morec.tiny_trials import run, tiny_config
from tests.tune_space.made_up_trials import COST, conductor_of, end, play, sources, study
from tune_space.capacity import admission, forecast, machine
from tune_space.capacity.admission import TRIALS_SHARE, Capacity, Slots
from tune_space.capacity.forecast import (
    RANK_BYTES,
    RECORD_BYTES,
    REPORT_BYTES,
    SESSION_BYTES,
    Forecast,
    checkpoint_bytes,
    make_forecast,
    read_state,
)
from tune_space.capacity.machine import format_bytes
from tune_space.capacity.model_profiles import known_counts, profile_of
from tune_space.capacity.trial_memory import LEAST_PROCESS_BYTES, TrialSize, host_bytes
from tune_space.execution import cluster, runner
from tune_space.ledger.manifest import DatasetEntry
from tune_space.ledger.records import Ledger
from tune_space.schedule.plan import make_plan
from tune_space.study.expand import expand
from tune_space.study.load import load_study
from tune_space.study.spec import ResourcesSpec

SMALL = ModelProfile(1_000_000, 1_000_000, 1, bytes_per_item=1, bytes_per_sample=1)
LARGE = replace(SMALL, params_total=3_000_000)
GB = 10**9
TWO = Capacity(Slots(2, None), 100 * GB)
FORECAST = Forecast(GB, 2 * GB, 3 * GB, 8 * GB, is_measured=False, capacity=TWO)


@pytest.fixture
def forecast_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Forecast]:
    """The forecast of a study in ``tmp_path`` whose models have the sizes given by arm name."""

    def make(spec, sizes, capacity=TWO) -> Forecast:
        monkeypatch.setattr(
            forecast,
            "model_profiles",
            lambda study, arms, data: {a.name: sizes[a.name] for a in arms},
        )
        arms, ledger = expand(spec), Ledger(tmp_path)
        plan = make_plan(spec, arms, ledger, sources)
        state = read_state(spec, arms, plan, ledger)
        return make_forecast(state, capacity, tmp_path / "artefacts")

    return make


def test_before_the_first_trial_sizes_follow_from_the_models_shapes(tmp_path, forecast_of) -> None:
    found = forecast_of(study(), {"ID": SMALL, "wide": LARGE, "fixed": None})
    # Two at a time, old and new file; weights now and best, two moments of what trains.
    assert found.checkpoints == 2 * 2 * 4 * (2 * 3_000_000 + 2 * 1_000_000)
    assert found.records == 3 * (3 + 2) * RECORD_BYTES + REPORT_BYTES
    assert found.per_trial == LEAST_PROCESS_BYTES + 4 * (2 * 3_000_000 + 3 * 1_000_000)
    assert found.memory == found.per_trial + SESSION_BYTES
    assert (found.is_measured, found.uncounted) == (False, ("fixed",))


def test_kept_checkpoints_count_up_to_their_limit(tmp_path, forecast_of) -> None:
    sizes = {"ID": SMALL, "wide": SMALL, "fixed": SMALL}
    one = 4 * 4 * 1_000_000
    kept = forecast_of(study(keep_checkpoints=True), sizes)
    assert kept.checkpoints == 2 * 2 * one + 15 * one
    bounded = forecast_of(study(keep_checkpoints=True, checkpoints_gb=0.1), sizes)
    assert bounded.checkpoints == 2 * 2 * one + 100_000_000


def test_trials_that_conditions_share_are_written_once(tmp_path, forecast_of) -> None:
    conditions = {"published": {}, "heads": {"set": {"model.num_heads": 4}}}
    arms = {"ID": {}, "GRU": {"set": {"model.kind": "gru4rec"}}}
    spec = study(arms=arms, conditions=conditions, keep_checkpoints=True)
    found = forecast_of(spec, dict.fromkeys((arm.name for arm in expand(spec)), SMALL))
    assert found.records == 3 * (3 + 2) * RECORD_BYTES + REPORT_BYTES
    assert found.checkpoints == (2 * 2 + 15) * 4 * 4 * 1_000_000


def test_sizes_are_those_of_the_data_under_the_arms_condition() -> None:
    conditions = {"published": {}, "short": {"set": {"dataset.max_seq_len": 4}}}
    spec = study(conditions=conditions)
    plain = DatasetEntry(
        name="d", sha256="", is_synthetic=True, num_users=9, num_items=8, num_interactions=7,
        counts={}, condition="published",
    )  # fmt: skip
    short = plain.model_copy(update={"condition": "short", "num_users": 6, "num_items": 5})
    counts = {arm.condition: known_counts(spec, arm, [plain, short]) for arm in expand(spec)}
    assert counts == {"published": (9, 8), "short": (6, 5)}


def test_measured_peaks_replace_estimates_and_a_finished_study_needs_nothing(
    tmp_path, forecast_of
) -> None:
    conductor = conductor_of(tmp_path)
    play(conductor, limit=6, num_concurrent=3)
    for record in conductor.results.values():
        peak = COST.model_copy(update={"peak_memory_bytes": 1_250_000_000})
        conductor.writer.ledger.write(record.model_copy(update={"cost": peak}))
    found = forecast_of(study(), {"ID": SMALL, "wide": LARGE, "fixed": SMALL})
    assert (found.per_trial, found.is_measured) == (1_250_000_000, True)
    play(conductor_of(tmp_path))
    done = forecast_of(study(), {})
    assert (done.disk, done.memory, done.format_lines(tmp_path)) == (0, 0, [done.concurrency])


def test_each_worker_takes_memory_and_gpu_peaks_are_no_host_memory(tmp_path, forecast_of) -> None:
    conductor = conductor_of(tmp_path)
    job = conductor.next_job()
    on_gpu = COST.model_copy(update={"memory_kind": "GPU allocated", "peak_memory_bytes": 10**10})
    conductor.finish(end(job).model_copy(update={"cost": on_gpu}))
    spec = study(resources=ResourcesSpec(workers=2).model_dump(mode="json"))
    found = forecast_of(spec, {"ID": SMALL, "wide": SMALL, "fixed": SMALL})
    assert found.per_trial == 2 * (LEAST_PROCESS_BYTES + 4 * 5 * 1_000_000)


def test_an_artefact_that_arms_share_counts_once(tmp_path, forecast_of) -> None:
    text = {"item.id": False, "item.text": {"name": "tiny-random", "pretrained": False}}
    own = {"item.id": False, "item.vectors.own": {"file": "v.npy", "ids": "items.npy"}}
    arms = {
        "ID": {},
        "TS": {"set": text},
        "TS deep": {"set": text | {"model.num_blocks": 3}},
        "TS shuffled": {"set": text | {"item.text.control": "shuffle"}},
        "E2E": {"set": text | {"item.text.trainable_layers": "all"}},
        "Side": {"set": text | {"item.text.side": {"width": 8}}},
        "Side wide": {"set": text | {"item.text.side": {"width": 16}}},
        "Own": {"set": own},
        "Own shuffled": {"set": own | {"item.vectors.own.control": "shuffle"}},
    }
    sizes = {
        "ID": SMALL,
        "TS": replace(SMALL, artefact_bytes={"text": 5_000}),
        "TS deep": replace(SMALL, artefact_bytes={"text": 5_000}),
        "TS shuffled": replace(SMALL, artefact_bytes={"text": 5_000}),
        "E2E": replace(SMALL, artefact_bytes={"text": 300}),
        "Side": replace(SMALL, artefact_bytes={"text": 70_000}),
        "Side wide": replace(SMALL, artefact_bytes={"text": 70_000}),
        "Own": replace(SMALL, artefact_bytes={"vectors.own": 900}),
        "Own shuffled": replace(SMALL, artefact_bytes={"vectors.own": 900}),
    }
    assert forecast_of(study(arms=arms), sizes).artefacts == 5_000 + 300 + 70_000 + 900


@pytest.mark.parametrize(
    "part",
    [
        {"text": {"name": "minilm", "pooling": "mean", "max_tokens": 6}},
        {"text": {"name": "minilm", "trainable_layers": 1, "pooling": "mean", "max_tokens": 6}},
        {"text": {"name": "minilm", "trainable_layers": "all", "pooling": "mean", "max_tokens": 6}},
        {
            "text": {
                "name": "minilm",
                "pooling": "mean",
                "max_tokens": 6,
                "trainable_layers": "all",
                "second_round": {"max_epochs": 1},
            }
        },
        {"text": {"name": "minilm", "pooling": "mean", "max_tokens": 6, "side": {}}},
        {"id": True, "id_init": {"text": {"name": "minilm", "pooling": "mean", "max_tokens": 6}}},
        {"image": {"name": "resnet18", "pretrained": False, "size": 32}},
        {"image": {"name": "resnet18", "pretrained": False, "size": 32, "trainable_layers": "all"}},
    ],
    ids=[
        *("text TS", "text top 1", "text E2E", "second round", "text side", "id from text"),
        *("image TS", "image E2E"),
    ],
)
def test_the_forecast_of_artefacts_is_what_they_take_later(tmp_path, part) -> None:
    config = tiny_config(item=part)
    data = load_dataset(config.dataset, tmp_path)
    store = ArtefactStore(tmp_path / "artefacts")
    prepare_item_inputs(config.item, data, store)
    files = [*store.folder.rglob("*.npy"), *store.folder.rglob("*.safetensors")]
    real = sum(path.stat().st_size for path in files)
    size = profile_model(config, num_users=data.num_users, num_items=data.num_items)
    (said,) = size.artefact_bytes.values()
    headers = 200 * len(files) + 8 * data.num_items
    assert real - headers <= said * 1.01
    # Titles shorter than max_tokens are what makes it less.
    assert said <= 2.5 * real


def test_the_forecast_of_a_checkpoint_is_what_it_takes_later(tmp_path) -> None:
    config = tiny_config(model={"dim": 64})
    data = load_dataset(config.dataset, tmp_path)
    run(config, data, tmp_path)
    real = (tmp_path / "checkpoints" / "last.pt").stat().st_size
    said = checkpoint_bytes(profile_model(config, num_users=41, num_items=data.num_items))
    assert said == pytest.approx(real, rel=0.15)


@pytest.mark.parametrize(
    ("free", "available", "said"),
    [
        (10**10, 10**10, []),
        (6 * 10**9, 10**10, ["not enough disk at {}: 6 GB needed, 5.7 GB free with 5% to spare"]),
        (
            10**10,
            8 * 10**9,
            ["not enough memory: 9 GB needed for one trial and Ray, 8 GB available"],
        ),
    ],
)
def test_a_shortage_is_named_with_what_to_change(
    tmp_path, monkeypatch, free, available, said
) -> None:
    monkeypatch.setattr(forecast, "free_disk", lambda folder: free)
    monkeypatch.setattr(forecast, "available_memory", lambda: available)
    found = FORECAST.format_shortages(tmp_path)
    starts = [line.format(tmp_path) for line in said]
    assert [line[: len(start)] for line, start in zip(found, starts, strict=True)] == starts
    for line in found:
        assert re.search(r"\. (Free some \(--clean|Encode fewer items at once \()", line)


def test_the_memory_of_this_machine_does_not_count_where_a_cluster_runs_the_trials(
    tmp_path, monkeypatch
) -> None:
    cluster = Capacity(Slots(32, None), 256 * GB, is_local=False)
    monkeypatch.setattr(forecast, "available_memory", lambda: 0)
    assert replace(FORECAST, capacity=cluster).format_shortages(tmp_path) == []


def test_a_plan_and_a_run_name_the_shortage_and_the_run_starts_nothing(
    tmp_path, monkeypatch, capsys
) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(
        "question: q\nbaseline: A\nbase: {dataset: {kind: synthetic}, item: {id: true}}\n"
        "arms: {A: {}}\n"
    )
    monkeypatch.setattr(forecast, "available_memory", lambda: 10**9)
    words = [str(path), "--out", str(tmp_path / "out")]
    assert main([*words, "--plan"]) == 0
    planned = capsys.readouterr().out
    assert "memory: 1.5 GB needed (the largest trial 500 MB, at least, by the model's size; " in (
        planned
    )
    assert "not all counted, since sizes are not known yet: A" in planned
    assert "not enough memory: 1.5 GB needed for one trial and Ray, 1 GB available." in planned
    assert main(words) == 2
    refused = capsys.readouterr().err.splitlines()
    assert refused[0] == "nothing was started"
    assert re.match(r"not enough memory: 1\.\d+ GB needed", refused[1])
    assert not list((tmp_path / "out").glob("trials/*"))
    assert not (tmp_path / "out" / "manifest.json").exists()


STATED = """\
question: q
baseline: A
base: {dataset: {kind: synthetic, num_users: 60, num_items: 40}, item: {id: true}}
datasets: {drawn: {num_users: 60, num_items: 40}}
arms: {A: {}}
search: {optim.lr: {loguniform: [1.0e-4, 1.0e-1]}}
budget: {trials: 97}
"""


@pytest.fixture
def stated(tmp_path, monkeypatch) -> Path:
    """A study of 100 trials whose sizes are known before it runs, on a disk that is too small."""
    monkeypatch.setattr(forecast, "free_disk", lambda folder: 10**6)
    monkeypatch.setattr(machine, "CPU_QUOTAS", ())
    path = tmp_path / "stated.yaml"
    path.write_text(STATED)
    (tmp_path / "out").mkdir()
    return path


def disk_shortages(path: Path, capsys, *words: str) -> tuple[str, str]:
    """What a plan and a refused run say about the disk."""
    found = []
    for code, more in ((0, ["--plan"]), (2, [])):
        assert main([str(path), "--out", str(path.parent / "out"), *words, *more]) == code
        said = capsys.readouterr()
        found += re.findall(r"not enough disk at .*", said.out + said.err)
    plan, run = found
    return plan, run


def disk_of(path: Path, num_concurrent: int) -> str:
    (arm,) = expand(load_study(path))
    checkpoints = 2 * num_concurrent * checkpoint_bytes(profile_of(arm.config, 60, 40))
    return format_bytes(checkpoints + 100 * (RECORD_BYTES + 60 * RANK_BYTES) + REPORT_BYTES)


def test_a_plan_and_a_run_count_the_trials_that_memory_allows_on_64_cpus(
    stated, monkeypatch, capsys
) -> None:
    (arm,) = expand(load_study(stated))
    one = host_bytes(arm.config, TrialSize(profile_of(arm.config, 60, 40), 60, 40), on_gpu=False)
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    for module in (admission, forecast):
        monkeypatch.setattr(module, "available_memory", lambda: int(4.5 * one / TRIALS_SHARE))
    plan, run = disk_shortages(stated, capsys)
    assert f": {disk_of(stated, 4)} needed" in plan
    assert run == plan


def test_a_plan_and_a_run_from_a_small_head_node_count_the_clusters_slots_and_memory(
    stated, monkeypatch, capsys
) -> None:
    cluster_has = Capacity(Slots(32, None), 1000 * GB, is_local=False)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    monkeypatch.setattr(admission, "available_memory", lambda: GB)
    for module in (cluster, runner):
        monkeypatch.setattr(module, "ray_session", lambda resources, options: nullcontext())
        monkeypatch.setattr(module, "session_capacity", lambda resources, options: cluster_has)
    monkeypatch.setattr(runner, "check_nodes", lambda places, root, weights: None)
    plan, run = disk_shortages(stated, capsys, "--address", "head:6379")
    assert f": {disk_of(stated, 32)} needed" in plan
    assert run == plan
