"""Figures: all of them are drawn, whatever the experiment had."""

from __future__ import annotations

import pytest
from matplotlib.colors import to_rgb

from fedss_opt.exceptions import OptionError
from fedss_opt.simulation.algorithms import ALGORITHMS
from fedss_opt.studies.curves import Scene
from fedss_opt.studies.executors import run_jobs
from fedss_opt.studies.figures import FIGURES, draw_experiment
from fedss_opt.studies.grid import Outcome, jobs_of
from fedss_opt.studies.looks import looks_of, policy_lines

from .conftest import small_experiment

PNG = b"\x89PNG\r\n\x1a\n"


def test_every_figure_and_the_overview_are_drawn(tmp_path, outcomes):
    written = draw_experiment(outcomes[::-1], tmp_path / "figures")
    assert [path.stem for path in written] == [*FIGURES, "overview"]
    assert all(path.read_bytes().startswith(PNG) for path in written)


@pytest.mark.usefixtures("warm")
def test_an_experiment_without_uplink_relevance_or_a_second_seed(tmp_path):
    experiment = small_experiment(
        rounds=2, run={"algorithms": ("local",), "policies": ("all",), "seeds": (0,)}, algorithms={}
    )
    written = draw_experiment(list(run_jobs(jobs_of(experiment))), tmp_path)
    assert len(written) == len(FIGURES) + 1


def test_nothing_is_drawn_of_nothing(tmp_path, outcomes):
    with pytest.raises(OptionError, match="no run was finished"):
        draw_experiment([Outcome(outcomes[0].job, error="it failed")], tmp_path)


def test_curves_are_means_over_the_seeds(outcomes):
    scene = Scene.of(outcomes)
    assert [(curve.algorithm, curve.policy) for curve in scene.curves] == [
        (algorithm, policy) for algorithm in ("fedss", "fedavg") for policy in ("all", "random")
    ]
    first, second = (outcome.result.records[-1] for outcome in outcomes[:2])
    assert scene.curves[0].accuracy[-1] == pytest.approx((first.accuracy_mean + second.accuracy_mean) / 2, rel=1e-15)
    assert scene.curves[0].uplink_bits[-1] == (first.uplink_bits + second.uplink_bits) / 2


def test_an_algorithm_looks_the_same_whoever_stands_beside_it():
    everybody = looks_of((name, name) for name in ALGORITHMS)
    assert looks_of([("fedavg", "fedavg")])["fedavg"] == everybody["fedavg"]
    assert len({(look.color, look.marker) for look in everybody.values()}) == len(ALGORITHMS)


def test_variants_are_shades_of_their_algorithm():
    looks = looks_of([("fedss", "fedss"), *((f"fedss-{i}", "fedss") for i in range(4))])
    assert len({(look.color, look.marker) for look in looks.values()}) == 5
    base = to_rgb(looks["fedss"].color)
    for name in ("fedss-0", "fedss-3"):
        assert all(part >= of_base for part, of_base in zip(to_rgb(looks[name].color), base, strict=True))


def test_the_first_policy_is_a_solid_line():
    lines = policy_lines(["admm", "random", "admm"])
    assert list(lines) == ["admm", "random"]
    assert lines["admm"] == "-"
