"""Which modules are changed, and which tests each of them has by the mirrored layout."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("morec", "tune_space", "reports", "studies", "tests")
TARGETS: dict[str, tuple[str, ...]] = {
    "metrics": ("morec/metrics.py", "morec/list_metrics.py", "morec/ranking.py"),
    "losses": ("morec/losses/*.py", "morec/batch_loss.py"),
    "evaluation": ("morec/evaluation.py",),
    "data": ("morec/data/**/*.py",),
    "models": ("morec/models/*.py",),
    "encoders": ("morec/encoders/**/*.py",),
    "trainer": (
        "morec/trainer.py",
        "morec/optimizer.py",
        "morec/gradient_sums.py",
        "morec/workers.py",
    ),
    "trial": ("morec/trial.py", "morec/gradients.py"),
    "search": ("tune_space/schedule/arm_*.py", "tune_space/schedule/outcomes.py"),
    "conductor": ("tune_space/schedule/conductor.py", "tune_space/schedule/ensemble_state.py"),
    "plan": ("tune_space/schedule/plan.py", "tune_space/commands/plan.py"),
    "changes": ("tune_space/schedule/changes.py", "tune_space/schedule/earlier.py"),
    "audit": ("tune_space/commands/audit*.py",),
    "statistics": ("reports/study/statistics.py", "reports/study/rank_metrics.py"),
    "contrasts": ("reports/study/contrasts.py",),
    "verdict": ("reports/study/verdict.py",),
    "summary": ("reports/study/summary.py",),
}


def modules(group: str) -> list[Path]:
    """The modules of a group, as paths below the repository; packages' own files are empty."""
    found = {path for pattern in TARGETS[group] for path in ROOT.glob(pattern)}
    return [path.relative_to(ROOT) for path in sorted(found) if path.name != "__init__.py"]


def mirrored_tests(module: Path) -> list[Path]:
    """The module's own test file, and those of the same folder which import the module.

    Where there is neither, those of the nearest mirrored folder which reach it by one import more,
    and all of that folder where none does. The module's own test file comes first.
    """
    folder = ROOT / "tests" / module.parent
    own = folder / f"test_{module.name}"
    while not folder.is_dir():
        folder = folder.parent
    there = sorted(folder.glob("test_*.py"), key=lambda path: (path != own, path))
    direct = [path for path in there if path == own or module in imported(path)]
    near = [path for path in there if any(module in imported(ROOT / one) for one in imported(path))]
    return [path.relative_to(ROOT) for path in direct or near or there]


@cache
def imported(path: Path) -> frozenset[Path]:
    """Modules of the project that a file imports, wherever the import stands in it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {name for node in ast.walk(tree) for name in _names(node)}
    files = {Path(*name.split(".")).with_suffix(".py") for name in names}
    return frozenset(file for file in files if (ROOT / file).is_file())


def _names(node: ast.AST) -> Iterator[str]:
    """What an import names: each may be a module, or an object of one."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def third_party() -> list[str]:
    """Modules of other projects that ours and all tests import on top."""
    ours = [path for package in PACKAGES[:3] for path in sorted((ROOT / package).rglob("*.py"))]
    files = [*ours, *sorted((ROOT / "tests").glob("*.py"))]
    found = {
        name.name if isinstance(node, ast.Import) else node.module
        for path in files
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    return sorted(name for name in found if name and name.split(".")[0] not in PACKAGES)
