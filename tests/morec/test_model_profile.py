"""A profile counts what a trial builds, without data and weights: table 6 of the paper."""

import json
from pathlib import Path

import pytest
import torch

from morec import model_profile
from morec.config import TrialConfig
from morec.cost import count_parameters
from morec.encoders.families import family_of
from morec.model_profile import joined, profile_model
from morec.models.recommender import build_recommender

ID = {"id": True}
TABLE_6 = [
    ("MIND", 512, ID, 47, 0.12),
    ("MIND", 512, {"text": "google/bert_uncased_L-2_H-128_A-2"}, 11, 0.63),
    ("MIND", 512, {"text": "google/bert_uncased_L-4_H-512_A-8"}, 35, 16),
    ("MIND", 512, {"text": "bert-base-uncased"}, 116, 107),
    ("HM", 1024, ID, 114, 1),
    ("HM", 512, {"image": "resnet18.tv_in1k"}, 18, 40),
    ("HM", 512, {"image": "resnet34.tv_in1k"}, 29, 81),
    ("HM", 512, {"image": "resnet50.tv_in1k"}, 31, 91),
    ("HM", 512, {"image": "swin_tiny_patch4_window7_224"}, 34, 96),
    ("HM", 512, {"image": "swin_base_patch4_window7_224"}, 94, 333),
]
"""Data set, d, encoder, millions of parameters, billions of FLOPs."""
SIZES = {"MIND": (630_235, 79_707, 20), "HM": (500_000, 86_733, 10)}
EXPLAINED = {
    # 0.1267 with attention, which the paper leaves out; it prints 0.1258 cut to two digits.
    ("MIND", "id", "FLOPs"): 0.126,
    # 1G is what d = 2048 needs; 114M parameters are those of d = 1024.
    ("HM", "id", "FLOPs"): 0.254,
    # 21.3M of ResNet34 without classifier, 6.3M of SASRec, 0.3M of the DT layer.
    ("HM", "resnet34.tv_in1k", "#Param"): 27.85,
}
"""What we count where the paper's number is not within 3 % of it, and why."""


def config(max_seq_len: int, dim: int, item: dict) -> TrialConfig:
    encoders = {
        part: {"name": name, "trainable_layers": "all"}
        for part, name in item.items()
        if part != "id"
    }
    values = {
        "dataset": {"kind": "movielens", "max_seq_len": max_seq_len},
        "item": item | encoders,
        "model": {"dim": dim},
    }
    return TrialConfig.model_validate_json(json.dumps(values))


@pytest.mark.parametrize(("dataset", "dim", "item", "params", "flops"), TABLE_6)
def test_table_6_is_reproduced_within_3_percent_or_the_difference_is_explained(
    dataset: str, dim: int, item: dict, params: float, flops: float
) -> None:
    num_users, num_items, length = SIZES[dataset]
    found = profile_model(config(length, dim, item), num_users=num_users, num_items=num_items)
    assert found is not None
    name = next(str(name) for name in item.values()) if "id" not in item else "id"
    expected = {
        "#Param": EXPLAINED.get((dataset, name, "#Param"), params),
        "FLOPs": EXPLAINED.get((dataset, name, "FLOPs"), flops),
    }
    assert found.params_total / 1e6 == pytest.approx(expected["#Param"], rel=0.03)
    assert found.forward_macs_paper / 1e9 == pytest.approx(expected["FLOPs"], rel=0.03)
    assert found.params_trainable == found.params_total


def tiny_item(**text: object) -> dict:
    return {"text": {"name": "minilm", "num_layers": 2, "pooling": "mean", **text}}


