"""Recorded tiny trials, and the way from one to an exported folder, without Ray."""

from collections.abc import Callable
from pathlib import Path

from morec.data.dataset import load_dataset
from morec.encoders.artefacts import ArtefactStore
from morec.results import TrialResult
from tests.morec.tiny_trials import run, tiny_config
from tests.reports.made_up_studies import FakeStudy
from tune_space.commands.export import Chosen, Exporter
from tune_space.inputs.prepare import Prepared
from tune_space.ledger.layout import CHECKPOINTS
from tune_space.ledger.records import Ledger


def prepared_in(folder: Path) -> Prepared:
    """A store of its own in a folder, which is the study file's too."""
    return Prepared(folder, ArtefactStore(folder / "artefacts"))


def recorded(prepared: Prepared, *, keeps: bool = False, **sections) -> TrialResult:
    """A trial as a study would have recorded it; ``keeps`` its checkpoint in ``out``."""
    config = tiny_config(**({"evaluation": {"test": True}} | sections))
    result = run(config, load_dataset(config.dataset, prepared.root), prepared.root / "run")
    sources = prepared.sources(config)
    trial_id = config.trial_id(sources)
    if keeps:
        kept = prepared.root / "out" / CHECKPOINTS / trial_id
        kept.parent.mkdir(parents=True, exist_ok=True)
        (prepared.root / "run" / "checkpoints").rename(kept)
    return result.model_copy(update={"sources": sources, "trial_id": trial_id})


def exporter(
    record: TrialResult,
    prepared: Prepared,
    interval: tuple[float, float] = (0.0, 1.0),
    say: Callable[[str], None] = print,
) -> Exporter:
    """An exporter of a record, as if an arm of a made-up study had chosen it."""
    manifest = Ledger(FakeStudy(searches=0).write(prepared.root / "made up")).manifest()
    chosen = Chosen(manifest, manifest.arms[0], record, 3)
    return Exporter(chosen, prepared, prepared.root / "out", interval, say)
