"""The charts of an allocation's clients: who got what, when they end, and why."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..problem import Objective, Problem
from ..quantities import format_quantity
from ..solution import Solution
from .charts import altair, color, left_note, spec_of, thinned
from .parts import Chart, Column, Table
from .reasons import STATES, State

__all__ = ["clients_chart", "reduced_costs_chart", "timeline_chart"]

# Marks are elements of the document: these many draw at once on a phone.
MOST_POINTS = 1_200
MOST_BARS = 50

# Of the makespan, and of the clients: when the timeline says that nearly all end together.
_NEARLY, _MOST = 0.999, 0.9

_UPLOADS = (State.SELECTED, State.MANDATORY)
_COLORS = [color({State.SELECTED: "selected", State.MANDATORY: "accent"}.get(state, "left-out")) for state in State]

IntArray = npt.NDArray[np.int64]


def _tooltips(alt: Any, table: Table, keys: Sequence[str]) -> list[Any]:
    """Return tooltips of those of a table's columns that it has, as they stand in the table."""
    found = {column.key: column for column in table.columns}
    tips = []
    for key in keys:
        column = found.get(key)
        if column is None:
            continue
        field = f"{key}_text" if column.kind == "number" else key
        tips.append(alt.Tooltip(f"{field}:N", title=column.head))
    return tips


def _column(table: Table, key: str) -> Column:
    return next(column for column in table.columns if column.key == key)


def _shown(column: Column, values: Any) -> npt.NDArray[np.float64]:
    """Return a column in its display unit."""
    return np.asarray(values, dtype=np.float64) / column.factor


def _state_marks(alt: Any, states: IntArray) -> dict[str, Any]:
    """Return the encodings that tell the clients' states apart: full for those who upload, a ring for the others.

    The client whose details are shown has a wide rim of another colour.
    """
    legend = alt.Legend(values=[STATES[state] for state in np.unique(states).tolist()])
    scale = alt.Scale(domain=list(STATES), range=_COLORS)
    inside = alt.Scale(domain=list(STATES), range=[_inside(state) for state in State])
    is_picked = "datum.key === picked"
    rim = alt.Stroke("state:O", title=None, scale=scale, legend=legend)
    return {
        "stroke": alt.condition(is_picked, alt.value(color("answer")), rim),
        "strokeWidth": alt.condition(is_picked, alt.value(3.5), alt.value(1.6)),
        "fill": alt.Fill("state:O", title=None, scale=inside, legend=legend),
    }


def _inside(state: State) -> str:
    return _COLORS[state] if state in _UPLOADS else "transparent"


def clients_chart(problem: Problem, table: Table) -> Chart:
    """Draw every client: its channel against its bandwidth, and what those left out would need."""
    alt = altair()
    states = np.asarray(table.values["state"])
    band, channel = _column(table, "bandwidth"), _column(table, "channel")
    given = _shown(band, table.values["bandwidth"])
    chosen = np.isin(states, _UPLOADS)
    needed = np.where(chosen, given, np.asarray(table.values["needed"]) / band.factor)
    able = np.isfinite(needed)
    # Far clients would need many times the carrier: they are drawn at the upper edge.
    top = 2.0 * float(np.max(given[chosen], initial=0.0)) or 1.0
    least = float(np.min(given[chosen], initial=top))
    bottom = max(float(np.min(needed[able & (needed > 0.0)], initial=least)), least / 30.0) / 1.3
    order = np.argsort(np.asarray(table.values["channel"]), kind="stable")
    drawn = thinned(order[able[order]], MOST_POINTS, chosen)
    factor = _column(table, "needed").factor / band.factor
    level = f"min({top!r}, max({bottom!r}, isValid(datum.bandwidth) ? datum.bandwidth : datum.needed * {factor!r}))"
    points = (
        alt.Chart(alt.NamedData("clients"))
        .transform_calculate(level=level)
        .mark_point(cursor="pointer", fillOpacity=0.7)
        .encode(
            x=alt.X(
                "channel:Q",
                title=f"channel, {channel.unit} (better to the right)",
                scale=alt.Scale(zero=False, nice=True),
            ),
            y=alt.Y(
                "level:Q",
                title=f"bandwidth, {band.unit}",
                scale=alt.Scale(type="log", domain=[bottom, top], nice=False),
                axis=alt.Axis(format="~r"),
            ),
            size=alt.Size(
                "payload:Q",
                title=None,
                scale=alt.Scale(range=[20, 320] if len(drawn) <= 300 else [8, 90], zero=True),
                legend=None,
            ),
            **_state_marks(alt, states[drawn]),
            tooltip=_tooltips(
                alt,
                table,
                ["name", "state", "channel", "payload", "bandwidth", "compute", "upload", "finish", "needed"]
                + (["reduced"] if "reduced" in table.values else []),
            ),
        )
    )
    chart = points.add_params(alt.param(name="picked", value=-1))
    beyond = int(np.count_nonzero(needed[drawn] > top))
    below = int(np.count_nonzero(needed[drawn] < bottom))
    late = int(np.count_nonzero(np.isposinf(needed)))
    unable = int(np.count_nonzero(np.isnan(needed)))
    notes = [
        left_note(len(drawn), int(np.count_nonzero(able)), "clients"),
        f"{beyond:,} at the upper edge would need more than the axis shows." if beyond else "",
        f"{below:,} at the lower edge would need less than the axis shows." if below else "",
        f"{late:,} that no bandwidth would let end by then are not drawn." if late else "",
        f"{unable:,} that could not be selected are not drawn." if unable else "",
    ]
    return Chart(
        id="clients",
        title="Who got how much bandwidth",
        caption="Full circles: the bandwidth a client was given. Rings: clients left out, at the bandwidth on which "
        "they would end with the last one. Circles grow with the payload. Point at a client, or press it, for its "
        "figures.",
        description=f"Bandwidth against channel of {len(drawn):,} clients; the table of clients has all figures.",
        spec=spec_of(chart, height=380),
        datasets={"clients": table.id},
        drawn=drawn.tolist(),
        note=" ".join(note for note in notes if note),
    )


