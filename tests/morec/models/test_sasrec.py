"""SASRec against torch's own transformer layers and the paper's numbers of parameters."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from morec.attention import attention
from morec.dropout import dropout, quick_dropout
from morec.models.sasrec import MASKED, Block, Packing, SASRec
from tests.morec.models.torch_layers import disturb, torch_layer

DIM, LENGTH, HEADS = 16, 6, 2
USERS = torch.zeros(1, dtype=torch.long)


def sasrec(
    dim: int = DIM, length: int = LENGTH, dropout: float = 0.0, num_blocks: int = 2
) -> SASRec:
    return SASRec(
        dim=dim, max_seq_len=length, num_blocks=num_blocks, num_heads=HEADS, dropout=dropout
    )


def left_padded(*num_items: int) -> Tensor:
    return torch.arange(LENGTH) >= LENGTH - torch.tensor(num_items)[:, None]


@pytest.mark.parametrize(
    ("dim", "length", "expected"),
    [(512, 20, 6_311_936), (512, 10, 6_306_816), (1024, 10, 25_196_544)],
)
def test_parameter_counts_are_the_papers(dim: int, length: int, expected: int) -> None:
    with torch.device("meta"):
        model = sasrec(dim, length)
    assert sum(parameter.numel() for parameter in model.parameters()) == expected
    per_block = 12 * dim**2 + 9 * dim
    assert expected == 2 * per_block + length * dim + 2 * dim


@pytest.mark.parametrize("is_causal", [True, False])
def test_items_are_packed_and_a_rows_last_slot_always_counts_as_one(is_causal: bool) -> None:
    is_item_BL = torch.tensor([[False, True, True, True], [False] * 4, [False, False, False, True]])
    padded_BLD = torch.arange(24.0).view(3, 4, 2)
    packing = Packing.of(is_item_BL, padded_BLD, is_causal=is_causal)
    assert packing.slots_P.tolist() == [1, 2, 3, 3, 3]
    assert packing.places_P.tolist() == [1, 2, 3, 7, 11]
    assert packing.last_B.tolist() == [2, 3, 4]
    places = torch.arange(4)
    is_seen_BLL = is_item_BL[:, None, :] & ((places <= places[:, None]) | (not is_causal))
    assert packing.mask_1BLL.shape == (1, 3, 4, 4)
    assert not packing.mask_1BLL[0][is_seen_BLL].any()
    assert (packing.mask_1BLL[0][~is_seen_BLL] < -1e8).all()
    packed_PD = packing.packed(padded_BLD)
    assert packed_PD[:, 0].tolist() == [2, 4, 6, 14, 22]
    again_BLD = packing.padded(packed_PD)
    is_kept_BL = is_item_BL | (places == 3)
    assert torch.equal(again_BLD, padded_BLD * is_kept_BL[..., None])


@pytest.mark.parametrize("num_heads", [1, 3])
def test_heads_are_padded_as_a_view_of_padded_rows_would_be_and_joined_again(
    num_heads: int,
) -> None:
    rows_BLX = torch.randn(3, LENGTH, num_heads * 4)
    packing = Packing.of(left_padded(2, LENGTH, 1), rows_BLX)
    packed_PX = packing.packed(rows_BLX)
    heads_HBLK = packing.split(packed_PX, num_heads)
    expected = packing.padded(packed_PX).view(3, LENGTH, num_heads, 4).permute(2, 0, 1, 3)
    assert heads_HBLK.is_contiguous()
    assert torch.equal(heads_HBLK, expected)
    assert torch.equal(packing.joined(heads_HBLK), packed_PX)


@pytest.mark.parametrize(("num_users", "expected"), [(1, 6), (11, 64), (33, 128), (64, 128)])
def test_bf16_on_a_cpu_packs_padding_too_up_to_a_multiple_or_all_of_it(
    num_users: int, expected: int
) -> None:
    is_item_BL = left_padded(*[1, 3] * num_users)[:num_users]
    rows_BLX = torch.randn(num_users, LENGTH, 4)
    whole = Packing.of(is_item_BL, rows_BLX)
    assert len(whole.places_P) == is_item_BL.sum()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        packing = Packing.of(is_item_BL, rows_BLX)
    assert len(packing.places_P) == expected
    assert set(whole.places_P.tolist()) <= set(packing.places_P.tolist())
    assert packing.slots_P.tolist() == (packing.places_P % LENGTH).tolist()
    ends_B = packing.places_P[packing.last_B]
    assert ends_B.tolist() == [row * LENGTH + LENGTH - 1 for row in range(num_users)]
    assert torch.equal(packing.mask_1BLL, whole.mask_1BLL)


@pytest.mark.parametrize("is_causal", [True, False])
def test_packed_padding_changes_no_items_state_and_no_gradient(
    is_causal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = sasrec().double()
    model.is_causal = is_causal  # type: ignore[misc]
    disturb(model)
    is_item_BL = left_padded(1, 3, LENGTH, 2, 5)
    items_BLD = torch.randn(5, LENGTH, DIM).double()

    def states_and_gradients() -> list[Tensor]:
        model.zero_grad()
        states_PD = model(items_BLD, is_item_BL, USERS)[is_item_BL]
        states_PD.square().sum().backward()
        last_BD = model(items_BLD, is_item_BL, USERS, last_only=True)[:, 0]
        gradients = [parameter.grad for parameter in model.parameters()]
        return [states_PD, last_BD, *(one for one in gradients if one is not None)]

    expected = states_and_gradients()
    monkeypatch.setattr("morec.models.sasrec._multiple", lambda device: 8)
    found = states_and_gradients()
    assert len(expected) == len(found) == 2 + len(list(model.parameters()))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_a_block_is_torchs_post_ln_layer() -> None:
    block = Block(DIM, HEADS, dropout=0.0).double()
    disturb(block)
    states_BLD = torch.randn(3, LENGTH, DIM).double()
    hidden_LL = torch.ones(LENGTH, LENGTH).triu(1).bool()
    mask_LL = torch.zeros(LENGTH, LENGTH).double().masked_fill(hidden_LL, MASKED)
    expected = torch_layer(block, "relu")(states_BLD, src_mask=mask_LL)
    packing = Packing.of(torch.ones(3, LENGTH, dtype=torch.bool), states_BLD)
    found = packing.padded(block(packing.packed(states_BLD), packing))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("num_blocks", [1, 2, 3])
def test_the_whole_encoder_is_a_norm_and_torchs_layers_over_causal_unpadded_keys(
    num_blocks: int,
) -> None:
    model = sasrec(num_blocks=num_blocks).double()
    disturb(model)
    items_BLD, is_item_BL = torch.randn(3, LENGTH, DIM).double(), left_padded(LENGTH, 3, 1)
    hidden_BLL = torch.ones(LENGTH, LENGTH).triu(1).bool() | ~is_item_BL[:, None, :]
    mask_BLL = torch.zeros(hidden_BLL.shape).double().masked_fill(hidden_BLL, MASKED)
    expected = model.norm(items_BLD + model.positions.weight)
    for block in model.blocks:
        layer = torch_layer(block, "relu")
        expected = layer(expected, src_mask=mask_BLL.repeat_interleave(HEADS, dim=0))
    actual = model(items_BLD, is_item_BL, USERS)
    torch.testing.assert_close(actual[is_item_BL], expected[is_item_BL], rtol=0, atol=1e-12)
    last_B1D = model(items_BLD, is_item_BL, USERS, last_only=True)
    torch.testing.assert_close(last_B1D, expected[:, -1:], rtol=0, atol=1e-12)


def quick_attention(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor, dropout_p: float, is_causal: bool
) -> Tensor:
    """Ours, as torch's layers call their own."""
    assert not is_causal
    return attention(query, key, value, mask=attn_mask, dropout_p=dropout_p)


