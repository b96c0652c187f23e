"""Tables: one row a round, the same in every format, and nothing made up where there is nothing."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fedss_opt.exceptions import FileFormatError, OptionError
from fedss_opt.studies.results import (
    COLUMNS,
    record_document,
    results_frame,
    results_of,
    write_frame,
    write_records,
)
from fedss_opt.studies.summary import interval, summarise


@pytest.fixture(scope="session")
def runs(outcomes):
    return results_of(outcomes)


@pytest.fixture(scope="session")
def frame(runs) -> pl.DataFrame:
    return results_frame(runs)


def test_a_row_for_every_algorithm_policy_seed_and_round(frame):
    assert frame.height == 2 * 2 * 2 * 4
    assert frame.select("algorithm", "policy", "seed", "round").is_unique().all()
    assert frame.columns[: len(COLUMNS)] == list(COLUMNS)


def test_rounds_that_were_not_evaluated_have_no_accuracy(frame):
    accuracies = [name for name in frame.columns if name.startswith("accuracy")]
    assert {"accuracy_task_0", "accuracy_task_1"} <= set(accuracies)
    assert frame.filter(pl.col("round") % 2 == 0).select(accuracies).null_count().row(0) == (16,) * len(accuracies)
    assert frame.filter(pl.col("round") % 2 == 1).select(accuracies).null_count().row(0) == (0,) * len(accuracies)


def test_figures_of_one_algorithm_are_empty_for_others(frame):
    assert frame.filter(algorithm="fedavg")["density"].null_count() == 16
    assert frame.filter(pl.col("algorithm") == "fedss", pl.col("round") == 3)["density"].null_count() == 0


def test_no_runs_are_an_empty_table():
    frame = results_frame([])
    assert frame.columns == list(COLUMNS)
    assert summarise(frame).height == 0


def test_files_hold_the_table(tmp_path, frame, runs):
    write_frame(frame, tmp_path / "results.csv")
    write_frame(frame, tmp_path / "results.parquet")
    write_records(runs, tmp_path / "results.jsonl")
    assert pl.read_csv(tmp_path / "results.csv", schema=frame.schema).equals(frame)
    assert pl.read_parquet(tmp_path / "results.parquet").equals(frame)
    lines = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert [line["accuracy_mean"] for line in lines] == frame["accuracy_mean"].to_list()
    assert [line["uplink_bits"] for line in lines] == frame["uplink_bits"].to_list()
    with pytest.raises(FileFormatError, match=r"must end in \.csv or \.parquet"):
        write_frame(frame, tmp_path / "results.xlsx")


def test_what_is_not_finite_is_null(runs):
    record = replace(runs[0].records[-1], gap=math.nan, latency_s=math.inf, figures={"ari": math.nan, "density": 0.5})
    document = record_document(runs[0], record)
    assert (document["gap"], document["latency_s"]) == (None, None)
    assert document["figures"] == {"ari": None, "density": 0.5}
    json.dumps(document, allow_nan=False)


# -- summary ------------------------------------------------------------------------------------------------


def table(*rows: tuple[str, int, int, float | None, float, int]) -> pl.DataFrame:
    columns = ("algorithm", "seed", "round", "accuracy_mean", "simulated_s", "uplink_bits")
    frame = pl.DataFrame(rows, schema=columns, orient="row")
    return frame.with_columns(
        policy=pl.lit("admm"),
        accuracy_worst_decile=pl.col("accuracy_mean") / 2,
        downlink_bits=2 * pl.col("uplink_bits"),
    )


def test_the_summary_is_of_the_last_evaluated_round():
    rows = summarise(
        table(
            ("a", 0, 0, 0.5, 1.0, 10),
            ("a", 0, 1, 0.95, 2.0, 20),
            ("a", 0, 2, None, 3.0, 30),
            ("a", 1, 0, 0.91, 1.5, 12),
            ("a", 1, 1, 0.85, 2.5, 22),
        )
    ).to_dicts()
    (row,) = rows
    assert row["seeds"] == 2
    assert row["accuracy"] == pytest.approx(0.9)
    assert row["worst_decile"] == pytest.approx(0.45)
    assert (row["uplink_bits"], row["downlink_bits"], row["simulated_s"]) == (21.0, 42.0, 2.25)
    # The first seed reaches 0.9 in its second round, the second seed in its first (and falls back).
    assert (row["reached"], row["seconds_to_target"], row["uplink_bits_to_target"]) == (2, 1.75, 16.0)


def test_a_target_that_a_seed_missed_has_no_mean():
    frame = table(("a", 0, 0, 0.95, 1.0, 10), ("a", 1, 0, 0.5, 1.0, 10), ("b", 0, 0, 0.95, 1.0, 10))
    first, second = summarise(frame).to_dicts()
    assert (first["reached"], first["seconds_to_target"], first["uplink_bits_to_target"]) == (1, None, None)
    assert (second["reached"], second["seconds_to_target"], second["accuracy_interval"]) == (1, 1.0, None)


@pytest.mark.parametrize("target", [0.0, -1.0, 1.1, math.nan])
def test_a_target_is_an_accuracy(target, frame):
    with pytest.raises(OptionError, match="target"):
        summarise(frame, target=target)


@given(st.lists(st.floats(0.0, 1.0), min_size=2, max_size=12))
def test_the_interval_is_students(values):
    mean, half = interval(values)
    spread = stats.sem(values)
    # A spread of rounding errors has no digits in common with another one's.
    if spread > 1e-9:
        low, high = stats.t.interval(0.95, len(values) - 1, loc=mean, scale=spread)
        # Both lose the digits that cancel in value - mean, at most 1e-16 of 1, relative to a spread above 1e-9; the
        # quantile is good to 1e-10.
        assert half == pytest.approx((high - low) / 2, rel=1e-6)


def test_a_single_value_has_no_interval():
    mean, half = interval([0.5])
    assert mean == 0.5
    assert math.isnan(half)


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r"])
def test_no_text_of_a_table_is_a_formula(tmp_path, sign):
    frame = pl.DataFrame({"algorithm": [f"{sign}1+1", "fedavg", None], f"{sign}figure": [-1.0, 2.0, None]})
    write_frame(frame, tmp_path / "results.csv")
    found = pl.read_csv(tmp_path / "results.csv")
    assert found.columns == ["algorithm", f"'{sign}figure"]
    assert found["algorithm"].to_list() == [f"'{sign}1+1", "fedavg", None]
    assert found.to_series(1).to_list() == [-1.0, 2.0, None]
