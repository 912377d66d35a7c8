"""What a study is: the strict model behind a study YAML (read by ``tune_space.study.load``)."""

# ruff: noqa: RUF012  (pydantic copies mutable defaults)

from typing import Annotated, Literal, Protocol, Self

from pydantic import Field, field_validator, model_validator

from morec.config import Spec
from morec.kept_lists import KEPT_LISTS
from tune_space.study.domains import ParamSpec, Value
from tune_space.study.storage_url import StorageUrl
from tune_space.study.tracking import TrackingSpec

Seed = Annotated[int, Field(ge=0, lt=2**32)]
"""What numpy and torch both take."""


COSTS = ("#Param M", "FLOPs G", "min/epoch", "GPU GB")
"""Columns of the paper's cost table, in millions, billions, minutes and gigabytes. ``expected``
may name them besides metrics."""


class DatasetChoice(Spec):
    """One of a study's data sets: every arm runs on each of them, unless it says otherwise."""

    set: dict[str, Value] = {}
    """Dotted path of a ``TrialConfig`` field -> value; ``dataset`` itself is one of them.

    These values replace those of ``base``, and an arm's values replace these. As in ``base``, a
    value here may be searched too; the search then starts from it."""
    download: str | None = None
    """Where the files come from and where to put them; ``--plan`` prints it while they are
    missing."""
    num_users: int | None = Field(None, ge=1)
    """The paper's count of users, as ``num_items``."""
    num_items: int | None = Field(None, ge=1)
    """The paper's counts, so that parameters and FLOPs can be counted without the data."""


class ConditionSpec(Spec):
    """One of a study's conditions: what a verdict has to survive. Every arm runs under each."""

    set: dict[str, Value] = {}
    """Dotted path of a ``TrialConfig`` field -> value. It wins over the base, the data set and the
    arm, and mappings merge. An arm without the part that a path leads into runs as it would
    without it."""


class ArmSpec(Spec):
    """One arm: what it changes in ``base`` (dotted paths), and what only it searches."""

    set: dict[str, Value] = {}
    """Dotted path of a ``TrialConfig`` field -> value. Mappings merge with those of the base, but
    for one with ``kind``."""
    search: dict[str, ParamSpec] = {}
    """Searched in this arm besides the study's ``search``."""
    group: str | None = None
    """Heading above this arm's column in the accuracy table."""
    datasets: tuple[str, ...] | None = None
    """Keys of the study's ``datasets`` that this arm runs on; not given: all."""
    conditions: tuple[str, ...] | None = None
    """Keys of the study's ``conditions`` that this arm runs under; not given: all."""
    ensemble: tuple[str, ...] = ()
    """Late fusion: arms whose locked models' scores are added up, seed by seed, with weights chosen
    on validation; nothing is trained or searched for it. An arm that is named a second time joins
    in with its model of the next seed, so that ``[ID, ID]`` is two seeds of ID."""
    start: dict[str, Value] = {}
    """Searched path -> its value in the arm's first search trial, for known good settings. Without
    search trials (``budget.trials: 0``) these values are the arm's choice."""


class BudgetSpec(Spec):
    """How much tuning every arm gets; the same for all of them."""

    trials: int = Field(1, ge=0)
    """Search trials per arm; an arm with nothing to search needs none."""
    parallel: Annotated[int, Field(ge=1)] | Literal["auto"] = 1
    """Search trials of one arm that are chosen together, as a round, and may run at the same time.
    What a round suggests follows from the rounds before it, whichever of its trials ends first. 1:
    one after another, which learns most from each trial. auto: what fills the machine of the first
    run, but with TPE at most a third of the trials; it stays so for later runs."""
    hours: float | None = Field(None, gt=0)
    """Wall-clock limit of one run of the command; the next run continues."""


class ResourcesSpec(Spec):
    """What one trial gets."""

    workers: int = Field(1, ge=1)
    """Training processes; 1 trains inside the trial's own process."""
    cpus: int = Field(1, ge=1)
    """CPU cores per worker."""
    gpus: float = Field(0, ge=0, le=1)
    """GPUs per worker: one, or a share of one and of its memory. 0.25: four trials share a GPU."""
    niceness: int | None = Field(None, ge=0, le=19)
    """How far trials give way to other processes: 0 not at all, 19 the most. Not given: Ray's own,
    15. It is added to the niceness of the command, and reaches every node of a cluster."""
    silence_minutes: float | None = Field(None, gt=0)
    """A trial that ends no epoch for so many minutes hangs and fails. Not given: no limit."""


class ContrastSpec(Spec):
    """A comparison named before the study ran: is ``better`` better ``than``?

    Names arms without their data set and condition. It is made on each data set that both arms run
    on, under each condition that both run under.
    """

    better: str
    """The arm that may be better."""
    than: str
    """The arm it is compared with."""


class Placed(Protocol):
    """What belongs to one data set and one condition: an arm, or an entry of a manifest."""

    @property
    def dataset(self) -> str:
        """Key of the study's data set; empty where it has one."""

    @property
    def condition(self) -> str:
        """Key of the study's condition; empty where it has none."""


def place_of(one: Placed) -> str:
    """Data set and condition that arms are compared within: ``MIND/by time``."""
    return full_name("", dataset=one.dataset, condition=one.condition)


