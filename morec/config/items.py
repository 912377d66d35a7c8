"""How an item becomes a vector: its parts, and how they are fused."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from morec.config.base import Spec
from morec.config.encoders import EncoderSpec, ImageSpec, TextSpec
from morec.config.id_init import ID_INIT, IdInitSpec
from morec.config.templates import template_columns
from morec.config.vectors import VectorsSpec, by_name


class ItemSpec(Spec):
    """How an item becomes a vector: an ID embedding, a text, an image, own vectors, or several."""

    id: bool = False
    """One trained vector per item (IDRec)."""
    id_init: IdInitSpec | None = None
    """Start the ID vectors from content. Not given: at random."""
    text: TextSpec | None = None
    image: ImageSpec | None = None
    vectors: Annotated[
        dict[str, VectorsSpec],
        BeforeValidator(by_name, json_schema_input_type=dict[str, VectorsSpec | None] | None),
    ] = {}  # noqa: RUF012
    """Own vectors by a name of your choice: each is a part, ``vectors.NAME``; null: switched off.
    They are fused in the order of their names, after ID, text and image."""
    fusion: Literal["add", "concat"] | None = None
    """ADD: sum of the parts; CON: concat -> Dropout -> Linear -> GELU (paper, table 7)."""
    fusion_layers: int = Field(0, ge=0)
    """Dropout -> Linear -> GELU layers after the fusion; 0 is the paper's "w/o"."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts that are switched on, in the order they are fused."""
        return (*(["id"] if self.id else []), *self.modalities)

    @property
    def modalities(self) -> dict[str, EncoderSpec]:
        """The encoders and own vectors that are switched on, by part name."""
        own = {f"vectors.{name}": spec for name, spec in self.vectors.items()}
        encoders = {"text": self.text, "image": self.image, **own}
        return {name: spec for name, spec in encoders.items() if spec is not None}

    @classmethod
    def of(cls, spec: EncoderSpec) -> Self:
        """An item that is the contents of this encoder alone."""
        return cls.model_validate({spec.part: {"own": spec} if spec.part == "vectors" else spec})

    def __hash__(self) -> int:
        # A mapping has no hash of its own.
        return hash(self.model_dump_json())

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the items' file that templates of texts name; mostly none."""
        texts = [spec for spec in self.encoders.values() if isinstance(spec, TextSpec)]
        named = (column for text in texts for column in template_columns(text.template))
        return tuple(dict.fromkeys(named))

    @property
    def encoders(self) -> dict[str, EncoderSpec]:
        """Every encoder that is read, by its place: those of the parts, and ``id_init``'s."""
        start = {} if self.id_init is None else {ID_INIT: self.id_init.encoder}
        return {**self.modalities, **start}

    def with_encoders(self, encoders: Mapping[str, EncoderSpec]) -> "ItemSpec":
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
            raise ValueError(
                "no item representation: set id: true, or give text:, image: or vectors:"
            )
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
