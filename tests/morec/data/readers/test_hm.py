"""H&M purchases and articles: ids, order, images and counts; wrong files are named."""

from pathlib import Path

import pytest

from morec.config import HMSpec
from morec.data.dataset import load_dataset
from morec.data.images.sources import ImageSource
from morec.data.readers.hm import READER, read_hm
from morec.errors import DataError
from tests.morec.data.hand_made import write_image
from tests.morec.data.reader_cases import offered

SPEC = HMSpec(kind="hm", folder="hm", min_seq_len=3)
ARTICLES = """article_id,product_code,prod_name,detail_desc
0108775015,0108775,Strap top,"Jersey top, with
narrow straps"
0110065001,0110065,OP T-shirt (Idro),
0111565001,0111565,,"Semi shiny nylon."
"""
DAY_US = 24 * 3600 * 10**6
TRANSACTIONS = """t_dat,customer_id,article_id,price,sales_channel_id
2018-09-21,00aa,0110065001,0.05,2
2018-09-20,00aa,0111565001,0.03,2
2018-09-20,00aa,0108775015,0.03,1
2018-09-21,00aa,0111565001,0.03,2
2018-09-20,00bb,0999999999,0.03,2
"""


def write(folder: Path, transactions: str = TRANSACTIONS, articles: str = ARTICLES) -> None:
    (folder / "hm").mkdir()
    (folder / "hm/transactions_train.csv").write_text(transactions)
    (folder / "hm/articles.csv").write_text(articles)


def message_of(root: Path) -> str:
    with pytest.raises(DataError) as error:
        read_hm(SPEC, root)
    return str(error.value)


def test_articles_keep_their_leading_zeros_and_are_named_by_prod_name(tmp_path: Path) -> None:
    write(tmp_path)
    interactions = read_hm(SPEC, tmp_path)
    assert interactions.item_names == ["0108775015", "0110065001", "0111565001"]
    assert interactions.titles == ("Strap top", "OP T-shirt (Idro)", "")
    assert interactions.user_names == ["00aa"]
    assert interactions.counts["unknown_item_rows"] == 1


def test_purchases_of_one_day_keep_the_order_of_the_file(tmp_path: Path) -> None:
    write(tmp_path)
    interactions = read_hm(SPEC, tmp_path)
    assert interactions.timestamps.tolist() == [17795 * DAY_US, 17794 * DAY_US, 17794 * DAY_US]
    assert load_dataset(SPEC, tmp_path).item_ids.tolist() == [3, 1, 2]


def test_whether_repeated_purchases_stay_is_the_users_choice(tmp_path: Path) -> None:
    write(tmp_path)
    keep = SPEC.model_copy(update={"repeats": "keep"})
    assert load_dataset(keep, tmp_path).item_ids.tolist() == [3, 1, 2, 3]
    assert read_hm(keep, tmp_path).counts["repeated_interactions_kept"] == 1


def test_images_lie_in_folders_named_after_three_digits(tmp_path: Path) -> None:
    write(tmp_path)
    names = ("010/0108775015.jpg", "011/0110065001.jpg", "011/0111565001.jpg")
    for name in names:
        write_image(tmp_path / "hm/images" / name)
    spec = SPEC.model_copy(update={"images": "hm/images"})
    assert load_dataset(spec, tmp_path).images == ImageSource(
        "files", tmp_path / "hm/images", names
    )


def test_missing_columns_of_both_files_are_named_at_once(tmp_path: Path) -> None:
    write(tmp_path, "date,customer_id,article_id\n2018-09-21,1,2\n", "article_id,name\n2,x\n")
    assert message_of(tmp_path).splitlines() == [
        "transactions_train.csv: no column 't_dat' (dataset kind hm). Did you mean 'date'? "
        "Columns found: date, customer_id, article_id",
        "articles.csv: no column 'prod_name' (dataset kind hm). Did you mean 'name'? "
        "Columns found: article_id, name",
    ]


def test_both_missing_files_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "hm"
    assert message_of(tmp_path).splitlines() == [
        f"{folder / name}: the folder {folder} does not exist"
        for name in ("transactions_train.csv", "articles.csv")
    ]


def test_an_invalid_date_is_named_with_its_line(tmp_path: Path) -> None:
    write(tmp_path, TRANSACTIONS + "soon,00aa,0111565001,0.03,2\n")
    assert message_of(tmp_path) == (
        "transactions_train.csv: column 't_dat': 1 of 6 times cannot be read: 'soon' (line 7). "
        "Allowed are numbers or ISO dates (2023-07-18, 2023-07-18 09:30:00), not a mixture"
    )


def test_a_dataset_is_named_after_the_folder(tmp_path: Path) -> None:
    write(tmp_path)
    assert load_dataset(SPEC, tmp_path).name == "hm"


def test_a_name_whose_quote_is_not_closed_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "hm"
    folder.mkdir()
    (folder / "transactions_train.csv").write_text("t_dat,customer_id,article_id\n2020-01-02,u,1\n")
    (folder / "articles.csv").write_text('article_id,prod_name\n1,"Top\n2,"Shirt\n3,x\n')
    with pytest.raises(DataError, match=r"^articles.csv: line 2: a field begins with a quote"):
        read_hm(HMSpec(kind="hm", folder="hm"), tmp_path)


def test_columns_of_the_articles_are_offered_with_their_rows(tmp_path: Path) -> None:
    write(tmp_path)
    file, names, rows = offered(READER, SPEC, tmp_path, ["product_code", "detail_desc"])
    assert file == "articles.csv"
    assert names == ["article_id", "product_code", "prod_name", "detail_desc"]
    assert rows == [
        ["0108775015", "0108775", "Jersey top, with\nnarrow straps"],
        ["0110065001", "0110065", None],
        ["0111565001", "0111565", "Semi shiny nylon."],
    ]
