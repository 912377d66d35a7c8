"""The table of encoder families: which names belong to which; what installed packages add."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from morec.config import ImageSpec, ItemSpec, TextSpec
from morec.data.dataset import Dataset
from morec.encoders.artefacts import ArtefactStore
from morec.encoders.families import (
    ENCODERS,
    OF_TRANSFORMERS,
    TIMM,
    TRANSFORMER,
    WORDS,
    EncoderFamily,
    build_encoder,
    encoder_inputs,
    family_of,
    weights_hash,
)
from morec.errors import DataError, SpecError
from morec.extensions import Deferred, installed
from tests.installed_package import write_package
from tests.morec.encoders.contract import TRAINED, Builder, EncoderContract

ROOT = Path(__file__).parents[3]
TOY = (Path(__file__).parent / "toy_encoders.py").read_text()
TOY_TEXT = {"name": "toy-bag", "pretrained": False}
TRIAL = """
import json, sys, tempfile
from pathlib import Path
from morec.data.dataset import load_dataset
from morec.model_profile import profile_model
from tiny_trials import run, tiny_config

config = tiny_config(item={"text": json.loads(sys.argv[1])})
dataset = load_dataset(config.dataset, Path())
profile = profile_model(config, num_users=dataset.num_users, num_items=dataset.num_items)
with tempfile.TemporaryDirectory() as folder:
    result = run(config, dataset, Path(folder))
print(json.dumps([result.status, len(result.epochs), result.cost.params_trainable,
                  profile.params_trainable, profile.artefact_bytes]))
"""


@pytest.fixture(scope="module", autouse=True)
def toy_package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A package with one good family, one that is none, and one by a name of ours."""
    home = tmp_path_factory.mktemp("site-packages")
    entries = {
        "toy-bag": "toy_bags:FAMILY",
        "toy-number": "toy_bags:WIDTH",
        "minilm-l3": "toy_bags:FAMILY",
    }
    write_package(
        home, "toy-bags", modules={"toy_bags.py": TOY}, entries={"morec.encoders": entries}
    )
    installed.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(home)
        yield home
    installed.cache_clear()


class ToyBuilder(Builder):
    def spec(self, name: str, trained: str) -> ItemSpec:
        fields = {"name": name, "pretrained": False, **TRAINED[trained]}
        return ItemSpec.model_validate({"text": fields})


@pytest.fixture(scope="module")
def builder(dataset: Dataset, shared_store: ArtefactStore) -> ToyBuilder:
    return ToyBuilder(dataset, shared_store)


@pytest.fixture(scope="module", params=["ts", "e2e"])
def case(request: pytest.FixtureRequest) -> tuple[str, str]:
    return "toy-bag", request.param


class TestInstalledEncoder(EncoderContract):
    """What an installed package adds keeps the contract of our own encoders."""


@pytest.mark.parametrize("trainable", [0, "all"])
def test_a_trial_with_an_installed_encoder_trains_and_is_profiled(
    toy_package: Path, trainable: int | str
) -> None:
    text = json.dumps({**TOY_TEXT, "trainable_layers": trainable})
    done = subprocess.run(
        [sys.executable, "-c", TRIAL, text],
        cwd=ROOT,
        env={"PYTHONPATH": ":".join(map(str, (ROOT, ROOT / "tests/morec", toy_package)))},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    status, num_epochs, trained, profiled, artefact_bytes = json.loads(done.stdout)
    assert (status, num_epochs) == ("completed", 2)
    assert trained == profiled
    features = 4 * 8 if trainable == 0 else 0
    assert artefact_bytes == {"text": 30 * (4 * 64 + features)}


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("minilm", TRANSFORMER),
        ("tiny-random", TRANSFORMER),
        ("some/encoder", TRANSFORMER),
        ("efficientnet-lite0", TRANSFORMER),
        ("word-average", WORDS),
        ("text-cnn", WORDS),
    ],
)
def test_a_text_encoder_belongs_to_one_family_by_its_name(
    name: str, family: Deferred[EncoderFamily[TextSpec]]
) -> None:
    assert family_of(TextSpec.model_construct(name=name)) is family.load()


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("efficientnet-lite0", TIMM),
        ("resnet18", TIMM),
        ("minilm", TIMM),
        ("tiny-random-mae", OF_TRANSFORMERS),
        ("facebook/vit-mae-base", OF_TRANSFORMERS),
    ],
)
def test_an_image_encoder_belongs_to_one_family_by_its_name(
    name: str, family: Deferred[EncoderFamily[ImageSpec]]
) -> None:
    assert family_of(ImageSpec.model_construct(name=name)) is family.load()


