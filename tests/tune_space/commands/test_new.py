"""``--new`` writes a study of any files that loads, plans, and says why it is as it is."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from morec.errors import DataError, SpecError
from studies.run import main
from tests.morec.data.detect.test_layout import REAL, ROWS, TITLED, table, words_of
from tests.morec.data.reader_cases import CASES
from tune_space.commands.new import answer
from tune_space.commands.request import Request
from tune_space.study.load import LoadedStudy, open_study
from tune_space.study.yaml_document import read_yaml

UNASKED = [name for name in REAL if name != "movielens packaged"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def new(*paths: str | Path, images: Path | None = None) -> Sequence[str]:
    return answer(Request(Path("runs"), [Path(path) for path in paths], {"images": images})).lines


def only_study(folder: Path) -> LoadedStudy:
    (path,) = folder.glob("*.yaml")
    return open_study(path)


def write_shop(folder: Path, header: str = "user_id,item_id,timestamp") -> None:
    (folder / "shop.csv").write_text(table(header, ROWS))
    (folder / "products.csv").write_text(table("item_id,title", TITLED))


@pytest.mark.parametrize("name", UNASKED)
def test_a_study_of_every_reader_s_files_loads_in_both_forms(name: str, here: Path) -> None:
    case = CASES[name]
    case.write(here)
    paths, images = words_of(case, here)
    new(*paths, images=images)
    study = only_study(here)
    names = [arm.name for arm in study.arms]
    has = case.options.keys() & {"items", "titles", "images", "image_column", "text_column"}
    assert names in (["ID", "TS", "ID+TS"], ["SASRec", "GRU4Rec"])
    assert names[0] == "ID" or not has
    (path,) = here.glob("*.yaml")
    assert open_study(path, ["profile=quick"]).spec.seeds == (1, 2)


def test_the_packaged_movielens_is_taken_without_files_and_plans(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--new"]) == 0
    said = capsys.readouterr().out
    assert "written: movielens.yaml (arms ID, TS, ID+TS)" in said
    assert "read: 100,004 interactions of 671 users with 9,066 items" in said
    dataset = only_study(here).spec.base["dataset"]
    assert dataset == {"kind": "movielens", "min_seq_len": 5, "max_seq_len": 50, "warm": 0}
    assert main(["movielens.yaml", "--plan"]) == 0
    assert re.search(r"ID\+TS +8 new +3 new", capsys.readouterr().out)


def test_the_text_says_what_every_value_was_guessed_from(here: Path) -> None:
    write_shop(here)
    new("shop.csv", "products.csv")
    lines = (here / "shop.yaml").read_text().splitlines()
    assert lines[:2] == [
        "# yaml-language-server: $schema=study.schema.json",
        "# Written by: python studies/run.py --new shop.csv products.csv",
    ]
    commented = {lines[place + 1].strip(): line.strip() for place, line in enumerate(lines[:-1])}
    assert commented["user_column: user_id"] == "# By its name."
    assert commented["time_column: timestamp"] == (
        "# By its name and its values: seconds from 1970."
    )
    assert commented["text_column: title"] == "# By its name: 3.0 words per value."
    assert max(map(len, lines)) <= 100


def test_the_schema_that_the_first_line_names_is_written_once_and_takes_the_study(
    here: Path,
) -> None:
    write_shop(here)
    said = new("shop.csv", "products.csv")
    assert [line for line in said if "study.schema.json" in line] == [
        "written: study.schema.json (for editors, which complete and check the keys by it)"
    ]
    schema = json.loads((here / "study.schema.json").read_text())
    study = read_yaml((here / "shop.yaml").read_text(), "shop.yaml").value
    assert list(Draft7Validator(schema).iter_errors(study)) == []
    (here / "study.schema.json").write_text("{}")
    (here / "shop.yaml").unlink()
    assert not any("study.schema.json" in line for line in new("shop.csv", "products.csv"))
    assert (here / "study.schema.json").read_text() == "{}"


def test_further_commands_are_named_as_this_one_was_called(here: Path) -> None:
    write_shop(here)
    request = Request(Path("runs"), [Path("shop.csv")], {"images": None}, "morec")
    assert "next: morec shop.yaml --plan says" in answer(request).lines[-1]
    assert "# Written by: morec --new shop.csv" in (here / "shop.yaml").read_text()


def test_an_arm_that_is_only_suggested_can_be_built(here: Path) -> None:
    write_shop(here)
    new("shop.csv", "products.csv")
    path = here / "shop.yaml"
    path.write_text(path.read_text().replace("# E2E top-1:", "E2E top-1:"))
    assert [arm.name for arm in open_study(path).arms] == ["ID", "TS", "ID+TS", "E2E top-1"]


def test_titles_and_images_have_arms_each(here: Path) -> None:
    CASES["images"].write(here)
    titled = [(item, title, f"{item}.png") for item, title in TITLED]
    (here / "c.csv").write_text(table("item_id,title,image", titled))
    new("a.csv", "c.csv")
    path = here / "a.yaml"
    path.write_text(path.read_text().replace("# E2E top-1", "E2E top-1"))
    parts = {arm.name: arm.config.item.parts for arm in open_study(path).arms}
    assert parts == {
        "ID": ("id",),
        "TS text": ("text",),
        "TS image": ("image",),
        "ID+TS text": ("id", "text"),
        "ID+TS image": ("id", "image"),
        "E2E top-1 text": ("text",),
        "E2E top-1 image": ("image",),
    }


def test_an_image_that_is_missing_is_left_out_and_counted(here: Path) -> None:
    CASES["images"].write(here)
    (here / "i3.png").unlink()
    said = new("a.csv", "c.csv")
    assert any("items_without_image 1" in line for line in said)
    assert only_study(here).spec.base["dataset"]["missing_images"] == "drop"


def test_what_fits_in_two_ways_is_a_question_in_the_file(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_shop(here, header="a,b,timestamp")
    assert main(["--new", "shop.csv"]) == 0
    said = capsys.readouterr().out.replace("\n", " ")
    assert "question: Which column is the user and which the item? 'a' and 'b' fit" in said
    path = here / "shop.yaml"
    text = path.read_text()
    assert (
        "    # QUESTION: Which column is the user and which the item? 'a' and 'b' fit equally "
        "well.\n"
        "    # Nothing runs before ??? is replaced. Answers:\n"
        "    #   user_column: a, item_column: b\n"
        "    #   user_column: b, item_column: a\n"
        "    user_column: ???\n"
        "    item_column: ???\n"
    ) in text
    assert main(["shop.yaml", "--plan"]) == 2
    assert capsys.readouterr().err.count("is an open question; replace ??? by one of") == 2
    path.write_text(text.replace("user_column: ???", "user_column: a")
                    .replace("item_column: ???", "item_column: b"))  # fmt: skip
    assert open_study(path).spec.base["dataset"]["user_column"] == "a"


def test_a_script_that_the_encoder_does_not_know_is_named(here: Path) -> None:
    write_shop(here)
    titles = [(item, f"красный стул {item}") for item, _ in TITLED]
    (here / "products.csv").write_text(table("item_id,title", titles))
    new("shop.csv", "products.csv")
    text = " ".join((here / "shop.yaml").read_text().replace("#", " ").split())
    assert re.search(r"does not know the script of these titles \(Cyrillic \d\d% of", text)


def test_long_titles_are_read_whole(here: Path) -> None:
    write_shop(here)
    long = [(item, " ".join(["word"] * 35)) for item, _ in TITLED]
    (here / "products.csv").write_text(table("item_id,title", long))
    new("shop.csv", "products.csv")
    assert only_study(here).spec.base["item"]["text"]["max_tokens"] == 64


def test_a_study_that_is_there_stays(here: Path) -> None:
    write_shop(here)
    (here / "shop.yaml").write_text("mine")
    with pytest.raises(SpecError, match=r"shop\.yaml: is there already and stays as it is"):
        new("shop.csv")
    assert (here / "shop.yaml").read_text() == "mine"


def test_nothing_is_written_for_what_is_no_data_set(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_shop(here)
    with pytest.raises(SpecError, match="--new: 3 files; give interactions and maybe items"):
        new("shop.csv", "products.csv", "more.csv")
    (here / "few.csv").write_text(table("user_id,item_id,timestamp", ROWS[:3]))
    with pytest.raises(DataError, match="no user has 4 interactions"):
        new("few.csv")
    assert main(["--new", "shpo.csv"]) == 2
    assert capsys.readouterr().err == "shpo.csv: no such file. Did you mean 'shop.csv'?\n"
    with pytest.raises(SystemExit) as caught:
        main(["shop.yaml", "--images", "covers"])
    assert caught.value.code == 2
    assert "--images has no effect without --new" in capsys.readouterr().err
    assert not [*here.glob("*.yaml")]


def test_a_name_with_signs_becomes_one_that_a_study_may_have(here: Path) -> None:
    (here / "#my shop,2.csv").write_text(table("user_id,item_id,timestamp", ROWS))
    new("#my shop,2.csv")
    assert only_study(here).spec.name == "my shop-2"
