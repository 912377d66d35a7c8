"""Study files: every mistake is found at once, with its line, and raises nothing but SpecError."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from morec.errors import SpecError
from tune_space.study import load
from tune_space.study.arm import Arm
from tune_space.study.expand import expand
from tune_space.study.load import load_study, open_study, parse_study
from tune_space.study.spec import StudySpec

STUDY = """\
question: Which is better?
baseline: ID
base:
  dataset: {kind: synthetic}
  item: {text: {name: minilm}}
  model: {dim: 64}
  optim: {lr: 1e-3, weight_decay: 0.1}
arms:
  ID: {item.id: true, item.text: null}
  TS:
  E2E: {item.text.trainable_layers: all, group: trained}
search:
  optim.lr: {loguniform: [1e-4, 1e-2]}
  optim.encoder_lr: {loguniform: [1e-5, 1e-3], when: {item.text.trainable_layers: all}}
budget: {trials: 2}
seeds: [1, 2]
contrasts: [{better: E2E, than: TS}]
expected: {ID: {HR@10: 17.71}}
"""


def problems(text: str, *overrides: str) -> tuple[str, ...]:
    with pytest.raises(SpecError) as caught:
        parse_study(text, "s.yaml", overrides=overrides)
    return caught.value.problems


def replaced(old: str, new: str) -> tuple[str, ...]:
    assert STUDY.count(old) == 1
    return problems(STUDY.replace(old, new))


def test_a_study_is_read_with_flat_arms_and_yaml_12_numbers() -> None:
    study = parse_study(STUDY, name="which")
    assert study.name == "which"
    assert study.base["optim"]["lr"] == 0.001
    assert study.arms["ID"].set == {"item.id": True, "item.text": None}
    assert study.arms["TS"].set == {}
    assert study.arms["E2E"].group == "trained"
    assert study.search["optim.lr"].loguniform == (0.0001, 0.01)


def test_all_mistakes_come_at_once_in_the_order_of_the_file() -> None:
    text = STUDY.replace("{lr: 1e-3", "{lrr: 1e-3").replace("dim: 64", "dim: big")
    text = text.replace("better: E2E", "better: E2").replace("baseline: ID", "baseline: IDs")
    assert problems(text) == (
        "s.yaml:2: baseline: unknown arm 'IDs'. Did you mean 'ID'? Allowed: ID, TS, E2E",
        "s.yaml:6: base.model.dim: found 'big'; allowed: a whole number.",
        "s.yaml:7: base.optim.lrr: unknown key 'lrr'. Did you mean 'lr'? "
        "Allowed: beta2, clip_norm, encoder_lr, lr, schedule, warmup_steps, weight_decay",
        "s.yaml:17: contrasts[0].better: unknown arm 'E2'. Did you mean 'E2E'? "
        "Allowed: ID, TS, E2E",
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "kind: synthetic",
            "kind: synthetik",
            "s.yaml:4: base.dataset: unknown kind 'synthetik'. Did you mean 'synthetic'? "
            "Allowed: amazon, files, hm, mind, movielens, pairs, recbole, sequences, synthetic",
        ),
        (
            "kind: synthetic",
            "kind: synthetic, num_user: 5",
            "s.yaml:4: base.dataset.num_user: unknown key 'num_user'. Did you mean 'num_users'? "
            "Allowed: image_size, kind, late_items, max_seq_len, max_users, mean_seq_len, "
            "min_seq_len, num_items, num_tastes, num_users, seed, ties, warm",
        ),
        (
            "item.text: null}",
            "item.txt: null}",
            "s.yaml:9: arms.ID.item.txt: unknown key 'txt'. Did you mean 'item.text'? "
            "Allowed in item: fusion, fusion_layers, id, id_init, image, text, vectors",
        ),
        (
            "item.text.trainable_layers: all, ",
            "item.text.trainable_layers: -1, ",
            "s.yaml:11: arms.E2E.item.text.trainable_layers: found -1; "
            "allowed: 'all', or greater than or equal to 0.",
        ),
        (
            "item.id: true, ",
            "item.id: yes, ",
            "s.yaml:9: arms.ID.item.id: found 'yes'; allowed: true or false.",
        ),
        (
            "group: trained",
            "group: 3",
            "s.yaml:11: arms.E2E.group: found 3; allowed: text.",
        ),
        (
            "group: trained",
            "model.dim.x: 3",
            "s.yaml:11: arms.E2E.model.dim.x: unknown key 'x'. Did you mean 'model.dim'? "
            "model.dim has no parts",
        ),
        (
            "group: trained",
            "item.text: {name: minilm}",
            "s.yaml:11: arms.E2E.item.text: "
            "item.text.trainable_layers and item.text write the same value",
        ),
        (
            "group: trained",
            "optim.lr: 1",
            "s.yaml:11: arms.E2E.optim.lr: optim.lr is searched as well; set it or search it",
        ),
        (
            "  TS:\n",
            "  TS: [1]\n",
            "s.yaml:10: arms.TS: found [1]; allowed: a mapping.",
        ),
        (
            "optim.lr: {log",
            "optim.lrs: {log",
            "s.yaml:13: search.optim.lrs: unknown key 'lrs'. Did you mean 'optim.lr'? "
            "Allowed in optim: beta2, clip_norm, encoder_lr, lr, schedule, warmup_steps, "
            "weight_decay",
        ),
        (
            "loguniform: [1e-4, 1e-2]",
            "loguniform: [1e-2, 1e-4]",
            "s.yaml:13: search.optim.lr: loguniform: low 0.01 is not below high 0.0001",
        ),
        (
            "loguniform: [1e-4, 1e-2]",
            "loguniforme: [1e-4, 1e-2]",
            "s.yaml:13: search.optim.lr.loguniforme: unknown key 'loguniforme'. "
            "Did you mean 'loguniform'? "
            "Allowed: choice, int, logint, loguniform, step, uniform, when",
        ),
        (
            "loguniform: [1e-4, 1e-2]",
            "uniform: [-1, 1]",
            "s.yaml:13: search.optim.lr.uniform: found -1.0; allowed: greater than 0.",
        ),
        (
            "optim.lr: {loguniform: [1e-4, 1e-2]}",
            "training.loss: {choice: [bce, in_batch]}",
            "s.yaml:13: search.training.loss.choice: found 'in_batch'; "
            "allowed: 'bce', 'in_batch_ce', 'gbce', 'sampled_ce' or 'full_ce'. "
            "Did you mean 'in_batch_ce'?",
        ),
        (
            "seeds: [1, 2]",
            "seeds: [1, 2]\nsampler: grid",
            "s.yaml:13: search.optim.lr.loguniform: sampler: grid tries every value, and a range "
            "without a step is endless; allowed: choice, int, logint, or uniform with a step",
        ),
        (
            "seeds: [1, 2]",
            "seeds: [1, 2]\nsampler: grid",
            "s.yaml:14: search.optim.encoder_lr.loguniform: sampler: grid tries every value, and a "
            "range without a step is endless; allowed: choice, int, logint, or uniform with a step",
        ),
        (
            "seeds: [1, 2]",
            "seeds: [1, 2]\nsampler: gird",
            "s.yaml:17: sampler: found 'gird'; allowed: 'tpe', 'random' or 'grid'. "
            "Did you mean 'grid'?",
        ),
        (
            "loguniform: [1e-4, 1e-2]",
            "uniform: [0, 1], step: 0.5",
            "s.yaml:13: search.optim.lr.uniform: found 0.0; allowed: greater than 0.",
        ),
        (
            "optim.lr: {loguniform: [1e-4, 1e-2]}",
            "model.num_blocks: {uniform: [1, 2], step: 1}",
            "s.yaml:13: search.model.num_blocks.uniform: found 1.0; allowed: a whole number.",
        ),
        (
            "optim.lr: {loguniform: [1e-4, 1e-2]}",
            "training.batch_size: {logint: [1, 64]}",
            "s.yaml:13: search.training.batch_size.logint: found 1; "
            "allowed: greater than or equal to 2.",
        ),
        (
            "when: {item.text.trainable_layers: all}",
            "when: {item.text.trainable: all}",
            "s.yaml:14: search.optim.encoder_lr.when.item.text.trainable: "
            "unknown key 'trainable'. Did you mean 'item.text.trainable_layers'? "
            "Allowed in item.text: control, dnn_layers, lora, lowercase, max_tokens, name, "
            "normalize, num_layers, pca, pooling, pretrained, prompt, prompt_name, second_round, "
            "side, template, trainable_layers, whiten, word_vectors",
        ),
        (
            "when: {item.text.trainable_layers: all}",
            "when: {item.text.trainable_layers: [1, al]}",
            "s.yaml:14: search.optim.encoder_lr.when.item.text.trainable_layers: found 'al'; "
            "allowed: 'all', or a whole number. Did you mean 'all'?",
        ),
        (
            "when: {item.text.trainable_layers: all}",
            "when: {optim.encoder_lr: 1e-3}",
            "s.yaml:14: search.optim.encoder_lr.when.optim.encoder_lr: "
            "a parameter cannot depend on itself",
        ),
        (
            "trials: 2",
            "trials: 2, trials: 3",
            "s.yaml:15: budget.trials: key 'trials' is given twice, on lines 15 and 15",
        ),
        (
            "trials: 2",
            "trials: .inf",
            "s.yaml:15: budget.trials: found '.inf': not a finite number",
        ),
        (
            "seeds: [1, 2]",
            "seeds: [1, 1]",
            "s.yaml:16: seeds: seeds are not unique: [1, 1]",
        ),
        (
            "seeds: [1, 2]",
            "seeds: [1, true]",
            "s.yaml:16: seeds[1]: found True; allowed: a whole number.",
        ),
        (
            "seeds: [1, 2]",
            "seeds: [1, -2]",
            "s.yaml:16: seeds[1]: found -2; allowed: greater than or equal to 0.",
        ),
        (
            "seeds: [1, 2]",
            "seeds: [1, 2]\nschedular: asha",
            "s.yaml:17: schedular: unknown key 'schedular'. Did you mean 'scheduler'? "
            "Allowed: arms, base, baseline, budget, checkpoints_gb, conditions, contrasts, "
            "datasets, examples, expected, factors, keep_checkpoints, kept_lists, name, "
            "one_factor_out, profile, question, resources, sampler, scheduler, search, "
            "search_seed, seeds, storage, tracking",
        ),
        (
            "seeds: [1, 2]",
            "seeds: [1, 2]\nstorage: s4://bucket",
            "s.yaml:17: storage: 's4://bucket' is no URL that files can be written to. "
            "Allowed: abfs://, file://, gs://, hdfs://, s3://",
        ),
        ("than: TS", "than: E2E", "s.yaml:17: contrasts[0]: compares an arm with itself"),
        (
            "{ID: {HR@10: 17.71}}",
            "{IDs: {HR@10: 17.71}}",
            "s.yaml:18: expected.IDs: unknown arm 'IDs'. Did you mean 'ID'? Allowed: ID, TS, E2E",
        ),
        (
            "HR@10: 17.71",
            "hr@10: 17.71",
            "s.yaml:18: expected.ID.hr@10: 'hr@10' is not reported. Did you mean 'HR@10'? "
            "Allowed: HR@10, NDCG@10, MRR@10, #Param M, FLOPs G, min/epoch, GPU GB, "
            "and a metric with a slice: new, cold, tail, mid, head",
        ),
        ("question: Which", "Question: Which", "s.yaml:1: question: is missing"),
        (
            "question: Which is better?",
            "name: ../up\nquestion: Which is better?",
            "s.yaml:1: name: found '../up'; allowed: "
            "String should match pattern '^\\w[\\w .()+-]*$'.",
        ),
        (
            "model: {dim: 64}",
            "model: {dim: 64}\n  seed: 3",
            "s.yaml:7: base.seed: seed is set by the study; give seeds and search_seed instead",
        ),
        (
            "model: {dim: 64}",
            "evaluation: {test: true}",
            "s.yaml:6: base.evaluation.test: evaluation.test is set by the study; "
            "only locked configurations see the test split",
        ),
        (
            "  TS:\n",
            "  TS:\n  1: {}\n",
            "s.yaml:8: arms: line 11: a key is printable text; found '1' (write '1' in quotes)",
        ),
        (
            "lr: 1e-3",
            "lr: !!python/name:os.system x",
            "s.yaml:7: base.optim.lr: the tag 'tag:yaml.org,2002:python/name:os.system' "
            "is not allowed",
        ),
        (
            "lr: 1e-3",
            "lr: 2024-01-01",
            "s.yaml:7: base.optim.lr: found '2024-01-01'; allowed: a number.",
        ),
        ("lr: 1e-3", "lr: -1", "s.yaml:7: base.optim.lr: found -1; allowed: greater than 0."),
        (
            "optim.lr: {loguniform: [1e-4, 1e-2]}",
            "item.text.second_round.max_epochs: {int: [1, 3]}",
            "s.yaml:13: search.item.text.second_round.max_epochs.int: a second round runs before "
            "the search, once for every value; allowed: choice",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line_what_was_found_and_what_is_allowed(
    old: str, new: str, expected: str
) -> None:
    assert expected in replaced(old, new)


def test_a_sampler_without_a_search_has_no_effect() -> None:
    text = STUDY[: STUDY.index("search:")] + STUDY[STUDY.index("budget:") :]
    for sampler in ("random", "grid"):
        assert problems(text + f"sampler: {sampler}\n") == (
            f"s.yaml:16: sampler: {sampler} has no effect: nothing is searched",
        )


def test_a_grid_of_finite_domains_is_read() -> None:
    text = STUDY.replace("loguniform: [1e-4, 1e-2]", "uniform: [0.1, 0.3], step: 0.1")
    text = text.replace("loguniform: [1e-5, 1e-3]", "choice: [1e-5, 1e-4]") + "sampler: grid\n"
    study = parse_study(text)
    assert (study.sampler, study.search["optim.lr"].size) == ("grid", 3)


def test_arms_factors_and_one_factor_out_exclude_each_other() -> None:
    both = STUDY + "factors: {model.dim: [32, 64]}\n"
    (problem,) = problems(both)
    assert problem == (
        "s.yaml:1: give exactly one of arms, factors, one_factor_out; found: ['arms', 'factors']"
    )


FACTORS = """\
question: Which?
baseline: loss=bce
base: {dataset: {kind: movielens}, item: {id: true}}
factors:
  training.loss: [bce, in_batch_ce]
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[bce, in_batch_ce]", "[]", "s.yaml:5: factors.training.loss: has no levels"),
        (
            "[bce, in_batch_ce]",
            "[bce, bce]",
            "s.yaml:5: factors.training.loss: has a level twice: 'bce'",
        ),
        (
            "[bce, in_batch_ce]",
            "[bce, ce]",
            "s.yaml:5: factors.training.loss[1]: found 'ce'; allowed: 'bce', 'in_batch_ce', "
            "'gbce', 'sampled_ce' or 'full_ce'. Did you mean 'bce'?",
        ),
        (
            "baseline: loss=bce",
            "baseline: loss=bc",
            "s.yaml:2: baseline: unknown arm 'loss=bc'. Did you mean 'loss=bce'? "
            "Allowed: loss=bce, loss=in_batch_ce",
        ),
        (
            "factors:\n",
            "search: {training.loss: {choice: [bce]}}\nfactors:\n",
            "s.yaml:6: factors.training.loss: training.loss is searched as well; "
            "set it or search it",
        ),
        (
            "factors:\n",
            "factors:\n  training: [{loss: bce}]\n",
            "s.yaml:6: factors.training.loss: training and training.loss write the same value",
        ),
    ],
)
def test_factors_are_checked_like_arms(old: str, new: str, expected: str) -> None:
    parse_study(FACTORS)
    assert expected in problems(FACTORS.replace(old, new))


