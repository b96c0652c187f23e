"""The report page: it says what the tables say, stays small, and has room for runs that failed or never ran."""

from __future__ import annotations

import base64
import gzip
import html
import io
import json
import re
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fedss_opt.exceptions import FileFormatError, OptionError
from fedss_opt.simulation.algorithms import ALGORITHMS
from fedss_opt.simulation.run_records import Participation
from fedss_opt.solvers import METHODS
from fedss_opt.studies import chart_columns, chart_specs, page_text, study_page, write_simulation_report
from fedss_opt.studies.experiment import Experiment
from fedss_opt.studies.grid import RunOutcome
from fedss_opt.studies.learning_curves import StudyCurves
from fedss_opt.studies.page_content import Content
from fedss_opt.studies.results import results_frame, results_of
from fedss_opt.studies.summary import summarise

from .synthetic import synthetic_outcomes

pytest.importorskip("altair", reason="needs the extra report")


def some_experiment(**changes: object) -> Experiment:
    """Two algorithms with a variant, two policies and three seeds, as nobody needs to run them."""
    return Experiment(
        **{
            "name": "two",
            "rounds": 12,
            "data": {"n_clients": 9, "n_tasks": 3},
            "run": {"algorithms": ("fedss", "fedavg", "fedss-dense"), "policies": ("admm", "random"), "seeds": "0:3"},
            "algorithms": {"fedss-dense": {"base": "fedss", "density": 1.0}},
            **changes,
        }
    )


def written(path: Path, outcomes: list[RunOutcome], experiment: Experiment, **options: float) -> str:
    write_simulation_report(outcomes, path / "out.html", experiment=experiment, **options)
    return (path / "out.html").read_text(encoding="utf-8")


def block(text: str, id_: str) -> object:
    found = re.search(rf'<script type="application/json" id="{id_}">(.*?)</script>', text, re.DOTALL)
    assert found is not None, id_
    return json.loads(found[1])


def downloads(text: str) -> dict[str, str]:
    ids = re.findall(r'<script type="application/json" id="([^"]*download[^"]*)">', text)
    return {file["filename"]: file["text"] for id_ in ids for file in block(text, id_)}  # type: ignore[union-attr]


def packed(text: str) -> pl.DataFrame:
    found = re.search(r'id="packed-results">([^<]*)</script>', text)
    assert found is not None
    return pl.read_csv(io.BytesIO(gzip.decompress(base64.b64decode(found[1]))), infer_schema_length=None)


def seen(text: str) -> str:
    """Return what a reader reads: no scripts, no tags."""
    return html.unescape(re.sub(r"<[^>]*>", " ", re.sub(r"<(script|style).*?</\1>", " ", text, flags=re.DOTALL)))


@pytest.fixture(scope="module")
def page(tmp_path_factory, experiment, outcomes) -> str:
    """The page of runs, which takes a second to check its charts."""
    return written(tmp_path_factory.mktemp("page"), outcomes[::-1], experiment)


def test_the_page_of_runs_says_what_their_tables_say(page, outcomes):
    text = page
    frame = results_frame(results_of(outcomes))
    summary = summarise(frame)
    files = downloads(text)
    tally = chart_columns.Tally(asked=8, finished=8, failed=0)
    assert page_text.headline(summary.to_dicts(), tally, 0.9) in seen(text)
    assert pl.read_csv(io.StringIO(files["summary.csv"])).rows() == pl.read_csv(io.StringIO(summary.write_csv())).rows()
    assert packed(text).rows() == pl.read_csv(io.StringIO(frame.write_csv()), infer_schema_length=None).rows()
    assert Experiment.model_validate(tomllib.loads(files["config.toml"])).simulation == outcomes[0].job.settings
    document = json.loads(files["report.json"])
    assert document["summary"] == summary.to_dicts()
    assert document["runs"] == {"asked": 8, "finished": 8, "failed": 0, "not_run": 0}
    curve = document["curves"][0]
    tested = frame.filter(algorithm="fedss", policy="all").drop_nulls("accuracy_mean")
    assert curve["round"] == [2, 4]
    np.testing.assert_allclose(
        curve["accuracy"], tested.group_by("round").agg(pl.col("accuracy_mean").mean()).sort("round")["accuracy_mean"],
        rtol=1e-4,  # five digits are kept
    )  # fmt: skip


