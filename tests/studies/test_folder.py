"""The results folder: whose it is, and that nothing in it is overwritten by accident."""

from __future__ import annotations

import os

import pytest

from fedss_opt.exceptions import FileFormatError, OptionError
from fedss_opt.studies.configuration import load_experiment
from fedss_opt.studies.folder import open_folder, write_failures, write_tables
from fedss_opt.studies.grid import RunOutcome

from .conftest import small_experiment

NAMES = ["config.toml", "results.csv", "results.jsonl", "results.parquet", "summary.csv"]


def test_a_new_folder_holds_the_configuration(tmp_path, experiment):
    checkpoints = open_folder(tmp_path / "a" / "b", experiment)
    assert checkpoints.is_dir()
    assert load_experiment(tmp_path / "a" / "b" / "config.toml").simulation == experiment.simulation


def test_results_are_not_overwritten(tmp_path, experiment):
    open_folder(tmp_path, experiment)
    with pytest.raises(OptionError, match=r"holds results already; --resume"):
        open_folder(tmp_path, experiment)
    open_folder(tmp_path, experiment, resume=True)


def test_what_kills_left_is_no_content_and_is_removed(tmp_path, experiment):
    names = [f".fedss-opt-{digit * 16}.tmp" for digit in "ab"]
    for name in names:
        (tmp_path / name).touch()
    os.utime(tmp_path / names[0], (0, 0))
    checkpoints = open_folder(tmp_path, experiment)
    assert not (tmp_path / names[0]).exists()
    assert (tmp_path / names[1]).exists()  # young enough to be written just now
    left = checkpoints / names[0]
    left.touch()
    os.utime(left, (0, 0))
    open_folder(tmp_path, experiment, resume=True)
    assert not left.exists()


@pytest.mark.parametrize("resume", [False, True])
def test_other_peoples_files_are_left_alone(tmp_path, experiment, resume):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(OptionError, match="no results of an experiment"):
        open_folder(tmp_path, experiment, resume=resume)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rounds": 5}, "rounds is 4 there and 5 here"),
        ({"training": {"learning_rate": 0.5, "local_epochs": 1}}, "training.learning_rate is"),
        ({"cell": {"bandwidth_hz": 1e6}}, "cell.bandwidth_hz is not given there and 1000000.0 here"),
        (
            {"algorithms": {"fedss": {"n_tasks": 3, "warmup_rounds": 1}}},
            "algorithms.fedss.n_tasks is 2 there and 3 here",
        ),
        ({"run": {"algorithms": ("fedss",), "policies": ("all", "random"), "seeds": (0, 1)}}, "has 'fedavg' there"),
        (
            {"run": {"algorithms": ("fedss", "fedavg"), "policies": ("all", "random"), "seeds": (1, 2)}},
            "seeds has 0 there",
        ),
    ],
)
def test_another_configuration_is_refused(tmp_path, experiment, changes, message):
    open_folder(tmp_path, experiment)
    before = (tmp_path / "config.toml").read_bytes()
    with pytest.raises(OptionError) as caught:
        open_folder(tmp_path, small_experiment(**changes), resume=True)
    assert message in str(caught.value)
    assert (tmp_path / "config.toml").read_bytes() == before


def test_more_runs_and_another_name_are_welcome(tmp_path, experiment):
    open_folder(tmp_path, experiment)
    more = small_experiment(
        name="larger",
        run={"algorithms": ("fedavg", "fedss", "dense"), "policies": ("all", "random", "admm"), "seeds": "0:3"},
        algorithms={"fedss": {"n_tasks": 2, "warmup_rounds": 1}, "dense": {"base": "fedss", "density": 1.0}},
    )
    open_folder(tmp_path, more, resume=True)
    assert load_experiment(tmp_path / "config.toml").run == more.run


def test_a_damaged_configuration_is_told(tmp_path, experiment):
    open_folder(tmp_path, experiment)
    (tmp_path / "config.toml").write_text("rounds = 0")
    with pytest.raises(FileFormatError, match=r"config\.toml: rounds = 0"):
        open_folder(tmp_path, experiment, resume=True)


def test_tables_and_failures(tmp_path, outcomes):
    write_tables(tmp_path, outcomes[::-1], target=0.5)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(set(NAMES) - {"config.toml"})
    whole = (tmp_path / "results.csv").read_bytes()
    failed = RunOutcome(outcomes[0].job, error="ZeroDivisionError: by zero", traceback="Traceback ...")
    write_tables(tmp_path, [failed, *outcomes[1:]], target=0.5)
    write_failures(tmp_path, [failed, *outcomes[1:]])
    assert (tmp_path / "failures.txt").read_text().startswith("fedss under all, seed 0: ZeroDivisionError: by zero")
    assert len((tmp_path / "results.csv").read_bytes()) < len(whole)
    write_tables(tmp_path, outcomes, target=0.5)
    write_failures(tmp_path, outcomes)
    assert not (tmp_path / "failures.txt").exists()
    assert (tmp_path / "results.csv").read_bytes() == whole
