"""The pipeline of docs/results.md: studies, finished runs, statistics, and the page."""

from __future__ import annotations

import json
import math
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmarks.results import cache as cache_module
from benchmarks.results.__main__ import PAGE, SEEDS, main
from benchmarks.results.cache import Cache, Finished, identity
from benchmarks.results.clock import clock
from benchmarks.results.controls import controls
from benchmarks.results.document import blocks_of, fill, prose_of
from benchmarks.results.drawing import spread
from benchmarks.results.frontier import frontier
from benchmarks.results.hyperparameters import algorithms_table, settings_table, studies_table, variants_table
from benchmarks.results.report import Report
from benchmarks.results.required import required
from benchmarks.results.running import Runs, missing, run
from benchmarks.results.speed import Timers, profile_names, speed
from benchmarks.results.statistics import geometric, paired, ratio, verdict
from benchmarks.results.studies import FOLDER, STUDIES, Study, read_study
from benchmarks.results.waterfall import STEPS, waterfall
from fedss_opt import figures
from fedss_opt.exceptions import FileFormatError
from fedss_opt.simulation.algorithms import ALGORITHMS
from fedss_opt.simulation.engine import SimulationSettings
from fedss_opt.simulation.run_records import RoundRecord
from fedss_opt.solvers import METHODS
from fedss_opt.studies.experiment import parse_seeds

REPORTS = {
    "frontier": frontier,
    "clock": clock,
    "waterfall": waterfall,
    "controls": controls,
    "required": required,
}
PNG = b"\x89PNG"

SMALL = """
name = "small"
rounds = 2
evaluate_every = 1

[data]
n_clients = 8

[model]
hidden = [8]

[run]
algorithms = ["fedavg", "mean"]
policies = ["all"]
seeds = [3, 4]

[algorithms.mean]
base = "fedavg"

[cases]
first = []
second = ["evaluate_every=2"]

[titles]
mean = "the mean"
"""


def small(folder: Path, text: str = SMALL) -> Study:
    path = folder / "small.toml"
    path.write_text(text, encoding="utf-8")
    return read_study(path)


def invented(study: Study, *, never: str = "") -> Runs:
    """Make up runs that depend on the names only; those of an algorithm never reach the target."""
    found = {}
    for place, (case, jobs) in enumerate(study.jobs().items()):
        for job in jobs:
            rng = np.random.default_rng([place, job.seed, *map(ord, job.variant.name + job.policy)])
            level = 0.8 if job.variant.name == never else 0.88 + 0.05 * rng.random()
            pace_s = 0.01 + 0.1 * rng.random()
            records = tuple(
                RoundRecord(
                    round=t,
                    status="feasible",
                    gap=None,
                    selected=20,
                    arrived=20,
                    latency_s=pace_s,
                    downlink_s=0.0,
                    simulated_s=pace_s * (t + 1),
                    uplink_bits=0 if job.variant.base == "local" else int(1e6 * (t + 1) * (1 + 9 * rng.random())),
                    downlink_bits=int(2e6 * (t + 1)),
                    accuracy_mean=level * (t + 1) / 10,
                    accuracy_worst_decile=0.9 * level * (t + 1) / 10,
                    accuracy_spread=0.02,
                )
                for t in range(11)
            )
            found.setdefault((case, job.variant.name, job.policy), {})[job.seed] = Finished(records, 1.0, "")
    return Runs(study, found)


# -- studies


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_names_what_there_is(name: str):
    study = read_study(FOLDER / f"{name}.toml")
    assert study.name == name
    for experiment in study.cases.values():
        assert {variant.base for variant in experiment.variants.values()} <= set(ALGORITHMS)
        assert set(experiment.run.policies) <= set(METHODS)
        assert all(study.title(algorithm) for algorithm in experiment.run.algorithms)
    variants = {name for experiment in study.cases.values() for name in experiment.variants}
    assert set(study.titles) <= variants


def test_the_frontier_and_the_clock_have_every_algorithm():
    for name, case in (("frontier", "swap2"), ("frontier", "permpairs"), ("clock", "pairs")):
        assert set(ALGORITHMS) <= set(read_study(FOLDER / f"{name}.toml").cases[case].run.algorithms)


def test_the_clock_has_every_policy():
    study = read_study(FOLDER / "clock.toml")
    policies = {policy for experiment in study.cases.values() for policy in experiment.run.policies}
    assert policies == set(METHODS) - {"cvxpy"}


def test_the_waterfall_changes_one_thing_at_a_time():
    study = read_study(FOLDER / "waterfall.toml")
    there = {(case, j.variant.name, j.policy) for case, jobs in study.jobs().items() for j in jobs}
    assert {(step.case, step.algorithm, step.policy) for step in STEPS} <= there
    for before, after in pairwise(STEPS):
        assert (before.algorithm != after.algorithm) != (before.policy != after.policy)


