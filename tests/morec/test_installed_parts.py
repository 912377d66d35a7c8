"""A loss and a recommender of an installed package: named in a study, trained, and on record.

Every test is a process of its own, since what is installed is looked at once a process.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from morec.code_version import sources_hash
from tests.installed_package import write_package

HERE = Path(__file__).parent
PARTS = '''
from typing import Literal

import torch

from morec.config import LossNeeds, RecommenderSpec
from morec.losses.inputs import Loss
from morec.models.user_encoder import UserEncoder


class MeanSpec(RecommenderSpec):
    kind: Literal["mean"]
    dim: int = 8
    dropout: float = 0.0
    decay: float = 1.0


class Mean(UserEncoder):
    """A user is the mean of the items so far, scaled."""

    spec = MeanSpec

    def __init__(self, dim, decay):
        super().__init__(dim)
        self.decay = torch.nn.Parameter(torch.tensor(decay))

    @classmethod
    def build(cls, spec, *, num_users, max_seq_len):
        return cls(spec.dim, spec.decay)

    def forward(self, items_BLD, is_item_BL, users_B, *, last_only=False):
        items_BLD = items_BLD.masked_fill(~is_item_BL[..., None], 0.0)
        counts_BL1 = is_item_BL.cumsum(1).clamp(min=1)[..., None]
        states_BLD = self.decay * items_BLD.cumsum(1) / counts_BL1
        return states_BLD[:, -1:] if last_only else states_BLD


def hinge(batch):
    vectors = batch.vectors_UD
    margins_P = batch.states_PD * (vectors[batch.targets_P] - vectors[batch.negatives_P])
    return (1 - margins_P.sum(-1)).relu().sum() / batch.num_positions


HINGE = Loss(hinge, LossNeeds(negatives=True))
'''
ENTRIES = {
    "morec.losses": {"hinge": "toy_parts.parts:HINGE"},
    "morec.recommenders": {"mean": "toy_parts.parts:Mean"},
}
TRIAL = """
import json, sys
from pathlib import Path
import tiny_trials
from morec.code_version import code_version
from tune_space.ledger.provenance import other_code
from morec.data.dataset import load_dataset

sections = {
    "model": {"kind": "mean", "decay": 0.5},
    "training": {"loss": "hinge", "max_epochs": 4},
    "optim": {"lr": 0.05},
}
config = tiny_trials.tiny_config(**sections)
result = tiny_trials.run(config, load_dataset(config.dataset, Path()), Path(sys.argv[1]))
ours = result.model_copy(update={"code": code_version()})
print(json.dumps({
    "record": result.model_dump(mode="json"),
    "other code": [other_code([record], code_version()) for record in (result, ours)],
}))
"""
PROBLEMS = """
import json, sys
from tune_space.study.config_paths import all_paths
from tune_space.study.wrong_values import value_problems
found = [[problem.message for problem in value_problems(path, value)]
         for path, value in json.loads(sys.argv[1])]
print(json.dumps({"found": found, "paths": all_paths(), "torch": "torch" in sys.modules}))
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder on the path of the processes, as site-packages is."""
    (tmp_path / "site").mkdir()
    return tmp_path / "site"


def install(home: Path, name: str, parts: str, entries: Any = ENTRIES) -> None:
    modules = {"toy_parts/__init__.py": "", "toy_parts/parts.py": parts}
    write_package(home, name, modules=modules, entries=entries)


def python(home: Path, script: str, argument: str) -> Any:
    """What a process with the packages in ``home`` prints, read as JSON."""
    paths = os.pathsep.join(map(str, (home, HERE.parents[1], HERE)))
    done = subprocess.run(
        [sys.executable, "-c", script, argument],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_trial_of_installed_parts_learns_and_its_record_names_their_package(
    home: Path, tmp_path: Path
) -> None:
    install(home, "toy-parts", PARTS)
    printed = python(home, TRIAL, str(tmp_path / "trial"))
    record = printed["record"]
    assert record["status"] == "completed", record["error"]
    assert record["trial_id"].startswith("mean-id-")
    assert record["config"]["model"] == {"kind": "mean", "dim": 8, "dropout": 0.1, "decay": 0.5}
    losses = [epoch["train_loss"] for epoch in record["epochs"]]
    assert 0 < losses[-1] < losses[0]
    provider = f"toy-parts 1.2 {sources_hash(home / 'toy_parts')}"
    named = {name: value for name, value in record["code"].items() if ":" in name}
    assert named == {"morec.losses:hinge": provider, "morec.recommenders:mean": provider}
    nothing, (line,) = printed["other code"]
    assert nothing == []
    assert f"(morec.losses:hinge None, not {provider}, morec.recommenders:mean None, not " in line


def test_a_study_may_write_the_options_of_installed_parts_and_is_told_what_is_wrong(
    home: Path,
) -> None:
    install(home, "toy-parts", PARTS)
    values = [
        ("training.loss", "hing"),
        ("model", {"kind": "mean", "decay": "fast"}),
        ("model.decay", 0.5),
    ]
    told = python(home, PROBLEMS, json.dumps(values))
    assert "model.decay" in told["paths"]
    assert told["found"] == [
        [
            "found 'hing'; allowed: 'bce', 'in_batch_ce', 'gbce', 'sampled_ce', 'full_ce' or "
            "'hinge'. Did you mean 'hinge'?"
        ],
        ["found 'fast'; allowed: a number."],
        [],
    ]


def test_our_own_names_and_an_installed_loss_are_known_without_torch(home: Path) -> None:
    install(home, "toy-parts", PARTS, {"morec.losses": ENTRIES["morec.losses"]})
    told = python(home, PROBLEMS, json.dumps([("training.loss", "hinge")]))
    assert told["found"] == [[]]
    assert not told["torch"]


@pytest.mark.parametrize(
    ("parts", "entry", "kind", "message"),
    [
        (
            "1 / 0",
            {"mean": "toy_parts.parts:Mean"},
            "mean",
            "'mean' of toy-parts (morec.recommenders = toy_parts.parts:Mean) cannot be loaded: "
            "ZeroDivisionError: division by zero",
        ),
        (
            PARTS,
            {"sasrec": "toy_parts.parts:Mean"},
            "sasrec",
            "morec.recommenders: 'sasrec' is claimed by morec-studies and toy-parts; uninstall or "
            "rename all but one",
        ),
        (
            PARTS,
            {"average": "toy_parts.parts:Mean"},
            "average",
            "morec.recommenders: the specification of 'average' lacks kind: Literal['average']",
        ),
        (
            PARTS,
            {"mean": "toy_parts.parts:HINGE"},
            "mean",
            "morec.recommenders: 'mean' has no specification derived from RecommenderSpec",
        ),
    ],
    ids=["broken", "taken", "other kind", "no specification"],
)
def test_a_recommender_that_cannot_be_used_says_why_where_it_is_named(
    parts: str, entry: dict[str, str], kind: str, message: str, home: Path
) -> None:
    install(home, "toy-parts", parts, {"morec.recommenders": entry})
    values = [("model", {"kind": one}) for one in (kind, "gru4rec")]
    assert python(home, PROBLEMS, json.dumps(values))["found"] == [[message], []]
