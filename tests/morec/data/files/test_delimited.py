"""CSV and TSV files stream in batches; every broken file is an error that says where."""

import gzip
import io
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

from morec.data.files import delimited, text_stream
from morec.data.files.delimited import first_rows, header_of, read_batches
from morec.data.files.text_format import TextFormat
from morec.errors import DataError
from tests.morec.data.endless import Endless

Options = dict[str, object]
COMMA, TAB = TextFormat(",", encoding_option="encoding"), TextFormat("\t")


def rows_of(path: Path, text: TextFormat = COMMA, **options: object) -> list[dict[str, object]]:
    batches = read_batches(path, text, **options)  # type: ignore[arg-type]
    return [row for batch in batches for row in batch.to_pylist()]


def message_of(path: Path, **options: object) -> str:
    with pytest.raises(DataError) as error:
        rows_of(path, **options)
    return str(error.value)


def test_only_empty_values_are_missing(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('a,b\n007,NA\n"",None\n1e5,"x ""y"", z\nw"\n')
    assert rows_of(path) == [
        {"a": "007", "b": "NA"},
        {"a": None, "b": "None"},
        {"a": "1e5", "b": 'x "y", z\nw'},
    ]
    assert rows_of(path, columns=["b"])[0] == {"b": "NA"}


def test_without_quoting_a_quote_is_text(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    path.write_bytes(b'1\t"A\r\n2\tB"\r\n')
    found = rows_of(path, TAB, names=("id", "title"))
    assert found == [{"id": "1", "title": '"A'}, {"id": "2", "title": 'B"'}]
    assert first_rows(path, TAB, 1) == [["1", '"A']]


@pytest.mark.parametrize(("suffix", "pack"), [("gz", gzip.compress), ("xz", lzma.compress)])
def test_long_files_come_in_batches_whether_packed_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, pack: type[bytes]
) -> None:
    monkeypatch.setattr("morec.data.files.delimited.BLOCK_BYTES", 1000)
    text = b"n\n" + b"".join(b"%d\n" % n for n in range(1000))
    plain, packed = tmp_path / "t.csv", tmp_path / f"t.csv.{suffix}"
    plain.write_bytes(text)
    packed.write_bytes(pack(text))
    assert len(list(read_batches(plain, COMMA))) > 3
    assert rows_of(plain) == rows_of(packed) == [{"n": str(n)} for n in range(1000)]


@pytest.mark.parametrize("options", [{}, {"names": ("a", "b")}])
def test_an_empty_file_says_so(tmp_path: Path, options: Options) -> None:
    (tmp_path / "t.csv").write_text("\n\n")
    assert message_of(tmp_path / "t.csv", **options) == "t.csv: the file is empty"


def test_a_header_without_rows_says_so(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n")
    assert message_of(tmp_path / "t.csv") == "t.csv: has a header but no rows"


@pytest.mark.parametrize(("row", "found"), [("3,4,5", 3), ("3", 1)])
@pytest.mark.parametrize(("before", "line"), [("1,2\n", 3), ('1,"2\n\n2"\n\n', 6)])
def test_a_row_of_another_length_is_named_with_its_line(
    tmp_path: Path, row: str, found: int, before: str, line: int
) -> None:
    (tmp_path / "t.csv").write_text(f"a,b\n{before}{row}\n")
    assert message_of(tmp_path / "t.csv") == (
        f"t.csv: line {line}: {found} fields, expected 2: {row!r}"
    )


def test_rows_that_all_differ_from_the_header_are_named(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2,3\n1,2,3\n")
    assert message_of(tmp_path / "t.csv") == "t.csv: line 2: 3 fields, expected 2: '1,2,3'"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('a,b\n1,"Alien\n2,x\n', 2),
        ('a,b\n1,x\n2,"Alien\n3,y\n4,"Brazil\n5,z\n', 3),
        ('a,b\n2"x,"\n3,y\n', 2),
        ('a,b\n1,"Weird Al" Yankovic\n', 2),
        ('a,b\n1,"x\ny"\n"2,"x\n', 4),
    ],
)
def test_a_quote_that_is_not_closed_is_named_with_its_line(
    tmp_path: Path, text: str, line: int
) -> None:
    (tmp_path / "t.csv").write_text(text)
    shown = text.splitlines()[line - 1]
    assert message_of(tmp_path / "t.csv") == (
        f"t.csv: line {line}: a field begins with a quote and is not closed by a quote before the "
        f"next separator: {shown!r}. In CSV, quotes enclose a whole field, and a quote within it "
        "is written twice"
    )


def test_a_quote_far_above_the_end_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('a,b\n1,"Alien\n' + "22,some more text\n" * 20_000)
    assert message_of(tmp_path / "t.csv").startswith("t.csv: line 2: a field begins with a quote")


def test_a_quote_within_a_field_is_text(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('a,b\n27" monitor,x"\n')
    assert rows_of(tmp_path / "t.csv") == [{"a": '27" monitor', "b": 'x"'}]


NOT_TEXT = "é,b\nLéon,Zoë\nFaçade,über\nmañana,naïve\n"


def test_text_that_is_not_utf8_is_named_with_its_line_and_the_likely_encoding(
    tmp_path: Path,
) -> None:
    (tmp_path / "t.csv").write_bytes(b"a,b\n1,2\n" + "电影,北京的春天\n".encode("gbk") * 3)
    found = message_of(tmp_path / "t.csv")
    assert found.startswith("t.csv: line 3 is no UTF-8 text; it looks like gb18030: give ")
    assert found.endswith("`encoding: gb18030`")
    gbk = TextFormat(",", "gb18030")
    assert rows_of(tmp_path / "t.csv", gbk)[1] == {"a": "电影", "b": "北京的春天"}


def test_a_kind_without_the_option_asks_for_utf8(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("é,b\n1,2\n".encode("utf-16"))
    with pytest.raises(DataError) as error:
        first_rows(tmp_path / "t.csv", TAB, 1)
    assert str(error.value) == (
        "t.csv: line 1 is no UTF-8 text; it looks like utf-16: save it as UTF-8"
    )


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-16-le", "utf-16-be"])
def test_a_first_row_that_is_not_utf8_names_its_encoding(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "t.csv").write_bytes(NOT_TEXT.encode(encoding))
    assert message_of(tmp_path / "t.csv") == (
        f"t.csv: line 1 is no UTF-8 text; it looks like {encoding}: give `encoding: {encoding}`"
    )


def test_bytes_that_are_no_text_of_the_given_encoding_are_named(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"a,b\n1,2\n\xff\xff,4\n")
    assert message_of_format(tmp_path / "t.csv", TextFormat(",", "gbk")).startswith(
        "t.csv: line 3 is no GBK text"
    )


def message_of_format(path: Path, text: TextFormat) -> str:
    with pytest.raises(DataError) as error:
        rows_of(path, text)
    return str(error.value)


ROWS = [["user_id", "title"], ["u1", 'Léon "2"'], ["u2", "汉 字"], ["", "x"]]
BLANKS = [["user_id", "title"], ["u1", '"Léon'], ["u2", "汉"]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "gbk"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|", "::", " ", "§", "\x01", "||", ", "])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_any_separator_and_encoding_gives_the_same_rows(
    tmp_path: Path, separator: str, encoding: str, end: str
) -> None:
    rows = BLANKS if separator == " " else ROWS
    text = end.join(map(separator.join, rows)) + end
    (tmp_path / "t").write_bytes(text.encode(encoding))
    expected = [dict(zip(rows[0], (field or None for field in row), strict=True)) for row in rows]
    assert rows_of(tmp_path / "t", TextFormat(separator, encoding)) == expected[1:]


def test_blanks_may_be_several_and_stand_around_a_row(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes(b"# a   b\t c \r\n  1 2 \t 3\n4 5 6   ")
    assert rows_of(tmp_path / "t", TextFormat(" ")) == [
        {"a": "1", "b": "2", "c": "3"},
        {"a": "4", "b": "5", "c": "6"},
    ]


def test_pieces_may_end_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_stream, "BLOCK_BYTES", 64)
    rows = [[f"u{n}", f'é"{n}', "x" * (n % 7)] for n in range(300)]
    (tmp_path / "t").write_text("\n".join(map("::".join, [["a", "b", "c"], *rows])), "utf-16")
    found = rows_of(tmp_path / "t", TextFormat("::", "utf-16"))
    assert [[row["a"], row["b"], row["c"] or ""] for row in found] == rows


def test_quoted_fields_may_lie_across_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_stream, "BLOCK_BYTES", 64)
    rows = [[str(n), 'a "b",\n\n' * (n % 4) + '27"', '6" x'] for n in range(300)]
    lines = ['{},"{}",{}'.format(n, b.replace('"', '""'), c) for n, b, c in rows]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,c", *lines]))
    found = rows_of(tmp_path / "t.csv")
    assert [[row["a"], row["b"], row["c"]] for row in found] == rows


def test_quoted_fields_may_lie_across_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 256)
    rows = [[str(n), "a\n" * (n % 9) + "b", str(n)] for n in range(200)]
    lines = [f'{a},"{b}",{c}' for a, b, c in rows]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,c", *lines]))
    assert len(list(read_batches(tmp_path / "t.csv", COMMA))) > 3
    found = rows_of(tmp_path / "t.csv")
    assert [[row["a"], row["b"], row["c"]] for row in found] == rows


def test_empty_lines_at_the_end_may_fill_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "BLOCK_BYTES", 16)
    (tmp_path / "t.csv").write_text("a\n1\n2\n" + "\n" * 100)
    assert rows_of(tmp_path / "t.csv") == [{"a": "1"}, {"a": "2"}]


