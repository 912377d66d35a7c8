"""A study's trackers: which addresses are allowed, that none has a secret, and no trial knows."""

import pytest

from morec.errors import SpecError
from tune_space.study.expand import expand
from tune_space.study.load import parse_study
from tune_space.study.tracking import TrackingSpec, parse_tracker

STUDY = """\
question: Which?
baseline: small
base: {dataset: {kind: synthetic}, item: {id: true}}
arms: {small: {model.dim: 8}, large: {model.dim: 64}}
"""


@pytest.mark.parametrize(
    ("word", "address"),
    [
        ("mlflow:https://tracking.example:5000/team", "https://tracking.example:5000/team"),
        ("mlflow:sqlite:///mlflow.db", "sqlite:///mlflow.db"),
        ("mlflow:postgresql+psycopg://me@host/db?sslmode=require",
         "postgresql+psycopg://me@host/db?sslmode=require"),
        ("wandb:my-project", "my-project"),
        ("wandb:team/my.project", "team/my.project"),
        ("tensorboard:runs/tensorboard", "runs/tensorboard"),
        (r"tensorboard:C:\logs", r"C:\logs"),
        ("optuna:sqlite:////data/optuna.db", "sqlite:////data/optuna.db"),
        ("optuna:mysql+pymysql://me@host/db?charset=utf8mb4",
         "mysql+pymysql://me@host/db?charset=utf8mb4"),
    ],
)  # fmt: skip
def test_a_tracker_is_a_name_and_its_address(word: str, address: str) -> None:
    assert parse_tracker(word) == (word.partition(":")[0], address)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("mlfow:x", "'mlfow' is not a tracker. Did you mean 'mlflow'? Allowed: mlflow:..., "
         "wandb:..., tensorboard:..., optuna:..."),
        ("mlflow", "mlflow: has no address; write mlflow:ADDRESS"),
        ("mlflow:runs", "mlflow: 'runs' is no URL of this tracker. Allowed: http://, https://, "
         "mysql://, postgresql://, sqlite://"),
        ("optuna:sqlit:///x.db", "optuna: 'sqlit:///x.db' is no URL of this tracker. Did you mean "
         "'sqlite'? Allowed: mysql://, postgresql://, sqlite://"),
        ("optuna:sqlite://", "optuna: 'sqlite://' names no file; write sqlite:///FILE or "
         "sqlite:////ABSOLUTE/FILE"),
        ("optuna:sqlite://x.db", "optuna: 'sqlite://x.db' names no file; write sqlite:///FILE or "
         "sqlite:////ABSOLUTE/FILE"),
        ("mlflow:https:///path", "mlflow: 'https:///path' names no host"),
        ("mlflow:https://host:port", "mlflow: 'https://host:port' is no URL: it cannot be taken "
         "apart"),
        ("mlflow:https://host/#/experiments/1", "mlflow: 'https://host/': an address has no part "
         "after #"),
        ("wandb:my project", "wandb: 'my project' is no project; allowed: PROJECT or "
         "ENTITY/PROJECT, of letters, digits, '.', '_' and '-'"),
        ("tensorboard:s3://bucket/x", "tensorboard: 's3://bucket/x' is no folder of this machine"),
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_what_is_allowed(word: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_tracker(word)
    assert str(caught.value) == message


SECRETS = [
    ("mlflow", "https://KEY:SECRET@host/path"),
    ("mlflow", "https://SECRET@host"),
    ("mlflow", "https://host?token=SECRET"),
    ("mlflow", "postgresql://me:SE/CRET@host/db"),
    ("optuna", "postgresql://me:SECRET@host/db"),
    ("optuna", "mysql://me@host/db?passwd=SECRET"),
    ("optuna", "mongo://me:SECRET@host/db"),
    ("wandb", "https://KEY:SECRET@host"),
    ("tensorboard", "s3://KEY:SECRET@bucket"),
]


@pytest.mark.parametrize(("name", "address"), SECRETS)
def test_an_address_with_a_secret_is_refused_without_repeating_it(name: str, address: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_tracker(f"{name}:{address}")
    assert "SECRET" not in str(caught.value).replace("CRET@", "SECRET")
    with pytest.raises(SpecError) as caught:
        parse_study(f"{STUDY}tracking: {{{name}: '{address}'}}\n")
    assert str(caught.value).startswith(f"study.yaml:5: tracking.{name}: ")
    assert "SECRET" not in str(caught.value).replace("CRET@", "SECRET")
    with pytest.raises(SpecError) as caught:
        parse_study(STUDY, overrides=[f"tracking.{name}={address}"])
    assert str(caught.value).startswith(f"--set tracking.{name}=")
    assert "SECRET" not in str(caught.value).replace("CRET@", "SECRET")


def test_a_mistake_in_a_study_has_its_line_and_the_nearest_tracker() -> None:
    with pytest.raises(SpecError) as caught:
        parse_study(f"{STUDY}tracking:\n  tensorbord: x\n  optuna: x\n")
    assert str(caught.value) == (
        "study.yaml:6: tracking.tensorbord: unknown key 'tensorbord'. Did you mean 'tensorboard'? "
        "Allowed: mlflow, optuna, tensorboard, wandb\n"
        "study.yaml:7: tracking.optuna: 'x' is no URL of this tracker. Allowed: mysql://, "
        "postgresql://, sqlite://"
    )


def test_no_trial_knows_where_it_is_looked_at() -> None:
    study = parse_study(f"{STUDY}tracking: {{mlflow: 'sqlite:///x.db', wandb: p}}\n")
    assert study.tracking.addresses == {"mlflow": "sqlite:///x.db", "wandb": "p"}
    ids = [[arm.config.trial_id({}) for arm in expand(s)] for s in (study, parse_study(STUDY))]
    assert ids[0] == ids[1]


def test_by_default_nobody_is_sent_anything() -> None:
    assert TrackingSpec().addresses == {}
