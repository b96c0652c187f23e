"""Learning curves: means over the seeds, round by round, and how they look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ..array_types import FloatArray, IntArray
from .grid import RunOutcome
from .line_styles import CurveStyle, curve_styles, policy_dashes
from .results import results_frame, results_of
from .summary import interval

__all__ = ["LearningCurve", "StudyCurves"]


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """An algorithm under a policy, as means over the seeds.

    Attributes
    ----------
    rounds, simulated_s, uplink_bits, accuracy : ndarray, (R,)
        The rounds that were evaluated, from 1, and what they came to.
    half_width : ndarray, (R,)
        Half the 95 % interval of the accuracy; NaN for a single seed.
    tasks, tasks_half : ndarray, (T,)
        The same of each task's accuracy, at the end.
    """

    algorithm: str
    policy: str
    rounds: IntArray
    simulated_s: FloatArray
    uplink_bits: FloatArray
    accuracy: FloatArray
    half_width: FloatArray
    tasks: FloatArray
    tasks_half: FloatArray


@dataclass(frozen=True, eq=False)
class StudyCurves:
    """What all charts of an experiment show.

    Attributes
    ----------
    outcomes : sequence of RunOutcome
        The runs, in the order of the grid; none of them failed.
    curves : tuple of LearningCurve
        Algorithm by algorithm, policy by policy.
    styles, dashes : dict
        Colour and marker of each algorithm; line of each policy, as lengths of dashes and gaps.
    """

    outcomes: Sequence[RunOutcome]
    curves: tuple[LearningCurve, ...]
    styles: dict[str, CurveStyle]
    dashes: dict[str, list[float]]

    @classmethod
    def of(cls, outcomes: Sequence[RunOutcome]) -> StudyCurves:
        """Take the charts' data from runs that did not fail."""
        frame = results_frame(results_of(outcomes)).drop_nulls("accuracy_mean")
        curves = tuple(_curve(part) for part in frame.partition_by("algorithm", "policy", maintain_order=True))
        return cls(
            outcomes=outcomes,
            curves=curves,
            styles=curve_styles((outcome.job.variant.name, outcome.job.variant.base) for outcome in outcomes),
            dashes=policy_dashes([curve.policy for curve in curves]),
        )


def _curve(part: pl.DataFrame) -> LearningCurve:
    rounds = part.partition_by("round", maintain_order=True)
    accuracy = [interval(seeds["accuracy_mean"].to_list()) for seeds in rounds]
    tasks = [column for column in part.columns if column.startswith("accuracy_task_")]
    by_task = [interval(rounds[-1][column].to_list()) for column in tasks]
    first = part.row(0, named=True)
    return LearningCurve(
        algorithm=first["algorithm"],
        policy=first["policy"],
        rounds=1 + np.array([seeds["round"][0] for seeds in rounds], dtype=np.int64),
        simulated_s=np.array([seeds["simulated_s"].mean() for seeds in rounds], dtype=np.float64),
        uplink_bits=np.array([seeds["uplink_bits"].mean() for seeds in rounds], dtype=np.float64),
        accuracy=np.array([mean for mean, _ in accuracy]),
        half_width=np.array([half for _, half in accuracy]),
        tasks=np.array([mean for mean, _ in by_task]),
        tasks_half=np.array([half for _, half in by_task]),
    )
