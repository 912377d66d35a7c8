"""Missing data and weights are named all at once, with what was looked for and its download."""

import json
from pathlib import Path

import pytest

from morec.encoders.artefacts import ArtefactStore
from morec.encoders.weights.hub import offline
from tune_space.inputs.missing import Missing, find_missing, format_missing, inactive_arms
from tune_space.inputs.prepare import Prepared
from tune_space.study.arm import Arm
from tune_space.study.expand import expand
from tune_space.study.spec import StudySpec

FILES = {"kind": "files", "interactions": "a.csv", "items": "b.csv", "text_column": "title"}
STUDY = {
    "name": "s",
    "question": "?",
    "baseline": "ID",
    "base": {"item": {}},
    "datasets": {
        "there": {"set": {"dataset": {"kind": "synthetic"}}},
        "absent": {"set": {"dataset": FILES}, "download": "a.csv from the shop"},
    },
    "arms": {
        "ID": {"set": {"item.id": True}},
        "tiny": {"set": {"item.text": {"name": "tiny-random", "pretrained": False}}},
        "hub": {"set": {"item.text": {"name": "org/nowhere-bert"}}},
        "hub 2": {"set": {"item.text": {"name": "org/nowhere-bert", "pooling": "mean"}}},
        "choice": {
            "set": {"item.text": {"name": "tiny-random", "pretrained": False}},
            "search": {"item.text.name": {"choice": ["tiny-random", "org/other-bert"]}},
        },
        "own": {"set": {"item.vectors.audio": {"file": "v.parquet", "ids": "item"}}},
        "words": {"set": {"item.text": {"name": "text-cnn", "word_vectors": "glove.txt"}}},
    },
    "budget": {"trials": 1},
}
UNCACHED = (
    "not in the local cache of the model hub (HF_HOME); a run fetches them from the hub where "
    "there is a network"
)


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    return Prepared(tmp_path, ArtefactStore(tmp_path / "artefacts"))


def study() -> StudySpec:
    return StudySpec.model_validate_json(json.dumps(STUDY))


def find(prepared: Prepared, *names: str) -> tuple[Missing, ...]:
    arms = [arm for arm in expand(study()) if not names or arm.name in names]
    with offline():
        return find_missing(study(), arms, prepared)


def test_a_data_set_that_is_not_there_is_named_once_with_its_download(prepared: Prepared) -> None:
    folder = prepared.root
    (missing,) = find(prepared, "there/ID", "absent/ID", "absent/tiny")
    assert missing == Missing(
        kind="data set",
        names=("absent",),
        reason=f"{folder}/a.csv: no such file.\n{folder}/b.csv: no such file.",
        download="a.csv from the shop",
        arms=("absent/ID", "absent/tiny"),
    )


def test_a_file_of_vectors_is_looked_for_in_the_study_file_s_folder(prepared: Prepared) -> None:
    (missing,) = find(prepared, "there/own", "there/ID")
    assert missing == Missing(
        kind="vectors.audio file",
        names=("v.parquet",),
        reason=f"item.vectors: there is no file {prepared.root}/v.parquet",
        download=None,
        arms=("there/own",),
    )
    (prepared.root / "v.parquet").touch()
    assert find(prepared, "there/own") == ()


def test_weights_that_a_run_would_fetch_are_not_fetched_and_named_together(
    prepared: Prepared,
) -> None:
    (missing,) = find(prepared, "there/hub", "there/hub 2", "there/tiny", "there/ID")
    assert missing == Missing(
        "text encoder", ("org/nowhere-bert",), UNCACHED, None, ("there/hub", "there/hub 2")
    )


def test_every_choice_of_an_encoder_is_looked_for(prepared: Prepared) -> None:
    (missing,) = find(prepared, "there/choice")
    assert missing.names == ("org/other-bert",)


def test_the_encoder_that_ids_start_from_is_looked_for(prepared: Prepared) -> None:
    start = {"item.id": True, "item.id_init": {"text": {"name": "org/nowhere-bert"}}}
    arms = {"ID": {}, "from text": {"set": start}}
    plain = STUDY | {"arms": arms, "datasets": {}}
    plain["base"] = {"item": {"id": True}, "dataset": {"kind": "synthetic"}}
    one = StudySpec.model_validate_json(json.dumps(plain))
    with offline():
        (missing,) = find_missing(one, expand(one), prepared)
    assert missing == Missing("text encoder", ("org/nowhere-bert",), UNCACHED, None, ("from text",))


def test_missing_inputs_are_printed_with_reason_and_download(prepared: Prepared) -> None:
    lines = format_missing(find(prepared))
    folder = prepared.root
    assert lines == [
        "not here yet: text encoders org/nowhere-bert, org/other-bert; for 6 arms",
        f"  {UNCACHED}",
        "not here yet: vectors.audio file v.parquet; for 2 arms",
        f"  item.vectors: there is no file {folder}/v.parquet",
        "not here yet: text encoder text-cnn; for 2 arms",
        f"  item.text.word_vectors: there is no file {folder}/glove.txt",
        "not here yet: data set absent; for 7 arms",
        f"  {folder}/a.csv: no such file.",
        f"  {folder}/b.csv: no such file.",
        "  download: a.csv from the shop",
    ]


def test_what_is_there_is_not_missing(prepared: Prepared) -> None:
    (prepared.root / "glove.txt").write_text("word 1 2\n")
    assert find(prepared, "there/ID", "there/tiny", "there/words") == ()


def arms() -> tuple[Arm, ...]:
    return expand(study())


def test_arms_are_inactive_that_are_not_asked_for_or_lack_an_input(prepared: Prepared) -> None:
    everything = {arm.name for arm in arms()}
    assert inactive_arms(arms(), ()) == frozenset()
    assert inactive_arms(arms(), ("there/ID",)) == everything - {"there/ID"}
    lacking = [Missing("data set", ("absent",), "", None, ("there/tiny",))]
    assert inactive_arms(arms(), ("there/ID", "there/tiny"), lacking) == everything - {"there/ID"}
