import torch
from torch import Tensor, nn

from morec.config import SASRecSpec
from morec.encoders.dnn import dense_layers
from morec.encoders.item import IdPart, ItemEncoder
from morec.models.recommender import ITEM_CHUNK, Recommender, build_user_encoder

DIM, LENGTH = 4, 3
ITEMS_BL1 = torch.tensor([[0, 0, 5, 2], [2, 3, 5, 7]])
NEGATIVES_BL = torch.tensor([[0, 0, 9], [9, 1, 5]])
CPU = torch.device("cpu")


class RecordingPart(IdPart):
    """Remembers which items it was asked for."""

    def __init__(self, num_items: int) -> None:
        super().__init__(num_items, DIM)
        self.asked: list[int] = []

    def forward(self, items_N: Tensor) -> Tensor:
        self.asked += items_N.tolist()
        return super().forward(items_N)


def recommender(num_items: int = 9) -> tuple[Recommender, RecordingPart]:
    part = RecordingPart(num_items)
    users = build_user_encoder(SASRecSpec(dim=DIM, dropout=0.0), LENGTH)
    items = ItemEncoder({"id": part}, None, dense_layers(DIM, 0, 0.0))
    return Recommender(items, users, num_items), part


def test_every_item_of_a_batch_is_encoded_once_and_padding_never():
    model, part = recommender()
    model(ITEMS_BL1, NEGATIVES_BL)
    assert part.asked == [1, 2, 3, 5, 7, 9]


def test_the_rows_of_a_batch_are_its_items_and_row_0_is_padding():
    model, part = recommender()
    batch = model(ITEMS_BL1, NEGATIVES_BL)
    assert batch.unique_ids_U[batch.items_BL1].equal(ITEMS_BL1)
    assert batch.unique_ids_U[batch.negatives_BL].equal(NEGATIVES_BL)
    assert batch.vectors_UD[1:].equal(part.embedding.weight[batch.unique_ids_U[1:]])
    assert not batch.vectors_UD[0].any()


def test_states_are_those_of_a_user_encoder_that_reads_every_slot():
    model, part = recommender()
    inputs_BL = ITEMS_BL1[:, :-1]
    expected = model.user_encoder(part.embedding(inputs_BL), inputs_BL > 0)
    batch = model(ITEMS_BL1, NEGATIVES_BL)
    assert batch.states_BLD[inputs_BL > 0].equal(expected[inputs_BL > 0])


def test_a_target_needs_a_real_input_and_a_real_item():
    model, _ = recommender()
    batch = model(ITEMS_BL1, NEGATIVES_BL)
    assert batch.is_target_BL.tolist() == [[False, False, True], [True, True, True]]


def test_a_batch_without_sampled_negatives_has_none():
    model, part = recommender()
    batch = model(ITEMS_BL1, ITEMS_BL1.new_empty(2, 0))
    assert batch.negatives_BL.shape == (2, 0)
    assert part.asked == [2, 3, 5, 7]


def test_the_catalogue_is_the_same_in_one_chunk_or_several():
    num_items = 2 * ITEM_CHUNK + 3
    model, part = recommender(num_items)
    catalogue_ND = model.encode_catalogue(CPU)
    assert part.asked == list(range(1, num_items + 1))
    assert catalogue_ND[1:].equal(part.embedding.weight[1:])
    assert not catalogue_ND[0].any()
    assert not catalogue_ND.requires_grad


def test_a_user_is_the_state_after_the_last_input():
    model, part = recommender()
    inputs_BL = torch.tensor([[0, 0, 4], [1, 2, 3]])
    states_BLD = model.user_encoder(part.embedding(inputs_BL), inputs_BL > 0)
    users_BD = model.user_vectors(inputs_BL, model.encode_catalogue(CPU))
    assert users_BD.equal(states_BLD[:, -1])


def test_the_user_encoder_is_built_as_specified():
    spec = SASRecSpec(dim=6, num_blocks=3, num_heads=3, dropout=0.25)
    users = build_user_encoder(spec, max_seq_len=7)
    assert users.positions.weight.shape == (7, 6)
    assert len(users.blocks) == 3
    assert {block.num_heads for block in users.blocks} == {3}
    assert {m.p for m in users.modules() if isinstance(m, nn.Dropout)} == {0.25}
