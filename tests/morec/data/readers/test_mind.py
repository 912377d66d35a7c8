"""MIND's histories and clicks become one list per user; wrong rows are named."""

from pathlib import Path

import pytest

from morec.config import MindSpec
from morec.data.dataset import load_dataset
from morec.data.interactions import Interactions, time_order
from morec.data.readers.mind import READER, read_mind, source_files
from morec.errors import DataError
from tests.morec.data.reader_cases import offered

SPEC = MindSpec(kind="mind", folder="MIND", min_seq_len=3)
NINE_AM = 1_573_808_400
"""11/15/2019 9:00:00 AM, as ``date -u -d '2019-11-15 9:00' +%s`` says."""


def news(*names: str) -> str:
    return "".join(
        f'{name}\tsports\tgolf\tThe "{name}" story\tAbstract\thttps://x\t[]\t[]\n' for name in names
    )


def write(folder: Path, behaviors: str, items: str) -> None:
    folder.mkdir(parents=True)
    (folder / "behaviors.tsv").write_text(behaviors)
    (folder / "news.tsv").write_text(items)


def histories_of(interactions: Interactions) -> dict[str, list[str]]:
    """Every user's items in time order."""
    found: dict[str, list[str]] = {}
    for row in time_order(interactions.user_ids, interactions.timestamps):
        user = interactions.user_names[interactions.user_ids[row]]
        found.setdefault(user, []).append(interactions.item_names[interactions.item_ids[row]])
    return found


def message_of(root: Path) -> str:
    with pytest.raises(DataError) as error:
        read_mind(SPEC, root)
    return str(error.value)


def test_a_user_has_the_history_once_and_then_the_clicks_in_time_order(tmp_path: Path) -> None:
    write(
        tmp_path / "MIND",
        "1\tU1\t11/15/2019 1:00:00 PM\tN1 N2\tN3-0 N4-1\n"
        "2\tU1\t11/15/2019 9:00:00 AM\tN1 N2\tN5-1 N6-0 N3-1\n"
        "3\tU2\t11/15/2019 12:30:00 AM\t\tN1-1\n",
        news("N1", "N2", "N3", "N4", "N5", "N6"),
    )
    interactions = read_mind(SPEC, tmp_path)
    assert histories_of(interactions) == {"U1": ["N1", "N2", "N5", "N3", "N4"], "U2": ["N1"]}
    assert interactions.titles is not None
    assert interactions.titles[0] == 'The "N1" story'
    counts = interactions.counts
    assert counts["history_clicks"] == 2
    assert counts["impression_clicks"] == 4
    assert counts["impressions_not_clicked"] == 2
    assert counts["impressions_without_label"] == 0


def test_clicks_of_a_history_have_the_time_of_the_first_impression(tmp_path: Path) -> None:
    write(
        tmp_path / "MIND",
        "1\tU1\t11/15/2019 9:00:00 PM\tN1\tN2-1\n2\tU1\t11/15/2019 9:00:00 AM\tN1\tN3-1\n",
        news("N1", "N2", "N3"),
    )
    interactions = read_mind(SPEC, tmp_path)
    times = dict(zip(interactions.item_ids.tolist(), interactions.timestamps.tolist(), strict=True))
    assert times == {0: NINE_AM, 2: NINE_AM, 1: NINE_AM + 12 * 3600}
    assert interactions.ticks_per_s == 1


def test_repeated_clicks_and_clicks_on_unknown_news_are_dropped_and_counted(tmp_path: Path) -> None:
    write(
        tmp_path / "MIND",
        "1\tU1\t11/15/2019 9:00:00 AM\tN1 N2 N1\tN2-1 N3-1 N9-1\n",
        news("N1", "N2", "N3"),
    )
    interactions = read_mind(SPEC, tmp_path)
    assert histories_of(interactions) == {"U1": ["N1", "N2", "N3"]}
    assert interactions.counts["repeated_interactions_dropped"] == 2
    assert interactions.counts["unknown_item_rows"] == 1


def test_folders_are_merged_and_test_impressions_add_no_clicks(tmp_path: Path) -> None:
    train = "1\tU1\t11/14/2019 9:00:00 AM\tN1\tN2-1\n"
    dev = "1\tU1\t11/15/2019 9:00:00 AM\tN1\tN3-1 N4-0\n"
    test = "1\tU1\t11/20/2019 9:00:00 AM\tN1 N2 N3\tN5 N6\n2\tU7\t11/20/2019 9:00:00 AM\tN6\tN5\n"
    write(tmp_path / "MIND/train", train, news("N1", "N2"))
    write(tmp_path / "MIND/dev", dev, news("N2", "N3", "N4"))
    write(tmp_path / "MIND/test", test, news("N5", "N6"))
    interactions = read_mind(SPEC, tmp_path)
    assert histories_of(interactions) == {"U1": ["N1", "N2", "N3"], "U7": ["N6"]}
    assert interactions.counts["impressions_without_label"] == 3
    assert interactions.counts["impression_clicks"] == 2
    assert interactions.counts["impressions_not_clicked"] == 1
    assert interactions.counts["repeated_item_rows_dropped"] == 1
    names = [str(path.relative_to(tmp_path / "MIND")) for path in source_files(SPEC, tmp_path)]
    assert names == [
        f"{folder}/{file}"
        for folder in ("dev", "test", "train")
        for file in ("behaviors.tsv", "news.tsv")
    ]


