"""The gallery's scripts run as they stand, draw, and find what their text says that they find."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fedss_opt as fo

plt = pytest.importorskip("matplotlib.pyplot")

GALLERY = Path(__file__).parents[1] / "examples" / "gallery"
SIMULATED = {"accuracy_and_bits", "accuracy_and_time", "masks", "relevance_quantised"}
LONG = SIMULATED | {"fairness", "gap_and_clients"}

Names = dict[str, Any]


def bandwidth_and_channel(seen: Names) -> None:
    chosen, channel_db, needed = seen["chosen"], seen["channel_db"], seen["needed"]
    assert np.allclose(needed[chosen], seen["solution"].bandwidth_hz[chosen], rtol=1e-9)
    assert (np.diff(needed[np.argsort(channel_db)]) <= 0.0).all()  # the better the channel, the less
    assert channel_db[chosen].min() < channel_db[~chosen].max()  # not a matter of the channel alone


def bounds_closing_in(seen: Names) -> None:
    assert seen["bound"][-1] <= seen["optimum"].objective_s <= seen["answer"][-1]
    assert (np.diff(seen["answer"]) <= 0.0).all()
    assert seen["optimum"].gap <= 1e-9


def one_round(seen: Names) -> None:
    assert fo.check(seen["problem"], seen["solution"]).ok
    assert min(seen["latency_s"].values()) > seen["solution"].latency_s
    assert seen["bound_ms"] < 1e3 * seen["solution"].latency_s


def price_of_learning(seen: Names) -> None:
    latency = seen["latency"]
    assert all((np.diff(values) > 0.0).all() for values in latency.values())
    assert all((values >= latency["admm"] * (1.0 - 1e-3)).all() for values in latency.values())
    assert (latency["random_equal"] > latency["random"]).all()


def gap_and_clients(seen: Names) -> None:
    assert all(seen["distance"][place] <= seen["gap"][place] + 1e-9 for place in seen["distance"])
    assert seen["middle"][0] > 100.0 * seen["middle"][-1]
    few = [value for (size, _), value in seen["distance"].items() if size <= 100]
    assert max(few) < 1e-9
    assert max(value for (size, _), value in seen["gap"].items() if size >= 10_000) <= 1e-4


def screening(seen: Names) -> None:
    optimum = seen["optimum"].selected
    assert not (seen["selected"] & ~optimum).any()
    assert not (seen["left_out"] & optimum).any()
    assert (np.diff(seen["gaps"][np.isfinite(seen["gaps"])]) < 0.0).all()
    assert 0 < seen["core"] < 0.2 * seen["problem"].n_clients


def admm_residuals(seen: Names) -> None:
    for _, values, *_ in seen["lines"][:2]:
        assert values[-1] < 0.05 * values[0]
    assert seen["solution"].lower_bound_s > seen["alone"].lower_bound_s
    assert np.nanmax(seen["bound_off"][5:]) < seen["lines"][0][1][5:].max()


def resource_blocks(seen: Names) -> None:
    assert (np.diff(seen["longer"]) > 0.0).all()
    assert (seen["rounded"] >= seen["longer"] - 1e-6).all()
    assert np.isinf(seen["rounded"][-1])
    assert np.isfinite(seen["longer"]).all()


def energy_budgets(seen: Names) -> None:
    assert all(seen["proven"])
    assert (seen["feasible"] | seen["excluded"]).all()
    assert len(seen["proven"]) > 10
    assert (np.diff(seen["latency_ms"][seen["feasible"]]) < 1e-6).all()
    binding = seen["budgets_mj"] < seen["spent_mj"]
    assert (seen["latency_ms"][binding] > 1e3 * seen["free"].objective_s).all()
    assert np.allclose(seen["latency_ms"][~binding], 1e3 * seen["free"].objective_s, rtol=1e-8)


def fairness(seen: Names) -> None:
    assert seen["never"] > 0
    # What the first rule promises after so many rounds: the share, less the patience and one more.
    missing = 100.0 * (5.0 + seen["least_share"] + 1.0 / 1024.0) / seen["rounds"]
    assert seen["fair"].min() > 100.0 * seen["least_share"] - missing
    assert seen["fair_s"] > seen["free_s"]


def relevance_quantised(seen: Names) -> None:
    related, apart = seen["measured"].mean(axis=2)[0, 1:3]
    assert related > apart
    assert 2 <= seen["used"].size <= 8
    assert seen["error"] < 0.05


def masks(seen: Names) -> None:
    overlap, relevance = seen["overlap"], seen["relevance"]
    related, others = [(0, 1), (2, 3)], [(0, 2), (0, 3), (1, 2), (1, 3)]
    assert min(relevance[pair] for pair in related) > max(relevance[pair] for pair in others)
    assert min(overlap[pair] for pair in others) > 0.5  # far above the 18 % of chance
    assert np.allclose(seen["weights"].mean(axis=1), 0.3, atol=0.02)


def accuracy_and_time(seen: Names) -> None:
    curves = seen["curves"]
    for algorithm in seen["looks"]:
        allocated, usual = curves[algorithm, "admm"], curves[algorithm, "random_equal"]
        assert (allocated[0] < usual[0]).all()
    assert curves["fedss", "admm"][0][-1] < curves["clustered", "admm"][0][-1]
    assert curves["fedavg", "admm"][1][-1] < curves["clustered", "admm"][1][-1] - 5.0


def accuracy_and_bits(seen: Names) -> None:
    found = seen["found"]
    for density in (1.0, 0.3):
        (most, dear), (least, cheap) = found[density, 32], found[density, 4]
        assert least < most / 7.0
        assert abs(dear - cheap) < 1.0
    assert found[0.3, 4][0] < found[1.0, 4][0]


CHECKS: dict[str, Callable[[Names], None]] = {
    check.__name__: check
    for check in (
        one_round,
        bandwidth_and_channel,
        bounds_closing_in,
        price_of_learning,
        gap_and_clients,
        screening,
        admm_residuals,
        resource_blocks,
        energy_budgets,
        fairness,
        relevance_quantised,
        masks,
        accuracy_and_time,
        accuracy_and_bits,
    )
}


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize(
    "example", [pytest.param(name, marks=[pytest.mark.slow] if name in LONG else []) for name in CHECKS]
)
def test_the_example_draws_what_its_text_says(example: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if example in SIMULATED:
        pytest.importorskip("sklearn")
        pytest.importorskip("pydantic")
    monkeypatch.setattr(plt, "show", lambda: None)
    plt.switch_backend("Agg")
    plt.close("all")
    try:
        CHECKS[example](runpy.run_path(str(GALLERY / f"plot_{example}.py"), run_name="__main__"))
        figures = [plt.figure(number) for number in plt.get_fignums()]
        assert len(figures) == 1
        for axes in figures[0].axes:
            assert axes.has_data()
            assert axes.get_title(loc="left")
        figures[0].canvas.draw()
    finally:
        plt.close("all")


def test_every_example_has_a_check() -> None:
    assert {path.stem.removeprefix("plot_") for path in GALLERY.glob("plot_*.py")} == set(CHECKS)


def test_what_an_example_says_it_found_it_computes() -> None:
    """Milliseconds, percents and the like stand in the text as questions or from the script's own arithmetic."""
    for path in GALLERY.glob("plot_*.py"):
        text = path.read_text(encoding="utf-8")
        assert text.startswith('"""\n'), path.name
        title, rule = text.splitlines()[1:3]
        assert rule == "=" * len(title), path.name
        assert text.rstrip().endswith("plt.show()"), path.name
        assert "\n# %%\n" in text, path.name
