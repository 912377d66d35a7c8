"""What is saved of a trained encoder, and with which specification it is read again."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from morec.config import ImageSpec, ItemSpec, TextSpec, VectorsSpec
from morec.data.dataset import Dataset
from morec.data.splits import train_popularity_N1
from morec.encoders.artefacts import ArtefactStore
from morec.encoders.controls import Controls
from morec.encoders.families import TIMM, build_encoder
from morec.encoders.interface import Encoder
from morec.encoders.saved import (
    is_saved,
    projection_of,
    save_encoder,
    saved_spec,
    why_no_new_items,
)

RESNET = {"name": "test_resnet", "pretrained": False, "size": 16}


def image(**changes: Any) -> ImageSpec:
    return ImageSpec.model_validate({**RESNET, **changes})


def test_a_saved_text_encoder_is_read_as_a_frozen_one_as_its_folder_says() -> None:
    spec = TextSpec.model_validate(
        {
            "name": "minilm",
            "trainable_layers": 2,
            "num_layers": 4,
            "pooling": "mean",
            "max_tokens": 17,
            "lora": {"rank": 2},
            "second_round": {},
            "control": "shuffle",
            "lowercase": True,
            "prompt": "query: ",
            "template": "{title}",
            "dnn_layers": 1,
        }
    )
    expected = TextSpec(name="new", max_tokens=17, pooling="own", dnn_layers=1)
    assert saved_spec(spec, Path("new")) == expected
    scratch = TextSpec(name="tiny-random", pretrained=False)
    assert saved_spec(scratch, Path("new")) == TextSpec(name="new", pooling="own")


def test_a_saved_image_encoder_is_read_as_a_frozen_one_with_the_same_pixels() -> None:
    spec = image(trainable_layers="all", lora={"rank": 2}, normalization="half")
    expected = ImageSpec(name="new", size=16, normalization="half")
    assert saved_spec(spec, Path("new")) == expected
    processed = image(pca=3, whiten=True, normalize=True, control="noise")
    assert saved_spec(processed, Path("new")) == ImageSpec(name="new", size=16)


def changed(encoder: Encoder) -> Encoder:
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return encoder.eval()


@pytest.mark.parametrize("control", [None, "shuffle", "constant"])
def test_what_stands_in_for_contents_is_not_saved(
    control: str | None, dataset: Dataset, store: ArtefactStore, tmp_path: Path
) -> None:
    spec = image(trainable_layers="all", control=control)
    encoder = changed(build_encoder(spec, dataset, store))
    given = Controls(dataset.num_items).apply(encoder, spec)
    assert (given is encoder) == (control is None)
    save_encoder(spec, given, dataset=dataset, store=store, folder=tmp_path / "saved")
    rows = torch.arange(4)
    again = build_encoder(saved_spec(spec, tmp_path / "saved"), dataset, store)
    torch.testing.assert_close(again(rows), encoder(rows), rtol=0, atol=1e-5)


def test_a_family_saves_features_as_they_are_before_they_are_processed(
    dataset: Dataset, store: ArtefactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(type(TIMM.load()), "save", lambda *given, **named: asked.append(given))
    spec = image(pca=2, normalize=True)
    save_encoder(spec, Encoder(), dataset=dataset, store=store, folder=tmp_path)
    assert asked[0][1] == image()


def train_rows(dataset: Dataset) -> np.ndarray:
    return np.flatnonzero(train_popularity_N1(dataset)[1:] > 0)


def test_a_projection_is_fitted_again_on_the_raw_features(
    dataset: Dataset, store: ArtefactStore
) -> None:
    features = build_encoder(image(), dataset, store)(torch.arange(dataset.num_items)).double()
    train = features[train_rows(dataset)].numpy()
    spec = image(pca=2, whiten=True)
    found = projection_of(spec, dataset, store, where="item.image")
    assert found is not None
    mean, matrix = found
    np.testing.assert_allclose(mean, train.mean(0), rtol=1e-6)
    white = (train - mean) @ matrix
    np.testing.assert_allclose(np.cov(white.T, bias=True), np.eye(2), atol=1e-6)
    processed = build_encoder(spec, dataset, store)(torch.arange(dataset.num_items))
    np.testing.assert_allclose(processed, (features.numpy() - mean) @ matrix, atol=1e-4)
    assert projection_of(image(), dataset, store, where="item.image") is None
    assert projection_of(image(normalize=True), dataset, store, where="item.image") is None


def test_new_items_have_no_vector_where_an_id_or_a_control_stands() -> None:
    fields = {"id": True, "text": {"name": "minilm"}, "image": RESNET, "fusion": "add"}
    item_id = "item.id: an ID has a vector only if training has seen it"
    assert list(why_no_new_items(ItemSpec.model_validate(fields))) == [item_id]
    fields["image"] = {**RESNET, "control": "noise"}
    assert list(why_no_new_items(ItemSpec.model_validate(fields))) == [
        item_id,
        "item.image.control: noise stands in for the contents of the items of the catalogue, and a "
        "new item has no stand-in",
    ]
    plain = {"text": {"name": "minilm"}}
    assert list(why_no_new_items(ItemSpec.model_validate(plain))) == []


def test_all_but_own_vectors_have_an_encoder_to_save() -> None:
    own = VectorsSpec(file="v.parquet", ids="item", column="v")
    assert [is_saved(spec) for spec in (TextSpec(name="minilm"), image(), own)] == [
        True,
        True,
        False,
    ]