def test_a_dataset_is_named_after_the_folder_and_has_ages(tmp_path: Path) -> None:
    write(
        tmp_path / "MIND",
        "1\tU1\t11/15/2019 9:00:00 AM\tN1 N2\tN3-1\n2\tU2\t11/15/2019 9:00:07 AM\tN2\tN3-1\n",
        news("N1", "N2", "N3"),
    )
    dataset = load_dataset(SPEC.model_copy(update={"folder": "./MIND/"}), tmp_path)
    assert dataset.name == "MIND"
    assert dataset.item_ids.tolist() == [1, 2, 3]
    assert dataset.ages_s is not None


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (
            "1\tU1\t2019-11-15 9:00\tN1\tN2-1",
            "row 2: time '2019-11-15 9:00' is not like 11/15/2019 8:55:22 AM",
        ),
        (
            "1\tU1\t11/15/2019 9:00:00 AM\tN1\tN2-1 N3-7",
            "row 2: impressions 'N2-1 N3-7' is not like N123-1 N456-0 or N123 N456",
        ),
        (
            "1\tU1\t11/15/2019 9:00:00 AM\tN1\t",
            "row 2: impressions 'None' is not like N123-1 N456-0 or N123 N456",
        ),
    ],
)
def test_rows_of_another_layout_are_named(tmp_path: Path, row: str, why: str) -> None:
    good = "1\tU1\t11/15/2019 9:00:00 AM\tN1\tN2-1\n"
    write(tmp_path / "MIND", f"{good}{row}\n", news("N1"))
    path = tmp_path / "MIND/behaviors.tsv"
    assert message_of(tmp_path) == f"{path}: {why}"
    path.write_text(f"{row}\n{good}")
    assert message_of(tmp_path) == f"{path}: {why.replace('row 2', 'row 1')}"


def test_a_row_with_too_few_columns_is_named(tmp_path: Path) -> None:
    write(tmp_path / "MIND", "1\tU1\t11/15/2019 9:00:00 AM\tN1\n", news("N1"))
    assert message_of(tmp_path).startswith("behaviors.tsv: line 1: 4 fields, expected 5: ")


def test_news_without_titles_say_so(tmp_path: Path) -> None:
    write(tmp_path / "MIND", "1\tU1\t11/15/2019 9:00:00 AM\tN1\tN2-1\n", "N1\tsports\tgolf\n")
    assert message_of(tmp_path) == (
        f"{tmp_path / 'MIND/news.tsv'}: 3 columns separated by tabs in the first row; "
        "expected news, category, subcategory, title and more"
    )


def test_missing_files_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "MIND"
    assert message_of(tmp_path).splitlines() == [
        f"{folder / name}: the folder {folder} does not exist"
        for name in ("behaviors.tsv", "news.tsv")
    ]
    write(folder / "train", "1\tU1\t11/15/2019 9:00:00 AM\tN1\tN2-1\n", news("N1"))
    (folder / "train/news.tsv").unlink()
    assert message_of(tmp_path) == f"{folder / 'train/news.tsv'}: no such file."


def test_of_impressions_at_one_time_the_first_in_the_file_has_the_history(tmp_path: Path) -> None:
    at_nine = "{}\tU1\t11/15/2019 9:00:00 AM\t{}\tN3-1\n"
    rows = [at_nine.format(number, "N2" if number else "N1") for number in range(500)]
    write(tmp_path / "MIND", "".join(rows), news("N1", "N2", "N3"))
    assert histories_of(read_mind(SPEC, tmp_path)) == {"U1": ["N1", "N3"]}


def test_many_histories_are_split_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("morec.data.readers.mind.HISTORIES", 1)
    row = "1\tU{}\t11/15/2019 9:00:00 AM\tN1 N{}\tN3-0\n"
    write(tmp_path / "MIND", row.format(1, 2) + row.format(2, 3), news("N1", "N2", "N3"))
    interactions = read_mind(SPEC, tmp_path)
    assert histories_of(interactions) == {"U1": ["N1", "N2"], "U2": ["N1", "N3"]}
    assert interactions.counts["history_clicks"] == 4
    assert interactions.counts["impression_clicks"] == 0
    assert interactions.counts["impressions_not_clicked"] == 2


def test_a_folder_of_files_is_read_with_the_folders_below_it(tmp_path: Path) -> None:
    row = "1\t{}\t11/15/2019 9:00:00 AM\tN1\t{}-1\n"
    write(tmp_path / "MIND", row.format("U1", "N2"), "N1\tc\ts\tOne\nN2\tc\ts\tTwo\n")
    write(tmp_path / "MIND/later", row.format("U2", "N3"), news("N3"))
    assert histories_of(read_mind(SPEC, tmp_path)) == {"U1": ["N1", "N2"], "U2": ["N1", "N3"]}
    # One of the two files has no abstracts.
    file, names, rows = offered(READER, SPEC, tmp_path, ["subcategory", "title"])
    assert (file, names) == ("news.tsv", ["news", "category", "subcategory", "title"])
    assert rows == [["N1", "s", "One"], ["N2", "s", "Two"], ["N3", "golf", 'The "N3" story']]
    (tmp_path / "MIND/news.tsv").write_text(news("N1", "N2"))
    assert offered(READER, SPEC, tmp_path, ["abstract"]) == (
        "news.tsv",
        [*names, "abstract"],
        [[name, "Abstract"] for name in ("N1", "N2", "N3")],
    )


def test_a_row_far_below_is_named_by_its_number_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("morec.data.files.delimited.BLOCK_BYTES", 200)
    rows = ["1\tU1\t11/15/2019 9:00:00 AM\tN1\tN2-1\n"] * 40
    rows[33] = "1\tU1\tsoon\tN1\tN2-1\n"
    write(tmp_path / "MIND", "".join(rows), news("N1", "N2"))
    assert message_of(tmp_path) == (
        f"{tmp_path / 'MIND/behaviors.tsv'}: row 34: time 'soon' is not like 11/15/2019 8:55:22 AM"
    )
