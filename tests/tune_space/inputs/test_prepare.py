"""Artefacts, data sets and references that trials share: made once, and recorded with users."""

import base64
import json
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from morec.config import EvaluationSpec, TrialConfig
from morec.data.dataset import FORMAT
from morec.data.profiling import load_profiled
from morec.data.slices import slicings
from morec.encoders.artefacts import ArtefactStore, file_sha256
from morec.encoders.item import prepare_item_inputs
from morec.metrics import metric_names
from morec.references.content_knn import content_knn
from morec.references.popularity import popularity as popularity_of
from morec.references.scored import ReferenceTask, Scored
from morec.references.table import REFERENCES
from tune_space.inputs.dataset_entries import dataset_entries, profile_dataset
from tune_space.inputs.prepare import Prepared, prepare_items, with_inactive
from tune_space.inputs.reference_rows import references
from tune_space.ledger.manifest import Manifest
from tune_space.study.arm import Arm
from tune_space.study.domains import ParamSpec
from tune_space.study.spec import ArmSpec, StudySpec, full_name

DATA = {"kind": "synthetic", "num_users": 30, "num_items": 25, "max_seq_len": 5}
TEXT = {"name": "tiny-random", "pretrained": False, "max_tokens": 6, "pooling": "mean"}


def arm(name: str, item: dict, space=None, dataset=None, label="") -> Arm:
    raw = {"dataset": dataset or DATA, "item": item}
    config = TrialConfig.model_validate_json(json.dumps(raw))
    return Arm(full_name(name, dataset=label), None, config, space or {}, label)


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    return Prepared(tmp_path, ArtefactStore(tmp_path / "artefacts"))


def test_arms_that_read_the_same_features_share_one_artefact(prepared) -> None:
    arms = [
        arm("ID", {"id": True}),
        arm("TS", {"text": TEXT}),
        arm("TS-DNN", {"text": TEXT | {"dnn_layers": 2}}),
        arm("ID+TS", {"id": True, "text": TEXT, "fusion": "add"}),
    ]
    (features,) = prepare_items(prepared, arms)
    assert (features.name, features.used_by) == ("text", ("TS", "TS-DNN", "ID+TS"))
    assert features.num_bytes > 0


def test_files_of_encoders_are_looked_for_next_to_the_study_file(prepared, monkeypatch) -> None:
    (prepared.root / "glove.txt").write_text("book 1 2 3\nthe 1 2 3\n")
    elsewhere = prepared.root / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    text = {"name": "word-average", "word_vectors": "glove.txt", "trainable_layers": "all"}
    study = arm("GloVe", {"text": text})
    assert prepared.sources(study.config)["text"] == file_sha256(prepared.root / "glove.txt")
    (vectors,) = prepare_items(prepared, [study])
    assert vectors.used_by == ("GloVe",)
    assert Path.cwd() == elsewhere


def test_searched_choices_of_an_encoder_are_prepared_as_well(prepared) -> None:
    space = {"item.text.pooling": ParamSpec(choice=("cls", "mean"))}
    found = prepare_items(prepared, [arm("TS", {"text": TEXT}, space)])
    assert len({each.key for each in found}) == 2


ROUND = {"max_epochs": 2, "lr": 1e-3}


def test_a_second_round_is_made_once_and_recorded_with_losses_and_cost(prepared) -> None:
    text = TEXT | {"second_round": ROUND}
    arms = [
        arm("TS w/o", {"text": TEXT}),
        arm("TS w/", {"text": text}),
        arm("E2E w/", {"text": text | {"trainable_layers": "all"}}),
    ]
    found = prepare_items(prepared, arms)
    (second_round,) = [each for each in found if each.losses]
    assert (second_round.name, second_round.used_by) == ("text second round", ("TS w/", "E2E w/"))
    assert [len(second_round.losses[split]) for split in ("train", "valid")] == [2, 3]
    assert second_round.seconds > 0
    assert second_round.num_bytes > 4 * 64 * 37  # fp32 vectors of more than the words
    features = [each for each in found if each.name == "text"]
    assert [each.used_by for each in features] == [("TS w/o",), ("TS w/",), ("E2E w/",)]


