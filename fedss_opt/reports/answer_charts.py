"""The charts of an allocation as a whole: is it enough, and how good is it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..quantities import format_gap, scale_for
from ..solution import Solution
from ..solvers import Progress
from .charts import altair, color, left_note, spec_of, thinned
from .page_parts import Chart
from .tasks import TaskRow

__all__ = ["bounds_chart", "bounds_move", "tasks_chart"]

MOST_TASKS = 30
MOST_STEPS = 300
# Longer bars would leave no room for what matters, which is the requirement.
MOST_SHARE = 3.0
# Least span of the axis of the bounds, of the answer: below, its labels have more digits than anybody reads.
_LEAST_SPAN = 2e-5
# Two lines that do not move say no more than the headline.
_LEAST_VALUES = 3


def tasks_chart(tasks: Sequence[TaskRow], *, answered: bool) -> Chart:
    """Draw what each task receives against what it needs."""
    alt = altair()
    needy = [row for row in tasks if math.isfinite(row.share)]
    drawn = sorted(needy, key=lambda row: row.share)[:MOST_TASKS] if len(needy) > MOST_TASKS else needy
    values = [
        {
            "task": row.name,
            "share": min(row.share, MOST_SHARE),
            "ratio": row.ratio,
            "served": "enough" if row.served else "too little",
            "needs": row.needs,
            "receives": row.receives,
            "offered": row.offered,
            "clients": row.clients,
        }
        for row in drawn
    ]
    what = "received" if answered else "offered by all clients that can take part"
    bars = (
        alt.Chart(alt.InlineData(values=values))
        .mark_bar(height={"band": 0.7})
        .encode(
            x=alt.X(
                "share:Q",
                title=f"{what}, of what is needed",
                axis=alt.Axis(labelExpr="format(100 * datum.value, '.0f') + ' %'"),
            ),
            y=alt.Y("task:N", title=None, sort=None, axis=alt.Axis(labelLimit=140, ticks=False, domain=False)),
            color=alt.Color(
                "served:N",
                scale=alt.Scale(domain=["enough", "too little"], range=[color("bound"), color("answer")]),
                legend=None,
            ),
            tooltip=[
                alt.Tooltip("task:N", title="task"),
                alt.Tooltip("needs:N", title="needs"),
                alt.Tooltip("receives:N", title="receives"),
                alt.Tooltip("ratio:N", title="of what is needed"),
                alt.Tooltip("offered:N", title="offered"),
                alt.Tooltip("clients:Q", title="clients"),
            ],
        )
    )
    rule = alt.Chart(alt.InlineData(values=[{"at": 1.0}])).mark_rule(color=color("ink"), strokeWidth=2).encode(x="at:Q")
    short = sum(not row.served for row in tasks)
    get = "get" if answered else "could get"
    enough = f"{len(tasks) - short} of {len(tasks)} tasks {get} what they need"
    long = sum(row.share > MOST_SHARE for row in drawn)
    notes = [
        left_note(len(drawn), len(needy), "tasks, those with least,"),
        f"{long:,} at the right edge {get} more than the axis shows." if long else "",
    ]
    return Chart(
        id="tasks",
        title="What each task receives" if answered else "What the clients offer each task",
        caption="Of what the task needs in this round; the line is its requirement.",
        description=f"{enough}; the table of tasks has the figures.",
        spec=spec_of(alt.layer(bars, rule), height=30 + 26 * len(drawn)),
        note=" ".join(note for note in notes if note),
    )


def bounds_move(solution: Solution, history: Sequence[Progress]) -> bool:
    """Tell whether there is something to see of the bounds: more than one answer and one bound, in six digits."""
    if not (history and solution.has_answer and solution.objective_s > 0.0):
        return False
    steps = [(step.objective_s, step.lower_bound_s) for step in history]
    steps.append((solution.objective_s, solution.lower_bound_s))
    values = {f"{value:.6g}" for step in steps for value in step if math.isfinite(value) and value > 0.0}
    return len(values) >= _LEAST_VALUES


def bounds_chart(solution: Solution, history: Sequence[Progress]) -> Chart:
    """Draw the best answer and the proven bound as they close in."""
    alt = altair()
    time, clock = scale_for([solution.objective_s], "s", 4), scale_for([solution.solve_time_s], "s")
    kept = thinned(np.arange(len(history)), MOST_STEPS)
    records = [(step.elapsed_s, step.objective_s, step.lower_bound_s) for step in (history[i] for i in kept)]
    end = max([solution.solve_time_s, *(elapsed for elapsed, _, _ in records)])
    records.append((end, solution.objective_s, solution.lower_bound_s))
    values = []
    for elapsed, best, bound in records:
        # Before there is a proof the bound is 0, which would only stretch the axis.
        for what, value in (("best answer", best), ("proven bound", bound if bound > 0.0 else math.nan)):
            if math.isfinite(value):
                values.append({"at": elapsed / clock.factor, "value": value / time.factor, "what": what})
    names = ["best answer", "proven bound"]
    figures = [value["value"] for value in values]
    narrow = max(figures) - min(figures) < _LEAST_SPAN * max(figures)
    middle = 0.5 * (max(figures) + min(figures))
    domain = {"domain": [middle * (1.0 - 0.5 * _LEAST_SPAN), middle * (1.0 + 0.5 * _LEAST_SPAN)]} if narrow else {}
    chart = (
        alt.Chart(alt.InlineData(values=values))
        .mark_line(interpolate="step-after", point={"size": 45, "filled": True})
        .encode(
            x=alt.X("at:Q", title=f"time since the start of the solve, {clock.unit}", axis=alt.Axis(tickCount=6)),
            y=alt.Y("value:Q", title=f"objective, {time.unit}", scale=alt.Scale(zero=False, nice=not narrow, **domain)),
            color=alt.Color(
                "what:N", title=None, scale=alt.Scale(domain=names, range=[color("answer"), color("bound")])
            ),
            tooltip=[
                alt.Tooltip("what:N", title=" "),
                alt.Tooltip("value:Q", title=time.unit, format=f",.{time.decimals}f"),
                alt.Tooltip("at:Q", title=f"after, {clock.unit}", format=f",.{clock.decimals}f"),
            ],
        )
    )
    return Chart(
        id="bounds",
        title="The bounds closing in",
        caption="The best answer falls, the proven bound rises; what is left between them is the certified gap.",
        description=f"The certified gap at the end is {format_gap(solution.gap)}.",
        spec=spec_of(chart, height=240),
    )
