"""A batch encodes every item once, a catalogue keeps its order, models are built as specified."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from morec.config import (
    BERT4RecSpec,
    DSSMSpec,
    GRU4RecSpec,
    ItemSpec,
    ModelSpec,
    NextItNetSpec,
    SASRecSpec,
)
from morec.data.dataset import Dataset
from morec.encoders.artefacts import ArtefactStore
from morec.encoders.fusion import dense_layers
from morec.encoders.id_vectors import random_embedding
from morec.encoders.item import IdPart, ItemEncoder
from morec.errors import DataError, SpecError
from morec.models.bert4rec import BERT4Rec
from morec.models.dssm import DSSM
from morec.models.gru4rec import GRU4Rec
from morec.models.nextitnet import NextItNet
from morec.models.recommender import (
    ITEM_CHUNK,
    USER_GROUPS,
    Recommender,
    Samples,
    build_recommender,
    build_user_encoder,
    check_trains,
    unique_ids,
)
from morec.models.sasrec import SASRec
from tests.morec.data.hand_made import dataset_of
from tests.morec.tiny_trials import FROZEN_TEXT, TRAINED_TEXT, tiny_config

DIM, LENGTH = 4, 3
ITEMS_BL1 = torch.tensor([[0, 0, 5, 2], [2, 3, 5, 7]])
SAMPLES = Samples(
    users_B=torch.tensor([0, 1]),
    items_BL1=ITEMS_BL1,
    is_target_BT=ITEMS_BL1[:, :-1] > 0,
    negatives_BTK=torch.tensor([[[0], [0], [9]], [[9], [1], [5]]]),
    shared_M=torch.empty(0, dtype=torch.long),
)
PAIRS = Samples(
    users_B=torch.tensor([1, 0, 1]),
    items_BL1=torch.tensor([[5], [2], [5]]),
    is_target_BT=torch.ones(3, 1, dtype=torch.bool),
    negatives_BTK=torch.tensor([[[2]], [[9]], [[1]]]),
    shared_M=torch.empty(0, dtype=torch.long),
)
CPU = torch.device("cpu")
A_SASREC = SASRecSpec(dim=DIM, dropout=0.0)


class RecordingPart(IdPart):
    """Remembers which items it was asked for."""

    def __init__(self, num_items: int) -> None:
        super().__init__(random_embedding(num_items, DIM), dense_layers(DIM, 0, 0.0))
        self.asked: list[int] = []

    def forward(self, items_N: Tensor) -> Tensor:
        self.asked += items_N.tolist()
        return super().forward(items_N)


def recommender(
    num_items: int = 9, spec: ModelSpec = A_SASREC
) -> tuple[Recommender, RecordingPart]:
    part = RecordingPart(num_items)
    users = build_user_encoder(spec, 2, LENGTH)
    items = ItemEncoder({"id": part}, None, dense_layers(DIM, 0, 0.0))
    return Recommender(items, users, num_items), part


def test_every_item_of_a_batch_is_encoded_once_and_padding_never() -> None:
    model, part = recommender()
    model(SAMPLES)
    assert part.asked == [1, 2, 3, 5, 7, 9]


def test_the_rows_of_a_batch_are_its_items_and_row_0_is_padding() -> None:
    model, part = recommender()
    batch = model(SAMPLES)
    assert batch.unique_ids_U[batch.items_BL1].equal(ITEMS_BL1)
    assert batch.unique_ids_U[batch.negatives_BTK].equal(SAMPLES.negatives_BTK)
    assert batch.vectors_UD[1:].equal(part.embedding.weight[batch.unique_ids_U[1:]])
    assert not batch.vectors_UD[0].any()


def test_states_are_those_of_a_user_encoder_that_reads_every_slot() -> None:
    model, part = recommender()
    inputs_BL = ITEMS_BL1[:, :-1]
    expected = model.user_encoder(part.embedding(inputs_BL), inputs_BL > 0, SAMPLES.users_B)
    batch = model(SAMPLES)
    assert batch.states_RTD[inputs_BL > 0].equal(expected[inputs_BL > 0])


def test_only_readers_are_read_and_the_first_item_of_the_catalogue_is_no_padding() -> None:
    model, part = recommender()
    items_BL1 = torch.tensor([[0, 1, 5, 1], [1, 1, 3, 1], [0, 0, 1, 2]])
    samples = Samples(
        users_B=torch.tensor([0, 1, 0]),
        items_BL1=items_BL1,
        is_target_BT=items_BL1[:, :-1] > 0,
        negatives_BTK=torch.empty(3, 3, 0, dtype=torch.long),
        shared_M=torch.empty(0, dtype=torch.long),
    )
    inputs_BL = items_BL1[1:, :-1]
    expected = model.user_encoder(part.embedding(inputs_BL), inputs_BL > 0, samples.users_B[1:])
    batch = model(samples, readers=slice(1, 3))
    assert batch.states_RTD[inputs_BL > 0].equal(expected[inputs_BL > 0])
    assert batch.unique_ids_U[batch.items_BL1].equal(items_BL1)
    assert batch.is_target_BT.equal(samples.is_target_BT)


def test_the_targets_of_a_sequence_are_its_items_after_the_first() -> None:
    model, _ = recommender()
    batch = model(SAMPLES)
    assert batch.unique_ids_U[batch.targets_BT].tolist() == [[0, 5, 2], [3, 5, 7]]
    assert batch.is_target_BT.equal(SAMPLES.is_target_BT)


def test_the_target_of_a_pair_is_its_item_and_the_state_is_the_users() -> None:
    model, part = recommender(spec=DSSMSpec(kind="dssm", dim=DIM))
    batch = model(PAIRS)
    assert batch.unique_ids_U[batch.targets_BT].tolist() == [[5], [2], [5]]
    assert batch.unique_ids_U[batch.negatives_BTK].tolist() == [[[2]], [[9]], [[1]]]
    assert batch.states_RTD[:, 0].equal(model.user_encoder.embedding.weight[PAIRS.users_B])
    assert part.asked == [1, 2, 5, 9]


def test_samples_can_be_cut_to_some_rows() -> None:
    some = PAIRS[slice(0, 3, 2)]
    assert some.users_B.tolist() == [1, 1]
    assert some.items_BL1.tolist() == [[5], [5]]
    assert some.is_target_BT.tolist() == [[True], [True]]
    assert some.negatives_BTK.tolist() == [[[2]], [[1]]]


def test_a_batch_without_sampled_negatives_has_none() -> None:
    model, part = recommender()
    batch = model(replace(SAMPLES, negatives_BTK=ITEMS_BL1.new_empty(2, 3, 0)))
    assert batch.negatives_BTK.shape == (2, 3, 0)
    assert part.asked == [2, 3, 5, 7]


def test_items_that_all_targets_share_are_encoded_once_with_the_others() -> None:
    model, part = recommender()
    shared_M = torch.tensor([8, 5, 8, 4])
    samples = replace(SAMPLES, shared_M=shared_M)
    batch = model(samples)
    assert batch.unique_ids_U[batch.shared_M].equal(shared_M)
    assert batch.unique_ids_U[batch.negatives_BTK].equal(SAMPLES.negatives_BTK)
    assert batch.unique_ids_U[batch.items_BL1].equal(ITEMS_BL1)
    assert part.asked == sorted({*samples.encoded_ids().tolist()} - {0})
    assert part.asked == [1, 2, 3, 4, 5, 7, 8, 9]
    assert samples[slice(0, 1)].shared_M.equal(shared_M)


def test_the_catalogue_is_the_same_in_one_chunk_or_several() -> None:
    num_items = 2 * ITEM_CHUNK + 3
    model, part = recommender(num_items)
    catalogue_ND = model.encode_catalogue()
    assert part.asked == list(range(1, num_items + 1))
    assert catalogue_ND[1:].equal(part.embedding.weight[1:])
    assert not catalogue_ND[0].any()
    assert not catalogue_ND.requires_grad


@pytest.mark.parametrize("num_users", [1, 2, 3, 11])
def test_a_user_is_the_state_after_the_last_input(num_users: int) -> None:
    model, part = recommender()
    model.double().eval()
    inputs_BL = torch.randint(1, 10, (num_users, LENGTH))
    inputs_BL[torch.arange(LENGTH) < torch.randint(0, LENGTH, (num_users, 1))] = 0
    users_B = torch.randint(0, 2, (num_users,))
    states_BLD = model.user_encoder(part.embedding(inputs_BL), inputs_BL > 0, users_B)
    users_BD = model.user_vectors(inputs_BL, users_B, model.encode_catalogue())
    torch.testing.assert_close(users_BD, states_BLD[:, -1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("num_users", [1, 3, 4, 11])
def test_users_are_read_in_groups_without_columns_that_are_padding_in_all_rows(
    num_users: int,
) -> None:
    model, part = recommender()
    model.double().eval()
    read: list[tuple[int, int, bool]] = []

    def remember(_: nn.Module, given: tuple[Tensor, ...], options: dict[str, bool]) -> None:
        read.append((*given[0].shape[:2], options["last_only"]))

    model.user_encoder.register_forward_pre_hook(remember, with_kwargs=True)
    lengths = [user % (LENGTH + 1) for user in range(num_users)]
    # Item 1 in every slot: it is an item like any other.
    inputs_BL = (torch.arange(LENGTH) >= LENGTH - torch.tensor(lengths)[:, None]).long()
    users_B = torch.zeros(num_users, dtype=torch.long)
    found_BD = model.user_vectors(inputs_BL, users_B, model.encode_catalogue())
    groups = np.array_split(np.sort(lengths), min(USER_GROUPS, num_users))
    assert read == [(len(group), max(1, group[-1]), True) for group in groups]
    has_inputs_B = torch.tensor(lengths) > 0
    states_BLD = model.user_encoder(
        part.embedding(inputs_BL), inputs_BL > 0, users_B, last_only=False
    )
    expected_BD = states_BLD[has_inputs_B, -1]
    torch.testing.assert_close(found_BD[has_inputs_B], expected_BD, rtol=0, atol=1e-12)


def test_a_catalogue_encoded_by_length_keeps_its_order(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    titles = tuple("ocean " * (1 + 5 * i % 4) for i in range(tiny_dataset.num_items))
    dataset = replace(tiny_dataset, titles=titles)
    parts = ItemSpec.model_validate(TRAINED_TEXT)
    model = build_recommender(A_SASREC, parts, dataset, ArtefactStore(tmp_path)).double().eval()
    ids_N = torch.arange(1, dataset.num_items + 1)
    one_by_one = torch.cat([model.item_encoder(item) for item in ids_N.split(1)])
    catalogue_ND = model.encode_catalogue()
    torch.testing.assert_close(catalogue_ND[1:], one_by_one, rtol=0, atol=1e-12)


def text_recommender(dataset: Dataset, folder: Path) -> Recommender:
    parts = ItemSpec.model_validate(TRAINED_TEXT)
    model = build_recommender(A_SASREC, parts, dataset, ArtefactStore(folder))
    return model.double().train()


def gradients(model: Recommender, vectors_ND: Tensor) -> list[Tensor]:
    weights_ND = torch.linspace(-1, 1, vectors_ND.numel()).view_as(vectors_ND).double()
    return list(
        torch.autograd.grad((vectors_ND * weights_ND).sum(), model.item_encoder.parameters())
    )


def test_chunks_are_encoded_again_with_the_dropout_masks_they_had(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    """Against a loop over the chunks that keeps everything; other masks would be noticed."""
    model = text_recommender(tiny_dataset, tmp_path)
    ids_N = torch.tensor([1, 2, 3, 5, 7, 9])
    order_N = model.item_encoder.by_length(ids_N)
    expected = {}
    for seed in (3, 4):
        torch.manual_seed(seed)
        chunks = [model.item_encoder(chunk) for chunk in ids_N[order_N].split(4)]
        expected[seed] = gradients(model, torch.cat(chunks)[order_N.argsort()])
    model.micro_items = 4
    torch.manual_seed(3)
    found = gradients(model, model(SAMPLES).vectors_UD[1:])
    torch.testing.assert_close(found, expected[3], rtol=0, atol=1e-10)
    assert max((a - b).abs().max() for a, b in zip(found, expected[4], strict=True)) > 1e-2


def test_with_chunks_hardly_an_activation_is_kept(tiny_dataset: Dataset, tmp_path: Path) -> None:
    model = text_recommender(tiny_dataset, tmp_path)
    kept = {}
    for micro_items in (None, 2):
        model.micro_items = micro_items
        sizes: list[int] = []
        saved = torch.autograd.graph.saved_tensors_hooks(
            lambda tensor, sizes=sizes: (sizes.append(tensor.numel()), tensor)[1],
            lambda tensor: tensor,
        )
        with saved:
            model(SAMPLES)
        kept[micro_items] = sum(sizes)
    assert kept[2] < kept[None] / 10


def test_a_sasrec_is_built_as_specified() -> None:
    spec = SASRecSpec(dim=6, num_blocks=3, num_heads=3, dropout=0.25)
    users = build_user_encoder(spec, num_users=5, max_seq_len=7)
    assert isinstance(users, SASRec)
    assert users.positions.weight.shape == (7, 6)
    assert len(users.blocks) == 3
    assert {block.num_heads for block in users.blocks} == {3}
    assert dropouts(users) == [0.25] * 4


def test_a_bert4rec_is_built_as_specified() -> None:
    spec = BERT4RecSpec(
        kind="bert4rec", dim=6, num_blocks=3, num_heads=3, dropout=0.25, mask_share=0.6
    )
    users = build_user_encoder(spec, num_users=5, max_seq_len=7)
    assert isinstance(users, BERT4Rec)
    assert users.positions.weight.shape == (8, 6)
    assert len(users.blocks) == 3
    assert {block.num_heads for block in users.blocks} == {3}
    assert dropouts(users) == [0.25] * 4
    assert users.mask_share == 0.6


def test_a_dssm_is_built_as_specified() -> None:
    spec = DSSMSpec(kind="dssm", dim=6, mlp_layers=2, dropout=0.25)
    users = build_user_encoder(spec, num_users=5, max_seq_len=7)
    assert isinstance(users, DSSM)
    assert users.embedding.weight.shape == (5, 6)
    assert dropouts(users) == [0.25] * 2


def test_a_gru4rec_is_built_as_specified() -> None:
    spec = GRU4RecSpec(kind="gru4rec", dim=6, num_blocks=2, dropout=0.25)
    users = build_user_encoder(spec, num_users=5, max_seq_len=7)
    assert isinstance(users, GRU4Rec)
    assert (users.gru.hidden_size, users.gru.num_layers, users.gru.dropout) == (6, 2, 0.25)
    assert dropouts(users) == [0.25]


def test_a_nextitnet_is_built_as_specified() -> None:
    spec = NextItNetSpec(
        kind="nextitnet", dim=6, num_blocks=2, kernel_size=2, dilations=(1, 3), dropout=0.25
    )
    users = build_user_encoder(spec, num_users=5, max_seq_len=7)
    assert isinstance(users, NextItNet)
    convolutions = [module for module in users.modules() if isinstance(module, nn.Conv1d)]
    assert [module.dilation[0] for module in convolutions] == [1, 2, 3, 6, 1, 2, 3, 6]
    assert {module.kernel_size[0] for module in convolutions} == {2}


def dropouts(module: nn.Module) -> list[float]:
    return [m.p for m in module.modules() if isinstance(m, nn.Dropout)]


def test_only_dssm_has_layers_after_the_id_embedding_and_none_after_a_modality(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    def names(spec: ModelSpec, **item: object) -> set[str]:
        parts = ItemSpec.model_validate(item)
        model = build_recommender(spec, parts, tiny_dataset, ArtefactStore(tmp_path))
        return {name for name, _ in model.item_encoder.named_parameters()}

    dssm = DSSMSpec(kind="dssm", dim=DIM, mlp_layers=1)
    table = {"parts.id.embedding.weight"}
    layer = {"parts.id.dnn.0.1.weight", "parts.id.dnn.0.1.bias"}
    assert names(dssm, id=True) == table | layer
    assert names(SASRecSpec(dim=DIM), id=True) == table
    assert names(dssm, **FROZEN_TEXT) == names(SASRecSpec(dim=DIM), **FROZEN_TEXT)


def test_a_trial_that_has_nothing_to_learn_from_is_refused() -> None:
    windows = [[1, 2, 3, 4], [4, 3, 2, 1], [2, 4, 1, 3]]
    config = tiny_config(training={"batch_size": 2, "max_epochs": 3, "loss": "bce"})
    check_trains(config, dataset_of(windows, 5))
    with pytest.raises(DataError, match=r"^no training target is left: of all 3 users, none has 2"):
        check_trains(config, dataset_of([window[:3] for window in windows], 5))
    with pytest.raises(DataError, match=r"^training\.negatives: 9 are more than the 4 items"):
        training = {"batch_size": 2, "loss": "gbce", "negatives": 9}
        check_trains(tiny_config(training=training), dataset_of(windows, 5))


@pytest.mark.parametrize(("warmup_steps", "is_refused"), [(5, False), (6, True)])
def test_a_schedule_that_never_begins_is_refused(warmup_steps: int, is_refused: bool) -> None:
    """Three epochs of two steps, for three users in batches of two."""
    windows = [[1, 2, 3, 4], [4, 3, 2, 1], [2, 4, 1, 3]]
    config = tiny_config(
        training={"batch_size": 2, "max_epochs": 3},
        optim={"schedule": "linear", "warmup_steps": warmup_steps},
    )
    if is_refused:
        with pytest.raises(SpecError, match="takes all of the 6 planned steps"):
            check_trains(config, dataset_of(windows, 5))
    else:
        check_trains(config, dataset_of(windows, 5))


@given(ids=st.lists(st.integers(0, 9), min_size=1, max_size=20), num_items=st.sampled_from([9, 99]))
def test_unique_ids_are_sorted_and_every_id_is_found_among_them(
    ids: list[int], num_items: int
) -> None:
    unique_U, rows = unique_ids(torch.tensor(ids), num_items)
    assert unique_U.tolist() == sorted(set(ids))
    assert unique_U[rows].tolist() == ids
    assert unique_U.dtype == rows.dtype == torch.int64
