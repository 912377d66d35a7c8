"""Frozen layers have a seed of their own and leave the trial's random state as it was."""

import torch

from morec.encoders.frozen import frozen_randomness


def test_frozen_draws_are_always_the_same_and_change_no_other_draw() -> None:
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    with frozen_randomness():
        inside = torch.rand(2)
    assert torch.equal(torch.rand(2), expected)
    with frozen_randomness():
        assert torch.equal(torch.rand(2), inside)