@pytest.mark.parametrize("field", [b"\xff", b"x\0"])
def test_one_field_that_is_no_text_makes_a_first_row_none(tmp_path: Path, field: bytes) -> None:
    (tmp_path / "t.csv").write_bytes(b"a," + field + b"\n1,2\n")
    for read in (
        lambda: first_rows(tmp_path / "t.csv", COMMA, 1),
        lambda: rows_of(tmp_path / "t.csv"),
    ):
        with pytest.raises(DataError, match=r"^t\.csv: line 1 is no UTF-8 text"):
            read()


def test_first_rows_are_as_many_as_asked_for_without_empty_ones(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('\n"a\nb", c\n\n1,2,3\n4\n')
    assert first_rows(tmp_path / "t.csv", COMMA, 2) == [["a\nb", " c"], ["1", "2", "3"]]
    assert len(first_rows(tmp_path / "t.csv", COMMA, 9)) == 3
    assert header_of(tmp_path / "t.csv", COMMA) == ["a\nb", "c"]


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (gzip.compress(b"a,b\n1,2\n", mtime=0), "packed by gzip; its name must end with .gz"),
        (b"PK\x03\x04...", "a ZIP archive or a spreadsheet; unpack it, or save it as CSV"),
        (b"PAR1...", "a Parquet file; its name must end with .parquet"),
    ],
)
def test_a_file_that_is_no_text_says_what_it_is(tmp_path: Path, start: bytes, what: str) -> None:
    (tmp_path / "t.csv").write_bytes(start)
    assert message_of(tmp_path / "t.csv") == f"t.csv: this is {what}"


