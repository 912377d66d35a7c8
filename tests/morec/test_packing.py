"""Whole numbers as text and back."""

import base64
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morec.packing import pack_integers, unpack_integers


def test_numbers_are_uint32_little_endian_in_zlib_in_base64() -> None:
    data = zlib.decompress(base64.b64decode(pack_integers([1, 256, 2**32 - 1])))
    assert data == bytes([1, 0, 0, 0, 0, 1, 0, 0, 255, 255, 255, 255])


@given(st.lists(st.integers(0, 2**32 - 1)))
def test_what_is_packed_is_unpacked(values: list[int]) -> None:
    assert unpack_integers(pack_integers(np.array(values, dtype=np.int64))).tolist() == values


@pytest.mark.parametrize("packed", ["eJ", "AAAA", pack_integers([1, 2, 3])[:-8]])
def test_what_was_cut_off_is_an_error(packed: str) -> None:
    with pytest.raises((zlib.error, ValueError)):
        unpack_integers(packed)