def test_more_combinations_than_a_study_can_hold_are_refused_before_they_are_made() -> None:
    levels = list(range(1, 101))
    text = FACTORS + f"  model.num_blocks: {levels}\n  training.patience: {levels}\n"
    assert "s.yaml:1: 20000 combinations; at most 1000 arms" in problems(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "s.yaml: found an empty file; a study is a mapping: question:, base:, ..."),
        ("- 1", "s.yaml: found [1]; a study is a mapping: question:, base:, ..."),
        (
            "a: 1\nb: [2,\n",
            "s.yaml:3: not YAML: while parsing a flow node, "
            "expected the node content, but found '<stream end>'",
        ),
        ("a: 1\nb: \x07\n", "s.yaml:2: not YAML: the character 7 is not allowed"),
        ("a: " + "[" * 3000, "s.yaml: nested deeper than 20 levels"),
        ("a: " + "[" * 50 + "]" * 50, "s.yaml: nested deeper than 20 levels"),
        ("a: &a [*a]", "s.yaml: nested deeper than 20 levels"),
        ("a: 1\n--- \nb: 2", "s.yaml:2: not YAML: expected a single document in the stream, "
         "but found another document"),
        ("x" * 200_001, "s.yaml: 200001 characters; a study has at most 200000"),
    ],
)  # fmt: skip
def test_text_that_is_no_study_is_refused_with_the_reason(text: str, expected: str) -> None:
    assert problems(text) == (expected,)