def test_the_page_of_the_same_results_is_the_same_bytes(tmp_path, page, experiment, outcomes):
    assert written(tmp_path, outcomes, experiment) == page


def test_nothing_is_loaded_from_anywhere(page):
    own = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert "http://" not in own.replace("http://www.w3.org", "")
    assert "https://" not in own
    assert re.search(r"<(?:img|link|script|iframe)[^>]*(?:src|href)=\"(?!data:)", own) is None


def test_the_headline_names_the_best_and_the_first(study):
    tally = chart_columns.Tally(asked=18, finished=18, failed=0)
    frame = results_frame(results_of(study.outcomes))
    rows = summarise(frame, target=0.8).to_dicts()
    best = max(rows, key=lambda row: row["accuracy"])
    first = min((row for row in rows if row["seconds_to_target"]), key=lambda row: row["seconds_to_target"])
    text = page_text.headline(rows, tally, 0.8).replace("\xa0", " ")
    level = page_text.percent(best["accuracy"]).replace("\xa0", " ")
    assert f"{best['algorithm']} under {best['policy']} is the most accurate at the end: {level}" in text
    assert f"{first['algorithm']} under {first['policy']} is the first to reach 80 % with every seed" in text
    never = page_text.headline(summarise(frame, target=1.0).to_dicts(), tally, 1.0).replace("\xa0", " ")
    assert "None reached 100 % with every seed." in never


def test_intervals_that_overlap_are_counted():
    row = {"algorithm": "a", "policy": "p", "seeds": 3, "seconds_to_target": None}
    rows = [
        row | {"accuracy": accuracy, "accuracy_interval": half}
        for accuracy, half in ((0.9, 0.02), (0.87, 0.011), (0.87, 0.009), (0.85, 0.001))
    ]
    tally = chart_columns.Tally(asked=12, finished=12, failed=0)
    assert "The interval of 1 other overlaps with its." in page_text.headline(rows, tally, 0.95)
    assert "overlap" not in page_text.headline(rows[2:], tally, 0.95)


def test_what_failed_or_never_ran_is_counted_and_names_are_only_text(tmp_path):
    experiment = some_experiment(name="</title><script>alert(1)</script> \u202e \U0001f4f1 'x' \"y\"")
    evil = "ValueError: </script><img src=x onerror=alert(1)> & 'so on'"
    outcomes = synthetic_outcomes(experiment, failed={0, 4}, missing={16, 17}, error=evil)
    text = written(tmp_path, outcomes, experiment)
    reading = seen(text)
    assert "Of 18 runs, 2 failed and 2 were not run." in reading
    assert "2 of the runs that were asked for are not on this page" in reading
    assert f"fedss under admm, seed 0: {evil}" in reading
    assert "<img src=x" not in text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text
    document = json.loads(downloads(text)["report.json"])
    assert document["runs"] == {"asked": 18, "finished": 14, "failed": 2, "not_run": 2}
    assert document["failures"][1] == {"algorithm": "fedss", "policy": "random", "seed": 1, "error": evil}
    assert document["summary"][0]["seeds"] == 2


def test_many_failures_are_counted_not_listed(tmp_path, monkeypatch):
    monkeypatch.setattr(study_page, "_MOST_FAILURES", 3)
    experiment = some_experiment()
    text = written(tmp_path, synthetic_outcomes(experiment, failed=range(18)), experiment)
    assert seen(text).count("SolverError: it gave up") == 3
    assert "And 15 more" in seen(text)
    assert len(json.loads(downloads(text)["report.json"])["failures"]) == 18