def test_searched_choices_of_a_second_round_are_made_before_the_search(prepared) -> None:
    space = {"item.text.second_round.max_epochs": ParamSpec(choice=(1, 2))}
    arms = [arm("TS", {"text": TEXT | {"second_round": ROUND}}, space)]
    found = [each for each in prepare_items(prepared, arms) if each.losses]
    assert [len(each.losses["train"]) for each in found] == [1, 2]


def test_a_choice_under_a_condition_is_prepared_where_the_condition_holds(prepared) -> None:
    space = {
        "item.text.max_tokens": ParamSpec(choice=(5, 6)),
        "item.text.pooling": ParamSpec(choice=("cls", "mean"), when={"item.text.max_tokens": 5}),
        "optim.lr": ParamSpec(loguniform=(1e-4, 1e-2)),
    }
    found = prepare_items(prepared, [arm("TS", {"text": TEXT}, space)])
    assert len({each.key for each in found}) == 3


def test_preparing_again_makes_nothing_again(prepared) -> None:
    arms = [arm("TS", {"text": TEXT})]
    first = prepare_items(prepared, arms)
    again = Prepared(prepared.root, prepared.store)
    assert prepare_items(again, arms) == first


def test_sources_name_the_data_and_every_encoders_weights(prepared) -> None:
    config = arm("a", {"id": True, "text": TEXT, "fusion": "add"}).config
    sources = prepared.sources(config)
    assert set(sources) == {"data", "text"}
    other = arm("a", {"id": True, "text": TEXT | {"num_layers": 1}, "fusion": "add"}).config
    assert prepared.sources(other)["data"] == sources["data"]


def test_the_dataset_is_described_as_it_was_cut(prepared) -> None:
    arms = [arm("a", {"id": True}), arm("b", {"text": TEXT})]
    (entry,) = dataset_entries(prepared, arms)
    dataset = prepared.dataset(arms[0].config)
    assert entry.is_synthetic
    assert (entry.num_users, entry.num_items) == (dataset.num_users, dataset.num_items)
    assert entry.num_interactions == len(dataset.item_ids)
    assert entry.counts == dict(dataset.counts)
    assert entry == profile_dataset(arms[0].config.dataset, prepared.root)
    assert entry.profile == load_profiled(arms[0].config.dataset, prepared.root)[1]


def test_a_dataset_counts_as_prepared_once_it_is_made(prepared) -> None:
    config = arm("a", {"id": True}).config
    assert not prepared.is_prepared(config)
    folder = prepared.dataset_folder(config)
    assert prepared.is_prepared(config)
    shorter = arm("a", {"id": True}, dataset=DATA | {"max_seq_len": 3}).config
    assert not prepared.is_prepared(shorter)
    (folder / "dataset.json").unlink()
    assert not Prepared(prepared.root, prepared.store).is_prepared(config)


BY_TIME = {"by_time": {"test": 0.2, "valid": 0.2, "target": "last"}}


def by_time(name: str, label: str = "") -> Arm:
    """An arm on the same data, split by time."""
    plain = arm(name, {"id": True}, label=label)
    values = {"evaluation": {"split": BY_TIME}}
    config = TrialConfig.model_validate(plain.config.model_dump() | values)
    return replace(plain, config=config)


def test_each_split_of_a_data_set_is_prepared_and_described_for_itself(prepared) -> None:
    arms = [arm("a", {"id": True}, label="one"), by_time("a", "two")]
    one, two = (prepared.dataset(each.config) for each in arms)
    assert prepared.dataset_folder(arms[0].config) != prepared.dataset_folder(arms[1].config)
    assert (one.split, two.split) == tuple(each.config.evaluation.split for each in arms)
    assert one.item_names == two.item_names
    entry, other = dataset_entries(prepared, arms)
    assert (entry.split, entry.cuts_s) == ("leave_one_out", None)
    assert (other.split, other.cuts_s) == (two.split, two.cuts_s)
    assert entry.num_targets("test") == entry.num_users == 30
    assert other.num_targets("test") == two.rows_of("test").num_rows < 30
    assert len(other.slices[0].codes) == other.num_targets("test")
    assert sum(other.profile.test_targets.values()) == pytest.approx(1)
    assert other == profile_dataset(
        arms[1].config.dataset, prepared.root, label="two", split=two.split
    )