def full_name(arm: str, *, dataset: str = "", condition: str = "") -> str:
    """An arm's name in the study: ``MIND/by time/ID``; a part that the study lacks is left out."""
    return "/".join(part for part in (dataset, condition, arm) if part)


def own_name(name: str, *, dataset: str = "", condition: str = "") -> str:
    """An arm's own name, from the name that ``full_name`` gave it."""
    above = full_name("", dataset=dataset, condition=condition)
    return name.removeprefix(f"{above}/") if above else name


class StudySpec(Spec):
    """One question, its arms, its search and its budget."""

    name: str = Field(pattern=r"^\w[\w .()+-]*$")
    """Name of the output folder and the report; not given: the file's name."""
    question: str
    """What the study asks; the report begins with it."""
    base: dict[str, Value]
    """A ``TrialConfig`` as nested mappings, shared by all arms."""
    datasets: dict[str, DatasetChoice] = {}
    """Label -> a data set and the settings that change with it. Arms are then named
    ``<label>/<arm>`` and compared with the baseline on the same data set."""
    conditions: dict[str, ConditionSpec] = {}
    """Label -> settings under which every arm runs on every data set, searched, locked and compared
    within them. The headline speaks of the first; the report says whether it holds under the
    others. Arms are then named ``<label>/<arm>``, behind the data set's label."""
    profile: Literal["full", "quick"] = "full"
    """``quick``: the file's ``quick:`` block is merged over the rest (``--set profile=quick``):
    small data, small encoders, few trials. The report says so and shows no paper numbers."""
    arms: dict[str, ArmSpec] = {}
    """Explicit arms by name."""
    factors: dict[str, tuple[Value, ...]] = {}
    """Or: dotted path -> levels; every combination is an arm."""
    one_factor_out: dict[str, tuple[Value, ...]] = {}
    """Or: dotted path -> levels. The first levels together are the arm that ``baseline`` names.
    Every other level is one more arm, which differs from the baseline in that level alone."""
    baseline: str
    """The arm that every other arm is compared with; on each data set, where there are several."""
    search: dict[str, ParamSpec] = {}
    """Dotted path -> what it may be; searched in every arm alike, chosen on validation."""
    budget: BudgetSpec = BudgetSpec()
    """How much tuning every arm gets."""
    sampler: Literal["tpe", "random", "grid"] = "tpe"
    """What chooses search trials after an arm's first: TPE (Optuna's), chance, or ``grid``: every
    point of a finite space once, in an order that ``search_seed`` draws. None of them tries a point
    twice, and a budget as large as a finite space tries all of it."""
    scheduler: Literal["none", "asha", "median"] = "none"
    """Stops weak search trials early; a trial is compared with trials of its own arm only."""
    search_seed: Seed = 0
    """Draws the search trials, and is the seed that each of them trains with."""
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = (1, 2, 3)
    """Each arm's locked configuration is trained once per seed; the same seeds in every arm."""
    contrasts: tuple[ContrastSpec, ...] = ()
    """Comparisons named before the study runs; the verdict speaks of them."""
    resources: ResourcesSpec = ResourcesSpec()
    """What one trial gets."""
    storage: StorageUrl | None = None
    """Where nodes without a common folder get artefacts from and leave checkpoints: a URL that
    pyarrow.fs opens (``s3://bucket/prefix``). Not given: every node sees the output folder."""
    tracking: TrackingSpec = TrackingSpec()
    """Where else people look at the trials: MLflow, W&B, TensorBoard, Optuna's dashboard."""
    expected: dict[str, dict[str, float]] = {}
    """Arm (by its full name, with data set and condition) -> metric -> the paper's number in
    percent. The report prints it next to ours, never as ours. ``HR@10 cold`` is a metric on a
    slice; ``#Param M``, ``FLOPs G``, ``min/epoch`` and ``GPU GB`` are columns of the cost table."""
    kept_lists: int = Field(KEPT_LISTS, ge=0)
    """Test users whose ten best items every final trial keeps in its record: all, or so many drawn
    where there are more; 0: none. They show why one arm finds whom another misses."""
    examples: bool = True
    """Whether the end of a run stores a few test users for the report: their last items and what
    two arms recommend them, with titles and small pictures, without any user's id. Needs
    ``kept_lists``. false also removes what an earlier run stored."""
    keep_checkpoints: bool = False
    """Whether a finished trial's checkpoint stays, within ``checkpoints_gb``."""
    checkpoints_gb: float = Field(10, gt=0)
    """Gigabytes (1e9 bytes) that the checkpoints of trials that do not run may take together: those
    that are kept, and those of trials that an edit has dropped. The oldest are deleted first."""

    @property
    def folder(self) -> str:
        """Name of the study's output folder; the quick form has one of its own."""
        return self.name if self.profile == "full" else f"{self.name}-{self.profile}"

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        given = [key for key in ("arms", "factors", "one_factor_out") if getattr(self, key)]
        if len(given) != 1:
            raise ValueError(f"give exactly one of arms, factors, one_factor_out; found: {given}")
        return self

    @field_validator("seeds")
    @classmethod
    def _seeds_are_unique(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) != len(seeds):
            raise ValueError(f"seeds are not unique: {list(seeds)}")
        return seeds
