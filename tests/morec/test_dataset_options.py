"""Options of data sets that have no effect, or exclude each other, are refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from morec.config import AmazonSpec, FilesSpec, PairsSpec


def files(**options: Any) -> FilesSpec:
    return FilesSpec(kind="files", interactions="a.csv", **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": "file", "time_column": "when"}, "order: file and time_column exclude each"),
        ({"order": "none", "time_format": "%Y"}, "order: none and time_format exclude each"),
        ({"rating_column": "stars"}, "rating_column has no effect: min_rating is not given"),
        ({"min_rating": 4}, "min_rating has no effect: rating_column is not given"),
        ({"html": "unescape"}, "html: unescape has no effect: text_column is not given"),
        ({"time_format": "%H:%M"}, "'%H:%M' names no year; write it like"),
        ({"time_format": "dd/mm/yyyy"}, "'dd/mm/yyyy' names no year; write it like"),
        ({"time_format": "%Y-%Q"}, "'Q' is a bad directive"),
        ({"time_format": "%Y-%Y"}, "'%Y-%Y' names a part twice"),
        ({"order": "random"}, "Input should be 'file' or 'none'"),
    ],
)
def test_options_without_an_effect_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as error:
        files(**options)
    assert message in str(error.value)


def test_html_without_titles_is_refused() -> None:
    with pytest.raises(ValidationError, match="html: unescape has no effect: titles are not given"):
        PairsSpec(kind="pairs", interactions="a.csv", html="unescape")


def test_options_survive_being_recorded() -> None:
    spec = files(order="none", items="b.csv", text_column="t", html="unescape")
    assert FilesSpec.model_validate_json(spec.model_dump_json()) == spec
    assert files(time_format="%d.%m.%Y %H:%M", rating_column="r", min_rating=3.5).order is None
    assert AmazonSpec(kind="amazon", reviews="r", meta="m").html == "unescape"
