"""The charts of an allocation's clients: who got what, when they end, and why."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..array_types import FloatArray, IntArray
from ..problem import Objective, Problem
from ..quantities import format_quantity
from ..solution import Solution
from . import ticks
from .charts import altair, color, left_note, spec_of, thinned
from .client_marks import MOST_POINTS, UPLOADS, column_of, late_note, state_marks, tooltips
from .names import LONGEST_PX, MOST_NAMES, places_of
from .page_parts import Chart, Table, displayable

__all__ = ["clients_chart", "timeline_chart"]

MOST_BARS = 50

# Of the scatter plot, pixels: its height, and how wide it is at least on a phone and from the limit of `_WIDE` on.
_HEIGHT, _NARROW, _WIDE = 380, 270, 560
# Areas of the marks, square pixels.
_AREAS, _MANY, _AREAS_OF_MANY = (20, 320), 300, (8, 90)

# Of the makespan, and of the clients: when the timeline says that nearly all end together.
_NEARLY, _MOST = 0.999, 0.9


def clients_chart(solution: Solution, table: Table) -> Chart:
    """Draw every client: its channel against its bandwidth, and what those left out would need."""
    alt = altair()
    states = np.asarray(table.values["state"])
    band, channel = column_of(table, "bandwidth"), column_of(table, "channel")
    given = np.asarray(table.values["bandwidth"], dtype=np.float64) / band.factor
    chosen = np.isin(states, UPLOADS)
    needed = np.where(chosen, given, np.asarray(table.values["needed"]) / band.factor)
    able = np.isfinite(needed)
    # Far clients would need many times the carrier: they are drawn at the upper edge.
    top = 2.0 * float(np.max(given[chosen], initial=0.0)) or 1.0
    least = float(np.min(given[chosen], initial=top))
    bottom = max(float(np.min(needed[able & (needed > 0.0)], initial=least)), least / 30.0) / 1.3
    order = np.argsort(np.asarray(table.values["channel"]), kind="stable")
    drawn = thinned(order[able[order]], MOST_POINTS, chosen)
    factor = column_of(table, "needed").factor / band.factor
    level = f"min({top!r}, max({bottom!r}, isValid(datum.bandwidth) ? datum.bandwidth : datum.needed * {factor!r}))"
    across = np.asarray(table.values["channel"], dtype=np.float64)[drawn]
    margin = 0.05 * float(np.ptp(across)) or 1.0
    sides = (float(across.min()) - margin, float(across.max()) + margin)
    x = alt.X(
        "channel:Q",
        title=f"channel, {channel.unit} (better to the right)",
        scale=alt.Scale(domain=list(sides), nice=False),
        axis=alt.Axis(tickCount=8),
    )
    y = alt.Y(
        "level:Q",
        title=f"bandwidth, {band.unit} (log scale)",
        scale=alt.Scale(type="log", domain=[bottom, top], nice=False),
        axis=alt.Axis(format="~r", values=ticks.logarithmic(bottom, top)),
    )
    areas = _AREAS if len(drawn) <= _MANY else _AREAS_OF_MANY
    points = (
        alt.Chart(alt.NamedData("clients"))
        .transform_calculate(level=level)
        .mark_point(cursor="pointer", fillOpacity=0.7)
        .encode(
            x=x,
            y=y,
            size=alt.Size("payload:Q", title=None, scale=alt.Scale(range=list(areas), zero=True), legend=None),
            **state_marks(alt, states[drawn]),
            tooltip=tooltips(
                alt,
                table,
                ["name", "state", "channel", "payload", "bandwidth", "compute", "upload", "finish", "needed"]
                + (["reduced"] if "reduced" in table.values else []),
            ),
        )
    )
    layers, unnamed = [points], False
    if len(drawn) <= MOST_NAMES:
        payload = np.asarray(table.values["payload"], dtype=np.float64)[drawn]
        height = np.log(np.clip(needed[drawn], bottom, top) / bottom) / math.log(top / bottom)
        radius = np.sqrt((areas[0] + (areas[1] - areas[0]) * payload / payload.max()) / math.pi)
        shares = ((across - sides[0]) / (sides[1] - sides[0]), 1.0 - height)
        names, unnamed = _names(table, drawn, shares, radius)
        values = [
            name | {"channel": at, "level": level}
            for name, at, level in zip(
                names, across.tolist(), np.clip(needed[drawn], bottom, top).tolist(), strict=True
            )
        ]
        layers += [layer.encode(x=x, y=y) for layer in _name_layers(alt, values)]
    chart = alt.layer(*layers).add_params(alt.param(name="picked", value=-1))
    beyond = int(np.count_nonzero(needed[drawn] > top))
    below = int(np.count_nonzero(needed[drawn] < bottom))
    rings = bool((~chosen[drawn]).any())
    end = format_quantity(solution.latency_s, "s", 4, padded=True)
    unable = int(np.count_nonzero(np.isnan(needed)))
    notes = [
        left_note(len(drawn), int(np.count_nonzero(able)), "clients"),
        f"{beyond:,} at the upper edge would need more than the axis shows." if beyond else "",
        f"{below:,} at the lower edge would need less than the axis shows." if below else "",
        late_note(table, np.isposinf(needed), end),
        "Names without room are left out." if unnamed else "",
        f"{unable:,} that could not be selected are not drawn." if unable else "",
    ]
    return Chart(
        id="clients",
        title="Who got how much bandwidth",
        caption="Full circles: the bandwidth a client was given. "
        + ("Rings: clients left out, at the bandwidth on which they would end with the last one. " if rings else "")
        + "Circles grow with the payload. Point at a client, or press it, for its figures.",
        description=f"Bandwidth against channel of {len(drawn):,} clients; the table of clients has all figures.",
        spec=spec_of(chart, height=_HEIGHT),
        datasets={"clients": table.id},
        drawn=drawn.tolist(),
        note=" ".join(note for note in notes if note),
    )


def _names(
    table: Table, drawn: IntArray, shares: tuple[FloatArray, FloatArray], radius: FloatArray
) -> tuple[list[dict[str, Any]], bool]:
    """Return the names of the marks with their places, and whether one of them has none."""
    names = [displayable(str(table.values["name"][key])) for key in drawn.tolist()]
    found: list[dict[str, Any]] = [{"key": key, "name": name} for key, name in zip(drawn.tolist(), names, strict=True)]
    unnamed = False
    for kind, width in (("narrow", _NARROW), ("wide", _WIDE)):
        places = places_of(*shares, radius, names, width=width, height=_HEIGHT)
        unnamed = unnamed or None in places
        for name, place in zip(found, places, strict=True):
            name[kind] = place and dict(zip(("dx", "dy", "align"), place, strict=True))
    return found, unnamed


def _name_layers(alt: Any, values: list[dict[str, Any]]) -> list[Any]:
    """Return the layers of names: one that a phone shows, and one for wider charts."""
    layers = []
    for kind, shown in (("narrow", f"width < {_WIDE}"), ("wide", f"width >= {_WIDE}")):
        data = [
            {key: value[key] for key in ("key", "name", "channel", "level")} | value[kind]
            for value in values
            if value[kind]
        ]
        for align in ("left", "right", "center"):
            if some := [row for row in data if row["align"] == align]:
                layers.append(
                    alt.Chart(alt.InlineData(values=some))
                    .mark_text(
                        align=align,
                        baseline="middle",
                        limit=LONGEST_PX,
                        cursor="pointer",
                        dx=alt.expr("datum.dx"),
                        dy=alt.expr("datum.dy"),
                        opacity=alt.expr(f"{shown} ? 1 : 0"),
                    )
                    .encode(text="name:N", tooltip=alt.value(None))
                )
    return layers


def timeline_chart(problem: Problem, solution: Solution, table: Table) -> Chart:
    """Draw when each selected client computes and uploads, the longest computing first."""
    alt = altair()
    states, compute = np.asarray(table.values["state"]), np.asarray(table.values["compute"])
    finish = np.asarray(table.values["finish"])
    clients = np.flatnonzero(np.isin(states, UPLOADS))
    order = clients[np.lexsort((-finish[clients], -compute[clients]))]
    last = np.zeros(len(states), dtype=np.bool_)
    last[order[np.argmax(finish[order])]] = True
    drawn = thinned(order, MOST_BARS, last)
    clock = column_of(table, "finish")
    unit = clock.unit
    y = alt.Y("name:N", title=None, sort=None, axis=alt.Axis(labelLimit=110, ticks=False, domain=False))
    tips = tooltips(alt, table, ["name", "bandwidth", "payload", "compute", "upload", "finish"])
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
