"""A device's counter: NVML's numbers are a stand-in's, those of CPU packages in made-up files."""

from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from morec import energy
from morec.data.dataset import Dataset
from morec.energy import EnergyMeter
from morec.package_energy import open_counter
from morec.progress import Progress
from morec.results import Cost, EpochRecord
from morec.trial import Trial
from tests.morec.gpus import needs_gpu
from tests.morec.test_package_energy import go_on, zone
from tests.morec.tiny_trials import run, tiny_config

CPU, GPU = torch.device("cpu"), torch.device("cuda")


class Broken(Exception):
    """Stands for ``pynvml.NVMLError``."""


def stand_in(readings_mj: list[int | None]) -> Any:
    """An NVML with one GPU whose counter shows these millijoules; None is a GPU without one."""

    def counter(handle: str) -> int:
        assert handle == "GPU-1234"
        reading = readings_mj.pop(0)
        if reading is None:
            raise Broken
        return reading

    return SimpleNamespace(
        NVMLError=Broken,
        nvmlInit=lambda: None,
        nvmlDeviceGetHandleByUUID=lambda uuid: uuid,
        nvmlDeviceGetTotalEnergyConsumption=counter,
    )


@pytest.fixture
def with_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    properties = SimpleNamespace(uuid="1234")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)


@pytest.fixture
def powercap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in the place where Linux shows counters of CPU packages."""
    folder = tmp_path / "powercap"
    monkeypatch.setattr(energy, "open_counter", partial(open_counter, folder))
    return folder


def test_a_cpu_without_counters_says_so(powercap: Path) -> None:
    meter = EnergyMeter(CPU)
    assert (meter.lap_j(), meter.name) == (None, "CPU packages (RAPL)")
    assert meter.missing == f"the machine shows no counter of a CPU package under {powercap}"


def test_a_lap_on_a_cpu_is_what_its_packages_went_on_by(powercap: Path) -> None:
    package = zone(powercap, "intel-rapl:0", "package-0", 1_000_000)
    meter = EnergyMeter(CPU)
    go_on(package, 3_500_000)
    assert [meter.lap_j(), meter.lap_j()] == [2.5, 0.0]
    assert EnergyMeter(CPU).key == meter.key != ""
    (package / "energy_uj").unlink()
    assert meter.lap_j() is None
    assert "energy_uj" in meter.missing


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_driver_energy_is_not_known() -> None:
    pytest.importorskip("pynvml")
    assert EnergyMeter(GPU).lap_j() is None


def test_without_the_package_energy_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(energy, "pynvml", None)
    meter = EnergyMeter(GPU)
    assert (meter.lap_j(), meter.name) == (None, "GPU (NVML)")
    assert meter.missing == 'the GPU\'s counter needs pip install -e ".[gpu]"'


@pytest.mark.usefixtures("with_gpu")
def test_a_lap_is_what_the_counter_went_on_by(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(energy, "pynvml", stand_in([5_000, 7_500, 7_600]))
    meter = EnergyMeter(GPU)
    assert [meter.lap_j(), meter.lap_j()] == [2.5, 0.1]


@pytest.mark.usefixtures("with_gpu")
def test_a_gpu_without_a_counter_is_not_a_gpu_that_takes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(energy, "pynvml", stand_in([None, None]))
    assert EnergyMeter(GPU).lap_j() is None


def test_energy_is_summed_over_workers_and_a_part_not_known_leaves_the_whole_unknown() -> None:
    progress = Progress()
    progress.add_energy([1.5, 2.0])
    progress.add_energy([0.5, 1.0])
    assert progress.energy_j == 5.0
    progress.add_energy([0.5, None])
    assert progress.energy_j is None
    progress.add_energy([0.5, 1.0])
    assert progress.energy_j is None


def test_workers_that_read_one_counter_count_its_energy_once(powercap: Path) -> None:
    """Two workers on one machine, one on another: every gathered value is what a worker sends."""
    package = zone(powercap, "intel-rapl:0", "package-0")
    meter = EnergyMeter(CPU)
    go_on(package, 2_000_000)

    def gather(mine: tuple[str, float]) -> list[tuple[str, float]]:
        assert mine == (meter.key, 2.0)
        return [mine, (meter.key, 2.1), ("packages of another machine", 5.0)]

    workers = SimpleNamespace(gather=gather)
    trial: Any = SimpleNamespace(
        meter=SimpleNamespace(energy=meter), trainer=SimpleNamespace(workers=workers)
    )
    assert sorted(Trial._laps_j(trial)) == [2.1, 5.0]


def test_a_trial_on_a_cpu_records_why_its_energy_is_not_known(
    tiny_dataset: Dataset, tmp_path: Path, powercap: Path
) -> None:
    cost = run(tiny_config(), tiny_dataset, tmp_path).cost
    assert cost is not None and cost.energy_j is None
    assert cost.energy_missing == f"the machine shows no counter of a CPU package under {powercap}"


def test_a_trial_on_a_cpu_records_the_joules_of_its_packages(
    tiny_dataset: Dataset, tmp_path: Path, powercap: Path
) -> None:
    package = zone(powercap, "intel-rapl:0", "package-0", 0)
    spent: list[float | None] = []

    def report(epochs: tuple[EpochRecord, ...], cost: Cost) -> None:
        spent.append(cost.energy_j)
        go_on(package, 4_000_000 * len(epochs))

    cost = run(tiny_config(), tiny_dataset, tmp_path, report=report).cost
    assert cost is not None and cost.energy_j == 4.0
    assert spent == [0.0, 4.0]
    assert (cost.energy_counter, cost.energy_missing) == ("CPU packages (RAPL)", "")


@needs_gpu
def test_a_trial_on_a_gpu_records_joules(tiny_dataset: Dataset, tmp_path: Path) -> None:
    result = run(tiny_config(), tiny_dataset, tmp_path, device="cuda")
    assert result.cost is not None and result.cost.energy_j is not None
    assert result.cost.energy_j > 0
