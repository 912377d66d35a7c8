"""Data that leaves nothing to train on stops a study before anything starts."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from morec.config import TrialConfig
from morec.encoders.artefacts import ArtefactStore
from morec.errors import DataError
from studies.run import main
from tune_space.inputs.check_training import check_training
from tune_space.inputs.prepare import Prepared
from tune_space.study.arm import Arm
from tune_space.study.spec import ParamSpec

NO_TARGET = (
    "no training target is left: of all 4 users, none has 2 items to train on; under "
    "leave_one_out the last two are for validation and test, so a model that reads histories "
    "needs users with at least 4 interactions, dssm with 3"
)
FILES = {"kind": "files", "interactions": "rows.csv", "min_seq_len": 3}


def write_rows(folder: Path, histories: list[list[str]]) -> None:
    rows = [f"u{u},{item},{n}" for u, items in enumerate(histories) for n, item in enumerate(items)]
    (folder / "rows.csv").write_text("\n".join(["user_id,item_id,timestamp", *rows]))


def arm(
    name: str, model: str, loss: str = "bce", search: dict[str, list[Any]] | None = None
) -> Arm:
    raw = {"dataset": FILES, "item": {"id": True}, "model": {"kind": model}}
    config = TrialConfig.model_validate_json(json.dumps(raw | {"training": {"loss": loss}}))
    space = {path: ParamSpec(choice=tuple(values)) for path, values in (search or {}).items()}
    return Arm(name, None, config, space)


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    write_rows(tmp_path, [list("abc"), list("bcd"), list("cde"), list("def")])
    return Prepared(tmp_path, ArtefactStore(tmp_path / "artefacts"))


@pytest.mark.parametrize("loss", ["bce", "in_batch_ce"])
@pytest.mark.parametrize("model", ["sasrec", "bert4rec", "gru4rec", "nextitnet"])
def test_users_with_3_interactions_train_no_model_that_reads_histories(
    prepared: Prepared, model: str, loss: str
) -> None:
    with pytest.raises(DataError) as error:
        check_training(prepared, [arm("ID", model, loss), arm("again", model, loss)])
    assert str(error.value) == (
        f"nothing was started\narm 'ID', 'again': dataset files, {model}: {NO_TARGET}"
    )


def test_users_with_3_interactions_train_a_dssm(prepared: Prepared) -> None:
    check_training(prepared, [arm("ID", "dssm")])


def test_one_user_with_4_interactions_is_enough(prepared: Prepared) -> None:
    write_rows(prepared.root, [list("abc"), list("bcda")])
    check_training(prepared, [arm("ID", "sasrec"), arm("CE", "sasrec", "in_batch_ce")])


def test_every_searched_choice_is_looked_at(prepared: Prepared) -> None:
    write_rows(prepared.root, [list("abcde"), list("bcade"), list("cbaed")])
    fresh = Prepared(prepared.root, prepared.store)
    losses = arm("losses", "sasrec", search={"training.loss": ["bce", "in_batch_ce"]})
    with pytest.raises(DataError, match=r"^nothing was started\narm 'losses': .*: in-batch neg"):
        check_training(fresh, [arm("ID", "sasrec"), losses])


def test_more_negatives_than_items_are_refused_also_where_they_are_searched(
    prepared: Prepared,
) -> None:
    write_rows(prepared.root, [list("abcd"), list("bcde"), list("cdef")])
    fresh = Prepared(prepared.root, prepared.store)
    searched = {"training.negatives": [1, 5, 6]}
    with pytest.raises(DataError, match=r"arm 'many': .*: training\.negatives: 6 are more"):
        check_training(fresh, [arm("many", "sasrec", search=searched)])
    check_training(fresh, [arm("some", "sasrec", search={"training.negatives": [1, 5]})])


def test_a_schedule_that_never_begins_stops_a_study(prepared: Prepared) -> None:
    """Two users in one batch, 150 epochs: 150 planned steps."""
    write_rows(prepared.root, [list("abcd"), list("bcda")])
    one = arm("ID", "sasrec", search={"optim.warmup_steps": [0, 149, 150]})
    check_training(prepared, [one])
    optim = one.config.optim.model_copy(update={"schedule": "cosine"})
    scheduled = replace(one, config=one.config.model_copy(update={"optim": optim}))
    with pytest.raises(DataError) as error:
        check_training(prepared, [scheduled])
    assert str(error.value) == (
        "nothing was started\narm 'ID': dataset files, sasrec: optim.schedule: cosine has no "
        "effect: warmup_steps 150 takes all of the 150 planned steps (training.max_epochs times "
        "the steps of an epoch); allowed: fewer"
    )


def test_users_who_all_know_the_same_items_leave_no_in_batch_negative(prepared: Prepared) -> None:
    write_rows(prepared.root, [list("abcde"), list("bcade"), list("cbaed")])
    fresh = Prepared(prepared.root, prepared.store)
    check_training(fresh, [arm("ID", "sasrec")])
    with pytest.raises(DataError, match=r"each of the 3 users with a training target has all"):
        check_training(fresh, [arm("ID", "sasrec", "in_batch_ce")])


def test_a_study_whose_users_have_3_interactions_ends_before_it_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_rows(tmp_path, [list("abc"), list("bcd"), list("cde"), list("def")])
    study = {"question": "q", "baseline": "ID", "arms": {"ID": {}}, "seeds": [1]}
    base = {"dataset": FILES, "item": {"id": True}}
    (tmp_path / "s.yaml").write_text(json.dumps(study | {"base": base}))
    assert main([str(tmp_path / "s.yaml"), "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr()
    assert f"arm 'ID': dataset files, sasrec: {NO_TARGET}" in said.err + said.out
    assert not list((tmp_path / "out").glob("trials/*.json"))
