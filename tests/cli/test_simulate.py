"""``fedss-opt simulate``: what goes where, with which exit status, and that nothing done is lost."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from fedss_opt.cli import simulate
from fedss_opt.studies import executors, grid, images, load_experiment
from fedss_opt.studies.configuration import default_text
from fedss_opt.studies.grid import Job, RunOutcome

Start = Callable[..., "subprocess.Popen[str]"]

KEYS = {
    "algorithm", "policy", "seed", "round", "accuracy_mean", "accuracy_worst_decile", "uplink_bits",
    "downlink_bits", "simulated_s", "selected",
}  # fmt: skip

CONFIG = """
rounds = 4
evaluate_every = 2

[run]
algorithms = ["fedss", "fedavg"]
policies = ["all", "random"]
seeds = [0, 1]

[data]
n_clients = 8
n_tasks = 2
images_per_client = 10

[model]
kind = "softmax"

[training]
local_epochs = 1

[algorithms.fedss]
n_tasks = 2
warmup_rounds = 1
"""


@pytest.fixture(autouse=True)
def _warm(warm, monkeypatch):
    monkeypatch.setattr(simulate, "get_ready", lambda quiet: None)


@pytest.fixture
def config(tmp_path) -> str:
    (tmp_path / "small.toml").write_text(CONFIG)
    return "small.toml"


def test_the_table_has_a_row_for_every_algorithm_and_policy(cli, config):
    result = cli("simulate", config)
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    assert "8 clients, 4 rounds, 2 seeds" in result.stdout
    assert all(len(line) <= 80 for line in result.stdout.splitlines())
    rows = [line.split()[:2] for line in result.stdout.splitlines() if line.startswith(" fed")]
    assert rows == [["fedss", "all"], ["fedss", "random"], ["fedavg", "all"], ["fedavg", "random"]]


def test_json_is_a_record_for_every_evaluated_round(cli, config):
    result = cli("simulate", config, "--format", "json", "--seeds", "0")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.isascii()
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert all(set(record) >= KEYS for record in records)
    assert [(r["algorithm"], r["policy"], r["seed"], r["round"]) for r in records] == [
        (name, policy, 0, round_) for name in ("fedss", "fedavg") for policy in ("all", "random") for round_ in (1, 3)
    ]
    assert all(0.0 <= r["accuracy_worst_decile"] <= r["accuracy_mean"] <= 1.0 for r in records)
    assert all(r["uplink_bits"] > 0 and isinstance(r["uplink_bits"], int) for r in records)


def test_options_replace_what_the_file_says(cli, config):
    options = ["--algorithms", "fedavg", "--policies", "all", "--seeds", "3:5", "--rounds", "2"]
    options += ["--set", "evaluate_every=1", "--set", "data.family=iid", "--format", "json"]
    result = cli("simulate", config, *options)
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(r["algorithm"], r["policy"], r["seed"], r["round"]) for r in records] == [
        ("fedavg", "all", seed, round_) for seed in (3, 4) for round_ in (0, 1)
    ]
    assert len(records[0]["task_accuracy"]) == 1


def test_out_holds_everything(cli, config, monkeypatch):
    drawn = []
    monkeypatch.setattr(images, "draw_experiment", lambda *arguments, **options: drawn.append((arguments, options)))
    result = cli("simulate", config, "--out", "results", "--plot", "figures", "--target", "0.5")
    assert result.exit_code == 0, result.stderr
    assert "results: results.csv" in result.stderr
    assert len(pl.read_csv("results/results.csv")) == 2 * 2 * 2 * 4
    assert pl.read_parquet("results/results.parquet").height == 32
    assert pl.read_csv("results/summary.csv").height == 4
    assert len(list(Path("results/checkpoints").glob("*.npz"))) == 8
    assert load_experiment("results/config.toml").simulation == load_experiment(config).simulation
    ((outcomes, folder), options) = drawn[0]
    assert (len(outcomes), folder, options) == (8, Path("figures"), {"target": 0.5})
    assert not Path("results/failures.txt").exists()


def test_quiet_says_nothing_but_errors(cli, config):
    result = cli("simulate", config, "-q", "--rounds", "1", "--out", "results")
    assert (result.stdout, result.stderr, result.exit_code) == ("", "", 0)
    assert cli("simulate", config, "-q", "--rounds", "1").stdout != ""


def test_print_config_is_a_starting_point(cli):
    result = cli("simulate", "--print-config")
    assert (result.exit_code, result.stdout) == (0, default_text())
    changed = cli("simulate", "--print-config", "--rounds", "7", "--set", "algorithms.fedss.density=0.5")
    Path("mine.toml").write_text(changed.stdout)
    experiment = load_experiment("mine.toml")
    assert (experiment.rounds, experiment.variants["fedss"].options.density) == (7, 0.5)
    assert cli("simulate", "mine.toml", "--print-config").stdout == changed.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--set", "training.learning_rate=-1"],
            "--set training.learning_rate=-1: training.learning_rate = -1: must be",
        ),
        (["--set", "training.learning_rat=1"], "unknown key (did you mean 'learning_rate'?)"),
        (["--set", "rounds"], "must be key=value"),
        (["--algorithms", "fedsss"], "--algorithms: run.algorithms[0] = 'fedsss': must be one of"),
        (["--algorithms", ","], "--algorithms: run.algorithms = []: must be an array that is not empty"),
        (["--policies", "adm"], "--policies: run.policies = ['adm']: 'adm' must be one of"),
        (["--seeds", "8:0"], "--seeds: run.seeds = '8:0': the range 8:0"),
        (["--rounds", "0"], "--rounds: rounds = 0: must be an integer >= 1"),
        (["--rounds", "x"], "--rounds"),
        (["--executor", "threads"], "executor = 'threads': must be serial, processes or dask=ADDRESS"),
        (["--workers", "2"], "workers = 2: only for the executor processes"),
        (["--target", "90"], "target = 90.0: must be a number > 0 and <= 1"),
        (["--resume"], "--resume: needs --out DIR"),
        (["--out", "small.toml"], "small.toml"),
        (["--set", "data.n_clients=5000"], "images"),
        (["--set", "data.dataset=npz", "--set", "data.folder=nowhere"], "nowhere"),
    ],
)
def test_bad_input_is_one_line(cli, config, arguments, message):
    result = cli("simulate", config, "-q", *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_file_that_is_wrong_or_missing(cli, tmp_path):
    (tmp_path / "mine.toml").write_text("[training]\nlearning_rate = 'fast'")
    result = cli("simulate", "mine.toml")
    assert result.exit_code == 2
    assert result.stderr == ("fedss-opt: error: mine.toml: training.learning_rate = 'fast': must be a number > 0\n")
    result = cli("simulate", "absent.toml")
    assert (result.exit_code, result.stderr) == (2, "fedss-opt: error: absent.toml: No such file or directory\n")


def test_results_are_continued_and_not_overwritten(cli, config):
    assert cli("simulate", config, "-q", "--out", "results", "--seeds", "0").exit_code == 0
    before = Path("results/results.csv").read_bytes()
    refused = cli("simulate", config, "--out", "results", "--seeds", "0")
    assert refused.exit_code == 2
    assert "results: holds results already; --resume continues them" in refused.stderr
    other = cli("simulate", config, "--out", "results", "--seeds", "0", "--resume", "--rounds", "5")
    assert other.exit_code == 2
    assert "another configuration: rounds is 4 there and 5 here" in other.stderr
    assert Path("results/results.csv").read_bytes() == before
    assert cli("simulate", config, "-q", "--out", "results", "--seeds", "0:2", "--resume").exit_code == 0
    assert cli("simulate", config, "-q", "--out", "fresh", "--seeds", "0:2").exit_code == 0
    assert Path("results/results.csv").read_bytes() == Path("fresh/results.csv").read_bytes()


def test_a_run_that_fails_is_named_and_the_others_are_kept(cli, config, monkeypatch):
    def sometimes(job: Job, on_round: object = None) -> RunOutcome:
        if job.seed == 1 and job.variant.name == "fedavg":
            return RunOutcome(job, error="ZeroDivisionError: by zero", traceback="Traceback ...")
        return grid.run_job(job)

    monkeypatch.setattr(executors, "run_job", sometimes)
    result = cli("simulate", config, "--out", "results")
    assert result.exit_code == 4
    assert "failed: fedavg under all, seed 1: ZeroDivisionError: by zero" in result.stderr
    assert "2 of 8 runs failed" in result.stderr
    assert "all (1)" in result.stdout  # of how many seeds the means are, where it is not all of them
    assert pl.read_csv("results/results.csv").height == 6 * 4
    assert "by zero" in Path("results/failures.txt").read_text()


def test_records_are_in_the_order_of_the_grid_whoever_ends_first(cli, config, monkeypatch):
    in_order = cli("simulate", config, "--format", "json").stdout
    original = executors.run_jobs
    monkeypatch.setattr(executors, "run_jobs", lambda jobs, **options: original(jobs[::-1], **options))
    assert cli("simulate", config, "--format", "json").stdout == in_order


def test_ctrl_c_leaves_what_is_done(cli, config, monkeypatch):
    original = executors.run_jobs

    def pressed(jobs: list[Job], **options: object) -> object:
        for place, outcome in enumerate(original(jobs, **options)):
            yield outcome
            if place == 2:
                os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(executors, "run_jobs", pressed)
    result = cli("simulate", config, "--out", "results")
    assert result.exit_code == 130
    assert "interrupted: 3 of 8 runs ended before" in result.stderr
    assert "fedss" in result.stdout
    assert pl.read_csv("results/results.csv").height == 3 * 4
    monkeypatch.setattr(executors, "run_jobs", original)
    assert cli("simulate", config, "-q", "--out", "results", "--resume").exit_code == 0
    assert cli("simulate", config, "-q", "--out", "fresh").exit_code == 0
    assert Path("results/results.csv").read_bytes() == Path("fresh/results.csv").read_bytes()


def test_the_bar_tells_round_accuracy_and_time(config, monkeypatch, tmp_path):
    told: list[dict[str, object]] = []
    (job,) = grid.jobs_of(load_experiment(tmp_path / config).model_copy(update={"run": _one_run()}))
    bar = simulate._Bar([job], lambda **fields: told.append(fields))
    grid.run_job(job, lambda record: bar.watch(job, record))
    assert [fields["completed"] for fields in told] == [1, 2, 3, 4]
    assert "round 1/4" in str(told[0]["state"])
    assert "accuracy" not in str(told[0]["state"])  # not evaluated yet
    assert "round 4/4, accuracy 0." in str(told[3]["state"])
    assert "s simulated" in str(told[3]["state"])


def _one_run() -> object:
    from fedss_opt.studies.experiment import RunSettings  # noqa: PLC0415 - pydantic

    return RunSettings(algorithms=("fedavg",), policies=("all",))


# -- in a process of its own --------------------------------------------------------------------------------


@pytest.fixture
def start(tmp_path) -> Iterator[Start]:
    """Start ``fedss-opt simulate`` in the test's folder; a test that fails leaves nothing running."""
    begun: list[subprocess.Popen[str]] = []

    def begin(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "fedss_opt.cli", "simulate", *arguments],
            cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "COLUMNS": "80", "NO_COLOR": "1"},
        )  # fmt: skip
        begun.append(process)
        return process

    yield begin
    for process in begun:
        process.kill()
        process.communicate()


