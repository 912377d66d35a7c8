"""HTML in titles is replaced where wanted; odd titles are counted."""

import pytest

from morec.config import AmazonSpec, FilesSpec, MindSpec
from morec.data.titles import read_titles

AMAZON = AmazonSpec(kind="amazon", reviews="r", meta="m")
FILES = FilesSpec(kind="files", interactions="a", items="b", text_column="t")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Tom &amp; Jerry&#039;s", "Tom & Jerry's"),
        ("&quot;27&quot; &#x201C;x&#x201D;", '"27" \u201cx\u201d'),
        ("Tom &amp;amp; Jerry", "Tom & Jerry"),
        ("Tom &amp;amp;amp; Jerry", "Tom &amp; Jerry"),
        ("&nothing; &amp; more", "&nothing; & more"),
        ("<b>New</b><br/>Edition", "New Edition"),
        ('<span class="a-size-large">Lamp</span>', "Lamp"),
        ("2 &lt; 3\n &lt;b&gt;", "2 < 3 <b>"),
    ],
)
def test_html_is_replaced_by_what_it_shows(written: str, read: str) -> None:
    titles = read_titles(AMAZON, [written, "plain"])
    assert titles.titles == (read, "plain")
    assert titles.counts["titles_with_html"] == 1
    assert read_titles(FILES, [written, "plain"]).titles == (written, "plain")
    unescaped = FILES.model_copy(update={"html": "unescape"})
    assert read_titles(unescaped, [written, "plain"]).titles == (read, "plain")


@pytest.mark.parametrize(
    "text",
    [
        "AT&T",
        "R&notable",
        "I <3 you",
        "x < y > z",
        "<UNK>",
        "&nothing;",
        "a & b; c",
        "1&2;",
        "a  b",
    ],
)
def test_what_only_looks_like_html_stays(text: str) -> None:
    titles = read_titles(AMAZON, [text])
    assert titles.titles == (text,)
    assert "titles_with_html" not in titles.counts


def test_odd_titles_are_counted_in_every_layout() -> None:
    titles = ["a", "a", "", "b\nc", "&lt;d&gt;", "b\rc", "a", ""]
    expected = {
        "empty_titles": 2,
        "titles_with_html": 1,
        "titles_with_line_breaks": 2,
        "repeated_titles": 2,
    }
    assert read_titles(FILES, titles).counts == expected
    assert read_titles(MindSpec(kind="mind", folder="x"), titles).counts == expected
    assert read_titles(FILES, ["a", "b"]).counts == {"empty_titles": 0}
