"""Completion in a shell: ``eval "$(register-python-argcomplete morec)"`` switches it on."""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from argcomplete import autocomplete
from argcomplete.completers import FilesCompleter

from morec.errors import MorecError
from studies.shipped import ENDINGS, find_study, shipped_studies
from tune_space.study.arm_names import named_arms
from tune_space.study.load import load_study


def complete(parser: argparse.ArgumentParser) -> None:
    """Print what the shell asks for and end the program, if a shell asks; else do nothing.

    Options complete by their own choices; the study by shipped names and files; ``--only`` by the
    study's arms, data sets and conditions.
    """
    completers: dict[str, Any] = {"study": _studies, "only": _arms}
    for action in parser._actions:
        if action.dest in completers:
            action.completer = completers[action.dest]  # type: ignore[attr-defined]
    autocomplete(parser, always_complete_options=False)


def _studies(prefix: str, **_: Any) -> Iterable[str]:
    files: Iterable[str] = FilesCompleter(tuple(one[1:] for one in ENDINGS))(prefix)
    return [*shipped_studies(), *files]


def _arms(parsed_args: argparse.Namespace, **_: Any) -> Iterable[str]:
    """What ``--only`` takes; nothing where the study is not given yet, or cannot be read."""
    try:
        study = load_study(find_study(Path(parsed_args.study or "")).path, parsed_args.set or ())
    except MorecError:
        return ()
    own = (word for arm in named_arms(study) for word in (arm.arm, arm.name))
    return dict.fromkeys((*study.datasets, *study.conditions, *own))
