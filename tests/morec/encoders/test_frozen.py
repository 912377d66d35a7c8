import torch

from morec.encoders.frozen import frozen_randomness


def test_inside_the_draws_are_fixed_and_outside_they_go_on() -> None:
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    with frozen_randomness():
        inside = torch.rand(2)
    assert torch.equal(torch.rand(2), expected)
    with frozen_randomness():
        assert torch.equal(torch.rand(2), inside)
