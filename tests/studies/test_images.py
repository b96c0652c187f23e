"""Figures: all of them are drawn, whatever the experiment had, and look as on the page."""

from __future__ import annotations

import dataclasses
import json

import pytest

from fedss_opt.exceptions import OptionError
from fedss_opt.simulation.algorithms import ALGORITHMS
from fedss_opt.studies import images
from fedss_opt.studies.grid import RunOutcome
from fedss_opt.studies.images import IMAGES, draw_experiment
from fedss_opt.studies.learning_curves import StudyCurves
from fedss_opt.studies.line_styles import curve_styles, policy_dashes

from .conftest import small_experiment
from .synthetic import synthetic_outcomes

pytest.importorskip("altair", reason="needs the extra report")

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Return the specifications that would be drawn, by the name of the file."""

    def specs(outcomes):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(images, "_png", lambda spec: json.dumps(spec).encode())
            written = draw_experiment(outcomes, tmp_path_factory.mktemp("figures"))
        return {path.stem: json.loads(path.read_text()) for path in written}

    return specs


@pytest.fixture(scope="module")
def four_pairs(drawn):
    return drawn(synthetic_outcomes(small_experiment())[::-1])


def test_every_figure_and_the_overview_are_drawn(monkeypatch, four_pairs):
    monkeypatch.setattr(images, "_SCALE", 0.3)
    assert list(four_pairs) == [*IMAGES, "overview"]
    assert all(images._png(spec).startswith(PNG) for spec in four_pairs.values())


def intervals(spec):
    """Whether intervals are bands along the lines, and how many layers have them as bars."""
    bands = next(parameter["value"] for parameter in spec["params"] if parameter["name"] == "bands")
    bars = [layer for layer in spec["layer"] if layer["encoding"].get("y2") and layer["mark"]["type"] == "rule"]
    return bands, len(bars)


def test_what_uploads_nothing_is_a_level_and_has_no_relevance(drawn):
    run = {"algorithms": ("local",), "policies": ("all",), "seeds": (0,)}
    (outcome,) = synthetic_outcomes(small_experiment(rounds=2, run=run, algorithms={}))
    records = tuple(dataclasses.replace(record, uplink_bits=0) for record in outcome.result.records)
    result = dataclasses.replace(outcome.result, records=records)
    specs = drawn([dataclasses.replace(outcome, result=result)])
    level = specs["accuracy-bits"]["layer"][-1]
    assert level["data"]["values"] == [{"level": pytest.approx(100.0 * records[-1].accuracy_mean)}]
    assert specs["relevance"]["mark"]["text"] == "No algorithm here measures relevance."


def test_intervals_are_bands_or_bars_at_the_ends_of_many_lines(drawn, four_pairs):
    run = {"algorithms": ("fedss", "fedavg"), "policies": ("all", "random", "greedy"), "seeds": (0, 1)}
    six_pairs = drawn(synthetic_outcomes(small_experiment(run=run)))
    assert intervals(four_pairs["accuracy-seconds"]) == (True, 0)
    assert intervals(six_pairs["accuracy-seconds"]) == (False, 1)


def test_the_best_for_so_many_bits_never_falls(four_pairs):
    best = four_pairs["accuracy-bits"]["layer"][0]["data"]["values"]
    levels = [row["level"] for row in best]
    assert levels == sorted(levels)
    assert [row["bits"] for row in best] == sorted(row["bits"] for row in best)


def test_selections_are_those_of_the_first_seed(four_pairs):
    outcomes = synthetic_outcomes(small_experiment())
    cells = four_pairs["selection"]["datasets"]["cells"]
    mine = [cell["state"] for cell in cells if (cell["algorithm"], cell["policy"]) == ("fedavg", "random")]
    first = next(o.result for o in outcomes if (o.job.variant.name, o.job.policy) == ("fedavg", "random"))
    names = ("absent", "there, not selected", "selected", "selected, failed or late")
    assert mine == [names[state] for state in first.participation.ravel()]


def test_nothing_is_drawn_of_nothing(tmp_path, outcomes):
    with pytest.raises(OptionError, match="no run was finished"):
        draw_experiment([RunOutcome(outcomes[0].job, error="it failed")], tmp_path)


def test_curves_are_means_over_the_seeds(outcomes):
    study = StudyCurves.of(outcomes)
    assert [(curve.algorithm, curve.policy) for curve in study.curves] == [
        (algorithm, policy) for algorithm in ("fedss", "fedavg") for policy in ("all", "random")
    ]
    first, second = (outcome.result.records[-1] for outcome in outcomes[:2])
    assert study.curves[0].accuracy[-1] == pytest.approx((first.accuracy_mean + second.accuracy_mean) / 2, rel=1e-15)
    assert study.curves[0].uplink_bits[-1] == (first.uplink_bits + second.uplink_bits) / 2


def test_an_algorithm_looks_the_same_whoever_stands_beside_it():
    everybody = curve_styles((name, name) for name in ALGORITHMS)
    assert curve_styles([("fedavg", "fedavg")])["fedavg"] == everybody["fedavg"]
    assert len({(style.color, style.marker) for style in everybody.values()}) == len(ALGORITHMS)


def test_variants_are_shades_of_their_algorithm():
    styles = curve_styles([("fedss", "fedss"), *((f"fedss-{i}", "fedss") for i in range(4))])
    assert len({(style.color, style.marker) for style in styles.values()}) == 5
    for name in ("fedss-0", "fedss-3"):
        lighter, base = (bytes.fromhex(styles[which].color[1:]) for which in (name, "fedss"))
        assert all(part >= of_base for part, of_base in zip(lighter, base, strict=True))


def test_the_first_policy_is_a_solid_line():
    lines = policy_dashes(["admm", "random", "admm"])
    assert list(lines) == ["admm", "random"]
    assert lines["admm"] == [1, 0]
