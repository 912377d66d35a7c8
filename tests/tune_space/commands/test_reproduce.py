"""A recorded trial that is trained again gives its numbers, or the first other one is named."""

import json
from pathlib import Path

import pytest

from morec.config import FilesSpec
from morec.data.dataset import load_dataset
from morec.encoders.artefacts import ArtefactStore
from morec.errors import DataError
from morec.packing import pack_integers
from morec.results import TrialResult, TrialStatus, pack_ranks
from studies.run import main
from tests.morec.tiny_trials import FROZEN_TEXT, run, tiny_config
from tune_space.commands.reproduce import reproduce
from tune_space.inputs.prepare import Prepared
from tune_space.ledger.records import Ledger

TRAINED: dict[str, TrialResult] = {}
"""By configuration, what trials came to that a test has trained."""


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    return Prepared(tmp_path, ArtefactStore(tmp_path / "artefacts"))


def recorded(prepared: Prepared, **sections) -> TrialResult:
    """A trial as a study would have recorded it."""
    config = tiny_config(**({"evaluation": {"test": True}} | sections))
    key = config.model_dump_json()
    if key not in TRAINED:
        data = load_dataset(config.dataset, prepared.root)
        TRAINED[key] = run(config, data, prepared.root / "run")
    sources = prepared.sources(config)
    update = {"sources": sources, "trial_id": config.trial_id(sources)}
    result = TRAINED[key].model_copy(update=update)
    Ledger(prepared.root / "out").write(result)
    return result


def again(prepared: Prepared, trial_id: str) -> str:
    (line,) = reproduce(trial_id, Ledger(prepared.root / "out"), prepared).lines
    return line.removeprefix(f"reproduce: {trial_id}: ")


@pytest.mark.parametrize("item", [{"id": True}, FROZEN_TEXT])
def test_a_trial_comes_out_the_same_and_the_ledger_stays_as_it_is(prepared, item) -> None:
    trial_id = recorded(prepared, item=item).trial_id
    files = sorted((prepared.root / "out").rglob("*"))
    before = {path: path.stat().st_mtime_ns for path in files}
    assert again(prepared, trial_id) == "identical over 2 epochs"
    files = sorted((prepared.root / "out").rglob("*"))
    assert {path: path.stat().st_mtime_ns for path in files} == before


def test_another_item_in_a_kept_list_is_a_difference(prepared) -> None:
    result = recorded(prepared)
    kept = result.test.kept_lists
    items_VK = kept.items_VK.copy()
    then = int(items_VK[3, 4])
    items_VK[3, 4] += 1
    other = kept.model_copy(update={"packed_items": pack_integers(items_VK)})
    test = result.test.model_copy(update={"kept_lists": other})
    Ledger(prepared.root / "out").write(result.model_copy(update={"test": test}))
    assert again(prepared, result.trial_id) == (
        f"differs at test: place 5 in the list of user 3: {then + 1} in the record, {then} now"
    )


def test_a_record_without_kept_lists_is_compared_without_them(prepared) -> None:
    result = recorded(prepared)
    test = result.test.model_copy(update={"kept_lists": None})
    Ledger(prepared.root / "out").write(result.model_copy(update={"test": test}))
    assert again(prepared, result.trial_id) == "identical over 2 epochs"


def test_a_pruned_trial_is_stopped_after_the_same_epoch(prepared) -> None:
    result = recorded(prepared, training={"max_epochs": 4}, evaluation={"test": False})
    update = {"status": TrialStatus.PRUNED, "epochs": result.epochs[:2], "valid": None}
    pruned = result.model_copy(update=update | {"best_epoch": None})
    Ledger(prepared.root / "out").write(pruned)
    assert again(prepared, result.trial_id) == "identical over 2 epochs"


def test_the_first_difference_is_named(prepared) -> None:
    result = recorded(prepared)
    ledger = Ledger(prepared.root / "out")
    second = result.epochs[1]
    wrong_loss = second.model_copy(update={"train_loss": second.train_loss + 1e-7})
    ledger.write(result.model_copy(update={"epochs": (result.epochs[0], wrong_loss)}))
    found = again(prepared, result.trial_id)
    expected = f"{second.train_loss + 1e-7} in the record, {second.train_loss} now"
    assert found == f"differs at epoch 2: train_loss: {expected}"
    ranks = list(map(int, result.test.ranks))
    packed = pack_ranks([ranks[0] + 1, *ranks[1:]])
    ledger.write(result.model_copy(update={"test": result.test.model_copy(
        update={"packed_ranks": packed})}))  # fmt: skip
    found = again(prepared, result.trial_id)
    assert found == f"differs at test: rank of user 0: {ranks[0] + 1} in the record, {ranks[0]} now"