def test_dropout_stands_where_torchs_layers_have_it_and_behind_the_first_norm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Torch's layers draw the same masks, place for place, for one user without padding."""
    monkeypatch.setattr(F, "scaled_dot_product_attention", quick_attention)
    model = sasrec(dropout=0.5).double().train()
    disturb(model)
    items_BLD = torch.randn(1, LENGTH, DIM).double()
    hidden_LL = torch.ones(LENGTH, LENGTH).triu(1).bool()
    mask_LL = torch.zeros(LENGTH, LENGTH).double().masked_fill(hidden_LL, MASKED)
    layers = [torch_layer(block, "relu").train() for block in model.blocks]
    torch.manual_seed(1)
    expected = dropout(model.norm(items_BLD + model.positions.weight), 0.5)
    for layer in layers:
        quick_dropout(layer)
        expected = layer(expected, src_mask=mask_LL)
    torch.manual_seed(1)
    found = model(items_BLD, left_padded(LENGTH), USERS)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_the_same_items_in_another_order_give_another_last_state() -> None:
    model, items_BLD = sasrec(), torch.randn(1, LENGTH, DIM)
    swapped = items_BLD[:, [1, 0, *range(2, LENGTH)]]
    is_item_BL = left_padded(LENGTH)
    states_BLD, others_BLD = (model(items, is_item_BL, USERS) for items in (items_BLD, swapped))
    assert not torch.allclose(states_BLD[:, -1], others_BLD[:, -1])


def test_weights_start_xavier_normal_and_biases_at_zero() -> None:
    model = sasrec(dim=256, length=100)
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            fan_out, fan_in = module.weight.shape
            expected = (2 / (fan_in + fan_out)) ** 0.5
            assert module.weight.std().item() == pytest.approx(expected, rel=0.03)
        if isinstance(module, nn.Linear) and module.bias is not None:
            assert not module.bias.any()
        if isinstance(module, nn.LayerNorm):
            assert module.eps == 1e-6