def wait_for_a_checkpoint(folder: Path) -> None:
    """Wait until a run is under way; minutes, should the machine be busy."""
    deadline = time.monotonic() + 300.0
    while not any(folder.glob("results/checkpoints/*.npz")):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("missing", ["polars", "threadpoolctl"])
def test_a_missing_extra_is_named(tmp_path, missing):
    code = f"import sys; sys.modules[{missing!r}] = None; from fedss_opt.cli import main; sys.exit(main())"
    result = subprocess.run(
        [sys.executable, "-c", code, "simulate", "--out", "results"],
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert result.returncode == 2
    assert result.stderr == (
        f'fedss-opt: error: fedss-opt simulate needs {missing}; install it with: pip install "fedss-opt[simulation]"\n'
    )
    assert list(tmp_path.iterdir()) == []


def test_help_loads_none_of_the_extra(tmp_path):
    code = (
        "import sys; from fedss_opt.cli import main; main(['simulate', '--help']); "
        # Not Pydantic itself: some versions of Typer load it.
        "extra = {'fedss_opt.simulation.section', 'sklearn', 'polars', 'altair', 'numba'}; "
        "sys.exit(bool(extra & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert result.returncode == 0, result.stderr
    assert "--print-config" in result.stdout


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["serial", "processes"])
def test_a_killed_run_is_continued_bit_for_bit(tmp_path, config, executor, start):
    options = [config, "-q", "--rounds", "100", "--executor", executor, "--policies", "random", "--seeds", "0"]
    killed = start(*options, "--out", "results")
    wait_for_a_checkpoint(tmp_path)
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=60)  # workers hold the pipes too: they must not outlive the process they work for
    assert not (tmp_path / "results" / "results.csv").exists()
    for folder, more in (("results", ["--resume"]), ("fresh", [])):
        whole = start(*options, "--out", folder, *more)
        assert whole.communicate(timeout=300)[1] == ""
        assert whole.returncode == 0
    for name in ("results.csv", "results.jsonl", "summary.csv", "config.toml"):
        assert (tmp_path / "results" / name).read_bytes() == (tmp_path / "fresh" / name).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["serial", "processes"])