def test_an_installed_family_is_asked_for_everything(
    dataset: Dataset, store: ArtefactStore
) -> None:
    spec = TextSpec.model_validate({**TOY_TEXT, "trainable_layers": 1})
    message = "item.text: 'toy-bag' starts from scratch and has one layer"
    for ask in (weights_hash, lambda spec: build_encoder(spec, dataset, store)):
        with pytest.raises(SpecError, match=message):
            ask(spec)


def test_an_installed_family_without_a_second_round_refuses_one(
    dataset: Dataset, store: ArtefactStore
) -> None:
    spec = TextSpec.model_validate({**TOY_TEXT, "second_round": {}})
    message = "item.text.second_round: 'toy-bag' cannot be pre-trained again"
    with pytest.raises(SpecError, match=message):
        family_of(spec).second_round(spec, dataset, store)


def test_an_installed_text_encoder_encodes_no_images() -> None:
    message = "item.image.name: the installed 'toy-bag' encodes item.text"
    with pytest.raises(SpecError, match=message):
        family_of(ImageSpec(name="toy-bag"))


def test_an_entry_that_is_no_family_is_refused() -> None:
    message = "item.text.name: the installed 'toy-number' is no EncoderFamily"
    with pytest.raises(SpecError, match=message):
        family_of(TextSpec(name="toy-number"))


def test_no_package_can_take_the_name_of_an_encoder_of_ours() -> None:
    with pytest.raises(SpecError, match="'minilm-l3' is claimed by morec-studies and toy-bags"):
        family_of(TextSpec(name="minilm-l3"))


def test_a_near_miss_of_an_installed_name_is_told_that_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "toy-bag" in list(ENCODERS)
    with pytest.raises(DataError, match=r"Did you mean 'toy-bag'\?"):
        weights_hash(TextSpec(name="toy-bagg"))
    with pytest.raises(SpecError, match=r"Did you mean 'toy-bag'\?"):
        weights_hash(ImageSpec(name="toy-bagg", pretrained=False))


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("minilm", TRANSFORMER),
        ("tiny-random", TRANSFORMER),
        ("word-average", WORDS),
        ("text-cnn", WORDS),
        ("efficientnet-lite0", TIMM),
        ("efficientnet-lite2", TIMM),
        ("tiny-random-mae", OF_TRANSFORMERS),
    ],
)
def test_the_table_names_the_family_of_every_single_encoder(
    name: str, family: Deferred[EncoderFamily[Any]]
) -> None:
    assert ENCODERS.get(name) is family.load()


def test_features_are_processed_after_the_family_made_them(
    dataset: Dataset, store: ArtefactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = TextSpec.model_validate({**TOY_TEXT, "pca": 2, "normalize": True})
    plain = TextSpec.model_validate(TOY_TEXT)
    family: Any = type(family_of(plain))
    inputs, asked = family.inputs, []

    def remember(self: Any, spec: TextSpec, *given: Any) -> Any:
        asked.append(spec)
        return inputs(self, spec, *given)

    monkeypatch.setattr(family, "inputs", remember)
    made = encoder_inputs(spec, dataset, store)
    assert asked == [plain]
    rows = torch.arange(dataset.num_items)
    built = build_encoder(spec, dataset, store)
    assert built.dim == 2
    torch.testing.assert_close(built(rows).norm(dim=1), torch.ones(dataset.num_items))
    assert torch.equal(built(rows), torch.from_numpy(made.array("features")))
    assert build_encoder(plain, dataset, store).dim == 8


def test_faults_of_processing_name_the_part(dataset: Dataset, store: ArtefactStore) -> None:
    spec = TextSpec.model_validate({**TOY_TEXT, "pca": 9})
    with pytest.raises(SpecError, match=r"^item\.text\.pca: 9, but the features"):
        encoder_inputs(spec, dataset, store)
