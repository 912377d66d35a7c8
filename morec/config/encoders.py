"""The encoders of an item's contents: texts, images, and own vectors in their place."""

from typing import Annotated, ClassVar, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from morec.config.base import Spec
from morec.config.features import Control, FeaturesSpec
from morec.config.side import SideSpec
from morec.config.templates import Template
from morec.config.vectors import VectorsSpec

WORD_ENCODERS = ("word-average", "text-cnn")
"""Text encoders without a transformer: the mean of the words' vectors (what the paper calls GloVe),
and convolutions over them (TextCNN, Kim 2014)."""


class LoraSpec(Spec):
    """Train low-rank changes of the attention projections instead of whole layers (Hu et al. 2021).

    They are added in the layers that ``trainable_layers`` names; pretrained weights do not change.
    """

    rank: int = Field(8, ge=1)
    """Rank of each change."""
    alpha: float = Field(16.0, gt=0)
    """The change is scaled by alpha / rank."""


class _SecondRoundSpec(Spec):
    """Self-supervised pre-training of the encoder on the catalogue, before trials (paper, table 8).

    The paper states no settings; these are ours.
    """

    max_epochs: int = Field(3, ge=1)
    """Passes over the catalogue; the epoch with the lowest held-out loss counts."""
    lr: float = Field(5e-5, gt=0)
    """Learning rate of AdamW."""
    weight_decay: float = Field(0.01, ge=0)
    """Of AdamW."""
    batch_size: int = Field(32, ge=2)
    """Items per optimizer step."""
    valid_share: float = Field(0.1, gt=0, lt=1)
    """Share of the items that are held out to measure the loss."""
    seed: int = Field(0, ge=0)
    """Draws the held-out items, the batches and the masks."""


class MaskedLanguageSpec(_SecondRoundSpec):
    """Masked language modelling on the item titles."""

    mask_share: float = Field(0.15, gt=0, lt=1)
    """Share of tokens to predict (Devlin et al. 2019)."""


class MaskedAutoencodingSpec(_SecondRoundSpec):
    """Masked autoencoding on the item images (He et al. 2022); only for a ViT-MAE."""

    mask_share: float = Field(0.75, gt=0, lt=1)
    """Share of patches to reconstruct in pre-training; nothing is masked when items are encoded."""


class TextSpec(FeaturesSpec):
    """A text encoder and its DT layer (paper, section 3.1): pooled state -> Linear -> GELU."""

    part: ClassVar[Literal["text"]] = "text"
    """Its name among the parts of an item."""
    name: str
    """``minilm`` or ``minilm-l3`` (packaged), ``tiny-random`` (from scratch), a hub name, a local
    folder; or ``word-average`` or ``text-cnn``, which read words instead of tokens."""
    pretrained: bool = True
    """False: the same architecture with random weights (paper, table 4: TFS)."""
    num_layers: Literal["all"] | Annotated[int, Field(ge=1)] = "all"
    """Keep only this many lower transformer layers."""
    trainable_layers: Literal["all"] | Annotated[int, Field(ge=0)] = 0
    """0: frozen features (two-stage, TS); k: the top k layers train; all: end-to-end (E2E)."""
    pooling: Literal["cls", "mean", "last", "own"] = "cls"
    """The first token's state, the mean over the text's tokens, or the last token's state. ``own``:
    as a sentence-transformers folder says: its pooling, whether vectors are scaled to length 1, its
    default prompt and its lower-casing."""
    max_tokens: int = Field(30, ge=3)
    """Longer texts are cut (paper: 30)."""
    template: Template | None = None
    """Columns of the items' file in a text: ``"{title}. {brand}"``. The text in front of an empty
    value is left out with it. Not given: the title that the data set has."""
    lowercase: bool | None = None
    """Whether texts are lower-cased before the tokenizer reads them. Not given: yes, as in the
    paper; with ``pooling: own`` as the folder says. false suits cased vocabularies and LLMs."""
    prompt: str | None = None
    """Text in front of every item's text (``"query: "``). It counts as part of ``max_tokens`` and
    is lower-cased with the text. Not given: none; with ``pooling: own`` the folder's default, of
    which ``""`` makes none."""
    prompt_name: str | None = None
    """The name of one of the prompts of a sentence-transformers folder, in place of ``prompt``."""
    dnn_layers: int = Field(0, ge=0)
    """Dropout -> Linear -> GELU layers after the DT layer (TS-DNN-l)."""
    word_vectors: str | None = None
    """File of pretrained word vectors in GloVe's format, for ``word-average`` and ``text-cnn``;
    relative to the study file."""
    lora: LoraSpec | None = None
    side: SideSpec | None = None
    """A side network over the frozen layers' states, before the DT layer. Not given: none."""
    second_round: MaskedLanguageSpec | None = None
    control: Control | None = None
    """Replace the titles, as a control; drawn from the trial's seed. Not given: none."""

    @property
    def reads_words(self) -> bool:
        """Whether this is one of the encoders without a transformer."""
        return self.name in WORD_ENCODERS

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Self:
        _check_training(self)
        _check_prompts(self)
        if not self.reads_words:
            if self.word_vectors is not None:
                raise ValueError(f"word_vectors has no effect with the encoder {self.name!r}")
            return self
        _check_reads_words(self)
        if self.num_layers != "all" or self.trainable_layers not in (0, "all"):
            raise ValueError(f"{self.name!r} has no layers to choose from: it is frozen or trains")
        if self.pretrained != (self.word_vectors is not None):
            raise ValueError(f"{self.name!r} needs word_vectors, or pretrained: false without them")
        return self