def test_ctrl_c_in_a_terminal_ends_the_round(tmp_path, config, executor, start):
    options = [config, "--rounds", "100000", "--executor", executor, "--out", "results"]
    running = start(*options)
    wait_for_a_checkpoint(tmp_path)
    running.send_signal(signal.SIGINT)
    output, errors = running.communicate(timeout=60)
    assert running.returncode == 130
    assert output == ""
    assert errors == "interrupted: 0 of 8 runs ended before\n"


@pytest.mark.slow
def test_the_default_runs_in_two_minutes(start):
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    before = used.ru_utime + used.ru_stime
    process = start("-q", "--format", "json")
    output, errors = process.communicate(timeout=600)
    assert (process.returncode, errors) == (0, "")
    assert len(output.splitlines()) == 3 * 2 * 60
    # The processor's time, which other programs do not lengthen; one thread works, so that it is the clock's when idle.
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert used.ru_utime + used.ru_stime - before < 120.0


def test_what_no_run_can_do_is_told_before_a_folder_is_made(cli):
    """A folder of a configuration that never ran would be in the way of the corrected one."""
    refused = cli("simulate", "--set", "data.n_clients=1000", "--out", "results", "--plot", "figures")
    assert refused.exit_code == 2
    assert "images" in refused.stderr
    assert not Path("results").exists()
    assert not Path("figures").exists()
