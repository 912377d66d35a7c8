"""What ``--plan`` finds: its counts, and the lines on spaces, readings, data and cut-offs."""

from pathlib import Path
from typing import Any

import pytest

from morec.config import FilesSpec
from morec.encoders.weights.hub import offline
from morec.errors import DataError
from tests.morec.data.hand_made import write_interactions
from tests.tune_space.made_up_trials import conductor_of, play
from tune_space.capacity.admission import Capacity, Slots
from tune_space.commands.plan import answer
from tune_space.commands.request import PlanAnswer, StudyRequest
from tune_space.inputs import dataset_entries, prepare
from tune_space.inputs.data_profile import format_profile
from tune_space.inputs.dataset_entries import profile_dataset
from tune_space.inputs.prepare import Prepared
from tune_space.schedule.arm_plan import State
from tune_space.study.load import open_study

ROWS = [(user, item, 1_600_000_000 + item) for user in range(12) for item in range(5)]
BASE = """\
question: Which?
baseline: ID
base: {item: {id: true}, dataset: {kind: files, interactions: interactions.csv, min_seq_len: 3}}
"""
TWO = f"{BASE}arms: {{ID: {{}}, deep: {{model.num_blocks: 3}}}}\nseeds: [1, 2]\n"


def planned(folder: Path, text: str = TWO, **fields: Any) -> PlanAnswer:
    """The plan of a study on a machine with two slots."""
    path = folder / "shop.yaml"
    path.write_text(text)
    if not (folder / "interactions.csv").exists():
        write_interactions(folder, ROWS)
    request = StudyRequest(
        out=folder / "runs" / "shop",
        study=open_study(path),
        root=folder,
        find_capacity=lambda: Capacity(Slots(2, None), 2**50),
        **fields,
    )
    return answer(request)


def run(folder: Path, **options: Any) -> None:
    """Run the study to its end, with made-up results."""
    spec, out = open_study(folder / "shop.yaml").spec, folder / "runs" / "shop"
    prepared = Prepared.beside(out, folder)
    play(conductor_of(out, spec, sources=prepared.sources), **options)


def lines_on(found: PlanAnswer, *starts: str) -> list[str]:
    return [line for line in found.lines if line.startswith(starts)]


# ---- the counts


def test_a_plan_counts_the_trials_of_all_arms_and_says_how_many_run_at_the_same_time(
    tmp_path: Path,
) -> None:
    found = planned(tmp_path)
    assert [(arm.name, arm.final) for arm in found.plan.arms] == [
        ("ID", {State.NEW: 2}),
        ("deep", {State.NEW: 2}),
    ]
    assert (found.plan.study, found.plan.edits, found.plan.orphaned) == ("shop", (), ())
    assert (found.num_seeds, found.num_concurrent, found.exit_code) == (2, 2, 0)
    assert found.profiles == {"ID": None, "deep": None}


def test_a_plan_of_some_arms_is_about_these_alone(tmp_path: Path) -> None:
    text = TWO.replace("deep: {model.num_blocks: 3}", "deep: {dataset.interactions: absent.csv}")
    found = planned(tmp_path, text, only=("ID",))
    assert [arm.name for arm in found.plan.arms] == list(found.profiles) == ["ID"]
    assert lines_on(found, "not here yet") == []
    whole = planned(tmp_path, text)
    assert [arm.name for arm in whole.plan.arms] == ["ID", "deep"]
    assert len(lines_on(whole, "not here yet")) == 1
    (other,) = planned(tmp_path, text, only=("deep",)).plan.arms
    assert (other.name, other.final) == ("deep", {State.NEW: 2})


def test_a_plan_says_what_was_edited_and_counts_failed_trials_as_asked(tmp_path: Path) -> None:
    planned(tmp_path)
    run(tmp_path, fail=("deep",))
    done = planned(tmp_path)
    assert [arm.final for arm in done.plan.arms] == [{State.DONE: 2}] * 2
    again = planned(tmp_path, retry_failed=True)
    assert [arm.final for arm in again.plan.arms] == [{State.DONE: 2}, {State.RETRY: 2}]
    edited = planned(tmp_path, TWO.replace("[1, 2]", "[2]"))
    assert "seeds 1 are removed: their records are kept and no longer reported" in (
        edited.plan.edits
    )
    assert len(edited.plan.orphaned) == 2


def test_arms_whose_data_went_away_are_planned_by_what_was_written_of_them(tmp_path: Path) -> None:
    planned(tmp_path)
    run(tmp_path)
    (tmp_path / "interactions.csv").rename(tmp_path / "elsewhere.csv")
    text = TWO.replace("deep: {", "deep: {dataset.interactions: elsewhere.csv, ")
    (tmp_path / "shop.yaml").write_text(text)
    request = StudyRequest(
        out=tmp_path / "runs" / "shop",
        study=open_study(tmp_path / "shop.yaml"),
        root=tmp_path,
        find_capacity=lambda: Capacity(Slots(2, None), 2**50),
    )
    found = answer(request)
    assert [arm.final for arm in found.plan.arms] == [{State.DONE: 2}, {State.NEW: 2}]
    assert lines_on(found, "not here yet") == ["not here yet: data set files; for 1 arm"]
    spec = FilesSpec(kind="files", interactions="elsewhere.csv", min_seq_len=3)
    profile = format_profile(profile_dataset(spec, tmp_path))
    assert lines_on(found, "data") == [line for line in profile if line.startswith("data")]