def test_aliases_work_but_cannot_unfold_without_bound() -> None:
    assert parse_study(STUDY.replace("[1, 2]", "&s [1, 2]") + "name: ok").seeds == (1, 2)
    tenfold = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    tenfold += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 8)]
    assert problems("\n".join(tenfold)) == ("s.yaml: more than 20000 values, aliases unfolded",)


@pytest.mark.parametrize(
    ("value", "found"),
    [("9" * 5000, "a number of more than 30 digits"), ('"\\ud800"', "surrogates not allowed")],
)
def test_scalars_that_cannot_be_written_again_are_mistakes(value: str, found: str) -> None:
    assert any(found in problem for problem in replaced("lr: 1e-3", f"lr: {value}"))


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "fusion.yaml").write_bytes(b"question: \xff")
    expected = {
        tmp_path / "fusoin.yaml": "no such file. Did you mean 'fusion.yaml'?",
        tmp_path: "is a folder; give a study file (.yaml)",
        tmp_path / "fusion.yaml": "cannot be read: 'utf-8' codec",
    }
    for path, message in expected.items():
        with pytest.raises(SpecError, match=re.escape(f"{path}: {message}")):
            load_study(path)


class Counts:
    """How often a study file was read and the arms of a study were built."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.reads = self.expansions = 0
        read_text = Path.read_text

        def read(path: Path, encoding: str) -> str:
            self.reads += 1
            return read_text(path, encoding)

        def count(study: StudySpec) -> tuple[Arm, ...]:
            self.expansions += 1
            return expand(study)

        patch.setattr(Path, "read_text", read)
        patch.setattr(load, "expand", count)


@pytest.mark.parametrize(
    ("block", "overrides", "expansions"),
    [
        ("", [], 1),
        ("quick: {seeds: [1]}\n", [], 2),
        ("quick: {seeds: [1]}\n", ["profile=quick"], 2),
    ],
)
def test_a_command_reads_the_file_once_and_builds_each_forms_arms_once(
    block: str,
    overrides: list[str],
    expansions: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "which.yaml"
    path.write_text(STUDY + block, "utf-8")
    counts = Counts(monkeypatch)
    study = open_study(path, overrides)
    assert study.arms is study.arms
    assert (counts.reads, counts.expansions) == (1, expansions)
    assert study.text == STUDY + block
    assert study.arms == expand(study.spec)


def test_the_arms_of_a_study_in_one_form_are_built_when_they_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "which.yaml"
    path.write_text(STUDY.replace("TS:", "ID2: {item.id: true, item.text: null}\n  TS:"), "utf-8")
    study = open_study(path)
    twins = f"{path}: arms 'ID', 'ID2': the same configuration and search"
    with pytest.raises(SpecError, match=re.escape(twins)):
        _ = study.arms


def test_the_name_of_a_study_is_its_files_name_unless_given(tmp_path: Path) -> None:
    path = tmp_path / "fusion.yaml"
    path.write_text(STUDY)
    assert load_study(path).name == "fusion"
    assert load_study(path, ["name=other"]).name == "other"


@pytest.mark.parametrize(
    ("override", "path", "expected"),
    [
        ("optim.lr=1e-2", ("base", "optim", "lr"), 0.01),
        ("base.optim.lr=1e-2", ("base", "optim", "lr"), 0.01),
        ("item.text.pooling=mean", ("base", "item", "text", "pooling"), "mean"),
        ("budget.trials=7", ("budget", "trials"), 7),
        ("resources.gpus=0.25", ("resources", "gpus"), 0.25),
        ("model={kind: nextitnet, dilations: [1, 2]}", ("base", "model", "dilations"), [1, 2]),
        ("seeds=[4, 5]", ("seeds",), [4, 5]),
        ("arms.TS.item.text.dnn_layers=8", ("arms", "TS", "set", "item.text.dnn_layers"), 8),
        ("search.optim.lr.loguniform=[1, 2]", ("search", "optim.lr", "loguniform"), [1, 2]),
        ("search.model.num_blocks={int: [1, 2]}", ("search", "model.num_blocks", "int"), [1, 2]),
        ("arms.E2E.search={model.dropout: {choice: [0]}}",
         ("arms", "E2E", "search", "model.dropout", "choice"), [0]),
    ],
)  # fmt: skip
def test_set_changes_the_study_at_its_key(
    override: str, path: tuple[str, ...], expected: object
) -> None:
    value = parse_study(STUDY, overrides=[override]).model_dump(mode="json")
    for part in path:
        value = value[part]
    assert value == expected


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("optim.lrr=1", "--set optim.lrr=1: base.optim.lrr: unknown key 'lrr'. Did you mean 'lr'? "
         "Allowed: beta2, clip_norm, encoder_lr, lr, schedule, warmup_steps, weight_decay"),
        ("optim.lr=fast", "--set optim.lr=fast: base.optim.lr: found 'fast'; allowed: a number."),
        ("optim.lr=", "--set optim.lr=: base.optim.lr: found None; allowed: a number."),
        ("resources.gpus=1.5",
         "--set resources.gpus=1.5: resources.gpus: found 1.5; allowed: less than or equal to 1."),
        ("resources.gpus=-0.5", "--set resources.gpus=-0.5: resources.gpus: found -0.5; "
         "allowed: greater than or equal to 0."),
        ("optim.lr", "--set optim.lr: write KEY=VALUE, for example optim.lr=1e-3"),
        ("seeds=[1", "--set seeds=[1: the value is not YAML"),
        ("seeds={1: 2}", "--set seeds={1: 2}: line 1: a key is printable text; found '1' "
         "(write '1' in quotes)"),
        ("seeds.a=1", "--set seeds.a=1: seeds is not a mapping"),
        ("seed=1", "--set seed=1: base.seed: seed is set by the study; "
         "give seeds and search_seed instead"),
        ("arms.TS.item.txt=1", "--set arms.TS.item.txt=1: arms.TS.item.txt: unknown key 'txt'. "
         "Did you mean 'item.text'? Allowed in item: fusion, fusion_layers, id, id_init, image, "
         "text, vectors"),
    ],
)  # fmt: skip
def test_mistakes_in_set_are_reported_as_set(override: str, expected: str) -> None:
    assert problems(STUDY, override) == (expected,)


def test_set_of_an_unknown_key_names_the_nearest_one() -> None:
    (problem,) = problems(STUDY, "budgets.trials=1")
    assert problem.startswith(
        "--set budgets.trials=1: unknown key 'budgets'. Did you mean 'budget'?"
    )


def is_study_or_spec_error(text: str, *overrides: str) -> bool:
    try:
        return isinstance(parse_study(text, overrides=overrides), StudySpec)
    except SpecError as error:
        return all(problem.splitlines() == [problem] for problem in error.problems)


ODD = st.sampled_from(
    ["null", "no", "2024-01-01", "9" * 400, "1e999", ".nan", "*a", "&a [*a]", "{1: 2}", "[[]]",
     "{}", "'", '"\\ud800"', '"\\UFFFFFFFF"', "!!set {a}", "!!int x", "? [a]", "<<: {a: 1}", "\x00",
     "\t", "\u2028", "[" * 90, "-", "0x1F", "1_000", "!!binary aGk=", "{a: {b: {c: 1}}}", "|\n  x"]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=80) | ODD, key=st.text(max_size=20))
def test_any_text_is_a_study_or_a_spec_error(text: str, key: str) -> None:
    assert is_study_or_spec_error(text)
    assert is_study_or_spec_error(STUDY, f"{key}={text}")


@settings(max_examples=150, deadline=None)
@given(data=st.data(), odd=ODD | st.text(max_size=10))
def test_any_damage_to_a_study_gives_a_study_or_a_spec_error(data: st.DataObject, odd: str) -> None:
    start = data.draw(st.integers(0, len(STUDY)))
    end = data.draw(st.integers(start, min(start + 30, len(STUDY))))
    assert is_study_or_spec_error(STUDY[:start] + odd + STUDY[end:])


@settings(max_examples=100, deadline=None)
@given(data=st.data(), odd=ODD)
def test_any_value_in_place_of_another_gives_a_study_or_a_spec_error(
    data: st.DataObject, odd: str
) -> None:
    values = [m.span() for m in re.finditer(r"(?<=: )[^\s{}\[\],][^{}\[\],\n]*", STUDY)]
    start, end = data.draw(st.sampled_from(values))
    assert is_study_or_spec_error(STUDY[:start] + odd + STUDY[end:])