@pytest.mark.parametrize("which", ["failed", "missing"])
def test_a_page_without_a_finished_run(tmp_path, which):
    experiment = some_experiment()
    text = written(tmp_path, synthetic_outcomes(experiment, **{which: range(18)}), experiment)
    reading = seen(text)
    assert "No run was finished." in reading
    assert ("fedavg under random, seed 2: SolverError" in reading) == (which == "failed")
    assert "data-chart" not in re.sub(r"<(script|style).*?</\1>", "", text, flags=re.DOTALL)
    assert set(downloads(text)) == {"summary.csv", "report.json", "config.toml"}


@pytest.fixture
def no_specs(monkeypatch):
    """Leave out what takes a second a page: Altair checks every specification."""
    for name in ("accuracy", "round_times", "tasks", "matrix", "neuron_levels", "selection"):
        monkeypatch.setattr(chart_specs, name, lambda *_, **__: {})


def test_one_seed_one_pair_no_relevance_and_nobody_selected(tmp_path, no_specs):
    experiment = some_experiment(
        rounds=1, run={"algorithms": ("local",), "policies": ("all",), "seeds": (3,)}, algorithms={}
    )
    (outcome,) = synthetic_outcomes(experiment)
    record = outcome.result.records[0]
    object.__setattr__(record, "selected", 0)
    text = written(tmp_path, [outcome], experiment)
    assert 'data-chart="accuracy-seconds"' in text
    assert 'data-chart="times"' not in text
    assert 'data-chart="relevance-measured"' not in text
    assert "one seed" in seen(text)


@pytest.mark.parametrize("target", [0.0, 1.5, float("nan")])
def test_what_is_no_target_is_refused(tmp_path, target):
    with pytest.raises(OptionError, match="target = "):
        written(tmp_path, [], some_experiment(), target=target)
    assert not list(tmp_path.iterdir())


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match=r"out.htm: the name must end in .html"):
        write_simulation_report([], tmp_path / "out.htm", experiment=some_experiment())


# -- what charts are drawn from -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def study() -> StudyCurves:
    return StudyCurves.of(synthetic_outcomes(some_experiment()))


def test_curves_keep_their_ends_and_intervals_within_0_and_1(monkeypatch, study):
    monkeypatch.setattr(chart_columns, "_MOST_POINTS", 1)
    monkeypatch.setattr(chart_columns, "_LEAST_A_CURVE", 5)
    columns, kept, tested = chart_columns.curves(study)
    assert (kept, tested) == (5, 12)
    assert len(set(map(len, columns.values()))) == 1
    frame = pl.DataFrame(columns)
    for pair, curve in enumerate(study.curves):
        mine = frame.filter(pair=pair)
        assert mine["round"].to_list()[0] == 1
        assert mine["round"].to_list()[-1] == 12
        assert mine["last"].to_list() == [0, 0, 0, 0, 1]
        assert mine["accuracy"][-1] == pytest.approx(curve.accuracy[-1], rel=1e-4)  # five digits
    assert frame["low"].min() >= 0.0
    assert frame["high"].max() <= 1.0
    assert page_text.thinned_note(kept, tested) == "Lines show 5 of 12 tested rounds, evenly spread."
    assert page_text.thinned_note(12, 12) == ""


def test_who_uploads_nothing_is_said_where_it_has_no_line(study, no_specs):
    silent = tuple(
        replace(curve, uplink_bits=np.zeros_like(curve.uplink_bits)) if curve.algorithm == "fedavg" else curve
        for curve in study.curves
    )
    notes = {chart.id: chart.note for chart in Content(replace(study, curves=silent), 0.9).charts}
    assert notes["accuracy-bits"] == "fedavg uploads nothing and has no line here."
    assert notes["accuracy-seconds"] == ""
    assert page_text.silent_note(["a", "b", "a"]) == "a and b upload nothing and have no line here."


def test_boxes_are_quantiles_of_all_rounds_and_seeds(study):
    columns = chart_columns.boxes(study)
    runs = [run for run in results_of(study.outcomes) if (run.algorithm, run.policy) == ("fedavg", "random")]
    times = [record.latency_s for run in runs for record in run.records if record.selected]
    place = columns["pair"].index(
        next(i for i, curve in enumerate(study.curves) if (curve.algorithm, curve.policy) == ("fedavg", "random"))
    )
    assert columns["rounds"][place] == len(times)
    assert columns["q50"][place] == pytest.approx(np.median(times), rel=1e-12)
    assert columns["mean"][place] == pytest.approx(np.mean(times), rel=1e-12)


