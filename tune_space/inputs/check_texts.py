"""How the arms' encoders read items: refused where files do not allow it, and said in the plan."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import chdir

from morec.config import EncoderSpec
from morec.data.text_columns import column_faults
from morec.encoders.families import family_of
from morec.errors import DataError, SpecError
from tune_space.inputs.prepare import Prepared, item_variants, key_of, said_of
from tune_space.study.arm import Arm


def check_texts(prepared: Prepared, arms: Sequence[Arm]) -> None:
    """Look at the columns that templates name, and at what encoders' folders say.

    Nothing but headers and descriptions is read.

    Raises:
        DataError: names every arm that cannot be read so.
    """
    problems: dict[str, dict[str, None]] = {}
    seen: dict[tuple[str, ...], list[str]] = {}
    for arm in arms:
        for config in item_variants(arm):
            key = (key_of(config.dataset), key_of(config.item))
            if key not in seen:
                columns = column_faults(config.dataset, prepared.root, config.item.columns)
                seen[key] = [*columns, *_reading_faults(prepared, config.item.encoders.values())]
            for problem in seen[key]:
                problems.setdefault(problem, {})[arm.name] = None
    if problems:
        found = (f"arm {', '.join(map(repr, names))}: {text}" for text, names in problems.items())
        raise DataError("\n".join(["nothing was started", *found]))


def format_readings(prepared: Prepared, arms: Sequence[Arm]) -> Iterator[str]:
    """How every encoder is read whose options or files decide it, and by which arms."""
    found: dict[str, dict[str, None]] = {}
    for arm in arms:
        for config in item_variants(arm):
            for spec in config.item.encoders.values():
                for line in _lines(prepared, spec):
                    found.setdefault(line, {})[arm.name] = None
    for line, names in found.items():
        yield f"{line} ({', '.join(names)})"


def _reading_faults(prepared: Prepared, specs: Iterable[EncoderSpec]) -> list[str]:
    """Why encoders cannot be read as asked; nothing where they can."""
    problems: list[str] = []
    with chdir(prepared.root):
        for spec in specs:
            try:
                family_of(spec).read_as(spec)
            except SpecError as error:
                problems += error.problems
            except DataError as error:
                problems.append(str(error))
    return problems


def _lines(prepared: Prepared, spec: EncoderSpec) -> Iterator[str]:
    with chdir(prepared.root):
        read_as, caveat = said_of(spec)
    if read_as:
        yield f"{spec.name} reads: {read_as}"
    if caveat:
        yield f"caveat: {caveat}"
