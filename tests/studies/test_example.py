"""The example notebook runs from its first cell to its last, on a study in its own folder."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.reports.made_up_studies import FakeStudy

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "studies" / "example.ipynb"
PATIENCE_S = 300


def read() -> nbformat.NotebookNode:
    return nbformat.read(EXAMPLE, as_version=4)


def test_it_is_kept_without_outputs() -> None:
    """Outputs would be megabytes of one machine's numbers, changed by every run."""
    nbformat.validate(read())
    cells = [cell for cell in read().cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in cells)


@pytest.fixture
def executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[nbformat.NotebookNode]:
    """Its code cells with their outputs, run beside a made-up study by a real kernel."""
    FakeStudy().write(tmp_path / "runs" / "smoke")
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=":")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = read()
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=PATIENCE_S, resources=resources).execute()
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_every_cell_runs_and_shows_what_it_says(executed: list[nbformat.NotebookNode]) -> None:
    first, *others = executed
    (said,) = first.outputs
    assert "Synthetic data" in said.text and "E2E" in said.text
    assert all(cell.outputs for cell in others)
    figures = [
        output.data
        for cell in others
        for output in cell.outputs
        if "application/vnd.plotly.v1+json" in output.get("data", {})
    ]
    assert len(figures) == 2
