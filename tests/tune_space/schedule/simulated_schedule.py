"""One schedule: a study is run, ended early, edited and run again, until it is done.

Everything in it follows from the schedule's seed.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from random import Random

from morec.config import TrialConfig
from morec.config.ensemble import joined_sources
from morec.errors import ExitCode, SpecError
from morec.results import TrialStatus
from tests.tune_space.schedule.decisions import check_effort, check_equal
from tests.tune_space.schedule.simulated_fates import Fates
from tests.tune_space.schedule.simulated_machine import Hazard, Machine
from tests.tune_space.schedule.simulated_run import NO_EXIT_CODE, opened, run
from tests.tune_space.schedule.simulated_studies import File, draw_edit, draw_study, study_text
from tests.tune_space.schedule.undisturbed import Start, Undisturbed
from tune_space.inputs.prepare import key_of
from tune_space.ledger.manifest import Manifest
from tune_space.ledger.records import Ledger
from tune_space.schedule.plan import make_plan
from tune_space.study.load import LoadedStudy

NUM_STUDIES = 400
"""Different studies; a study costs more to read than to run."""
MAX_RUNS = 60
"""A study that is still not done then never will be."""
SIGNALS = ("SIGTERM", "SIGINT", "Ctrl-C")
CODES = {
    "full disk": ExitCode.REFUSED,
    "full for a moment": ExitCode.REFUSED,
    "refused checkpoint": ExitCode.REFUSED,
    "SIGTERM": ExitCode.TERMINATED,
    "SIGINT": ExitCode.INTERRUPTED,
    "Ctrl-C": ExitCode.INTERRUPTED,
    "session lost": ExitCode.NO_RAY,
}
"""What ends a run -> the exit code that says so; a killed driver has none."""
HAZARDS = {
    "kill": 40,
    "full disk": 10,
    "full for a moment": 8,
    "refused checkpoint": 6,
    "SIGTERM": 8,
    "SIGINT": 6,
    "Ctrl-C": 6,
    "session lost": 8,
    "none": 8,
}
"""What may end a run early -> how often."""


def play_schedule(seed: int, folder: Path) -> Counter[str]:
    """Play one schedule in an empty folder, check everything, and count what happened."""
    schedule = _Schedule(seed, folder)
    try:
        schedule.play()
    except BaseException as error:
        error.add_note("\n".join([f"schedule {seed}:", *schedule.machine.log]))
        raise
    return schedule.machine.counts


class _Schedule:
    def __init__(self, seed: int, folder: Path) -> None:
        self._draw = draw = Random(seed)
        self._file = self._draw_file(Random(seed % NUM_STUDIES))
        self._start = Start()
        self._is_edited = False
        """Whether the search goes on from what an edit found."""
        self._options: list[str] = []
        self._code = 0
        """How the last run ended."""
        self.machine = Machine(
            folder=folder / "out",
            fates=Fates(seed),
            draw=draw,
            num_slots=draw.randint(1, 6),
            num_nodes=draw.randint(1, 3),
            num_bytes=draw.choice([1, 3, 100]),
            accident_rate=draw.choice([0, 0.02, 0.1]),
        )

    def _draw_file(self, draw: Random) -> File:
        file = draw_study(draw)
        while not self._is_possible(file):
            file = draw_study(draw)
        return file

    def play(self) -> None:
        """Disturbed runs and edits, then undisturbed runs to the end."""
        for _ in range(self._draw.choice([0, 1, 1, 2, 2, 3, 4])):
            self._run_disturbed()
            if self._draw.random() < 0.3:
                self._edit()
        if self._draw.random() < 0.1:
            self._heal()
        self._run_to_the_end()
        self._check_end()

    def _run_disturbed(self) -> None:
        draw, options = self._draw, list(self._options)
        kind = draw.choices(list(HAZARDS), list(HAZARDS.values()))[0]
        hazard = Hazard(kind, int(1 + 60 * draw.random() ** 2))
        if draw.random() < 0.1:
            options += ["--only", draw.choice(list(self._file["arms"]))]
        self.machine.counts["runs"] += 1
        text = study_text(self._file)
        before = Ledger(self.machine.folder).read_manifest()
        self._code = run(self.machine, text, options, hazard, twice=draw.random() < 0.2)
        self._check_code(self._code, hazard, before)
        if self._is_edited and "--only" in options:
            # An arm that was edited and is left out begins anew.
            self._go_on_from_here()

    def _edit(self) -> None:
        """Change the study, as a user does between two runs; an impossible change is left out."""
        edited, name, is_free = draw_edit(self._file, self._draw)
        if self._draw.random() < 0.1:
            name, is_free, edited = "new data", False, self._file
            self.machine.data = f"d{self._draw.randint(1, 3)}"
        if not self._is_possible(edited):
            return
        self.machine.log.append(f"edit: {name}")
        self.machine.counts[f"edit: {name}"] += 1
        self.machine.fused.clear()
        self._file = edited
        if not is_free or self._is_edited:
            self._go_on_from_here()

    def _heal(self) -> None:
        """Whatever made trials fail is repaired, and failed trials are run again."""
        self.machine.fates = Fates(self.machine.fates.seed, is_healed=True)
        self.machine.counts["failures retried"] += 1
        self.machine.log.append("healed")
        self.machine.fused.clear()
        self._options = ["--retry-failed"]
        self._go_on_from_here()
        records = self._start.records.items()
        is_failed = TrialStatus.FAILED
        self._start.records = {i: r for i, r in records if r.status is not is_failed}

    def _go_on_from_here(self) -> None:
        """From now on the search is that of the folder as it is."""
        ledger = Ledger(self.machine.folder)
        manifest = ledger.read_manifest()
        if manifest is None:
            return
        self._is_edited = True
        entries = {entry.name: entry for entry in manifest.arms}
        self._start = Start(entries, ledger.read_all())

    def _run_to_the_end(self) -> None:
        self.machine.accident_rate /= 2
        for _ in range(MAX_RUNS):
            self.machine.counts["runs"] += 1
            text = study_text(self._file)
            self._code = run(self.machine, text, self._options, Hazard("none", 0))
            manifest = Ledger(self.machine.folder).manifest()
            if manifest.state == "finished":
                return
            assert manifest.interrupted_by == "budget.hours", manifest.interrupted_by
            self.machine.counts["run ended by: budget.hours"] += 1
        raise AssertionError("the study is never done")

    def _check_code(self, code: int, hazard: Hazard, before: Manifest | None) -> None:
        """Exit code and manifest say what ended the run, unless it ended before it began."""
        manifest = Ledger(self.machine.folder).read_manifest()
        state, by = (manifest.state, manifest.interrupted_by) if manifest else ("none", None)
        is_over = state == "finished" or by == "budget.hours"
        if not hazard.has_struck or (hazard.kind in SIGNALS and is_over):
            assert code in (ExitCode.OK, ExitCode.FAILED) and is_over, (code, hazard, state, by)
            return
        assert code == CODES.get(hazard.kind, NO_EXIT_CODE), (code, hazard, state)
        is_silent = hazard.kind in ("kill", "full disk") or manifest == before
        assert state != "running" or is_silent, (hazard, state)

    def _check_end(self) -> None:
        """The finished folder is what the study comes to when nothing disturbs it."""
        study = self._open(self._file)
        ledger = Ledger(self.machine.folder)
        manifest = ledger.manifest()
        undisturbed = Undisturbed(
            study.spec, self.machine.fates, self._sources, manifest.round_size, self._start
        )
        expected = undisturbed.decide(study.arms)
        records = ledger.read_all()
        assert records == self.machine.watch.records
        check_equal(manifest, records, expected, self._code)
        check_effort(manifest, records)
        plan = make_plan(study.spec, study.arms, ledger, self._sources)
        assert plan.num_left == 0, f"trials are left: {plan.arms}"
        if self._draw.random() < 0.3:
            self._check_over()

    def _check_over(self) -> None:
        """The same command starts nothing more, and says the same."""
        num_runs = self.machine.counts["trials started"]
        code = run(self.machine, study_text(self._file), [], Hazard("none", 0))
        assert (code, num_runs) == (self._code, self.machine.counts["trials started"])

    def _is_possible(self, file: File) -> bool:
        try:
            _ = self._open(file).arms
        except SpecError:
            return False
        return True

    def _open(self, file: File) -> LoadedStudy:
        return opened(study_text(file))

    def _sources(self, config: TrialConfig) -> Mapping[str, str]:
        if config.ensemble:
            return joined_sources([self._sources(one) for one in config.ensemble])
        return {"data": f"{self.machine.data} {key_of(config.dataset)}"}