def test_studies_share_the_runs_in_which_they_overlap(tmp_path: Path):
    studies = [read_study(FOLDER / f"{name}.toml", seeds=[5]) for name in ("clock", "waterfall", "required")]
    asked = sum(len(jobs) for study in studies for jobs in study.jobs().values())
    # Clustered under three policies and FedSS under the ADMM; FedSS under five policies at half of everything.
    assert asked - len(missing(studies, Cache(tmp_path))) == 4 + 5


def test_the_cases_and_seeds_of_a_study(tmp_path: Path):
    study = small(tmp_path)
    assert [e.evaluate_every for e in study.cases.values()] == [1, 2]
    assert (study.title("mean"), study.title("fedavg")) == ("the mean", "FedAvg")
    again = read_study(tmp_path / "small.toml", seeds=[9], rounds=1)
    assert [(j.seed, j.settings.rounds) for j in again.jobs()["second"]] == [(9, 1), (9, 1)]


def test_a_wrong_study_is_refused_by_name(tmp_path: Path):
    with pytest.raises(FileFormatError, match=r"small\.toml: not TOML"):
        small(tmp_path, "name =")
    with pytest.raises(FileFormatError, match=r"small\.toml: data\.n_clientele"):
        small(tmp_path, SMALL.replace("clients = 8", "clientele = 8"))


# -- finished runs


def test_a_finished_run_is_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    study, kept = small(tmp_path), tmp_path / "kept"
    jobs = missing([study], Cache(kept))
    assert len(jobs) == 4  # two cases of two seeds: the variant is FedAvg by another name
    assert run(jobs[:1], Cache(kept), workers=1) == []
    assert len(missing([study], Cache(kept))) == 3
    monkeypatch.setattr(cache_module, "write_atomically", lambda *_: pytest.fail("written again"))
    assert missing([study], Cache(kept)) == jobs[1:]


def test_what_is_read_is_what_was_played(tmp_path: Path):
    study, cache = small(tmp_path), Cache(tmp_path / "kept")
    assert run(missing([study], cache), cache, workers=1) == []
    fresh, read = Runs.find(study, cache), Runs.find(study, Cache(cache.folder))
    assert fresh == read
    assert fresh.accuracy("first", "fedavg", "all") == fresh.accuracy("first", "mean", "all")
    # Testing more often changes nothing of the run.
    assert fresh.accuracy("first", "fedavg", "all") == fresh.accuracy("second", "fedavg", "all")
    assert [len(run.tested) for run in fresh.of["second", "fedavg", "all"].values()] == [1, 1]


def test_a_run_of_another_configuration_is_refused(tmp_path: Path):
    study, cache = small(tmp_path), Cache(tmp_path / "kept")
    job = study.jobs()["first"][0]
    run([job], cache, workers=1)
    document = json.loads(cache.path(job).read_text())
    document["run"]["settings"]["training"]["learning_rate"] += 1.0
    cache.path(job).write_text(json.dumps(document))
    with pytest.raises(FileFormatError, match=r"another configuration \(settings\.training\.learning_rate differs\)"):
        Cache(cache.folder).find(job)


def test_a_run_of_other_code_is_refused_unless_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    study, cache = small(tmp_path), Cache(tmp_path / "kept")
    job = study.jobs()["first"][0]
    run([job], cache, workers=1)
    monkeypatch.setattr(cache_module, "code_digest", lambda: "another")
    with pytest.raises(FileFormatError, match="--any-code"):
        Cache(cache.folder).find(job)
    assert Cache(cache.folder, any_code=True).find(job) is not None


@pytest.mark.parametrize("text", ["", "{}", '{"kind": 1, "run": 2, "code": 3, "records": [{}], "rand_index": null}'])
def test_a_damaged_run_is_refused(tmp_path: Path, text: str):
    job = small(tmp_path).jobs()["first"][0]
    cache = Cache(tmp_path)
    cache.path(job).write_text(text)
    with pytest.raises(FileFormatError, match="not a finished run"):
        cache.find(job)


def test_what_decides_a_run_is_in_its_identity(tmp_path: Path):
    jobs = small(tmp_path).jobs()["first"]
    same = {json.dumps(identity(job), sort_keys=True) for job in jobs if job.seed == 3}
    assert len(same) == 1  # two names of one algorithm
    assert len({json.dumps(identity(job), sort_keys=True) for job in jobs}) == 2


def test_the_code_is_what_runs_not_what_is_said_of_it():
    assert cache_module._bare('"""Text."""\n\ndef f():  # why\n    "More."\n    return 1') == cache_module._bare(
        "def f():\n    return 1"
    )
    assert cache_module._bare("x = 1") != cache_module._bare("x = 2")


