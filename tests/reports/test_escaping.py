"""Text of users is printed as text, never as markup, in every place of the page."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reports.write import write_report
from tests.reports.made_up_studies import SMALL, FakeStudy
from tests.reports.pages import Page

EVIL = "</script></style><script>alert(1)</script><b onclick=alert(1)>&amp;"
STUDY = FakeStudy(
    arms=SMALL[:2],
    searches=1,
    slices={"popularity": (100, 200)},
    statuses={("TS", "search", 0): "failed"},
)
Manifest = dict[str, Any]


def _put(*path: str | int) -> Callable[[Manifest], None]:
    def put(manifest: Manifest) -> None:
        place: Any = manifest
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = EVIL

    return put


def _rename_baseline(manifest: Manifest) -> None:
    manifest["arms"][0]["name"] = EVIL
    manifest["study"]["arms"] = {EVIL: {"set": {}}, "TS": {"set": {}}}
    manifest["study"]["baseline"] = EVIL


def _key_of_params(manifest: Manifest) -> None:
    manifest["arms"][0]["search"][0]["params"] = {EVIL: 0.1}


def _key_of_importance(manifest: Manifest) -> None:
    manifest["arms"][0]["importance"] = {EVIL: 0.6, "optim.lr": 0.4}


def _name_of_version(manifest: Manifest) -> None:
    manifest["versions"] = {EVIL: EVIL}


def _rule(manifest: Manifest) -> None:
    manifest["datasets"][0]["counts"] = {EVIL: 3}


PLACES: dict[str, Callable[[Manifest], None]] = {
    "question": _put("study", "question"),
    "study file": _put("study_file"),
    "command": _put("command"),
    "device": _put("device"),
    "time of the last change": _put("updated_at"),
    "git state": _put("git", "state"),
    "version": _name_of_version,
    "baseline arm": _rename_baseline,
    "group": _put("arms", 0, "group"),
    "searched path": _key_of_params,
    "searched value": _put("arms", 0, "search", 0, "params", "optim.lr"),
    "path with an importance": _key_of_importance,
    "data set": _put("datasets", 0, "name"),
    "rule of a count": _rule,
    "slice label": _put("datasets", 0, "slices", 0, "labels", 0),
    "slice dimension": _put("datasets", 0, "slices", 0, "dimension"),
    "artefact": _put("preparations", 0, "name"),
}


def _check(folder: Path) -> None:
    page = Page(write_report(folder).read_text(encoding="utf-8"))
    assert page.open == []
    assert not any("alert(1)" in script for script in page.scripts if "</" in script)
    assert not any(name == "onclick" for name, _ in page.attributes)
    assert " ".join(EVIL.split()) in page.text


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
def test_every_text_of_the_manifest_is_escaped(
    place: Callable[[Manifest], None], tmp_path: Path
) -> None:
    path = STUDY.write(tmp_path) / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    place(manifest)
    path.write_text(json.dumps(manifest), encoding="utf-8")
    _check(tmp_path)


def test_the_error_of_a_trial_is_escaped(tmp_path: Path) -> None:
    FakeStudy(
        arms=SMALL[:2], searches=1, error=EVIL, statuses={("TS", "search", 0): "failed"}
    ).write(tmp_path)
    _check(tmp_path)


def test_the_device_of_a_trial_is_escaped(tmp_path: Path) -> None:
    STUDY.write(tmp_path)
    for path in (tmp_path / "trials").iterdir():
        path.write_text(path.read_text(encoding="utf-8").replace("made-up device", EVIL), "utf-8")
    _check(tmp_path)
