"""A study whose data, encoder, model, loss and metric all come from one installed package.

Nothing of ours is edited. The study runs on real Ray to its report, passes the audit, and its
records name the package.
"""

import json
import os
import random
from pathlib import Path

import pytest

from morec.extensions import GROUPS
from tests.installed_package import write_package
from tests.integration.command import REPOSITORY, Command

HERE = Path(__file__).parent
ENTRIES = {
    "morec.readers": {"toy-lines": "toy_parts.package:READER"},
    "morec.encoders": {"toy-bag": "toy_parts.encoders:FAMILY"},
    "morec.recommenders": {"toy-mean": "toy_parts.package:Mean"},
    "morec.losses": {"toy-hinge": "toy_parts.package:HINGE"},
    "morec.metrics": {"RBP": "toy_parts.package:biased_precision"},
}
STUDY = """
question: Does a package's own model of the titles beat its own model of the IDs?
baseline: ID
base:
  dataset: {kind: toy-lines, lines: lines.txt, min_seq_len: 5, max_seq_len: 8}
  item: {text: {name: toy-bag, pretrained: false}}
  model: {kind: toy-mean, dim: 8}
  training: {loss: toy-hinge, max_epochs: 2, batch_size: 16}
  evaluation: {select: RBP@10}
  optim: {lr: 0.01}
arms:
  ID: {item.id: true, item.text: null}
  toy: {item.text.trainable_layers: all}
budget: {trials: 0}
resources: {niceness: 0}
seeds: [1]
"""


def lines(num_users: int = 40) -> str:
    """Users who like red or blue things."""
    draw = random.Random(1)
    items = {colour: [f"{colour}-thing-{n}" for n in range(15)] for colour in ("red", "blue")}
    rows = []
    for user in range(num_users):
        rows.append(" ".join([f"u{user}", *draw.sample(items[("red", "blue")[user % 2]], 8)]))
    return "\n".join(rows) + "\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    modules = {
        "toy_parts/__init__.py": "",
        "toy_parts/package.py": (HERE / "toy_package.py").read_text(),
        "toy_parts/encoders.py": (HERE.parent / "morec/encoders/toy_encoders.py").read_text(),
    }
    (tmp_path / "site").mkdir()
    write_package(tmp_path / "site", "toy-parts", modules=modules, entries=ENTRIES)
    (tmp_path / "toy.yaml").write_text(STUDY)
    (tmp_path / "lines.txt").write_text(lines())
    return tmp_path


def test_the_package_has_an_entry_for_every_table() -> None:
    assert set(ENTRIES) == set(GROUPS)


@pytest.mark.ray
def test_a_study_of_an_installed_package_runs_to_its_report_and_is_audited(home: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": f"{home / 'site'}{os.pathsep}{REPOSITORY}"}
    command = Command(home / "toy.yaml", home / "out", environment=environment)
    done = command.run()
    assert done.returncode == 0, done.stdout + done.stderr
    records = [json.loads(path.read_text()) for path in command.records()]
    assert len(records) == 2
    for record in records:
        assert record["test"]["metrics"].keys() == {"HR@10", "NDCG@10", "MRR@10", "RBP@10"}
        used = {key for key in record["code"] if key.startswith("morec.")}
        names = {f"{group}:{name}" for group, entries in ENTRIES.items() for name in entries}
        not_used = {"morec.encoders:toy-bag"} if record["config"]["item"]["id"] else set()
        assert used == names - not_used
        assert all(record["code"][key].startswith("toy-parts 1.2 ") for key in used)
    page = (home / "out" / "report.html").read_text()
    assert "RBP@10" in page
    command.words.append("--audit")
    audited = command.run()
    assert audited.returncode == 0, audited.stdout + audited.stderr