@pytest.mark.parametrize(
    ("model", "item"),
    [
        ({"dim": 16}, {"id": True}),
        ({"kind": "dssm", "dim": 16, "mlp_layers": 2}, {"id": True}),
        ({"kind": "gru4rec", "dim": 16}, {"id": True}),
        ({"kind": "nextitnet", "dim": 16}, {"id": True}),
        ({"kind": "bert4rec", "dim": 16}, {"id": True}),
        ({"dim": 16}, tiny_item()),
        ({"dim": 16}, tiny_item(trainable_layers=1)),
        ({"dim": 16}, tiny_item(side={"width": 3})),
        ({"dim": 16}, tiny_item(side={"layers": [0, 2]}, dnn_layers=1)),
        ({"dim": 16}, {"id": True, "id_init": tiny_item()}),
        ({"dim": 16}, {"id": True, "id_init": {**tiny_item(), "max_distance": 0.5}}),
        ({"dim": 16}, {"id": True, "id_init": {**tiny_item(), "freeze": True}}),
        (
            {"dim": 16},
            {
                "image": {
                    "name": "tiny-random-mae",
                    "pretrained": False,
                    "size": 32,
                    "side": {},
                }
            },
        ),
        ({"dim": 16}, tiny_item(trainable_layers="all", lora={"rank": 2})),
        ({"dim": 16}, {"image": {"name": "resnet10t", "pretrained": False, "size": 32}}),
        (
            {"dim": 16},
            {
                "image": {
                    "name": "tiny-random-mae",
                    "pretrained": False,
                    "size": 32,
                    "trainable_layers": 1,
                }
            },
        ),
        ({"dim": 16}, {"id": True, "fusion": "concat", "fusion_layers": 1, **tiny_item()}),
    ],
)
def test_a_profile_counts_what_a_trial_builds(model, item, tiny_dataset, tmp_path: Path) -> None:
    from morec.encoders.artefacts import ArtefactStore

    values = {
        "dataset": {"kind": "synthetic", "max_seq_len": tiny_dataset.max_seq_len},
        "item": item,
        "model": model,
    }
    trial = TrialConfig.model_validate_json(json.dumps(values))
    built = build_recommender(trial.model, trial.item, tiny_dataset, ArtefactStore(tmp_path))
    found = profile_model(trial, num_users=tiny_dataset.num_users, num_items=tiny_dataset.num_items)
    assert found is not None
    assert (found.params_total, found.params_trainable) == count_parameters(built)


@pytest.mark.parametrize(
    "item",
    [
        {"id": True},
        {"text": {"name": "some/unknown-encoder"}},
        {"text": {"name": "word-average", "pretrained": False}},
        {"text": {"name": "tiny-random", "pretrained": False}},
        {"image": {"name": "some/unknown-mae"}},
    ],
)
def test_what_cannot_be_known_is_none_and_nothing_is_downloaded(item) -> None:
    values = {"dataset": {"kind": "movielens"}, "item": item}
    trial = TrialConfig.model_validate_json(json.dumps(values))
    assert profile_model(trial, num_users=None, num_items=None) is None


def test_nothing_is_allocated() -> None:
    trial = config(20, 4096, ID)
    found = profile_model(trial, num_users=1, num_items=100_000_000)
    assert found is not None
    assert found.params_total > 4e11
    assert torch.zeros(1).device.type == "cpu"


def kept_per_item(item: dict) -> int:
    values = {"dataset": {"kind": "movielens"}, "item": item, "model": {"dim": 16}}
    trial = TrialConfig.model_validate_json(json.dumps(values))
    found = profile_model(trial, num_users=1, num_items=1)
    assert found is not None
    return found.bytes_per_item


def test_what_is_kept_for_the_gradient_grows_with_the_layers_that_train() -> None:
    assert kept_per_item(ID) == 8  # the index that was looked up
    one, two, three = (
        kept_per_item(tiny_item(num_layers=n, trainable_layers="all")) for n in (1, 2, 3)
    )
    assert two - one == three - two > 100_000
    assert kept_per_item(tiny_item(trainable_layers=1)) < one
    assert kept_per_item(tiny_item(trainable_layers=0)) < 10_000


