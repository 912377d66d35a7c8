"""Whatever lies in a file, it is taken for a data set or refused with a ``DataError``."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from morec.data.detect.layout import detect
from morec.errors import DataError
from tests.fuzz.mutations import fuzzed
from tests.fuzz.test_readers import NAMES, write_damaged
from tests.morec.data.detect.test_layout import words_of
from tests.morec.data.reader_cases import CASES


@pytest.mark.parametrize("name", NAMES)
@fuzzed(20)
@given(data=st.data())
def test_damaged_files_are_a_data_set_or_a_data_error(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    case, root = CASES[name], tmp_path_factory.getbasetemp() / f"{name} new"
    write_damaged(case, root, data)
    files, images = words_of(case, root)
    try:
        found = detect(files, images, root)
    except DataError as error:
        assert str(error).strip()
    else:
        assert found.answered()["kind"] == found.kind