# ---- spaces and shared trials

SPACES = """\
arms:
  large: {search: {model.num_blocks: {int: [1, 5]}}}
  ID: {search: {model.num_blocks: {int: [1, 2]}}}
  wide: {model.dim: 64, search: {model.num_blocks: {choice: [1, 2]}}}
  one: {search: {model.num_blocks: {choice: [2]}}}
  whole: {search: {model.num_blocks: {int: [1, 3]}}}
  endless: {search: {optim.lr: {loguniform: [0.01, 0.1]}}}
  none: {model.dim: 32}
"""


@pytest.mark.parametrize(
    ("settings", "is_told", "is_grid"),
    [
        ("budget: {trials: 3}\nsampler: grid\n", True, True),
        ("budget: {trials: 3}\n", True, False),
        ("budget: {trials: 0}\nsampler: grid\n", False, False),
    ],
)
def test_spaces_of_another_size_than_the_budget_are_told_the_smallest_first(
    tmp_path: Path, settings: str, is_told: bool, is_grid: bool
) -> None:
    text = BASE + SPACES + settings
    if "grid" in settings:
        text = "".join(line for line in text.splitlines(True) if "endless" not in line)
    more = "all of which are tried; budget.trials 3 allows more"
    small = [
        f"search space of one: 1 point, {more}",
        f"search space of ID, wide: 2 points, {more}",
    ]
    large = ["search space of large: 5 points, of which sampler: grid tries 3 (budget.trials)"]
    expected = small * is_told + large * is_grid
    assert lines_on(planned(tmp_path, text), "search space of") == expected


def test_arms_that_a_condition_leaves_as_they_are_share_a_line(tmp_path: Path) -> None:
    conditions = "conditions: {a: {}, b: {model.num_heads: 4}, c: {model.num_heads: 8}}\n"
    arms = "arms: {ID: {}, GRU: {model.kind: gru4rec}, TCN: {model.kind: nextitnet}}\n"
    found = planned(tmp_path, BASE + conditions + arms)
    assert [line for line in found.lines if line.endswith("which run once")] == [
        "a/GRU, b/GRU, c/GRU: the same trials, which run once",
        "a/TCN, b/TCN, c/TCN: the same trials, which run once",
    ]


# ---- inputs

LABELLED = f"""\
{BASE}datasets:
  first: {{dataset.max_seq_len: 4, num_users: 1000, num_items: 10}}
  second: {{evaluation.split: {{by_time: {{test: 0.2, valid: 0.2, target: last}}}}, num_items: 11}}
arms: {{ID: {{}}}}
"""


def test_every_data_set_has_a_profile_under_its_label_and_split_before_and_after_preparing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = planned(tmp_path, LABELLED)
    profiles = []
    arms = open_study(tmp_path / "shop.yaml").arms
    for label, arm in zip(("first", "second"), arms, strict=True):
        data, split = arm.config.dataset, arm.config.evaluation.split
        profiles += format_profile(profile_dataset(data, tmp_path, label=label, split=split))
    assert [line for line in found.lines if line in profiles] == profiles
    prepared = Prepared.beside(tmp_path / "runs" / "shop", tmp_path)
    for arm in arms:
        prepared.dataset_folder(arm.config)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("the data were read")

    for module in (prepare, dataset_entries):
        monkeypatch.setattr(module, "load_profiled", never)
    again = planned(tmp_path, LABELLED)
    assert [line for line in again.lines if line in profiles] == profiles


def test_cut_offs_as_wide_as_a_data_set_are_told_by_the_study_file_s_number_of_items(
    tmp_path: Path,
) -> None:
    found = planned(tmp_path, LABELLED)
    assert lines_on(found, "HR@") == [
        "HR@10 ranks 10 candidates on first: every target that is ranked hits, so no arm can be "
        "better there. Set evaluation.ks well below 10."
    ]
    assert found.profiles["first/ID"] is not None


TEXTS = BASE.replace("id: true", "text: {name: tiny-random, pretrained: false}").replace(
    "min_seq_len: 3", "min_seq_len: 3, items: items.csv, text_column: title"
)


def with_items(folder: Path) -> None:
    rows = [f"{item},title {item},brand {item % 3}" for item in range(5)]
    (folder / "items.csv").write_text("\n".join(["item_id,title,brand", *rows]))


def test_how_texts_are_read_is_told_of_every_arm_whose_inputs_are_there(tmp_path: Path) -> None:
    with_items(tmp_path)
    arms = (
        "arms: {ID: {}, brand: {item.text.template: '{brand}'}, hub: {item.text.name: o/nowhere}}\n"
    )
    found = planned(tmp_path, TEXTS + arms)
    told = [line for line in found.lines if "first token" in line or "first-token" in line]
    assert [line.rpartition(" (")[2] for line in told] == ["ID)", "brand)"]
    assert "'{brand}', first token, lower-cased" in told[1]


def test_texts_that_cannot_be_read_as_asked_end_the_plan(tmp_path: Path) -> None:
    with_items(tmp_path)
    with offline(), pytest.raises(DataError, match="colour"):
        planned(tmp_path, TEXTS + "arms: {ID: {}, b: {item.text.template: '{colour}'}}\n")
