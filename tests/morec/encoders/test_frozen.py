"""Frozen layers have a seed of their own; what they give is computed and written once."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from morec.encoders import frozen
from morec.encoders.artefacts import Artefact
from morec.encoders.frozen import (
    counts_of,
    frozen_device,
    frozen_randomness,
    row_chunks,
    write_features,
    write_layer_states,
)


def test_frozen_draws_are_always_the_same_and_change_no_other_draw() -> None:
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    with frozen_randomness():
        inside = torch.rand(2)
    assert torch.equal(torch.rand(2), expected)
    with frozen_randomness():
        assert torch.equal(torch.rand(2), inside)


def test_frozen_draws_are_those_that_artefacts_of_earlier_code_were_made_with() -> None:
    with frozen_randomness():
        found = torch.rand(3)
    assert torch.equal(found, torch.rand(3, generator=torch.Generator().manual_seed(0)))


class Squares(nn.Module):
    """K powers of a row's number, H times each; dropout would show."""

    def __init__(self, num_powers: int, width: int) -> None:
        super().__init__()
        self.num_powers, self.width = num_powers, width
        self.drop = nn.Dropout(0.9)
        self.seen: list[int] = []

    def forward(self, rows_N: Tensor) -> Tensor:
        self.seen.append(len(rows_N))
        powers = [(rows_N[:, None] + 1.0) ** k for k in range(1, self.num_powers + 1)]
        found: Tensor = self.drop(torch.cat([p.expand(-1, self.width) for p in powers], 1))
        return found


def test_features_are_those_of_all_rows_in_evaluation_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frozen, "ENCODE_ITEMS", 3)
    encoder = Squares(1, 2).train()
    write_features(encoder, 7, tmp_path)
    expected = [[row + 1.0] * 2 for row in range(7)]
    assert np.load(tmp_path / "features.npy").tolist() == expected
    assert encoder.seen == [3, 3, 1]


@pytest.mark.parametrize("chunks", [[[4, 1], [0, 2, 5], [3]], [[0, 1, 2, 3, 4, 5]]])
def test_layer_states_stand_at_their_rows_whatever_the_chunks(
    chunks: list[list[int]], tmp_path: Path
) -> None:
    write_layer_states(Squares(3, 2).train(), [torch.tensor(rows) for rows in chunks], 3, tmp_path)
    found = np.load(tmp_path / "features.npy")
    assert found.dtype == np.float32
    assert found.tolist() == [[[(row + 1.0) ** k] * 2 for k in (1, 2, 3)] for row in range(6)]


def test_chunks_are_all_rows_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frozen, "ENCODE_ITEMS", 2)
    assert [rows.tolist() for rows in row_chunks(5)] == [[0, 1], [2, 3], [4]]


def test_counts_are_read_where_they_were_written(tmp_path: Path) -> None:
    artefact = Artefact(tmp_path, 0.0, 0)
    assert counts_of(artefact) == {}
    (tmp_path / "counts.json").write_text(json.dumps({"directions": 3}))
    assert counts_of(artefact) == {"directions": 3}


def test_the_device_of_frozen_layers_is_one_that_there_is() -> None:
    assert torch.ones(2, device=frozen_device()).sum().item() == 2
    assert frozen_device().type == ("cuda" if torch.cuda.device_count() else "cpu")