def timeline_chart(problem: Problem, solution: Solution, table: Table) -> Chart:
    """Draw when each selected client computes and uploads, the longest computing first."""
    alt = altair()
    states, compute = np.asarray(table.values["state"]), np.asarray(table.values["compute"])
    finish = np.asarray(table.values["finish"])
    clients = np.flatnonzero(np.isin(states, _UPLOADS))
    order = clients[np.lexsort((-finish[clients], -compute[clients]))]
    last = np.zeros(len(states), dtype=np.bool_)
    last[order[np.argmax(finish[order])]] = True
    drawn = thinned(order, MOST_BARS, last)
    clock = _column(table, "finish")
    unit = clock.unit
    y = alt.Y("name:N", title=None, sort=None, axis=alt.Axis(labelLimit=110, ticks=False, domain=False))
    tips = _tooltips(alt, table, ["name", "bandwidth", "payload", "compute", "upload", "finish"])
    base = alt.Chart(alt.NamedData("clients"))
    dim = alt.condition("picked === -1 || datum.key === picked", alt.value(0.8), alt.value(0.3))
    legend = alt.Scale(domain=["computing", "upload"], range=[color("compute"), color("selected")])
    bars = [
        base.transform_calculate(what=f"'{what}'", begin=begin)
        .mark_bar(cursor="pointer", height={"band": 0.75})
        .encode(
            x=alt.X(
                "begin:Q",
                title=f"time since the start of the round, {unit}",
                scale=alt.Scale(nice=False),
                axis=alt.Axis(tickCount=8),
            ),
            x2=end,
            y=y,
            color=alt.Color("what:N", title=None, scale=legend, legend=alt.Legend(orient="bottom")),
            opacity=dim,
            tooltip=tips,
        )
        for what, begin, end in (("computing", "0", "compute:Q"), ("upload", "datum.compute", "finish:Q"))
    ]
    ends = solution.latency_s / clock.factor
    bound = solution.lower_bound_s / clock.factor
    layers = [
        *bars,
        *_rule(alt, ends, f"last one ends: {format_quantity(solution.latency_s, 's', 4, padded=True)}", "answer", 0),
    ]
    if problem.objective is Objective.MAKESPAN and 0.0 < bound < ends:
        text = f"proven bound: {format_quantity(solution.lower_bound_s, 's', 4, padded=True)}"
        layers += _rule(alt, bound, text, "bound", 1)
    chart = alt.layer(*layers).add_params(alt.param(name="picked", value=-1))
    together = np.mean(finish[clients] >= _NEARLY * solution.latency_s)
    if problem.objective is Objective.TOTAL:
        aim = "What counts is the weighted sum of the times at which they end."
    elif len(clients) > 1 and together >= _MOST:
        aim = "All or nearly all end together, as bandwidth is best used: who starts late gets more of it."
    else:
        aim = "What counts is when the last one ends."
    return Chart(
        id="timeline",
        title="The round's timeline",
        caption=f"Every selected client computes, then uploads; those that compute longest are first. {aim}",
        description=f"Computing and upload times of {len(drawn):,} selected clients; the last ends at "
        f"{format_quantity(solution.latency_s, 's', 4, padded=True)}.",
        spec=spec_of(chart, height=40 + 17 * len(drawn)),
        datasets={"clients": table.id},
        drawn=drawn.tolist(),
        note=left_note(len(drawn), int(np.count_nonzero(solution.selected)), "selected clients"),
    )


