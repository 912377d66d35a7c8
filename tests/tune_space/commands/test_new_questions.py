"""What no column tells is asked for: the order of rows, and how dates are written."""

from pathlib import Path

import pytest

from tests.morec.data.detect.test_layout import ROWS, TITLED, table
from tests.tune_space.commands.test_new import new
from tune_space.study.load import open_study

DATED = [(user, item, f"0{1 + place % 7}/03/2020") for place, (user, item, _) in enumerate(ROWS)]


@pytest.mark.parametrize(
    ("text", "key", "answers"),
    [
        (table("user_id,item_id", [row[:2] for row in ROWS]), "order", ("file", "none")),
        (table("user_id,item_id,date", DATED), "time_format", ('"%d/%m/%Y"', '"%m/%d/%Y"')),
    ],
)
def test_every_answer_to_a_question_is_a_study(
    text: str, key: str, answers: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("shop.csv").write_text(text)
    new("shop.csv")
    written = Path("shop.yaml").read_text()
    for answer in answers:
        assert f"    #   {key}: {answer}\n" in written
        Path("shop.yaml").write_text(written.replace(f"{key}: ???", f"{key}: {answer}"))
        assert open_study(Path("shop.yaml")).spec.base["dataset"][key] == answer.strip('"')


def test_html_in_titles_is_read_as_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("shop.csv").write_text(table("user_id,item_id,timestamp", ROWS))
    titles = [(item, f"it&#039;s {title}") for item, title in TITLED]
    Path("items.csv").write_text(table("item_id,title", titles))
    new("shop.csv", "items.csv")
    assert open_study(Path("shop.yaml")).spec.base["dataset"]["html"] == "unescape"