def test_an_earlier_record_of_forced_misses_is_the_same(prepared) -> None:
    """Records from before ``NEVER_FOUND`` give a masked target the rank N + 1."""
    rows = [(u, (u + n) % 9 if n < 5 else u % 9, n) for u in range(20) for n in range(6)]
    lines = ["user_id,item_id,timestamp", *(",".join(map(str, row)) for row in rows)]
    (prepared.root / "repeats.csv").write_text("\n".join(lines))
    data = FilesSpec(kind="files", interactions="repeats.csv", repeats="keep")
    result = recorded(prepared, dataset=data)
    assert result.test.num_forced_misses == 20
    earlier = result.test.model_copy(update={"packed_ranks": pack_ranks([9 + 1] * 20)})
    Ledger(prepared.root / "out").write(result.model_copy(update={"test": earlier}))
    assert again(prepared, result.trial_id) == "identical over 2 epochs"


def test_a_metric_that_is_younger_than_the_record_is_not_compared(prepared) -> None:
    result = recorded(prepared)
    old = {"HR@10": result.test.metrics["HR@10"]}
    epochs = tuple(
        epoch.model_copy(update={"valid": {"HR@10": epoch.valid["HR@10"]}})
        for epoch in result.epochs
    )
    test = result.test.model_copy(update={"metrics": old})
    ledger = Ledger(prepared.root / "out")
    ledger.write(result.model_copy(update={"epochs": epochs, "test": test}))
    assert again(prepared, result.trial_id) == "identical over 2 epochs"
    fewer = {"num_users": 1, "packed_ranks": pack_ranks(result.test.ranks[:1])}
    ledger.write(result.model_copy(update={"test": test.model_copy(update=fewer)}))
    found = again(prepared, result.trial_id)
    assert found == f"differs at test: num_users: 1 in the record, {result.test.num_users} now"


def test_what_the_lists_hold_is_compared_where_it_was_recorded(prepared) -> None:
    result = recorded(prepared)
    ledger = Ledger(prepared.root / "out")
    now = result.test.lists["coverage@10"]
    lists = result.test.lists | {"coverage@10": now / 2}
    test = result.test.model_copy(update={"lists": lists})
    ledger.write(result.model_copy(update={"test": test}))
    found = again(prepared, result.trial_id)
    assert found == f"differs at test: coverage@10: {now / 2} in the record, {now} now"
    older = result.test.model_copy(update={"lists": {}})
    ledger.write(result.model_copy(update={"test": older}))
    assert again(prepared, result.trial_id) == "identical over 2 epochs"


def test_other_data_and_unknown_trials_are_refused(prepared) -> None:
    result = recorded(prepared)
    ledger = Ledger(prepared.root / "out")
    ledger.write(result.model_copy(update={"sources": {"data": "d9"}}))
    right = result.sources["data"]
    with pytest.raises(
        DataError, match=f"data: the record was made with d9, the current one is {right}"
    ):
        again(prepared, result.trial_id)
    with pytest.raises(DataError, match=rf"has no record of '{result.trial_id}0'\. Did you mean"):
        again(prepared, result.trial_id + "0")
    update = {"status": TrialStatus.FAILED, "epochs": (), "best_epoch": None, "error": "why"}
    early = result.model_copy(update=update | {"valid": None, "test": None})
    ledger.write(early)
    with pytest.raises(DataError, match="failed before its first epoch ended"):
        again(prepared, result.trial_id)


def test_the_command_ends_with_0_or_1(prepared, capsys) -> None:
    result = recorded(prepared)
    study_file = prepared.root / "s.yaml"
    base = json.dumps(result.config.model_dump(mode="json", include={"dataset", "item"}))
    study_file.write_text(f"question: q\nbaseline: A\nbase: {base}\narms: {{A: {{}}}}\n")
    words = [str(study_file), "--out", str(prepared.root / "out"), "--reproduce", result.trial_id]
    assert main(words) == 0
    said = f"reproduce: {result.trial_id}: identical over 2 epochs"
    assert said in capsys.readouterr().out
    changed = result.model_copy(update={"best_epoch": 3 - result.best_epoch})
    Ledger(prepared.root / "out").write(changed)
    assert main(words) == 1
    assert "differs at the best epoch: " in capsys.readouterr().out
