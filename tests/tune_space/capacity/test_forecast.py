"""What a plan needs of disk and memory, by arithmetic, and what is refused."""

import re
from dataclasses import replace

import pytest

from morec.data.dataset import load_dataset
from morec.encoders.artefacts import ArtefactStore
from morec.encoders.item import prepare_item_inputs
from morec.model_profile import ModelProfile, profile_model
from studies.run import main
from tests.morec.tiny_trials import run, tiny_config
from tests.tune_space.made_up_trials import COST, conductor_of, end, play, sources, study
from tune_space.capacity import forecast as needs_module
from tune_space.capacity.admission import memory_estimates
from tune_space.capacity.forecast import (
    RECORD_BYTES,
    REPORT_BYTES,
    SESSION_BYTES,
    Forecast,
    checkpoint_bytes,
    make_forecast,
)
from tune_space.capacity.trial_memory import LEAST_PROCESS_BYTES
from tune_space.ledger.records import Ledger
from tune_space.schedule.plan import make_plan
from tune_space.study.expand import expand
from tune_space.study.spec import ResourcesSpec

SMALL = ModelProfile(1_000_000, 1_000_000, 1, bytes_per_item=1, bytes_per_sample=1)
LARGE = replace(SMALL, params_total=3_000_000)
NEEDS = Forecast(10**9, 2 * 10**9, 3 * 10**9, 8 * 10**9, is_measured=False)


def needed(folder, spec, sizes) -> Forecast:
    """With two trials beside each other."""
    arms, ledger = expand(spec), Ledger(folder)
    plan = make_plan(spec, arms, ledger, sources)
    manifest, records = ledger.read_manifest(), ledger.read_all()
    memory = memory_estimates(spec, arms, manifest, records)
    store = folder / "artefacts"
    return make_forecast(spec, arms, plan, manifest, records, sizes, store, memory, 2)


def test_before_the_first_trial_needs_follow_from_the_models_shapes(tmp_path) -> None:
    found = needed(tmp_path, study(), {"ID": SMALL, "wide": LARGE, "fixed": None})
    # Two at a time, old and new file; weights now and best, two moments of what trains.
    assert found.checkpoints == 2 * 2 * 4 * (2 * 3_000_000 + 2 * 1_000_000)
    assert found.records == 3 * (3 + 2) * RECORD_BYTES + REPORT_BYTES
    assert found.per_trial == LEAST_PROCESS_BYTES + 4 * (2 * 3_000_000 + 3 * 1_000_000)
    assert found.memory == found.per_trial + SESSION_BYTES
    assert (found.is_measured, found.unknown) == (False, ("fixed",))


def test_checkpoints_that_are_kept_count_up_to_their_bound(tmp_path) -> None:
    sizes = {"ID": SMALL, "wide": SMALL, "fixed": SMALL}
    one = 4 * 4 * 1_000_000
    kept = needed(tmp_path, study(keep_checkpoints=True), sizes)
    assert kept.checkpoints == 2 * 2 * one + 15 * one
    bounded = needed(tmp_path, study(keep_checkpoints=True, checkpoints_gb=0.1), sizes)
    assert bounded.checkpoints == 2 * 2 * one + 100_000_000


def test_measured_peaks_stand_in_for_estimates_and_a_finished_study_needs_nothing(tmp_path) -> None:
    conductor = conductor_of(tmp_path)
    play(conductor, limit=6, num_concurrent=3)
    for record in conductor.results.values():
        peak = COST.model_copy(update={"peak_memory_bytes": 1_250_000_000})
        conductor.writer.ledger.write(record.model_copy(update={"cost": peak}))
    found = needed(tmp_path, study(), {"ID": SMALL, "wide": LARGE, "fixed": SMALL})
    assert (found.per_trial, found.is_measured) == (1_250_000_000, True)
    play(conductor_of(tmp_path))
    done = needed(tmp_path, study(), {})
    assert (done.disk, done.memory, done.lines(tmp_path)) == (0, 0, [])


def test_several_workers_take_memory_each_and_gpu_peaks_are_no_host_memory(tmp_path) -> None:
    conductor = conductor_of(tmp_path)
    job = conductor.next_job()
    on_gpu = COST.model_copy(update={"memory_kind": "GPU allocated", "peak_memory_bytes": 10**10})
    conductor.finish(end(job).model_copy(update={"cost": on_gpu}))
    spec = study(resources=ResourcesSpec(workers=2).model_dump(mode="json"))
    found = needed(tmp_path, spec, {"ID": SMALL, "wide": SMALL, "fixed": SMALL})
    assert found.per_trial == 2 * (LEAST_PROCESS_BYTES + 4 * 5 * 1_000_000)


def test_what_arms_share_is_made_once(tmp_path) -> None:
    text = {"item.id": False, "item.text": {"name": "tiny-random", "pretrained": False}}
    arms = {
        "ID": {},
        "TS": {"set": text},
        "TS deep": {"set": text | {"model.num_blocks": 3}},
        "E2E": {"set": text | {"item.text.trainable_layers": "all"}},
    }
    sizes = {
        "ID": SMALL,
        "TS": replace(SMALL, artefact_bytes={"text": 5_000}),
        "TS deep": replace(SMALL, artefact_bytes={"text": 5_000}),
        "E2E": replace(SMALL, artefact_bytes={"text": 300}),
    }
    assert needed(tmp_path, study(arms=arms), sizes).artefacts == 5_000 + 300


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
        {"image": {"name": "resnet18", "pretrained": False, "size": 32}},
        {"image": {"name": "resnet18", "pretrained": False, "size": 32, "trainable_layers": "all"}},
    ],
    ids=["text TS", "text top 1", "text E2E", "second round", "image TS", "image E2E"],
)
def test_what_is_said_of_artefacts_is_what_they_then_take(tmp_path, part) -> None:
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


def test_what_is_said_of_a_checkpoint_is_what_it_then_takes(tmp_path) -> None:
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
def test_what_is_not_there_is_said_with_what_to_change(
    tmp_path, monkeypatch, free, available, said
) -> None:
    monkeypatch.setattr(needs_module, "free_disk", lambda folder: free)
    monkeypatch.setattr(needs_module, "available_memory", lambda: available)
    found = NEEDS.shortages(tmp_path)
    starts = [line.format(tmp_path) for line in said]
    assert [line[: len(start)] for line, start in zip(found, starts, strict=True)] == starts
    for line in found:
        assert re.search(r"\. (Free some \(--clean|Encode fewer items at once \()", line)


def test_memory_of_another_machine_is_not_asked_for(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(needs_module, "available_memory", lambda: 0)
    assert NEEDS.shortages(tmp_path, is_local=False) == []


def test_a_plan_and_a_run_say_what_is_missing_and_the_run_starts_nothing(
    tmp_path, monkeypatch, capsys
) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(
        "question: q\nbaseline: A\nbase: {dataset: {kind: synthetic}, item: {id: true}}\n"
        "arms: {A: {}}\n"
    )
    monkeypatch.setattr(needs_module, "available_memory", lambda: 10**9)
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
