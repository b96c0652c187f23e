"""The chart of the clients' reduced costs: why each was selected or left out."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..array_types import FloatArray
from ..problem import Objective, Problem
from ..quantities import format_quantity
from ..solution import Solution
from . import ticks
from .charts import altair, color, left_note, spec_of, thinned
from .client_marks import MOST_POINTS, UPLOADS, column_of, late_note, state_marks, tooltips
from .names import LONGEST_PX, MOST_NAMES
from .page_parts import Chart, Table

__all__ = ["reduced_costs_chart"]

# Largest over small: what differs by less than this is drawn on an even axis.
_ONE_SIZE = 12.0


def reduced_costs_chart(problem: Problem, solution: Solution, table: Table) -> Chart:
    """Draw the clients' reduced costs in order, and mark those that were decided against them."""
    alt = altair()
    states, reduced = np.asarray(table.values["state"]), np.asarray(table.values["reduced"])
    column = column_of(table, "reduced")
    chosen = np.isin(states, UPLOADS)
    order = np.argsort(reduced, kind="stable")
    order = order[np.isfinite(reduced[order])]
    wrong = np.where(chosen, reduced > 0.0, reduced < 0.0)
    drawn = thinned(order, MOST_POINTS, chosen | wrong)
    shown = reduced[drawn] / column.factor
    few = len(drawn) <= MOST_NAMES
    x, y = _across(alt, len(drawn), few=few), _upward(alt, shown, column.unit)
    edge = reduced[drawn] == 0.0
    found = {"as priced": ~edge & ~wrong[drawn], "on the edge": edge, "against its price": wrong[drawn]}
    sides = [side for side, those in found.items() if those.any()]
    shapes = alt.Legend(
        values=sides,
        symbolStrokeColor=color("ink"),
        symbolFillColor="transparent",
        columns=2,  # a phone has no room for three, and a legend cannot grow later
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
                legend=shapes if sides != ["as priced"] else None,
            ),
            **state_marks(alt, states[drawn]),
            size=alt.condition("datum.side == 'as priced'", alt.value(90 if few else 45), alt.value(150)),
            tooltip=tooltips(alt, table, ["name", "state", "cost", "worth", "reduced", "why"]),
        )
    )
    zero = alt.Chart(alt.InlineData(values=[{"at": 0}])).mark_rule(color=color("ink")).encode(y="at:Q")
    layered = alt.layer(zero, points).add_params(alt.param(name="picked", value=-1))
    odd = int(np.count_nonzero(wrong & np.isfinite(reduced)))
    notes = [
        left_note(len(drawn), len(order), "clients"),
        late_note(table, np.isposinf(reduced) & (problem.objective is Objective.MAKESPAN), _deadline(solution)),
    ]
    return Chart(
        id="reduced",
        title="Why these clients",
        caption=_caption(problem, edge=bool(edge.any()), odd=odd > 0),
        description=f"Reduced costs of {len(drawn):,} clients in order; {odd:,} were decided the other way.",
        spec=spec_of(layered, height=340),
        datasets={"clients": table.id},
        drawn=drawn.tolist(),
        note=" ".join(note for note in notes if note),
    )


def _across(alt: Any, drawn: int, *, few: bool) -> Any:
    """Return the axis of the clients in their order: their names where they are few."""
    title = "clients, by reduced cost"
    if not few:
        return alt.X("rank:Q", title=title, axis=alt.Axis(grid=False, labels=False, ticks=False))
    axis = alt.Axis(
        grid=False,
        ticks=False,
        labelLimit=LONGEST_PX,
        labelOverlap=False,
        labelAlign="right",
        labelBaseline="middle",
        labelPadding=8,
        labelAngle=alt.expr(f"width < {24 * drawn} ? -90 : -40"),
        labelFontSize=alt.expr(f"min(12, width / {drawn})"),
    )
    return alt.X("name:N", title=title, sort=None, axis=axis, scale=alt.Scale(paddingOuter=0.2))


def _upward(alt: Any, shown: FloatArray, unit: str) -> Any:
    """Return the axis of the costs: even where they are of one size, else logarithmic, or all but the far lie at 0."""
    sizes = np.abs(shown[shown != 0.0])
    low, high = min(0.0, float(shown.min())), max(0.0, float(shown.max()))
    constant = float(np.quantile(sizes, 0.3)) if sizes.size else 1.0
    plain = float(sizes.max(initial=1.0)) <= _ONE_SIZE * constant
    at = ticks.even(low, high) if plain else ticks.around_zero(shown, constant)
    # A line of 0 at an end of the axis would look like the axis.
    room = 0.4 * (at[1] - at[0]) if plain else 0.5 * constant
    domain = [at[0] - room * (at[0] == 0.0), at[-1] + room * (at[-1] == 0.0)]
    scale = {"type": "linear"} if plain else {"type": "symlog", "constant": constant}
    return alt.Y(
        "reduced:Q",
        title=f"reduced cost, {unit}" + ("" if plain else " (log scale)"),
        scale=alt.Scale(domain=domain, nice=False, **scale),
        axis=alt.Axis(format="~r", values=at, labelOverlap=False),
    )


def _deadline(solution: Solution) -> str:
    price = solution.certificate.price if solution.certificate is not None else solution.latency_s
    return format_quantity(price, "s", 4, padded=True)


def _caption(problem: Problem, *, edge: bool, odd: bool) -> str:
    total = problem.objective is Objective.TOTAL
    cost = "a client's weighted time and its bandwidth" if total else "the bandwidth that a client needs to end in time"
    sentences = [
        f"Cost: {cost}. Worth: what its relevance would cost elsewhere. The reduced cost is cost less worth: below the "
        "line a client is worth more than it costs, above it is too expensive.",
        "Squares, on the edge, cost just what they are worth: either choice fits the prices." if edge else "",
        "Diamonds were decided against their price: clients cannot be split, so a few near the line may be, and more "
        "of them where the gap is wide."
        if odd
        else "",
    ]
    return " ".join(sentence for sentence in sentences if sentence)