def test_a_failing_run_is_named(tmp_path: Path):
    text = SMALL.replace("clients = 8", "clients = 400")  # more than the digits suffice for
    cache = Cache(tmp_path / "kept")
    failed = run(missing([small(tmp_path, text)], cache)[:1], cache, workers=1)
    assert len(failed) == 1
    assert failed[0].startswith("mean under all, seed 3: ")


# -- statistics


def test_a_paired_difference_is_that_of_scipy():
    ours, theirs = [0.93, 0.91, 0.95, 0.94], [0.92, 0.92, 0.93, 0.90]
    found = paired(ours, theirs)
    test = stats.ttest_rel(ours, theirs).confidence_interval(0.95)
    # A few roundings of numbers near 1.
    assert (found.mean - found.half, found.mean + found.half) == pytest.approx((test.low, test.high), abs=1e-14)
    assert (found.wins, found.seeds) == (3, 4)
    assert math.isnan(paired([1.0], [0.5]).half)


def test_a_ratio_is_the_exponential_of_a_difference_of_logarithms():
    found = ratio([2.0, 8.0, 4.0], [1.0, 1.0, 2.0])
    test = stats.ttest_1samp(np.log([2.0, 8.0, 2.0]), 0.0).confidence_interval(0.95)
    assert found.mean == pytest.approx(32.0 ** (1 / 3))
    assert (found.low, found.high) == pytest.approx((math.exp(test.low), math.exp(test.high)))
    some = ratio([1.0, math.inf, 3.0], [1.0, 1.0, math.inf])
    assert (some.mean, some.seeds) == (1.0, 1)
    assert ratio([math.inf], [1.0]).seeds == 0
    assert geometric([2.0, 8.0]).mean == pytest.approx(4.0)


def test_verdicts():
    assert verdict(0.03, 0.005, least=0.02) == "held"
    assert verdict(0.03, 0.02, least=0.02) == "held, within the interval"
    assert verdict(0.01, 0.02, least=0.02) == "missed, within the interval"
    assert verdict(0.01, 0.005, least=0.02) == "missed"
    assert verdict(0.02, math.nan, least=0.02) == "held"  # one seed has no interval


@given(st.lists(st.floats(-100.0, 100.0), min_size=1, max_size=12), st.floats(0.1, 10.0))
def test_spread_places_keep_their_distance_and_their_order(places: list[float], gap: float):
    moved = spread(places, gap)
    order = np.argsort(places, kind="stable")
    # Sums of a dozen numbers of at most 200.
    assert np.all(np.diff(np.array(moved)[order]) >= gap - 1e-10)
    assert np.mean(moved) == pytest.approx(np.mean(places), abs=1e-10)


def test_spread_leaves_alone_what_is_far_apart():
    assert spread([5.0, 0.0, 2.0], 1.0) == [5.0, 0.0, 2.0]


# -- the page

TEXT = "# Page\n\n<!-- table: a -->\nold\n<!-- end: a -->\n\nBetween.\n\n<!-- figure: a -->\n<!-- end: a -->\n"


def test_filling_a_page_twice_is_filling_it_once():
    once = fill(TEXT, {"table: a": "| new \\1 |", "figure: a": "picture"})
    assert fill(once, {"table: a": "| new \\1 |", "figure: a": "picture"}) == once
    assert blocks_of(once) == {"table: a": "| new \\1 |", "figure: a": "picture"}
    assert prose_of(once) == prose_of(TEXT)
    assert blocks_of(fill(once, {"figure: a": "other"}))["table: a"] == "| new \\1 |"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TEXT + TEXT, "table: a --> stands there twice"),
        (TEXT.replace("<!-- end: a -->\n\nBetween", "Between"), "has no partner"),
        (TEXT + "<!-- table: b -->\n", "has no partner"),
    ],
)
def test_a_page_with_wrong_markers_is_refused(text: str, message: str):
    with pytest.raises(FileFormatError, match=message):
        fill(text, {"table: a": ""})


def test_a_table_without_a_place_is_refused():
    with pytest.raises(FileFormatError, match="no place for <!-- table: z -->"):
        fill(TEXT, {"table: z": ""})


def reports(seeds: list[int]) -> dict[str, Report]:
    never = {"clock": "local"}
    found = {
        name: report(invented(read_study(FOLDER / f"{name}.toml", seeds=seeds), never=never.get(name, "")))
        for name, report in REPORTS.items()
    }
    measured = {"seconds": 2.0, "peak_bytes": 2**29, "phases": {"data": 0.5}, "profiled_seconds": 2.5}
    jobs = read_study(FOLDER / "speed.toml").jobs()
    return found | {"speed": speed({case: {"run": jobs[case][0], **measured} for case in jobs})}


