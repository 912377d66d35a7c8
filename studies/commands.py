"""The table of commands: every option of the command line that does not run the study."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Group = Literal["run", "look", "use", "care"]
GROUPS: Mapping[Group, str] = {
    "run": "write and run a study",
    "look": "look at a study",
    "use": "use what a study trained",
    "care": "take care",
}
"""What people do -> the heading of its options in ``--help``, in this order."""


@dataclass(frozen=True)
class Command:
    """An option that does something else than run the study."""

    module: str
    """Has ``answer(request)``."""
    help: str
    settings: Mapping[str, Any] = field(default_factory=lambda: {"action": "store_true"})
    """Of the option, as argparse takes them."""
    group: Group = "use"
    """Where its option stands in ``--help``."""
    needs: Literal["nothing", "study", "arms"] = "study"
    """``arms``: impossible arms, and ``--only`` with unknown ones, are refused before it starts."""
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Further options that only this command reads, as argparse takes them."""


COMMANDS = {
    "new": Command(
        "tune_space.commands.new",
        "write a study of these files, or of a folder; of MovieLens without any",
        {"nargs": "*", "type": Path, "metavar": ("INTERACTIONS", "ITEMS")},
        group="run",
        needs="nothing",
        options={
            "images": {"type": Path, "metavar": "DIR", "help": "with --new: images by item id"}
        },
    ),
    "schema": Command(
        "tune_space.commands.schema",
        "print the JSON schema of study files, for editors",
        group="run",
        needs="nothing",
    ),
    "list": Command("studies.shipped", "name the shipped studies", group="look", needs="nothing"),
    "plan": Command(
        "tune_space.commands.plan", "say what would run, and how long", group="look", needs="arms"
    ),
    "status": Command("tune_space.commands.status", "say how the study stands", group="look"),
    "report": Command("studies.report", "write the report of what is there", group="look"),
    "export": Command(
        "studies.export",
        "write the model of a finished arm into a folder that needs no study",
        {"metavar": "ARM"},
        options={
            "to": {
                "type": Path,
                "metavar": "DIR",
                "help": "with --export: a folder that does not exist; default: OUT/exports/ARM",
            },
            "license": {"metavar": "NAME", "help": "with --export: for its model card"},
        },
    ),
    "recommend": Command(
        "tune_space.commands.recommend",
        "recommend with an exported model, into --out FILE.parquet",
        {"type": Path, "metavar": "DIR"},
        needs="nothing",
        options={
            "histories": {
                "type": Path,
                "metavar": "FILE",
                "help": "with --recommend: a table of user_id, item_id and maybe timestamp",
            },
            "k": {"type": int, "metavar": "K", "help": "with --recommend: items a user (10)"},
        },
    ),
    "audit": Command("tune_space.commands.audit", "recheck every choice and number", group="care"),
    "reproduce": Command(
        "tune_space.commands.reproduce",
        "train it again and compare",
        {"metavar": "TRIAL"},
        group="care",
    ),
    "clean": Command(
        "tune_space.commands.clean",
        "say what the cache takes; with words, delete that; never results",
        {"nargs": "*", "choices": ("artefacts", "checkpoints")},
        group="care",
        needs="nothing",
    ),
    "doctor": Command(
        "tune_space.commands.doctor", "check this installation", group="care", needs="nothing"
    ),
}
"""By option; a command is one file and one line here."""