def test_a_data_set_of_leave_one_out_is_prepared_under_the_name_it_always_had(prepared) -> None:
    config = arm("a", {"id": True}).config
    identity = {
        "spec": config.dataset.model_dump(mode="json"),
        "source": prepared.data_hash(config.dataset),
        "format": FORMAT,
    }
    folder = prepared.dataset_folder(config)
    assert prepared.store.find("dataset", identity).path == folder


def test_references_of_a_split_by_time_rank_its_targets(prepared) -> None:
    popularity = references(prepared, [by_time("a")], "a")[0]
    dataset = prepared.dataset(by_time("a").config)
    assert popularity.test_evaluation.num_users == dataset.rows_of("test").num_rows


def test_every_reference_is_measured_on_both_splits(prepared) -> None:
    found = {one.name: one for one in references(prepared, [arm("a", {"id": True})], "a")}
    assert list(found) == list(REFERENCES)
    popularity, chance = found["popularity"], found["chance"]
    assert set(popularity.test) == set(chance.test) == {"HR@10", "NDCG@10", "MRR@10"}
    assert popularity.test_evaluation.metrics == popularity.test
    assert chance.test_evaluation is None
    assert 10 / 25 <= chance.test["HR@10"] < 10 / (25 - 8)
    assert set(found["EASE"].chosen) == {"lambda", "decay"}
    assert found["EASE"].test_evaluation.metrics == found["EASE"].test