@pytest.fixture(scope="module")
def made() -> dict[str, Report]:
    whole = figures.picture
    with pytest.MonkeyPatch.context() as patch:
        # Everything is drawn, in few pixels.
        patch.setattr(figures, "picture", lambda figure, **_: whole(figure, dpi=20.0))
        return reports([1, 2, 3])


def test_the_page_has_a_place_for_everything_and_no_other(made: dict[str, Report]):
    wanted = {f"table: {name}" for name in ("provenance", "settings", "algorithms", "variants", "studies")}
    for name, report in made.items():
        wanted |= {f"table: {stem}" for stem in report.tables} | {f"figure: {stem}" for stem in report.figures}
        wanted |= {f"table: claims-{name}"} if report.claims else set()
    assert set(blocks_of(PAGE.read_text(encoding="utf-8"))) == wanted


def test_reports_of_several_seeds(made: dict[str, Report]):
    for report in made.values():
        for text in report.tables.values():
            widths = {line.count(" | ") for line in text.splitlines() if not line.startswith("|---")}
            assert len(widths) == 1
            assert "nan" not in text
        assert all(picture.data.startswith(PNG) for picture in report.figures.values())
        assert all(claim.verdict.startswith(("held", "missed")) for claim in report.claims)


@pytest.mark.slow  # all figures once more
def test_reports_of_one_seed_have_no_intervals():
    for report in reports([1]).values():
        assert not any("±" in text or "nan" in text for text in report.tables.values())
        assert not any("nan" in claim.measured or "±" in claim.measured for claim in report.claims)


def test_a_factor_over_a_step_that_not_every_seed_takes():
    study = read_study(FOLDER / "waterfall.toml", seeds=[1, 2])
    found = waterfall(invented(study, never="fedss-alone"))
    rows = found.tables["waterfall"].splitlines()
    assert sum("–" in row for row in rows) >= 2  # the step, and the one after it
    assert found.figures["waterfall"].data.startswith(PNG)


def test_who_never_arrives_is_said_so(made: dict[str, Report]):
    row = next(line for line in made["clock"].tables["clock"].splitlines() if line.startswith("| local training"))
    assert set(row.split(" | ")[1:]) <= {"–", "– |"}


def test_the_prose_has_no_number_that_is_not_generated():
    """Numbers that matter are in tables, which cannot be forgotten when they change."""
    prose = re.sub(r"`[^`]*`|\]\([^)]*\)", "", prose_of(PAGE.read_text(encoding="utf-8")))
    numbers = re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?![\w])", prose)
    allowed = {"95", "2", "32"}  # of the intervals; swap2; bits of a float
    assert set(numbers) <= allowed


def test_the_hyperparameters_are_all_there():
    defaults = SimulationSettings()
    rate, images = defaults.training.learning_rate, defaults.data.images_per_client
    for text in (f"`learning_rate = {rate}`", f"`images_per_client = {images}`", f"`rounds = {defaults.rounds}`"):
        assert text in settings_table()
    assert all(f"(`{name}`)" in algorithms_table() for name in ALGORITHMS)
    studies = [read_study(FOLDER / f"{name}.toml", seeds=[1]) for name in STUDIES]
    assert "`sharing = 'none'`" in variants_table(studies)
    assert "controls: dirichlet" in studies_table(studies)


# -- speed


def test_a_second_belongs_to_the_innermost_phase():
    now = [0.0]
    timers = Timers(lambda: now[0])

    def inner() -> None:
        now[0] += 2.0

    def outer() -> None:
        now[0] += 1.0
        timers.around(inner, "inner")()
        now[0] += 4.0

    timers.around(outer, "outer")()
    now[0] += 8.0
    timers.around(inner, "inner")()
    assert timers.seconds == {"outer": 5.0, "inner": 4.0}


def test_what_is_timed_exists():
    assert all(callable(getattr(owner, attribute)) for _, owner, attribute in profile_names())


# -- the command


def test_the_seeds_are_those_that_chose_nothing():
    assert parse_seeds(SEEDS) == tuple(range(1000, 1008))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seeds", "1:0"], "--seeds 1:0"),
        (["--workers", "0"], "--workers 0"),
        (["--rounds", "3"], "for trials"),
        (["--seeds", "900:902"], "for trials"),
    ],
)
def test_the_page_is_guarded(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]):
    before = PAGE.read_bytes()
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
    assert PAGE.read_bytes() == before


def test_a_plan_runs_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["--plan", "--study", "required", "--out", str(tmp_path / "out")]) == 0
    assert "280 runs, of which 280 are still to be run" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
