"""Optuna: what it loads from a storage, and serves in its dashboard, is what the ledger says."""

import json
import threading
import urllib.request
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from reports.trackers.optuna import distribution, send
from tests.reports.trackers.ledgers import change_record, read_study, records, write_study
from tune_space.study.domains import ParamSpec


def url(folder: Path) -> str:
    return f"sqlite:///{folder / 'optuna.db'}"


def test_every_arms_search_is_a_study_with_its_trials_as_they_ended(tmp_path: Path) -> None:
    assert send(write_study(tmp_path), url(tmp_path)) == 6
    names = optuna.get_all_study_names(url(tmp_path))
    assert sorted(names) == ["made_up/ID", "made_up/TS"]
    found = optuna.load_study(study_name="made_up/ID", storage=url(tmp_path))
    assert found.direction is optuna.study.StudyDirection.MAXIMIZE
    assert found.user_attrs["question"] == "Do text encoders beat item IDs?"
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    (entry,) = (arm for arm in manifest["arms"] if arm["name"] == "ID")
    states = [TrialState.COMPLETE, TrialState.FAIL, TrialState.PRUNED]
    assert [trial.state for trial in found.trials] == states
    for trial, asked in zip(found.trials, entry["search"], strict=True):
        record = records(tmp_path)[asked["trial_id"]]
        assert trial.params == asked["params"]
        assert trial.distributions == {"optim.lr": FloatDistribution(1e-4, 1e-2, log=True)}
        values = {one["epoch"]: one["valid"]["HR@10"] for one in record["epochs"]}
        assert trial.intermediate_values == values
        assert trial.user_attrs["morec.trial_id"] == asked["trial_id"]
        assert trial.user_attrs["status"] == record["status"]
    complete, _, pruned = found.trials
    assert complete.value == max(complete.intermediate_values.values())
    assert found.best_trial.number == complete.number
    assert pruned.value is None or pruned.value in pruned.intermediate_values.values()


def test_a_second_send_adds_only_what_is_new_and_a_changed_trial_makes_the_study_anew(
    tmp_path: Path,
) -> None:
    study = write_study(tmp_path)
    last = [run for run in study.runs if run.tags["role"] == "search"][2]
    path = tmp_path / "trials" / f"{last.trial_id}.json"
    kept = path.read_text()
    path.unlink()
    assert send(read_study(tmp_path), url(tmp_path)) == 5
    before = optuna.load_study(study_name="made_up/ID", storage=url(tmp_path)).trials
    path.write_text(kept)
    assert send(read_study(tmp_path), url(tmp_path)) == 1
    assert send(read_study(tmp_path), url(tmp_path)) == 0
    after = optuna.load_study(study_name="made_up/ID", storage=url(tmp_path))
    assert [t._trial_id for t in after.trials][:2] == [t._trial_id for t in before]
    assert after.trials[2].user_attrs["morec.trial_id"] == last.trial_id
    states = [trial.state for trial in after.trials]
    change_record(tmp_path, after.trials[1].user_attrs["morec.trial_id"], error="another")
    assert send(read_study(tmp_path), url(tmp_path)) == 3
    again = optuna.load_study(study_name="made_up/ID", storage=url(tmp_path))
    assert [trial.state for trial in again.trials] == states
    assert again.trials[1].user_attrs["error"] == "another"


def test_another_search_space_makes_the_study_anew(tmp_path: Path) -> None:
    send(write_study(tmp_path), url(tmp_path))
    write_study(tmp_path, search={"optim.lr": {"uniform": [1e-4, 1e-2]}})
    assert send(read_study(tmp_path), url(tmp_path)) == 6
    found = optuna.load_study(study_name="made_up/TS", storage=url(tmp_path))
    assert found.trials[0].distributions == {"optim.lr": FloatDistribution(1e-4, 1e-2)}


def test_a_study_that_this_code_cannot_build_is_shown_by_its_values(tmp_path: Path) -> None:
    study = write_study(tmp_path, arms={"ID": {"set": {"model.gone": 1}}, "TS": {"set": {}}})
    send(study, url(tmp_path))
    found = optuna.load_study(study_name="made_up/TS", storage=url(tmp_path))
    assert [set(trial.params) for trial in found.trials] == [{"optim.lr"}] * 3


def test_a_study_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    optuna.create_study(study_name="made_up/ID", storage=url(tmp_path))
    with pytest.raises(ValueError, match="'made_up/ID' that was not written by this project"):
        send(write_study(tmp_path), url(tmp_path))
    assert optuna.load_study(study_name="made_up/ID", storage=url(tmp_path)).trials == []


@pytest.mark.parametrize(
    ("param", "value", "expected"),
    [
        ({"uniform": [0, 1]}, 0.5, FloatDistribution(0, 1)),
        ({"uniform": [0, 1], "step": 0.1}, 0.3, FloatDistribution(0, 1, step=0.1)),
        ({"int": [2, 8], "step": 2}, 4, IntDistribution(2, 8, step=2)),
        ({"int": [1, 3]}, 3, IntDistribution(1, 3)),
        ({"logint": [1, 64]}, 8, IntDistribution(1, 64, log=True)),
        ({"choice": ["a", "b"]}, "a", CategoricalDistribution(["a", "b"])),
        ({"choice": [1, 0.5]}, 0.5, CategoricalDistribution([1, 0.5])),
        ({"choice": [None, 1]}, None, CategoricalDistribution(["null", "1"])),
        ({"choice": [True, 1.5]}, True, CategoricalDistribution(["true", "1.5"])),
        ({"choice": [[1, 2], [3]]}, [3], CategoricalDistribution(["[1,2]", "[3]"])),
        ({"uniform": [0, 1]}, 7.0, FloatDistribution(7.0, 7.0)),
        ({"choice": ["a", "b"]}, "gone", None),
    ],
)
def test_a_domain_is_shown_as_optunas_own(param: object, value: object, expected: object) -> None:
    spec = ParamSpec.model_validate_json(json.dumps(param))
    assert distribution(spec, value) == expected


def test_the_dashboard_serves_the_studies(tmp_path: Path) -> None:
    pytest.importorskip("optuna_dashboard", reason='no dashboard: pip install -e ".[dashboard]"')
    from optuna_dashboard import wsgi

    send(write_study(tmp_path), url(tmp_path))
    app = wsgi(optuna.storages.RDBStorage(url(tmp_path)))
    with make_server("127.0.0.1", 0, app, handler_class=Quiet) as server:
        threading.Thread(target=server.handle_request).start()
        address = f"http://127.0.0.1:{server.server_port}/api/studies"
        with urllib.request.urlopen(address, timeout=240) as answer:
            served = json.load(answer)["study_summaries"]
    assert {one["study_name"] for one in served} == {"made_up/ID", "made_up/TS"}


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass
