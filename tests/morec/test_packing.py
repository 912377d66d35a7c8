"""Whole numbers as text and back."""

import base64
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morec.errors import DataError
from morec.packing import pack_integers, unpack_integers


def test_numbers_are_uint32_little_endian_in_zlib_in_base64() -> None:
    data = zlib.decompress(base64.b64decode(pack_integers([1, 256, 2**32 - 1])))
    assert data == bytes([1, 0, 0, 0, 0, 1, 0, 0, 255, 255, 255, 255])


@given(st.lists(st.integers(0, 2**32 - 1)))
def test_what_is_packed_is_unpacked(values: list[int]) -> None:
    assert unpack_integers(pack_integers(np.array(values, dtype=np.int64))).tolist() == values


ODD = base64.b64encode(zlib.compress(b"12345")).decode()


@pytest.mark.parametrize("packed", ["eJ", "é", "AAAA", pack_integers([1, 2, 3])[:-8], ODD, ""])
def test_what_was_cut_off_is_an_error(packed: str) -> None:
    with pytest.raises(DataError, match=r"^cannot be unpacked: "):
        unpack_integers(packed)


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (2, "are more than 2 numbers"),
        (4, "are 3 numbers, not 4"),
        (10**18, f"are 3 numbers, not {10**18:,}"),
    ],
)
def test_another_number_of_numbers_is_an_error(count: int, message: str) -> None:
    assert unpack_integers(pack_integers([1, 2, 3]), 3).tolist() == [1, 2, 3]
    with pytest.raises(DataError, match=f"^{message}$"):
        unpack_integers(pack_integers([1, 2, 3]), count)


def test_a_few_bytes_that_stand_for_endless_zeros_are_not_unpacked() -> None:
    """100 MB of zeros; a process that unpacked them would hold them."""
    packed = base64.b64encode(zlib.compress(bytes(10**8))).decode()
    tracemalloc.start()
    with pytest.raises(DataError, match="are more than 10 numbers"):
        unpack_integers(packed, 10)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10**6