def replace_open(
    monkeypatch: pytest.MonkeyPatch, replacement: Callable[[Path], io.BufferedReader]
) -> None:
    for module in ("packed", "text_faults", "delimited"):
        monkeypatch.setattr(f"morec.data.files.{module}.open_packed", replacement)


def test_a_quote_above_lines_without_end_is_named_before_they_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Endless] = []

    def open_endless(path: Path) -> io.BufferedReader:
        opened.append(Endless(b"x\n", b'a,b\n1,"x\n'))
        return io.BufferedReader(opened[-1])

    replace_open(monkeypatch, open_endless)
    with pytest.raises(DataError, match=r"^t.csv: line 2: a field begins with a quote"):
        rows_of(tmp_path / "t.csv")
    assert max(endless.num_bytes for endless in opened) < 3 * text_stream.BLOCK_BYTES


@pytest.mark.parametrize("text", [COMMA, TAB, TextFormat("::"), TextFormat(" ", "utf-16-le")])
@pytest.mark.parametrize("read", [lambda path, text: first_rows(path, text, 1), rows_of])
def test_a_packed_line_without_end_is_refused_before_it_fills_the_memory(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    read: Callable[[Path, TextFormat], object],
    text: TextFormat,
) -> None:
    opened: list[Endless] = []

    def open_endless(path: Path) -> io.BufferedReader:
        opened.append(Endless())
        return io.BufferedReader(opened[-1])

    replace_open(monkeypatch, open_endless)
    with pytest.raises(DataError, match=r"^t.csv.gz: "):
        read(tmp_path / "t.csv.gz", text)
    assert max(endless.num_bytes for endless in opened) < 3 * text_stream.BLOCK_BYTES