def test_a_new_reference_is_a_function_and_a_line_in_the_table(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(task: ReferenceTask) -> Scored:
        values = dict.fromkeys(metric_names(task.spec.ks), 0.0)
        return Scored(values, values, {"patience": 0.0})

    monkeypatch.setitem(REFERENCES, "never", never)
    found = references(prepared, [arm("a", {"id": True})], "a")
    assert [one.name for one in found] == list(REFERENCES)
    assert found[-1].test == found[-1].valid == dict.fromkeys(metric_names((10,)), 0.0)
    assert found[-1].chosen == {"patience": 0.0}


def test_a_reference_of_an_encoder_has_a_row_per_frozen_encoder(prepared) -> None:
    deep = TEXT | {"dnn_layers": 2}
    trained = TEXT | {"trainable_layers": "all", "max_tokens": 5}
    arms = [
        arm("ID", {"id": True}),
        arm("TS", {"text": TEXT}),
        arm("TS-DNN", {"text": deep}),
        arm("E2E", {"text": trained}),
        arm("ID+TS", {"id": True, "text": TEXT | {"pooling": "cls"}, "fusion": "add"}),
        # Reads other data, for which nothing is computed specially.
        arm("long", {"text": TEXT | {"max_tokens": 4}}, dataset=DATA | {"max_seq_len": 6}),
    ]
    rows = [one for one in references(prepared, arms, "ID") if one.name not in REFERENCES]
    name = "content kNN (tiny-random, pretrained false"
    assert [(one.name, one.used_by) for one in rows] == [
        (f"{name}, pooling mean, max_tokens 6)", ("TS", "TS-DNN")),
        (f"{name}, max_tokens 6)", ("ID+TS",)),
    ]
    dataset = prepared.dataset(arms[0].config)
    features_NH = prepare_item_inputs(arms[1].config.item, dataset, prepared.store)["text"]
    task = ReferenceTask(dataset, EvaluationSpec(), features_NH.array("features"))
    expected = content_knn(task)
    assert rows[0].test_evaluation == expected.test
    assert rows[0].chosen == expected.chosen


def test_what_ids_start_from_is_prepared_hashed_and_a_reference(prepared) -> None:
    start = {"id": True, "id_init": {"text": TEXT}}
    arms = [
        arm("ID", {"id": True}),
        arm("ID from text", start),
        arm("ID near text", {"id": True, "id_init": {"text": TEXT, "max_distance": 0.5}}),
        arm("TS", {"text": TEXT}),
    ]
    features, components = prepare_items(prepared, arms)
    assert (features.name, components.name) == ("id_init", "id_init start")
    assert features.used_by == ("ID from text", "ID near text", "TS")
    assert components.used_by == ("ID from text", "ID near text")
    assert components.num_bytes > 4 * 64 * 20
    sources = prepared.sources(arms[1].config)
    assert sources == prepared.sources(arms[0].config) | {
        "id_init": prepared.sources(arms[3].config)["text"]
    }
    (row,) = references(prepared, arms, "ID")[len(REFERENCES) :]
    assert row.used_by == ("ID from text", "ID near text", "TS")


def test_layers_states_are_prepared_and_are_no_reference(prepared) -> None:
    arms = [arm("Side", {"text": TEXT | {"side": {}}}), arm("TS", {"text": TEXT})]
    states, features = prepare_items(prepared, arms)
    assert states.key.startswith("layer-states-")
    assert (states.used_by, features.used_by) == (("Side",), ("TS",))
    # The embedding's and two layers' states.
    assert states.num_bytes > 2.5 * features.num_bytes
    (row,) = references(prepared, arms, "TS")[len(REFERENCES) :]
    assert row.used_by == ("TS",)


def test_features_of_searched_encoders_all_have_a_row(prepared) -> None:
    space = {"item.text.pooling": ParamSpec(choice=("cls", "mean"))}
    found = references(prepared, [arm("TS", {"text": TEXT}, space)], "TS")
    assert [one.name for one in found[len(REFERENCES) :]] == [
        "content kNN (tiny-random, pretrained false, max_tokens 6)",
        "content kNN (tiny-random, pretrained false, pooling mean, max_tokens 6)",
    ]


def test_features_after_a_second_round_are_those_that_a_trial_reads(prepared) -> None:
    text = TEXT | {"second_round": ROUND}
    (row,) = references(prepared, [arm("TS", {"text": text})], "TS")[len(REFERENCES) :]
    assert "second_round (max_epochs 2, lr 0.001)" in row.name
    config = arm("TS", {"text": text}).config
    dataset = prepared.dataset(config)
    features = prepare_item_inputs(config.item, dataset, prepared.store)["text"]
    task = ReferenceTask(dataset, EvaluationSpec(), features.array("features"))
    assert row.test_evaluation == content_knn(task).test


def two_labels() -> list[Arm]:
    other = DATA | {"num_users": 40}
    return [
        arm("TS", {"text": TEXT}, label="a"),
        arm("ID", {"id": True}, label="a", dataset=DATA | {"max_seq_len": 4}),
        arm("ID", {"id": True}, label="b", dataset=other),
    ]


def test_every_data_set_has_an_entry_and_references_as_its_baseline_reads_it(prepared) -> None:
    arms = two_labels()
    entries = dataset_entries(prepared, arms)
    assert [entry.dataset for entry in entries] == ["a", "a", "b"]
    assert entries[2].num_users > entries[0].num_users
    found = references(prepared, arms, "ID")
    content = "content kNN (tiny-random, pretrained false, pooling mean, max_tokens 6)"
    assert [(one.dataset, one.name) for one in found] == [
        *(("a", name) for name in REFERENCES),
        *(("b", name) for name in REFERENCES),
    ]
    assert content not in [one.name for one in found], "TS reads other windows than the baseline"
    read_by_baseline = prepared.dataset(arms[1].config)
    expected = popularity_of(read_by_baseline, "test", EvaluationSpec())
    assert found[0].test_evaluation == expected


def test_the_entry_of_a_data_set_says_which_slice_every_user_is_in(prepared) -> None:
    (entry,) = dataset_entries(prepared, [arm("a", {"id": True})])
    dataset = prepared.dataset(arm("a", {"id": True}).config)
    expected = {each.dimension: each for each in slicings(dataset, "test")}
    assert [each.dimension for each in entry.slices] == list(expected)
    for each in entry.slices:
        assert each.labels == expected[each.dimension].labels
        codes_U = np.frombuffer(zlib.decompress(base64.b64decode(each.packed_codes)), dtype="<u4")
        assert codes_U.tolist() == expected[each.dimension].codes_U.tolist()


def manifest_of(prepared: Prepared, arms: list[Arm]) -> Manifest:
    return Manifest(
        study=StudySpec(name="s", question="?", base={}, baseline="ID", arms={"ID": ArmSpec()}),
        study_file="", command="", state="running", started_at="", updated_at="", versions={},
        git={}, device="", num_cpus=1, arms=(),
        datasets=dataset_entries(prepared, arms),
        references=references(prepared, arms, "ID"),
        preparations=prepare_items(prepared, arms),
    )  # fmt: skip


def test_what_only_inactive_arms_need_stays_in_the_manifest_as_it_was(prepared) -> None:
    arms = two_labels()
    whole = manifest_of(prepared, arms)
    part = manifest_of(prepared, arms[2:])
    kept = with_inactive(part, whole, arms, arms[2:])
    assert kept.datasets == (whole.datasets[2], *whole.datasets[:2])
    assert {one.dataset for one in kept.references} == {"a", "b"}
    assert kept.preparations == whole.preparations


def test_a_reference_of_an_inactive_arms_encoder_stays_in_the_manifest(prepared) -> None:
    arms = [arm("ID", {"id": True}), arm("TS", {"text": TEXT}), arm("TS2", {"text": TEXT})]
    whole = manifest_of(prepared, arms)
    assert whole.references[-1].used_by == ("TS", "TS2")
    part = manifest_of(prepared, arms[:1])
    assert len(part.references) == len(REFERENCES)
    assert with_inactive(part, whole, arms, arms[:1]).references == whole.references
    both = manifest_of(prepared, arms[:2])
    assert with_inactive(both, whole, arms, arms[:2]).references == both.references
    assert with_inactive(part, whole, arms[:1], arms[:1]).references == part.references


def test_what_no_arm_needs_any_more_leaves_the_manifest(prepared) -> None:
    arms = two_labels()
    whole = manifest_of(prepared, arms)
    part = manifest_of(prepared, arms[2:])
    assert with_inactive(part, whole, arms[2:], arms[2:]) == part


def under_conditions() -> list[Arm]:
    """Two arms under three conditions, of which two leave the data and the ranking as they are."""
    plain = [arm("TS", {"text": TEXT}), arm("ID", {"id": True})]
    short = [arm("ID", {"id": True}, dataset=DATA | {"max_seq_len": 4})]
    labelled = {"published": plain, "short": short, "strong": plain}
    return [
        replace(one, name=full_name(one.name, condition=label), condition=label)
        for label, arms in labelled.items()
        for one in arms
    ]


def test_every_condition_has_entries_and_what_is_equal_is_computed_once(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def counted(task: ReferenceTask) -> Scored:
        asked.append(task.dataset.max_seq_len)
        return Scored(*[dict.fromkeys(metric_names(task.spec.ks), 0.0)] * 2)

    monkeypatch.setitem(REFERENCES, "counted", counted)
    entries = dataset_entries(prepared, under_conditions())
    assert [entry.condition for entry in entries] == ["published", "short", "strong"]
    assert entries[2] == entries[0].model_copy(update={"condition": "strong"})
    assert entries[1].num_interactions < entries[0].num_interactions
    found = references(prepared, under_conditions(), "ID")
    rows = {
        label: [one for one in found if one.condition == label]
        for label in ("published", "short", "strong")
    }
    assert [one.name for one in rows["short"]] == list(REFERENCES)
    assert [one.name for one in rows["published"]][:-1] == list(REFERENCES)
    assert rows["published"][-1].used_by == ("published/TS",)
    assert [one.test for one in rows["strong"]] == [one.test for one in rows["published"]]
    assert asked == [5, 4]


def test_a_condition_reads_the_references_as_the_baseline_does_under_it(prepared) -> None:
    arms = under_conditions()
    config = arms[4].config
    evaluation = config.evaluation.model_copy(update={"candidates": "trained"})
    arms[4] = replace(arms[4], config=config.model_copy(update={"evaluation": evaluation}))
    found = {(one.condition, one.name): one for one in references(prepared, arms, "ID")}
    dataset = prepared.dataset(config)
    expected = popularity_of(dataset, "test", evaluation)
    assert found["strong", "popularity"].test_evaluation == expected


def test_a_condition_that_only_inactive_arms_have_stays_in_the_manifest(prepared) -> None:
    arms = under_conditions()
    whole = manifest_of(prepared, arms)
    active = [one for one in arms if one.condition == "short"]
    kept = with_inactive(manifest_of(prepared, active), whole, arms, active)
    assert [entry.condition for entry in kept.datasets] == ["short", "published", "strong"]
    assert {one.condition for one in kept.references} == {"published", "short", "strong"}
