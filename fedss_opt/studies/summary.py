"""What an experiment comes to: a row per algorithm and policy, means over the seeds with their uncertainty."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from scipy import special

from ..exceptions import OptionError
from ..simulation.accuracy import first_reached

__all__ = ["check_target", "interval", "summarise"]


def interval(values: Sequence[float], *, confidence: float = 0.95) -> tuple[float, float]:
    r"""Return the mean of a sample, one value per seed, and half the width of its confidence interval by Student's t.

    .. math:: \bar x \pm t_{n-1,\,(1 + c)/2} \; s / \sqrt n

    The half width of a single value is NaN.

    Examples
    --------
    >>> mean, half = interval([0.90, 0.92, 0.94])
    >>> round(mean, 3), round(half, 4)
    (0.92, 0.0497)
    """
    sample = np.asarray(values, dtype=np.float64)
    mean = float(sample.mean())
    if sample.size < 2:
        return mean, math.nan
    quantile = float(special.stdtrit(sample.size - 1, 0.5 + 0.5 * confidence))
    return mean, quantile * float(sample.std(ddof=1)) / math.sqrt(sample.size)


def check_target(target: float) -> None:
    """Refuse a target accuracy outside (0, 1]; `OptionError` says so."""
    if not 0.0 < target <= 1.0:
        raise OptionError(f"target = {target}: must be a number > 0 and <= 1")


def summarise(frame: pl.DataFrame, *, target: float = 0.9) -> pl.DataFrame:
    """Summarise the table that `results_frame` makes: a row per algorithm and policy, in its order.

    Accuracies and costs are those of the last round that was evaluated; `accuracy_interval` is half the width of the
    95 % interval over the seeds, null for a single seed. Seconds and bits to the target, an accuracy in (0, 1], are
    means over the seeds, null unless every seed reached it; `reached` counts those that did.

    Raises
    ------
    OptionError
        For a target outside (0, 1].

    Examples
    --------
    >>> from fedss_opt.simulation import Simulation, SimulationSettings
    >>> from fedss_opt.studies import results_frame, summarise
    >>> settings = SimulationSettings(rounds=2, data={"n_clients": 8})
    >>> runs = [Simulation(settings, algorithm="fedavg", policy="all", seed=seed).run() for seed in (0, 1)]
    >>> summarise(results_frame(runs), target=0.9).select("algorithm", "policy", "seeds").rows()
    [('fedavg', 'all', 2)]
    """
    check_target(target)
    rows = [
        {"algorithm": algorithm, "policy": policy} | _of_seeds(part.partition_by("seed", maintain_order=True), target)
        for (algorithm, policy), part in frame.drop_nulls("accuracy_mean").group_by(
            "algorithm", "policy", maintain_order=True
        )
    ]
    return pl.DataFrame(rows, schema=_SCHEMA)


_SCHEMA = {
    "algorithm": pl.String,
    "policy": pl.String,
    "seeds": pl.Int64,
    "accuracy": pl.Float64,
    "accuracy_interval": pl.Float64,
    "worst_decile": pl.Float64,
    "uplink_bits": pl.Float64,
    "downlink_bits": pl.Float64,
    "simulated_s": pl.Float64,
    "target": pl.Float64,
    "reached": pl.Int64,
    "seconds_to_target": pl.Float64,
    "uplink_bits_to_target": pl.Float64,
}


def _of_seeds(runs: Sequence[pl.DataFrame], target: float) -> dict[str, Any]:
    last = [run.row(-1, named=True) for run in runs]
    accuracy, half = interval([row["accuracy_mean"] for row in last])
    seconds, bits = (
        [first_reached(run["accuracy_mean"].to_list(), run[cost].to_list(), target) for run in runs]
        for cost in ("simulated_s", "uplink_bits")
    )
    return {
        "seeds": len(runs),
        "accuracy": accuracy,
        "accuracy_interval": None if math.isnan(half) else half,
        "worst_decile": _mean(row["accuracy_worst_decile"] for row in last),
        "uplink_bits": _mean(row["uplink_bits"] for row in last),
        "downlink_bits": _mean(row["downlink_bits"] for row in last),
        "simulated_s": _mean(row["simulated_s"] for row in last),
        "target": target,
        "reached": sum(map(math.isfinite, seconds)),
        "seconds_to_target": _mean(seconds),
        "uplink_bits_to_target": _mean(bits),
    }


def _mean(values: Any) -> float | None:
    """Mean, or nothing where a value is infinite."""
    mean = float(np.mean(list(values)))
    return mean if math.isfinite(mean) else None
