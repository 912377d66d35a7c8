"""The states of several layers, joined, are the library's hidden states."""

from pathlib import Path

import pytest
import torch
import transformers as hf

from morec.encoders.text.layer_states import LayerwiseEncoder
from morec.encoders.text.transformer import load_config, load_layerwise
from morec.errors import SpecError
from tests.morec.encoders.text.stacks import batch, spec_of, titles


@torch.no_grad()
def test_the_states_of_chosen_layers_stand_one_after_the_other(
    saved_encoders: dict[str, Path],
) -> None:
    folder = saved_encoders["bert"]
    spec, reference = spec_of(folder), hf.AutoModel.from_pretrained(folder).eval()
    encoder = load_layerwise(spec, load_config(spec, 0), (0, 3, 1)).eval()
    assert (encoder.layers, encoder.dim) == ((0, 3, 1), 3 * 8)
    ids_BT, is_token_BT = batch()
    found = encoder(ids_BT, is_token_BT)[is_token_BT]
    outputs = [reference(ids[None, :n], output_hidden_states=True) for ids, n in titles()]
    states = [torch.cat([out.hidden_states[layer][0] for out in outputs]) for layer in (0, 3, 1)]
    torch.testing.assert_close(found, torch.cat(states, dim=1), rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_states_of_different_widths_are_refused(saved_encoders: dict[str, Path]) -> None:
    """OPT's layers are 8 numbers wide here, and what it gives in the end is 6."""
    encoder = LayerwiseEncoder(hf.AutoModel.from_pretrained(saved_encoders["opt"]), (0, 1))
    with pytest.raises(SpecError) as caught:
        encoder(*batch())
    assert str(caught.value) == (
        "item.text.side: the layers' states are 6 and 8 numbers wide; allowed: encoders with one "
        "width"
    )
