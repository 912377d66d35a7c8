"""Names in a study of several data sets: labels, arms, baseline, contrasts, expected numbers."""

import pytest

from morec.errors import SpecError
from tune_space.study.expand import expand
from tune_space.study.load import parse_study

STUDY = """\
question: Which is better?
baseline: ID
base:
  item: {text: {name: minilm}}
datasets:
  MIND:
    dataset: {kind: mind, folder: data/MIND}
    optim.lr: 5e-4
    download: from the web into data/MIND
    num_users: 630235
  HM: {dataset: {kind: synthetic}}
arms:
  ID: {item.id: true, item.text: null, start: {optim.lr: 1e-3}}
  TS: {datasets: [MIND]}
  TS-DNN: {datasets: [HM], item.text.dnn_layers: 2}
search:
  optim.lr: {choice: [1e-3, 5e-4]}
contrasts: [{better: TS, than: ID}]
expected: {MIND/TS: {HR@10: 17.71, HR@10 cold: 1.5, "#Param M": 47}}
"""


def problems(text: str, *overrides: str) -> tuple[str, ...]:
    with pytest.raises(SpecError) as caught:
        parse_study(text, "s.yaml", overrides=overrides)
    return caught.value.problems


def test_a_data_set_is_written_flat_like_an_arm() -> None:
    mind = parse_study(STUDY).datasets["MIND"]
    assert mind.set == {"dataset": {"kind": "mind", "folder": "data/MIND"}, "optim.lr": 5e-4}
    assert (mind.download, mind.num_users) == ("from the web into data/MIND", 630235)


def test_set_reaches_into_a_data_set() -> None:
    words = ["datasets.MIND.dataset.warm=20", "datasets.HM.optim.lr=1e-3"]
    study = parse_study(STUDY, overrides=words)
    assert study.datasets["MIND"].set["dataset"]["warm"] == 20
    assert study.datasets["HM"].set["optim.lr"] == 1e-3
    assert problems(STUDY, "datasets.MIND.dataset.wram=20") == (
        "--set datasets.MIND.dataset.wram=20: datasets.MIND.dataset.wram: unknown key 'wram'. "
        "Did you mean 'warm'? Allowed: folder, kind, max_seq_len, max_users, min_seq_len, ties, "
        "warm",
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("    download:", "    dowload:",
         "s.yaml:9: datasets.MIND.dowload: unknown key 'dowload'. Did you mean 'download'? Allowed "
         "at the top: dataset, download, evaluation, item, model, num_items, num_users, optim, "
         "training"),
        ("    optim.lr: 5e-4", "    optim.lr: fast",
         "s.yaml:8: datasets.MIND.optim.lr: found 'fast'; allowed: a number."),
        ("    optim.lr: 5e-4", "    optim: {lr: 1}\n    optim.lr: 5e-4",
         "s.yaml:9: datasets.MIND.optim.lr: optim and optim.lr write the same value"),
        ("630235", "0",
         "s.yaml:10: datasets.MIND.num_users: found 0; allowed: greater than or equal to 1."),
        ("kind: synthetic", "kind: synthetik",
         "s.yaml:11: datasets.HM.dataset: unknown kind 'synthetik'. Did you mean 'synthetic'? "
         "Allowed: amazon, files, hm, mind, movielens, pairs, recbole, sequences, synthetic"),
        ("  HM: {", "  H/M: {", "s.yaml:11: datasets.H/M: a data set's name has no '/' in it"),
        ("  TS: {", "  HM: {",
         "s.yaml:11: datasets.HM: is also an arm's name; arms and data sets differ"),
        ("datasets: [MIND]", "datasets: [MND]",
         "s.yaml:14: arms.TS.datasets[0]: unknown data set 'MND'. Did you mean 'MIND'? "
         "Allowed: MIND, HM"),
        ("datasets: [MIND]", "datasets: [MIND, MIND]",
         "s.yaml:14: arms.TS.datasets[1]: names 'MIND' twice"),
        ("datasets: [MIND]", "datasets: []",
         "s.yaml:14: arms.TS.datasets: names no data set; leave it out to run on all of them"),
        ("datasets: [MIND]", "datasets: [1]",
         "s.yaml:14: arms.TS.datasets[0]: found 1; allowed: text."),
        ("baseline: ID", "baseline: TS",
         "s.yaml:2: baseline: 'TS' does not run on HM, where other arms are compared with it"),
        ("baseline: ID", "baseline: MIND/ID",
         "s.yaml:2: baseline: unknown arm 'MIND/ID'. Allowed: ID, TS, TS-DNN"),
        ("than: ID}", "than: TS-DNN}", "s.yaml:18: contrasts[0]: no data set has both arms"),
        ("MIND/TS: {", "HM/TS: {",
         "s.yaml:19: expected.HM/TS: unknown arm 'HM/TS'. Did you mean 'HM/TS-DNN'? "
         "Allowed: MIND/ID, HM/ID, MIND/TS, HM/TS-DNN"),
        ("HR@10 cold", "HR@10 cool",
         "s.yaml:19: expected.MIND/TS.HR@10 cool: 'HR@10 cool' is not reported. "
         "Did you mean 'HR@10 cold'? Allowed: HR@10, NDCG@10, MRR@10, #Param M, FLOPs G, "
         "min/epoch, GPU GB, and a metric with a slice: new, cold, tail, mid, head"),
        ("start: {optim.lr: 1e-3}", "start: {optim.lrr: 1e-3}",
         "s.yaml:13: arms.ID.start.optim.lrr: is not searched. Did you mean 'optim.lr'? "
         "Searched: optim.lr"),
        ("start: {optim.lr: 1e-3}", "start: {optim.lr: 1e-2}",
         "s.yaml:13: arms.ID.start.optim.lr: found 0.01; allowed: one of 0.001, 0.0005"),
        ("start: {", "strat: {",
         "s.yaml:13: arms.ID.strat: unknown key 'strat'. Did you mean 'start'? Allowed at the top: "
         "conditions, dataset, datasets, ensemble, evaluation, group, item, model, optim, search, "
         "start, training"),
    ],
)  # fmt: skip
def test_a_mistake_about_data_sets_is_named_with_its_line(
    old: str, new: str, expected: str
) -> None:
    assert len(expand(parse_study(STUDY))) == 4
    assert STUDY.count(old) == 1
    assert expected in problems(STUDY.replace(old, new))


def test_an_arm_cannot_choose_among_data_sets_that_the_study_does_not_have() -> None:
    text = "question: Q\nbaseline: A\nbase: {dataset: {kind: synthetic}, item: {id: true}}\n"
    assert problems(text + "arms: {A: {datasets: [MIND]}}") == (
        "s.yaml:4: arms.A.datasets: the study has no datasets: to choose from",
    )


def test_a_start_says_the_bounds_of_its_domain() -> None:
    text = STUDY.replace("{choice: [1e-3, 5e-4]}", "{loguniform: [1e-5, 1e-2]}")
    text = text.replace("start: {optim.lr: 1e-3}", "start: {optim.lr: 1}")
    assert problems(text) == (
        "s.yaml:13: arms.ID.start.optim.lr: found 1; allowed: a number between 1e-05 and 0.01",
    )
