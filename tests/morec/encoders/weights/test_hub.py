"""Within ``offline`` nothing is fetched, and what that alone made impossible is told apart."""

import pytest
from huggingface_hub import constants
from huggingface_hub.errors import LocalEntryNotFoundError

from morec.encoders.weights.hub import is_uncached, offline


@pytest.mark.parametrize("before", [False, True])
def test_offline_ends_with_what_was_set_before(
    monkeypatch: pytest.MonkeyPatch, *, before: bool
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", before)
    with offline():
        assert constants.HF_HUB_OFFLINE is True
    assert constants.HF_HUB_OFFLINE is before
    with pytest.raises(KeyError), offline():
        raise KeyError
    assert constants.HF_HUB_OFFLINE is before


def caused(cause: Exception) -> Exception:
    error = OSError("cannot be had")
    error.__cause__ = cause
    return error


def test_only_what_the_cache_lacks_offline_is_uncached(monkeypatch: pytest.MonkeyPatch) -> None:
    lacks, broken = caused(LocalEntryNotFoundError("no such file")), caused(ValueError("broken"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    assert not is_uncached(lacks)
    with offline():
        assert is_uncached(lacks)
        assert not is_uncached(broken)
        assert not is_uncached(OSError("without a cause"))