def _rule(alt: Any, at: float, text: str, name: str, row: int) -> list[Any]:
    """Return a vertical line and, in one of the rows above the bars, what it is."""
    base = alt.Chart(alt.InlineData(values=[{"at": at, "text": text}])).encode(x="at:Q")
    line = base.mark_rule(color=color(name), strokeWidth=3, strokeDash=[6, 4] if row else [])
    label = base.mark_text(align="right", fontSize=13, color=color(name), clip=False, dx=2)
    return [line, label.encode(text="text:N", y=alt.value(-8 - 17 * row))]


def reduced_costs_chart(table: Table) -> Chart:
    """Draw the clients' reduced costs in order, and mark those that were decided against them."""
    alt = altair()
    states, reduced = np.asarray(table.values["state"]), np.asarray(table.values["reduced"])
    column = _column(table, "reduced")
    chosen = np.isin(states, _UPLOADS)
    order = np.argsort(reduced, kind="stable")
    order = order[np.isfinite(reduced[order])]
    wrong = np.where(chosen, reduced > 0.0, reduced < 0.0)
    drawn = thinned(order, MOST_POINTS, chosen | wrong)
    shown = reduced[drawn] / column.factor
    # Linear where the decisions are close, logarithmic beyond: a few far clients would flatten all others.
    sizes = np.abs(shown[shown != 0.0])
    constant = float(np.quantile(sizes, 0.3)) if sizes.size else 1.0
    x = alt.X("rank:Q", title="clients, by reduced cost", axis=alt.Axis(grid=False, labels=False, ticks=False))
    y = alt.Y(
        "reduced:Q",
        title=f"reduced cost, {column.unit}",
        scale=alt.Scale(type="symlog", constant=constant, nice=True),
        axis=alt.Axis(format="~r", values=_ticks(shown), labelOverlap="greedy"),
    )
    as_priced = "(datum.reduced < 0) == isValid(datum.bandwidth)"
    side = f"datum.reduced == 0 ? 'on the edge' : {as_priced} ? 'as priced' : 'against its price'"
    points = (
        alt.Chart(alt.NamedData("clients"))
        .transform_window(rank="row_number()", sort=[alt.SortField("reduced")])
        .transform_calculate(side=side)
        .mark_point(cursor="pointer", fillOpacity=0.7)
        .encode(
            x=x,
            y=y,
            shape=alt.Shape(
                "side:N",
                title=None,
                scale=alt.Scale(
                    domain=["as priced", "on the edge", "against its price"],
                    range=["circle", "square", "diamond"],
                ),
                legend=alt.Legend(
                    symbolStrokeColor=color("ink"),
                    symbolFillColor="transparent",
                    columns=alt.expr("width < 340 ? 1 : 3"),
                ),
            ),
            **_state_marks(alt, states[drawn]),
            size=alt.condition("datum.side == 'as priced'", alt.value(45), alt.value(150)),
            tooltip=_tooltips(alt, table, ["name", "state", "cost", "worth", "reduced", "why"]),
        )
    )
    zero = alt.Chart(alt.InlineData(values=[{"at": 0}])).mark_rule(color=color("ink")).encode(y="at:Q")
    layered = alt.layer(zero, points).add_params(alt.param(name="picked", value=-1))
    late = int(np.count_nonzero(np.isposinf(reduced)))
    odd = int(np.count_nonzero(wrong & np.isfinite(reduced)))
    notes = [
        left_note(len(drawn), len(order), "clients"),
        f"{late:,} that no bandwidth would let end by the certificate's deadline are not drawn." if late else "",
    ]
    return Chart(
        id="reduced",
        title="Why these clients",
        caption="A client's reduced cost is what it costs less what its relevance is worth to the tasks, at the prices "
        "of the certificate. Below the line a client is worth more than it costs, above it is too expensive. Clients "
        "cannot be split, so the answer may decide a few near the line the other way (diamonds); more of them where "
        "its gap is wide.",
        description=f"Reduced costs of {len(drawn):,} clients in order; {odd:,} were decided the other way.",
        spec=spec_of(layered, height=340),
        datasets={"clients": table.id},
        drawn=drawn.tolist(),
        note=" ".join(note for note in notes if note),
    )


def _ticks(shown: npt.NDArray[np.float64]) -> list[float]:
    """Return round numbers for a scale that is linear around 0 and logarithmic beyond."""
    ticks = [0.0]
    for sign in (-1.0, 1.0):
        sizes = sign * shown[sign * shown > 0.0]
        if not sizes.size:
            continue
        last = math.floor(math.log10(float(sizes.max())))
        first = max(math.floor(math.log10(float(np.quantile(sizes, 0.25)))), last - 2)
        ticks += [sign * step * 10.0**power for power in range(first, last + 1) for step in (1.0, 3.0)]
    return sorted(ticks)
