"""The contract of text encoders, on every family and everything of it that can train."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from morec.config import ItemSpec
from morec.data.dataset import Dataset
from morec.encoders.artefacts import ArtefactStore
from morec.encoders.item import ItemEncoder
from tests.morec.encoders.conftest import CAUSAL, CUT, WHOLE
from tests.morec.encoders.contract import (
    OPTIONS,
    TRAINED,
    Builder,
    EncoderContract,
    check_lora_trains_its_changes_only,
    vectors_of,
)
from tests.morec.encoders.sentence_folders import sentence_copy

MAX_TOKENS = 9
MOST = ("bert", "roberta", "opt", "deberta-v2", "modernbert", "llama", "tiny-random")
"""Of these everything that can train is tried; of the other kinds what differs in them."""
OWN_WORDS = ("qwen2",)
"""For these the library makes its own tokenizer, which knows no word of our titles."""
WITHOUT_DROPOUT = ("modernbert", "llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2")
OTHERS = [name for name in CUT if name not in (*MOST, *OWN_WORDS)]
PACKAGED = ("minilm", "minilm-l3")
"""Once their files are found they are of the kind bert, of which everything is tried."""
FROM_FILE = " of a file"
WORDS = ("word-average", "text-cnn", f"word-average{FROM_FILE}", f"text-cnn{FROM_FILE}")
VARIANTS: dict[str, dict[str, Any]] = {
    " last": {"pooling": "last"},
    " own": {"pooling": "own"},
    " prompt": {"prompt": "Red: ", "lowercase": False},
    " template": {"template": "{title}. {brand}"},
}
"""Other ways to read, by what is added to an encoder's name."""
READINGS = (
    *((f"{name} last", part) for name in ("bert", "opt") for part in ("ts", "top1", "e2e")),
    ("gpt2 last", "ts"),
    ("gpt2 last", "e2e"),
    *(("bert own", part) for part in ("ts", "lora top1", "e2e")),
    ("bert prompt", "top1"),
    ("roberta template", "top1"),
    ("word-average template", "ts"),
)
CASES = [
    *READINGS,
    *((name, part) for name in MOST for part in TRAINED),
    *(("minilm", part) for part in ("ts", "e2e", "top1", "lora top1")),
    *(("minilm-l3", part) for part in ("ts", "e2e")),
    *((name, part) for name in OTHERS for part in ("e2e", "top1", "lora top1")),
    *((name, part) for name in WHOLE for part in ("ts", "e2e")),
    ("deberta", "lora e2e"),
    *((name, part) for name in WORDS for part in ("ts", "e2e")),
    *((name, "side") for name in ("bert", "roberta", "tiny-random", "minilm", *WHOLE)),
]


class TextBuilder(Builder):
    def __init__(
        self, dataset: Dataset, store: ArtefactStore, saved: dict[str, Path], folder: Path
    ) -> None:
        brands = tuple(f"brand {item % 5}" if item % 3 else "" for item in range(24))
        super().__init__(replace(dataset, columns={"brand": brands}), store)
        self.saved, self.glove = saved, folder / "glove.txt"
        prompts = {"prompts": {"passage": "Blue: "}, "default_prompt_name": "passage"}
        self.own = sentence_copy(saved["bert"], folder / "own", prompts=prompts)

    def spec(self, name: str, trained: str) -> ItemSpec:
        variant = next((added for added in VARIANTS if name.endswith(added)), "")
        found = self._spec(name.removesuffix(variant), trained)
        if variant == " own":
            found["name"] = str(self.own)
        text = {**found, **VARIANTS.get(variant, {})}
        return ItemSpec.model_validate({"text": text})

    def _spec(self, name: str, trained: str) -> dict[str, Any]:
        pooling = "mean" if name in (*CAUSAL, "gpt2", *PACKAGED) else "cls"
        fields: dict[str, Any] = {"name": str(self.saved.get(name, name)), "pooling": pooling}
        if name in ("word-average", "text-cnn", "tiny-random"):
            fields["pretrained"] = False
        if name.endswith(FROM_FILE):
            fields |= {"name": name.removesuffix(FROM_FILE), "word_vectors": str(self.glove)}
        return {"max_tokens": MAX_TOKENS, **fields, **OPTIONS[trained]}


@pytest.fixture(scope="module")
def builder(
    dataset: Dataset,
    shared_store: ArtefactStore,
    saved_encoders: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> TextBuilder:
    words = sorted(set(" ".join(dataset.titles or ()).lower().split()))[::2]
    folder = tmp_path_factory.mktemp("words")
    vectors = torch.randn(len(words), 5, generator=torch.Generator().manual_seed(1)).tolist()
    lines = [f"{word} {' '.join(map(str, row))}" for word, row in zip(words, vectors, strict=True)]
    (folder / "glove.txt").write_text("\n".join(lines) + "\n")
    return TextBuilder(dataset, shared_store, saved_encoders, folder)


@pytest.fixture(scope="module", params=CASES, ids=" ".join)
def case(request: pytest.FixtureRequest) -> tuple[str, str]:
    if request.param[0] in PACKAGED:
        request.getfixturevalue("minilm")
    name, trained = request.param
    return name, trained


class TestTextEncoder(EncoderContract):
    def rounding_of(self, name: str) -> float:
        """Gemma 2 computes its probabilities in fp32, whatever its weights are in."""
        return 1e-6 if name == "gemma2" else super().rounding_of(name)

    def test_dropout_is_on_where_something_trains(
        self, encoder: ItemEncoder, items: Tensor, case: tuple[str, str]
    ) -> None:
        vectors = [vectors_of(encoder.train(), items) for _ in range(2)]
        has_dropout = case[1] not in ("ts", "side") and not case[0].startswith(
            ("word-average", *WITHOUT_DROPOUT)
        )
        assert torch.equal(*vectors) != has_dropout


@pytest.mark.parametrize(("name", "trained"), [case for case in CASES if "lora" in case[1]])
def test_lora_trains_its_changes_only_and_fewer_than_the_layers_have(
    request: pytest.FixtureRequest, builder: TextBuilder, name: str, trained: str
) -> None:
    if name in PACKAGED:
        request.getfixturevalue("minilm")
    check_lora_trains_its_changes_only(builder, name, trained)