class ImageSpec(FeaturesSpec):
    """An image encoder and its DT layer; options without a text are as in ``TextSpec``."""

    part: ClassVar[Literal["image"]] = "image"
    name: str
    """A timm model (``resnet18``), ``efficientnet-lite0``, ``-lite1`` or ``-lite2`` (packaged), a
    local folder; or a ViT-MAE, ViT, DINO, CLIP, SigLIP, ResNet, ConvNeXt or Swin of transformers by
    hub name or folder (``facebook/vit-mae-base``). ``tiny-random-mae`` starts from scratch."""
    pretrained: bool = True
    """False: the same architecture with random weights."""
    trainable_layers: Literal["all"] | Annotated[int, Field(ge=0)] = 0
    """0: frozen features (two-stage); k: the top k stages train; all: end-to-end."""
    size: int = Field(224, ge=16)
    """Images are resized to size x size pixels."""
    normalization: Literal["model", "half"] = "model"
    """Mean and deviation of the model's own configuration, or the paper's 0.5 / 0.5."""
    dnn_layers: int = Field(0, ge=0)
    """Dropout -> Linear -> GELU layers after the DT layer."""
    lora: LoraSpec | None = None
    side: SideSpec | None = None
    """A side network over the frozen layers' states. Not given: none."""
    second_round: MaskedAutoencodingSpec | None = None
    control: Control | None = None
    """Replace the images, as a control; drawn from the trial's seed. Not given: none."""

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Self:
        _check_training(self)
        return self


EncoderSpec: TypeAlias = TextSpec | ImageSpec | VectorsSpec
"""What stands behind a part of an item that is no ID."""


def _check_training(spec: TextSpec | ImageSpec) -> None:
    """Refuse what has no effect or no meaning with the layers that train."""
    _check_lora(spec)
    _check_processing(spec)
    _check_side(spec)
    _check_control(spec)


def _check_processing(spec: TextSpec | ImageSpec) -> None:
    if spec.processing and spec.trainable_layers != 0:
        raise ValueError(
            f"{', '.join(spec.processing)}: for frozen features, and this encoder trains; allowed: "
            "trainable_layers: 0"
        )


def _check_lora(spec: TextSpec | ImageSpec) -> None:
    if spec.lora is not None and spec.trainable_layers == 0:
        raise ValueError("lora has no effect: no layer trains (set trainable_layers)")


def _check_reads_words(spec: TextSpec) -> None:
    for option in ("lora", "side", "second_round", "prompt", "prompt_name"):
        if getattr(spec, option) is not None:
            raise ValueError(f"{option}: {spec.name!r} is no transformer")
    if spec.pooling in ("last", "own"):
        raise ValueError(
            f"pooling: {spec.pooling} has no effect: {spec.name!r} has no tokens' states; "
            "allowed: leave it out"
        )
    if spec.lowercase is False:
        raise ValueError(f"lowercase: false has no effect: {spec.name!r} reads lower-cased words")


def _check_prompts(spec: TextSpec) -> None:
    if spec.prompt is not None and spec.prompt_name is not None:
        raise ValueError("prompt and prompt_name exclude each other; give one")
    if spec.prompt is not None and not spec.prompt.strip() and spec.pooling != "own":
        raise ValueError("prompt: no effect: it is empty; allowed: text, or leave it out")


def _check_side(spec: TextSpec | ImageSpec) -> None:
    if spec.side is not None and spec.trainable_layers != 0:
        raise ValueError(
            f"side reads the states of a frozen encoder, and trainable_layers is "
            f"{spec.trainable_layers}; allowed: trainable_layers: 0"
        )


def _check_control(spec: TextSpec | ImageSpec) -> None:
    if spec.control == "noise" and spec.trainable_layers != 0:
        raise ValueError(
            "control: noise has the moments of frozen features, and this encoder trains; allowed: "
            "shuffle, constant, or trainable_layers: 0"
        )