def test_an_image_keeps_at_least_the_outputs_of_its_first_convolution() -> None:
    image = {"name": "resnet18", "pretrained": False, "size": 32, "trainable_layers": "all"}
    assert kept_per_item({"image": image}) > 64 * 16 * 16 * 4


def test_a_model_that_needs_values_has_no_profile_and_stops_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def needs_values(*_: object) -> int:
        return int(torch.ones(1, device="meta").item())

    monkeypatch.setattr("morec.model_profile.cost.read_padded_user", needs_values)
    model_profile._reading.cache_clear()
    assert profile_model(config(10, 8, ID), num_users=10, num_items=20) is None


def test_a_late_fusion_has_the_sizes_of_its_members_together() -> None:
    text = {"text": "bert-base-uncased"}
    one, two = (
        profile_model(config(20, 512, item), num_users=100, num_items=1000) for item in (ID, text)
    )
    assert one is not None and two is not None
    both = joined([one, two])
    assert both.params_total == one.params_total + two.params_total
    assert both.params_trainable == one.params_trainable + two.params_trainable
    assert both.forward_macs_paper == one.forward_macs_paper + two.forward_macs_paper
    assert both.bytes_per_item == two.bytes_per_item > one.bytes_per_item
    assert both.artefact_bytes == one.artefact_bytes == {}


@pytest.mark.parametrize(
    "encoder",
    [
        {"text": {"name": "minilm", "num_layers": 2, "trainable_layers": "all"}},
        {"text": {"name": "minilm", "num_layers": 2, "pca": 8}},
        {
            "image": {
                "name": "resnet10t",
                "pretrained": False,
                "size": 32,
                "trainable_layers": "all",
            }
        },
    ],
    ids=["trained text", "frozen text", "trained image"],
)
def test_arms_with_the_same_encoder_build_it_once(encoder, monkeypatch) -> None:
    (part, options), built = *encoder.items(), []
    items = [{part: options | {"dnn_layers": layers}} for layers in (0, 2)]
    items.append({"id": True, "fusion": "add", part: options})
    configs = [with_item(item, dim) for item in items for dim in (16, 32)]
    blank = family_of(configs[0].item.encoders[part]).blank
    monkeypatch.setattr(
        type(family_of(configs[0].item.encoders[part])),
        "blank",
        lambda self, spec: built.append(spec) or blank(spec),
    )
    model_profile._trained_encoder.cache_clear()
    model_profile._counted.cache_clear()
    together = [profile_model(one, num_users=3, num_items=5) for one in configs]
    assert len(built) == 1
    for one, found in zip(configs, together, strict=True):
        model_profile._trained_encoder.cache_clear()
        model_profile._counted.cache_clear()
        assert profile_model(one, num_users=3, num_items=5) == found
    assert len({found.params_total for found in together}) == len(configs)


def with_item(item: dict, dim: int) -> TrialConfig:
    values = {
        "dataset": {"kind": "movielens", "max_seq_len": 5},
        "item": item,
        "model": {"dim": dim},
    }
    return TrialConfig.model_validate_json(json.dumps(values))


def test_arms_with_the_same_user_encoder_run_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    configs = [with_item(item, 16) for item in (ID, tiny_item(), tiny_item(control="shuffle"))]
    model_profile._reading.cache_clear()
    alone = model_profile._reading(configs[0].model, 1, configs[0].dataset.max_seq_len)
    assert alone.num_bytes > 0 and alone.macs > 0
    monkeypatch.setattr("morec.model_profile.cost.read_padded_user", pytest.fail)
    for one in configs:
        found = profile_model(one, num_users=3, num_items=5)
        assert found is not None
        assert found.bytes_per_sample == alone.num_bytes
    longer = configs[0].model_copy(
        update={"dataset": configs[0].dataset.model_copy(update={"max_seq_len": 7})}
    )
    monkeypatch.undo()
    other = profile_model(longer, num_users=3, num_items=5)
    assert other is not None and other.bytes_per_sample != alone.num_bytes
