"""What is known of the tests without a change: how long they take, and whether they pass."""

import json
from pathlib import Path

from tests.mutation.forked import Outcome
from tests.mutation.mutants import Mutant
from tests.mutation.sessions import run_tests

TIMES = 4
"""A child may use this many times the CPU seconds that its tests took before, and ``SPARE_S``."""
SPARE_S = 60.0
SLOW_S = 60.0


class Known:
    """Kept in a JSON file between runs; a test's name stands for it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        self.seconds: dict[str, float] = kept.get("seconds", {})
        self.imported: set[str] = set(kept.get("imported", ()))
        self._passes: dict[str, bool] = {}

    def ask(self, file: str, mutant: Mutant | None) -> Outcome:
        """Run the tests of a file which pass without a change, or one of them."""
        broken = {test for test, passes in self._passes.items() if not passes}
        limit_s = TIMES * self._cpu_s(file) + SPARE_S
        outcome = run_tests(file, mutant, seconds=self.seconds, broken=broken, limit_s=limit_s)
        ran = outcome.answer.get("seconds", {})
        # A test that passes in spite of a change passes without it.
        good = ran if outcome.answer.get("passed") else ran.keys() - {outcome.answer.get("at")}
        self._passes.update(dict.fromkeys(good, True))
        self.seconds.update(ran)
        self.imported.update(outcome.answer.get("imported", ()))
        return outcome

    def slow(self, file: str) -> bool:
        """Whether the file's tests take long: only a module's own file is then asked."""
        return self._cpu_s(file) > SLOW_S

    def _cpu_s(self, file: str) -> float:
        return sum(taken for test, taken in self.seconds.items() if test.startswith(file))

    def passes(self, test: str) -> bool:
        """Whether a test passes without a change; it is asked once a run.

        A file that has no test to blame was not imported: it is known to be where a test of it ran.
        """
        if "::" not in test and self._cpu_s(test) > 0:
            return True
        if test not in self._passes:
            outcome = self.ask(test, None)
            self._passes[test] = outcome.answer.get("passed", False)
            if not self._passes[test]:
                print(f"fails without a change: {test}\n{outcome.output}", flush=True)
        return self._passes[test]

    def keep(self) -> None:
        """Write the file."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        kept = {"seconds": self.seconds, "imported": sorted(self.imported)}
        self._file.write_text(json.dumps(kept), encoding="utf-8")
