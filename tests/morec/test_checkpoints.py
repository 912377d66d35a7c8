"""One file a trial: what it holds is loaded again, and whatever is not whole counts as none."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from morec.checkpoints import (
    CHEAP_S,
    FORMAT,
    STORED,
    Checkpoints,
    random_states,
    restore_random_states,
)
from morec.storage import Storage
from tests.morec.gpus import GPU, needs_gpu

WEIGHTS = {"weight": torch.arange(4.0)}


def state(best_epoch: int, random_now: Any = None) -> dict[str, Any]:
    """A whole state; what does not matter here is None."""
    plain: dict[str, Any] = {part: dict.fromkeys(keys) for part, keys in STORED.items()}
    plain["best_weights"] = dict(WEIGHTS)
    plain["progress"]["best_epoch"] = best_epoch
    plain["trainer"]["random"] = random_now
    return plain


def best_epoch_of(checkpoints: Checkpoints) -> int | None:
    last = checkpoints.load()
    return None if last is None else last["progress"]["best_epoch"]


@pytest.fixture
def saved(tmp_path: Path) -> Checkpoints:
    checkpoints = Checkpoints(tmp_path / "trial")
    checkpoints.save(state(3, random_states(np.random.default_rng(0))))
    return checkpoints


def test_what_was_saved_is_loaded(saved: Checkpoints) -> None:
    last = saved.load()
    assert last is not None
    assert last["progress"]["best_epoch"] == 3
    assert torch.equal(last["best_weights"]["weight"], WEIGHTS["weight"])


def test_a_folder_holds_the_last_checkpoint_and_nothing_else(saved: Checkpoints) -> None:
    saved.save(state(4))
    assert list(saved.path.parent.iterdir()) == [saved.path]
    assert best_epoch_of(saved) == 4


def test_a_checkpoint_of_another_format_or_of_none_counts_as_none(saved: Checkpoints) -> None:
    for other in ({"format": FORMAT + 1, **state(3)}, state(3), [state(3)]):
        torch.save(other, saved.path)
        assert saved.load() is None
    torch.save({"format": FORMAT, **state(3)}, saved.path)
    assert best_epoch_of(saved) == 3


@pytest.mark.parametrize(
    ("part", "key"), [(part, key) for part, keys in STORED.items() for key in (None, *keys)]
)
def test_a_checkpoint_without_a_part_or_key_counts_as_none(
    part: str, key: str | None, saved: Checkpoints
) -> None:
    lacking = state(3)
    if key is None:
        del lacking[part]
    else:
        del lacking[part][key]
    saved.save(lacking)
    assert saved.load() is None


def test_a_slow_write_waits_for_its_share_of_the_time_and_a_quick_one_never(tmp_path: Path) -> None:
    quick, slow = Checkpoints(tmp_path / "quick"), Checkpoints(tmp_path / "slow")
    assert quick.is_due()
    for checkpoints, write_s in ((quick, CHEAP_S / 2), (slow, 36.0)):
        checkpoints.save(state(1))
        checkpoints._write_s = write_s
    assert quick.is_due()
    assert not slow.is_due()
    slow._written_at -= 1100
    assert not slow.is_due()
    slow._written_at -= 101  # 36 of 1,200 s are the share of 3%.
    assert slow.is_due()


def test_without_checkpoints_there_is_nothing_to_continue(tmp_path: Path) -> None:
    assert Checkpoints(tmp_path / "never made").load() is None


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_last_state_that_was_cut_short_is_not_continued(saved: Checkpoints, share: float) -> None:
    path = saved.path
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    assert saved.load() is None


@pytest.mark.parametrize("content", [b"garbage", b"\x80\x02garbage", b"PK\x03\x04garbage"])
def test_a_last_state_that_is_none_is_not_continued(saved: Checkpoints, content: bytes) -> None:
    (saved.path).write_bytes(content)
    assert saved.load() is None


def test_removing_leaves_nothing_and_may_be_repeated(saved: Checkpoints) -> None:
    saved.remove()
    saved.remove()
    assert not saved.path.parent.exists()


def test_restored_random_states_draw_the_same_again() -> None:
    generator = np.random.default_rng(5)
    states = random_states(generator)
    before = (torch.rand(3).tolist(), generator.random(3).tolist())
    restore_random_states(states, generator)
    assert (torch.rand(3).tolist(), generator.random(3).tolist()) == before


def test_random_states_survive_a_file(tmp_path: Path) -> None:
    generator = np.random.default_rng(5)
    Checkpoints(tmp_path).save(state(1, random_states(generator)))
    expected = (torch.rand(3).tolist(), generator.random(3).tolist())
    last = Checkpoints(tmp_path).load()
    assert last is not None
    restore_random_states(last["trainer"]["random"], generator)
    assert (torch.rand(3).tolist(), generator.random(3).tolist()) == expected


def test_only_plain_values_are_loaded(saved: Checkpoints) -> None:
    """A checkpoint is data: nothing in it may run code."""
    torch.save({"format": FORMAT, **state(1, random.Random(0))}, saved.path)
    assert saved.load() is None


def test_with_a_storage_another_machine_goes_on_from_what_was_saved(tmp_path: Path) -> None:
    storage = Storage(str(tmp_path / "shared"))
    here, there = (Checkpoints(tmp_path / name, storage) for name in ("here", "there"))
    here.save(state(1))
    assert best_epoch_of(there) == 1
    there.save(state(2))
    assert best_epoch_of(here) == 2
    assert here.place == there.place == storage.place
    there.remove()
    assert storage.sizes() == {}
    assert Checkpoints(tmp_path / "third", storage).load() is None


def test_another_trials_checkpoints_lie_beside_and_of_a_storage_in_its_sibling(
    tmp_path: Path,
) -> None:
    Checkpoints(tmp_path / "all" / "other").save(state(4))
    found = Checkpoints(tmp_path / "all" / "own").beside("other").load()
    assert found is not None and found["progress"]["best_epoch"] == 4

    shared = tmp_path / "shared"
    Checkpoints(tmp_path / "there", Storage(str(shared / "other"))).save(state(7))
    own = Checkpoints(tmp_path / "local", Storage(str(shared / "own")))
    beside = own.beside("other")
    found = beside.load()
    assert found is not None and found["progress"]["best_epoch"] == 7
    # The copy goes with this trial's own folder.
    assert beside.path.is_relative_to(tmp_path / "local")


@needs_gpu
def test_what_a_gpu_draws_goes_on_after_a_restart(tmp_path: Path) -> None:
    """Through a file, as between two processes."""
    generator = np.random.default_rng(3)
    checkpoints = Checkpoints(tmp_path / "trial")
    checkpoints.save(state(1, [random_states(generator)]))
    drawn = torch.rand(5, device=GPU)
    torch.rand(9, device=GPU)
    stored = checkpoints.load()
    assert stored is not None
    restore_random_states(stored["trainer"]["random"][0], generator)
    torch.testing.assert_close(torch.rand(5, device=GPU), drawn, rtol=0, atol=0)
