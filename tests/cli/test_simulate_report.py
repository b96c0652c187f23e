"""``fedss-opt simulate --report``: a page whatever became of the runs, and none where the input was refused."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from fedss_opt.cli import simulate
from fedss_opt.studies import executors, grid
from fedss_opt.studies.grid import Job, RunOutcome

from .test_simulate import CONFIG

pytest.importorskip("altair", reason="needs the extra report")


@pytest.fixture(autouse=True)
def _warm(warm, monkeypatch):
    monkeypatch.setattr(simulate, "get_ready", lambda quiet: None)


@pytest.fixture
def config(tmp_path) -> str:
    (tmp_path / "small.toml").write_text(CONFIG.replace("rounds = 4", "rounds = 2"))
    return "small.toml"


def test_a_page_is_written_beside_everything_else(cli, config):
    result = cli("simulate", config, "--report", "out.html", "--out", "results", "--target", "0.5")
    assert result.exit_code == 0, result.stderr
    assert "out.html: report written" in result.stderr
    assert "fedss" in result.stdout
    page = Path("out.html").read_text(encoding="utf-8")
    assert "50\N{NO-BREAK SPACE}%" in page
    assert "all, for 4 pairs of algorithm and policy" in page
    assert Path("results/summary.csv").exists()


def test_quiet_with_a_page_says_nothing(cli, config):
    result = cli("simulate", config, "-q", "--report", "out.html", "--algorithms", "fedavg", "--policies", "all")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert Path("out.html").exists()


def test_results_that_are_continued_have_the_page_of_all(cli, config):
    first = cli("simulate", config, "-q", "--out", "results", "--seeds", "0", "--report", "first.html")
    assert first.exit_code == 0, first.stderr
    cli("simulate", config, "-q", "--out", "results", "--seeds", "0:2", "--resume", "--report", "all.html")
    cli("simulate", config, "-q", "--seeds", "0:2", "--report", "fresh.html")
    assert Path("all.html").read_bytes() == Path("fresh.html").read_bytes() != Path("first.html").read_bytes()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("out.htm", "out.htm: the name must end in .html"),
        ("nowhere/out.html", "nowhere: no such folder to write into"),
    ],
)
def test_what_could_not_be_written_is_refused_before_anything_runs(cli, config, monkeypatch, path, message):
    monkeypatch.setattr(executors, "run_jobs", None)
    result = cli("simulate", config, "--report", path, "--out", "results")
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert not Path("results").exists()


@pytest.mark.parametrize("missing", ["altair", "jinja2", "vl_convert"])
@pytest.mark.parametrize("option", [("--report", "out.html"), ("--plot", "figures")], ids=lambda option: option[0])
def test_a_missing_extra_is_named_before_anything_runs(cli, config, monkeypatch, missing, option):
    monkeypatch.setitem(sys.modules, missing, None)
    result = cli("simulate", config, *option, "--out", "results")
    assert result.exit_code == 2
    assert f"{option[0]} needs {missing}" in result.stderr
    assert 'install it with: pip install "fedss-opt[report]"' in result.stderr
    assert [path.name for path in Path().iterdir()] == [config]


def test_runs_that_failed_are_on_the_page(cli, config, monkeypatch):
    def sometimes(job: Job, on_round: object = None) -> RunOutcome:
        if job.seed == 1:
            return RunOutcome(job, error="ZeroDivisionError: by zero", traceback="Traceback ...")
        return grid.run_job(job)

    monkeypatch.setattr(executors, "run_job", sometimes)
    result = cli("simulate", config, "--report", "out.html")
    assert result.exit_code == 4
    page = Path("out.html").read_text(encoding="utf-8")
    assert "Of 8 runs, 4 failed." in page
    assert "fedavg under all, seed 1: ZeroDivisionError: by zero" in page


def test_all_runs_failed(cli, config, monkeypatch):
    monkeypatch.setattr(executors, "run_job", lambda job, on_round=None: RunOutcome(job, error="no", traceback="T"))
    result = cli("simulate", config, "--report", "out.html")
    assert result.exit_code == 4
    assert "No run was finished. Of 8 runs, 8 failed." in Path("out.html").read_text(encoding="utf-8")


def test_what_every_run_refuses_is_bad_input_and_leaves_no_page(cli, config, monkeypatch):
    monkeypatch.setattr(executors, "run_job", lambda job, on_round=None: RunOutcome(job, error="not this"))
    result = cli("simulate", config, "-q", "--report", "out.html")
    assert (result.exit_code, result.stderr) == (2, "fedss-opt: error: not this\n")
    assert not Path("out.html").exists()


@pytest.mark.parametrize("ended", [0, 3])
def test_an_interrupted_experiment_says_what_is_missing(cli, config, monkeypatch, ended):
    original = executors.run_jobs

    def pressed(jobs: list[Job], **options: object) -> object:
        if not ended:
            raise KeyboardInterrupt
        for place, outcome in enumerate(original(jobs, **options), start=1):
            yield outcome
            if place == ended:
                os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(executors, "run_jobs", pressed)
    result = cli("simulate", config, "--report", "out.html")
    assert result.exit_code == 130
    if ended:
        assert "Of 8 runs, 5 were not run." in Path("out.html").read_text(encoding="utf-8")
    else:
        assert not Path("out.html").exists()  # that of an earlier try is better than none
