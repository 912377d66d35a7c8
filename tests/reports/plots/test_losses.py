"""Loss curves of a second round of pre-training."""

from reports.plots.losses import losses


def test_validation_loss_begins_before_the_first_epoch() -> None:
    train, valid = losses({"train": (3.0, 2.5), "valid": (4.0, 2.9, 2.6)})["data"]
    assert (train["name"], train["x"], train["y"]) == ("train", [1, 2], [3.0, 2.5])
    assert (valid["name"], valid["x"]) == ("valid", [0, 1, 2])
