"""How an item becomes a vector: its parts, their encoders, and how they are fused."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from morec.config.base import Spec
from morec.config.side import SideSpec

WORD_ENCODERS = ("word-average", "text-cnn")
"""Text encoders without a transformer: the mean of the words' vectors (what the paper calls GloVe),
and convolutions over them (TextCNN, Kim 2014)."""

Control = Literal["shuffle", "noise", "constant"]
"""What stands in for the contents of items, as a control: another item's content; Gaussian vectors
with the mean and deviation of every dimension of the frozen features; or one content for all items,
which is the mean of the frozen features or, of an encoder that trains, one item's content."""


class LoraSpec(Spec):
    """Train low-rank changes of the attention projections instead of whole layers (Hu et al. 2021).

    They are added in the layers that ``trainable_layers`` names; pretrained weights do not change.
    """

    rank: int = Field(8, ge=1)
    alpha: float = Field(16.0, gt=0)
    """The change is scaled by alpha / rank."""


class _SecondRoundSpec(Spec):
    """Self-supervised pre-training of the encoder on the catalogue, before trials (paper, table 8).

    The paper states no settings; these are ours.
    """

    max_epochs: int = Field(3, ge=1)
    lr: float = Field(5e-5, gt=0)
    weight_decay: float = Field(0.01, ge=0)
    batch_size: int = Field(32, ge=2)
    """Items per optimizer step."""
    valid_share: float = Field(0.1, gt=0, lt=1)
    """Share of the items that are held out to measure the loss."""
    seed: int = Field(0, ge=0)


class MaskedLanguageSpec(_SecondRoundSpec):
    """Masked language modelling on the item titles."""

    mask_share: float = Field(0.15, gt=0, lt=1)
    """Share of tokens to predict (Devlin et al. 2019)."""


class MaskedAutoencodingSpec(_SecondRoundSpec):
    """Masked autoencoding on the item images (He et al. 2022); only for a ViT-MAE."""

    mask_share: float = Field(0.75, gt=0, lt=1)
    """Share of patches to reconstruct in pre-training; nothing is masked when items are encoded."""


class TextSpec(Spec):
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
    pooling: Literal["cls", "mean"] = "cls"
    """The first token's state, or the mean over the title's tokens."""
    max_tokens: int = Field(30, ge=3)
    """Longer titles are cut (paper: 30)."""
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
        _check_lora(self)
        _check_side(self)
        _check_control(self)
        if not self.reads_words:
            if self.word_vectors is not None:
                raise ValueError(f"word_vectors has no effect with the encoder {self.name!r}")
            return self
        for option in ("lora", "side", "second_round"):
            if getattr(self, option) is not None:
                raise ValueError(f"{option}: {self.name!r} is no transformer")
        if self.num_layers != "all" or self.trainable_layers not in (0, "all"):
            raise ValueError(f"{self.name!r} has no layers to choose from: it is frozen or trains")
        if self.pretrained != (self.word_vectors is not None):
            raise ValueError(f"{self.name!r} needs word_vectors, or pretrained: false without them")
        return self


class ImageSpec(Spec):
    """An image encoder and its DT layer; options without a text are as in ``TextSpec``."""

    part: ClassVar[Literal["image"]] = "image"
    name: str
    """A timm model (``resnet18``), ``efficientnet-lite0``, ``-lite1`` or ``-lite2`` (packaged), a
    local folder; or a ViT-MAE, ViT, DINOv2, CLIP, SigLIP or ResNet of transformers by hub name or
    folder (``facebook/vit-mae-base``). ``tiny-random-mae`` starts from scratch."""
    pretrained: bool = True
    trainable_layers: Literal["all"] | Annotated[int, Field(ge=0)] = 0
    """0: frozen features (two-stage); k: the top k stages train; all: end-to-end."""
    size: int = Field(224, ge=16)
    """Images are resized to size x size pixels."""
    normalization: Literal["model", "half"] = "model"
    """Mean and deviation of the model's own configuration, or the paper's 0.5 / 0.5."""
    dnn_layers: int = Field(0, ge=0)
    lora: LoraSpec | None = None
    side: SideSpec | None = None
    second_round: MaskedAutoencodingSpec | None = None
    control: Control | None = None
    """Replace the images, as a control; drawn from the trial's seed. Not given: none."""

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Self:
        _check_lora(self)
        _check_side(self)
        _check_control(self)
        return self


ID_INIT = "id_init"
"""Where the encoder stands from whose features the ID vectors start."""


