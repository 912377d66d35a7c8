"""What other code may call: it is there, every argument and result has a type, and a wheel says so.

A change of this list is a change for users: it belongs into the changelog.
"""

import ast
import inspect
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PUBLIC: dict[str, str] = {
    "morec:Recommender.item_vectors": "(self, items)",
    "morec:Recommender.load": "(folder, device)",
    "morec:Recommender.recommend": "(self, histories, k, exclude_seen)",
    "morec:Recommender.user_ids_of": "(self, histories)",
    "morec:Recommender.user_vectors": "(self, histories)",
    "morec.config:TrialConfig.trial_id": "(self, sources, *, schema)",
    "morec.data.dataset:load_dataset": "(spec, root, split)",
    "morec.encoders.artefacts:ArtefactStore": "(folder, storage, *, verify)",
    "morec.exports.trained:train_again": "(config, inputs, *, checkpoints, report, device)",
    "morec.exports.write:write_export": "(folder, trial, notes)",
    "morec.results:TrialResult.best_score": "(self)",
    "morec.trial:TrialInputs": "(dataset, store, sources)",
    "morec.trial:run_trial": "(config, inputs, *, checkpoints, report, workers, device)",
    "reports.export.frames:load_study": "(folder)",
    "reports.write:write_report": "(folder, formats)",
    "studies.run:main": "(argv)",
    "tune_space.commands.audit:audit": "(folder)",
    "tune_space.study.expand:expand": "(study)",
    "tune_space.ledger.records:Ledger.read": "(self, trial_id)",
    "tune_space.ledger.records:Ledger.read_all": "(self)",
    "tune_space.ledger.records:Ledger.read_manifest": "(self)",
    "tune_space.study.load:load_study": "(path, overrides)",
    "tune_space.execution.runner:run_study": "(study, arms, options)",
    "tune_space.commands.status:read_status": "(folder)",
}
TYPED = ("morec", "tune_space", "reports")


@pytest.mark.parametrize("name", PUBLIC)
def test_it_is_there_with_these_arguments_and_every_one_has_a_type(name: str) -> None:
    module, _, path = name.partition(":")
    found = import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    signature = inspect.signature(found)
    words = str(signature.replace(
        parameters=[
            p.replace(annotation=p.empty, default=p.empty) for p in signature.parameters.values()
        ],
        return_annotation=signature.empty,
    ))  # fmt: skip
    assert words == PUBLIC[name]
    typed = [p for p in signature.parameters.values() if p.name != "self"]
    assert all(p.annotation is not p.empty for p in typed)
    assert inspect.isclass(found) or signature.return_annotation is not signature.empty
    assert inspect.getdoc(found)


@pytest.mark.parametrize("package", TYPED)
def test_type_checkers_are_told_to_look_inside(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()
    settings = (ROOT / "pyproject.toml").read_text()
    (line,) = (one for one in settings.splitlines() if one.startswith(f"{package} = ["))
    assert '"py.typed"' in line


@pytest.mark.parametrize("package", TYPED)
def test_every_public_function_says_what_it_takes_and_gives(package: str) -> None:
    """mypy's strict mode holds that, too; this says it without mypy."""
    for path in sorted((ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                bare = [a.arg for a in arguments if a.annotation is None]
                assert set(bare) <= {"self", "cls"}, f"{path}: {node.name}"
                assert node.returns is not None, f"{path}: {node.name}"
