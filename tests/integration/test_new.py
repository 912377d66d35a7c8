"""A study that ``--new`` wrote of a few tiny data sets runs to its report as it stands."""

from pathlib import Path

import pytest

from studies.run import main
from tests.morec.data.detect.test_layout import ROWS, TITLED, table, words_of
from tests.morec.data.reader_cases import CASES, Case
from tune_space.ledger.records import Ledger

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_session")]
SEMICOLONS = Case(
    {"kind": "files", "interactions": "shop.csv", "items": "products.tsv"},
    "",
    {
        "shop.csv": table("customer;sku;bought_at", ROWS, ";").encode("utf-16"),
        "products.tsv": table("sku\tname", TITLED, "\t").encode(),
    },
)
TINY = {
    "titles": SEMICOLONS,
    "images": CASES["images"],
    "no titles": CASES["files parquet"],
    "lists": CASES["sequences"],
}


@pytest.mark.parametrize("name", TINY)
def test_a_new_study_runs_to_its_report(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    TINY[name].write(tmp_path)
    files, _ = words_of(TINY[name], tmp_path)
    assert main(["--new", *map(str, files)]) == 0
    (study,) = tmp_path.glob("*.yaml")
    # One trial at a time: every process of one more imports for seconds.
    assert main([study.name, "--quick", "--out", "out", "--set", "resources.cpus=2"]) == 0
    manifest = Ledger(Path("out")).read_manifest()
    assert manifest is not None
    assert manifest.state == "finished"
    assert len(manifest.arms) == (2 if name == "no titles" else 3)
    assert manifest.study.question in (tmp_path / "out" / "report.html").read_text().replace(
        "&#39;", "'"
    )