def test_a_grid_holds_every_state(study):
    grid = chart_columns.grids(study)[2]
    assert (grid.clients, grid.of, grid.rounds) == (9, 9, tuple(range(1, 13)))
    code = np.frombuffer(base64.b64decode(grid.states), np.uint8)
    states = (code[:, None] >> np.array([0, 2, 4, 6])) & 3
    run = results_of(study.outcomes)[6]  # the first seed of the third pair
    assert (run.algorithm, run.policy, run.seed) == ("fedavg", "admm", grid.seed)
    np.testing.assert_array_equal(states.ravel()[: 9 * 12].reshape(12, 9), run.participation)
    assert set(chart_specs.PARTICIPATION) == set(Participation)


def test_grids_of_large_cells_are_thinned_and_say_so(monkeypatch, study):
    for name, value in (("_MOST_GRIDS", 4), ("_MOST_ROUNDS", 5), ("_MOST_CLIENTS", 8)):
        monkeypatch.setattr(chart_columns, name, value)
    grids = chart_columns.grids(study)
    assert grids[0].rounds == (1, 4, 7, 9, 12)
    note = chart_columns.grids_note(grids, len(study.curves))
    assert "5 of 12 rounds" in note
    assert "the first 8 of 9 clients" in note
    assert "the first 4 of 6 pairs" in note


def test_relevance_is_that_of_the_first_seed(study):
    columns, seeds = chart_columns.matrices(study)
    assert list(seeds) == [0, 1, 4, 5]  # fedavg measures none
    run = results_of(study.outcomes)[0]
    measured = run.exhibits["relevance"].mean(axis=2)
    np.testing.assert_allclose(np.reshape(columns["measured"][:9], (3, 3)), measured, rtol=5e-3)  # three digits
    levels = pl.DataFrame(chart_columns.neurons(study)).filter(pair=0)
    assert levels["measured"].is_sorted()
    assert levels["share"][-1] == 100.0
    assert levels.height == 3 * 12


def test_a_large_table_is_thinned_round_by_round(monkeypatch, study):
    frame = results_frame(results_of(study.outcomes))
    whole = chart_columns.pack(frame)
    assert (whole.rows, whole.of, whole.every) == (216, 216, 1)
    monkeypatch.setattr(chart_columns, "_MOST_BYTES", len(base64.b64decode(whole.data)) // 2)
    thin = chart_columns.pack(frame)
    assert thin.every > 1
    assert len(base64.b64decode(thin.data)) <= len(base64.b64decode(whole.data)) // 2
    kept = pl.read_csv(io.BytesIO(gzip.decompress(base64.b64decode(thin.data))), infer_schema_length=None)
    assert kept.height == thin.rows
    assert kept.group_by("algorithm", "policy", "seed").agg(pl.col("round").max())["round"].to_list() == [11] * 18
    assert f"one in {thin.every} of each run" in page_text.packed_note(thin)


def test_algorithms_and_policies_are_told_apart(study):
    assert study.styles["fedss"].paint == "var(--task-0)"
    everybody = StudyCurves.of(
        synthetic_outcomes(
            Experiment(rounds=1, run={"algorithms": tuple(ALGORITHMS), "policies": ("all",)}, data={"n_clients": 8})
        )
    )
    assert len({(style.paint, style.shape) for style in everybody.styles.values()}) == len(ALGORITHMS)
    assert study.dashes["admm"] == [1, 0]
    assert study.dashes["random"] != [1, 0]


@pytest.mark.slow
def test_the_page_of_a_large_experiment_stays_small(tmp_path):
    run = {"algorithms": tuple(ALGORITHMS), "policies": tuple(METHODS)[:8], "seeds": "0:8"}
    experiment = Experiment(rounds=60, run=run)
    text = written(tmp_path, synthetic_outcomes(experiment), experiment)
    assert len(text.encode()) < 6_000_000
    assert "136" in seen(text)
