"""The quick form of a study: what its block replaces, and that both forms are always checked."""

import pytest

from morec.errors import SpecError
from tune_space.study.expand import expand
from tune_space.study.load import parse_study
from tune_space.study.spec import StudySpec

STUDY = """\
question: Which is better?
baseline: ID
base:
  item: {text: {name: minilm, trainable_layers: all}}
  model: {dim: 64, num_blocks: 2}
datasets:
  MIND: {dataset: {kind: mind, folder: data/MIND, warm: 20}, num_users: 630235}
arms:
  ID: {item.id: true, item.text: null, start: {optim.lr: 1e-3}}
  E2E: {item.text: {name: minilm}}
search:
  optim.lr: {choice: [1e-3, 5e-4]}
seeds: [1, 2, 3]
budget: {trials: 4, hours: 2}
expected: {MIND/ID: {HR@10: 17.71}}
quick:
  base: {model: {dim: 8}}
  datasets:
    MIND: {dataset: {kind: synthetic}}
  arms:
    E2E: {item.text: {name: tiny-random, pretrained: false}}
  seeds: [1]
  budget: {hours: null}
"""
QUICK = ("profile=quick",)


def problems(text: str, *overrides: str) -> tuple[str, ...]:
    with pytest.raises(SpecError) as caught:
        parse_study(text, "s.yaml", overrides=overrides)
    return caught.value.problems


def replaced(old: str, new: str) -> str:
    assert STUDY.count(old) == 1
    return STUDY.replace(old, new)


def quick(text: str = STUDY, *overrides: str) -> StudySpec:
    return parse_study(text, overrides=(*QUICK, *overrides))


def test_the_block_changes_nothing_unless_it_is_asked_for() -> None:
    without = STUDY[: STUDY.index("quick:")]
    assert parse_study(STUDY) == parse_study(without)
    assert parse_study(STUDY).profile == "full"
    assert parse_study(STUDY, name="s").folder == "s"


def test_mappings_merge_and_lists_scalars_and_null_replace() -> None:
    study = quick()
    assert study.base["model"] == {"dim": 8, "num_blocks": 2}
    assert study.seeds == (1,)
    assert (study.budget.trials, study.budget.hours) == (4, None)
    assert study.arms["E2E"].set["item.text"] == {"name": "tiny-random", "pretrained": False}
    assert study.arms["ID"] == parse_study(STUDY).arms["ID"]


def test_a_mapping_that_holds_kind_replaces_the_whole() -> None:
    mind = quick().datasets["MIND"]
    assert mind.set == {"dataset": {"kind": "synthetic"}}
    assert mind.num_users == 630235


def test_the_quick_form_says_so_has_a_folder_of_its_own_and_no_paper_numbers() -> None:
    study = parse_study(STUDY, name="which", overrides=QUICK)
    assert (study.profile, study.folder, study.expected) == ("quick", "which-quick", {})


def test_set_wins_over_the_block_in_any_order() -> None:
    assert quick(STUDY, "seeds=[7, 8]").seeds == (7, 8)
    assert parse_study(STUDY, overrides=("seeds=[7, 8]", *QUICK)).seeds == (7, 8)
    assert quick(STUDY, "datasets.MIND.dataset.num_users=50").datasets["MIND"].set == {
        "dataset": {"kind": "synthetic", "num_users": 50}
    }


def test_set_for_the_full_form_does_not_change_the_quick_form() -> None:
    study = parse_study(STUDY, overrides=["datasets.MIND.dataset.folder=elsewhere"])
    assert study.datasets["MIND"].set["dataset"]["folder"] == "elsewhere"


def test_a_file_may_ask_for_its_quick_form_itself_and_set_takes_it_back() -> None:
    text = f"profile: quick\n{STUDY}"
    assert parse_study(text).seeds == (1,)
    assert parse_study(text, overrides=["profile=full"]).seeds == (1, 2, 3)


def test_a_study_without_the_block_has_no_quick_form() -> None:
    without = STUDY[: STUDY.index("quick:")]
    assert problems(without, *QUICK) == ("s.yaml: profile quick: the study has no quick: block",)
    assert problems(without, "profile=fast") == (
        "--set profile=fast: profile: found 'fast'; allowed: 'full' or 'quick'.",
    )


@pytest.mark.parametrize("overrides", [(), QUICK])
@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("{model: {dim: 8}}", "{model: {dmi: 8}}",
         "s.yaml:17: base.model.dmi: unknown key 'dmi'. Did you mean 'dim'? Allowed: dim, dropout, "
         "kind, num_blocks, num_heads (in the quick form)"),
        ("{model: {dim: 8}}", "{model: {dim: 9}}",
         "s.yaml: arms 'MIND/ID', 'MIND/E2E': model: dim 9 is not divisible by num_heads 2 "
         "(in the quick form)"),
        ("  seeds: [1]", "  sedes: [1]",
         "s.yaml:22: sedes: unknown key 'sedes'. Did you mean 'seeds'? Allowed: arms, base, "
         "baseline, budget, checkpoints_gb, conditions, contrasts, datasets, examples, expected, "
         "factors, keep_checkpoints, kept_lists, name, one_factor_out, profile, question, "
         "resources, sampler, scheduler, search, search_seed, seeds, storage, tracking (in the "
         "quick form)"),
        ("    E2E: {item.text: {name: tiny", "    E2Ee: {item.text: {name: tiny",
         "s.yaml:21: quick.arms.E2Ee: unknown arm 'E2Ee'. Did you mean 'E2E'? Allowed: ID, E2E"),
        ("    MIND: {dataset", "    HM: {dataset",
         "s.yaml:19: quick.datasets.HM: unknown data set 'HM'. Allowed: MIND"),
        ("  seeds: [1]", "  expected: {}",
         "s.yaml:22: quick.expected: a quick form shows no paper numbers; leave it out"),
        ("  seeds: [1]", "  profile: quick",
         "s.yaml:22: quick.profile: is quick in this block; leave it out"),
        ("  seeds: [1]", "  search: {optim.lr: {choice: [5e-4]}}",
         "s.yaml:9: arms.ID.start.optim.lr: found 0.001; allowed: one of 0.0005 "
         "(in the quick form)"),
        ("  model: {dim: 64,", "  model: {dim: big,",
         "s.yaml:5: base.model.dim: found 'big'; allowed: a whole number."),
        ("  model: {dim: 64, ", "  model: {dmi: 64, ",
         "s.yaml:5: base.model.dmi: unknown key 'dmi'. Did you mean 'dim'? Allowed: dim, dropout, "
         "kind, num_blocks, num_heads"),
    ],
)  # fmt: skip
def test_a_mistake_in_either_form_is_found_whichever_is_run(
    old: str, new: str, expected: str, overrides: tuple[str, ...]
) -> None:
    assert problems(replaced(old, new), *overrides) == (expected,)


def test_a_block_that_is_no_mapping_is_refused() -> None:
    text = STUDY[: STUDY.index("quick:")] + "quick: [1]\n"
    assert problems(text) == ("s.yaml:16: quick: found [1]; allowed: a mapping.",)


def test_both_forms_expand_to_the_same_arms() -> None:
    full, small = expand(parse_study(STUDY)), expand(quick())
    assert [arm.name for arm in full] == [arm.name for arm in small] == ["MIND/ID", "MIND/E2E"]