class IdInitSpec(Spec):
    """Start the ID vectors from content: from the frozen features of one encoder.

    The features are turned by a principal component analysis of the items with a train
    interaction; the first ``model.dim`` components are an item's start (Pembek et al. 2025).
    """

    text: TextSpec | None = None
    image: ImageSpec | None = None
    scale: Literal["unit", "random"] = "unit"
    """``unit``: every start has length 1; ``random``: all starts times one number, so that they are
    as large as random ones are on average. These are so short that bounded or frozen ones hardly
    tell items apart."""
    max_distance: float | None = Field(None, gt=0)
    """How far a vector may go from its start, in lengths of the start. Not given: anywhere."""
    freeze: bool = False
    """Whether the vectors stay as they start."""

    @property
    def encoder(self) -> "TextSpec | ImageSpec":
        """The encoder whose frozen features are the content."""
        (given,) = self._given()
        return given

    def _given(self) -> "tuple[TextSpec | ImageSpec, ...]":
        return tuple(spec for spec in (self.text, self.image) if spec is not None)

    @model_validator(mode="after")
    def _one_frozen_encoder(self) -> Self:
        if len(self._given()) != 1:
            raise ValueError("id_init starts from one encoder's features: give text: or image:")
        if self.freeze and self.max_distance is not None:
            raise ValueError("id_init.max_distance has no effect: freeze: true lets nothing move")
        spec = self.encoder
        for option, default in (("trainable_layers", 0), ("dnn_layers", 0), ("side", None)):
            if getattr(spec, option) != default:
                raise ValueError(
                    f"id_init reads frozen features, so {option} has no effect there; leave it out"
                )
        if spec.control == "constant":
            raise ValueError(
                "id_init: control: constant gives all items the same start; allowed: shuffle, noise"
            )
        return self


class ItemSpec(Spec):
    """How an item becomes a vector: an ID embedding, a text, an image, or several fused."""

    id: bool = False
    """One trained vector per item (IDRec)."""
    id_init: IdInitSpec | None = None
    """Start the ID vectors from content. Not given: at random."""
    text: TextSpec | None = None
    image: ImageSpec | None = None
    fusion: Literal["add", "concat"] | None = None
    """ADD: sum of the parts; CON: concat -> Dropout -> Linear -> GELU (paper, table 7)."""
    fusion_layers: int = Field(0, ge=0)
    """Dropout -> Linear -> GELU layers after the fusion; 0 is the paper's "w/o"."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts that are switched on, in the order they are fused."""
        present = {"id": self.id, "text": self.text is not None, "image": self.image is not None}
        return tuple(name for name, is_on in present.items() if is_on)

    @property
    def modalities(self) -> dict[str, "TextSpec | ImageSpec"]:
        """The encoders that are switched on, by part name."""
        encoders = {"text": self.text, "image": self.image}
        return {name: spec for name, spec in encoders.items() if spec is not None}

    @property
    def encoders(self) -> dict[str, "TextSpec | ImageSpec"]:
        """Every encoder that is read, by its place: those of the parts, and ``id_init``'s."""
        start = {} if self.id_init is None else {ID_INIT: self.id_init.encoder}
        return {**self.modalities, **start}

    def with_encoders(self, encoders: Mapping[str, "TextSpec | ImageSpec"]) -> "ItemSpec":
        """The same item with other encoders at some places."""
        changed: dict[str, object] = {p: spec for p, spec in encoders.items() if p != ID_INIT}
        if self.id_init is not None and ID_INIT in encoders:
            spec = encoders[ID_INIT]
            changed[ID_INIT] = self.id_init.model_copy(update={spec.part: spec})
        return self.model_copy(update=changed)

    @property
    def trains_encoder(self) -> bool:
        """Whether any pretrained layer is trained."""
        return any(spec.trainable_layers != 0 for spec in self.modalities.values())

    @model_validator(mode="after")
    def _fusion_fits_the_parts(self) -> Self:
        if not self.parts:
            raise ValueError("no item representation: set id: true, or give text: or image:")
        if len(self.parts) > 1 and self.fusion is None:
            raise ValueError(f"{' and '.join(self.parts)} need fusion: add or fusion: concat")
        if len(self.parts) == 1 and (self.fusion is not None or self.fusion_layers):
            raise ValueError(f"fusion has nothing to fuse: {self.parts[0]} is the only part")
        return self

    @model_validator(mode="after")
    def _something_starts_from_content(self) -> Self:
        if self.id_init is not None and not self.id:
            raise ValueError("id_init has no effect: no ID vectors start there (set id: true)")
        return self

    @model_validator(mode="after")
    def _items_differ(self) -> Self:
        controls = [spec.control for spec in self.modalities.values()]
        if not self.id and set(controls) == {"constant"}:
            raise ValueError(
                "control: constant leaves items no difference, so every target ties with all "
                "items; allowed: shuffle, noise, or another part such as id: true"
            )
        return self


def _check_lora(spec: "TextSpec | ImageSpec") -> None:
    if spec.lora is not None and spec.trainable_layers == 0:
        raise ValueError("lora has no effect: no layer trains (set trainable_layers)")


def _check_side(spec: "TextSpec | ImageSpec") -> None:
    if spec.side is not None and spec.trainable_layers != 0:
        raise ValueError(
            f"side reads the states of a frozen encoder, and trainable_layers is "
            f"{spec.trainable_layers}; allowed: trainable_layers: 0"
        )


def _check_control(spec: "TextSpec | ImageSpec") -> None:
    if spec.control == "noise" and spec.trainable_layers != 0:
        raise ValueError(
            "control: noise has the moments of frozen features, and this encoder trains; allowed: "
            "shuffle, constant, or trainable_layers: 0"
        )
