"""The charts of an experiment's report page, as Altair has them; what they show is that of `chart_columns`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..reports.charts import altair, color, spec_of
from ..simulation.run_records import Participation
from .learning_curves import StudyCurves

__all__ = ["AXES", "PARTICIPATION", "accuracy", "matrix", "neuron_levels", "round_times", "selection", "tasks"]

AXES: Mapping[str, tuple[str, str]] = {
    "seconds": ("simulated seconds", "simulated time"),
    "bits": ("uplink bits", "uplink, all clients"),
    "round": ("rounds", "round"),
}
"""What accuracy is shown against: column -> what the reader chooses, and the axis' title."""

PARTICIPATION: Mapping[Participation, tuple[str, str]] = {
    Participation.ABSENT: ("absent", "var(--paper)"),
    Participation.LEFT_OUT: ("there, not selected", "var(--grid)"),
    Participation.ARRIVED: ("selected", "var(--selected)"),
    Participation.LOST: ("selected, failed or late", "var(--answer)"),
}
"""State -> its name, and its colour on the page."""

_WIDE = 4.0  # beyond this ratio of two runs' lengths an axis is logarithmic
_LIT = (
    "(lit_algorithm === '' || lit_algorithm === datum.algorithm) && (lit_policy === '' || lit_policy === datum.policy)"
    " && (lit_pair < 0 || lit_pair === datum.pair)"
)
_WHO = (("algorithm:N", None, None), ("policy:N", None, None))
_LEVEL = (("accuracy:Q", "accuracy (%)", ".1f"), ("interval:N", "95 % interval", None))
_SHOWN = "indexof(shown_algorithms, datum.algorithm) >= 0 && indexof(shown_policies, datum.policy) >= 0"


def _rows(data: str, *filters: str) -> Any:
    """Return a chart of the rows of a table that pass the filters.

    The shell selects rows of a chart's own table by `key`; here a click selects the pair, by the page's script.
    """
    alt = altair()
    base = alt.Chart(alt.NamedData(data))
    for each in filters:
        base = base.transform_filter(each)
    return base.transform_calculate(key="'-'")


def _tips(*tips: tuple[str, str | None, str | None]) -> list[Any]:
    """Return what is shown under the pointer: fields with their titles and formats."""
    alt = altair()
    found = []
    for field, title, form in tips:
        options = {name: value for name, value in (("title", title), ("format", form)) if value is not None}
        found.append(alt.Tooltip(field, **options))
    return found


# -- accuracy -----------------------------------------------------------------------------------------------


def accuracy(study: StudyCurves, axis: str, unit: str, target: float) -> dict[str, Any]:
    """Return the spec of accuracy against a key of `AXES`, in a unit, of data ``curves``; a line marks the target."""
    alt = altair()
    lengths = [_length(curve, axis) for curve in study.curves]
    lengths = [length for length in lengths if length > 0.0]
    wide = axis != "round" and bool(lengths) and max(lengths) > _WIDE * min(lengths)
    title = AXES[axis][1] + (f" ({unit})" if unit else "")
    x = alt.X(
        f"{axis}:Q",
        title=title,
        scale=alt.Scale(type="log", nice=False) if wide else alt.Scale(zero=axis != "round", nice=False),
        axis=alt.Axis(format=",~r" if axis != "round" else "d", grid=False, tickCount=8),
    )
    low, high = _within(study, target)
    room = alt.Scale(domain=[100.0 * low, 100.0 * high], nice=False)
    named = "test accuracy, mean over clients (%)"
    y = alt.Y("accuracy:Q", title=named, scale=room)
    paint, shape, dash = _scales(study)
    base = _rows("curves", *[f"datum.{axis} > 0"] * (axis == "bits" or wide), _SHOWN)
    tooltip = _tips(
        *_WHO, ("round:Q", None, None), *_LEVEL,
        ("seconds_text:N", "simulated", None), ("bits_text:N", "uplink", None),
    )  # fmt: skip
    detail = alt.Detail("pair:N")
    band = (
        base.transform_filter("isValid(datum.low) && datum.high > datum.low")
        .mark_area(clip=True, interpolate="linear")
        .encode(
            x=x,
            y=alt.Y("low:Q", scale=room, title=named),
            y2="high:Q",
            detail=detail,
            color=paint,
            opacity=alt.condition(
                f"{_LIT} && (bands || lit_algorithm !== '' || lit_pair >= 0)", alt.value(0.16), alt.value(0.0)
            ),
        )
    )
    opacity = alt.condition(_LIT, alt.value(1.0), alt.value(0.12))
    line = base.mark_line(clip=True).encode(x=x, y=y, detail=detail, color=paint, strokeDash=dash, opacity=opacity)
    end = (
        base.transform_filter("datum.last === 1")
        .mark_point(size=90, filled=True, clip=False)
        .encode(x=x, y=y, color=paint, shape=shape, opacity=opacity)
    )
    touch = base.mark_point(size=140, filled=True, opacity=0.0, cursor="pointer", clip=True).encode(
        x=x, y=y, tooltip=tooltip
    )
    rule = (
        alt.Chart(alt.InlineData(values=[{"target": 100.0 * target}]))
        .mark_rule(strokeDash=[2, 4], color=color("muted"), clip=True)
        .encode(y=alt.Y("target:Q", scale=room, title=named))
    )
    chart = alt.layer(rule, band, line, end, touch).add_params(*_params(study))
    return spec_of(chart, height=380)


def _length(curve: Any, axis: str) -> float:
    if axis == "round":
        return float(curve.accuracy.size)
    return float((curve.simulated_s if axis == "seconds" else curve.uplink_bits)[-1])


def _within(study: StudyCurves, target: float) -> tuple[float, float]:
    """Room for the means and the target; the interval of two seeds can be wider than all accuracies there are."""
    low = min([target, *(float(curve.accuracy.min()) for curve in study.curves)])
    high = max([target, *(float(curve.accuracy.max()) for curve in study.curves)])
    room = 0.04 * (high - low) + 0.005
    return max(low - room, 0.0), min(high + room, 1.0)


def _scales(study: StudyCurves) -> tuple[Any, Any, Any]:
    alt = altair()
    names, styles = list(study.styles), study.styles.values()
    policies, lines = list(study.dashes), list(study.dashes.values())
    return (
        alt.Color("algorithm:N", scale=alt.Scale(domain=names, range=[s.paint for s in styles]), legend=None),
        alt.Shape("algorithm:N", scale=alt.Scale(domain=names, range=[s.shape for s in styles]), legend=None),
        alt.StrokeDash("policy:N", scale=alt.Scale(domain=policies, range=lines), legend=None),
    )


def _params(study: StudyCurves) -> Sequence[Any]:
    """Return what the page's script sets: who is shown, and who stands out."""
    alt = altair()
    values: Mapping[str, Any] = {
        "shown_algorithms": list(study.styles),
        "shown_policies": list(study.dashes),
        "lit_algorithm": "",
        "lit_policy": "",
        "lit_pair": -1,
        "bands": False,
    }
    return [alt.param(name=name, value=value) for name, value in values.items()]


# -- the others ---------------------------------------------------------------------------------------------


def round_times(study: StudyCurves, unit: str, *, wide: bool) -> dict[str, Any]:
    """Return the spec of the time of a round per policy, of data ``times`` and the parameter ``algorithm``."""
    alt = altair()
    base = _rows("times", "datum.algorithm === algorithm")
    scale = alt.Scale(type="log", nice=False) if wide else alt.Scale(zero=True)
    x = alt.X("q5:Q", title=f"time of a round ({unit})", scale=scale, axis=alt.Axis(format=",~r", tickCount=8))
    y = alt.Y("policy:N", title=None, sort=list(study.dashes), axis=alt.Axis(labelLimit=110))
    quantiles = (
        ("q50", "median"), ("q25", "a quarter is below"), ("q75", "a quarter is above"),
        ("q5", "5 % are below"), ("q95", "5 % are above"), ("mean", "mean"),
    )  # fmt: skip
    tooltip = _tips(
        ("policy:N", None, None),
        *((f"{name}:Q", f"{title} ({unit})", ",.4~g") for name, title in quantiles),
        ("rounds:Q", "rounds, all seeds", ","),
    )
    paint = _scales(study)[0]
    whisker = base.mark_rule(strokeWidth=1.5).encode(x=x, x2="q95:Q", y=y, color=paint, tooltip=tooltip)
    box = base.mark_bar(height=14).encode(x=alt.X("q25:Q", scale=scale), x2="q75:Q", y=y, color=paint, tooltip=tooltip)
    tick = base.mark_tick(thickness=3, size=20, color=color("ink")).encode(
        x=alt.X("q50:Q", scale=scale), y=y, tooltip=tooltip
    )
    mean = base.mark_point(shape="diamond", size=160, filled=True, color=color("answer"), opacity=1.0).encode(
        x=alt.X("mean:Q", scale=scale), y=y, tooltip=tooltip
    )
    chart = alt.layer(whisker, box, tick, mean).add_params(alt.param(name="algorithm", value=next(iter(study.styles))))
    return spec_of(chart, height=28 * max(len(study.dashes), 2))


def tasks(study: StudyCurves) -> dict[str, Any]:
    """Return the spec of the final accuracy of every task, of data ``tasks`` and the parameter ``policy``."""
    alt = altair()
    base = _rows("tasks", "datum.policy === policy && indexof(shown_algorithms, datum.algorithm) >= 0")
    names = list(study.styles)
    paint, shape, _ = _scales(study)
    # An axis for the eye, not from zero: dots are read by their place, not by their length.
    room, named = alt.Scale(zero=False, nice=True), "accuracy at the end (%)"
    y = alt.Y("accuracy:Q", title=named, scale=room)
    low = alt.Y("low:Q", title=named, scale=room)
    x = alt.X(
        "task:O",
        title="true task",
        axis=alt.Axis(labelAngle=0, grid=False, ticks=False),
        scale=alt.Scale(paddingInner=0.4),
    )
    offset = alt.XOffset("algorithm:N", sort=names)
    tooltip = _tips(*_WHO, ("task:O", None, None), *_LEVEL)
    opacity = alt.condition(_LIT, alt.value(1.0), alt.value(0.12))
    bar = base.mark_rule(strokeWidth=1.5).encode(
        x=x, xOffset=offset, y=low, y2="high:Q", color=paint, opacity=opacity, tooltip=tooltip
    )
    dot = base.mark_point(size=90, filled=True).encode(
        x=x, xOffset=offset, y=y, color=paint, shape=shape, opacity=opacity, tooltip=tooltip
    )
    chart = alt.layer(bar, dot).add_params(*_params(study), alt.param(name="policy", value=next(iter(study.dashes))))
    return spec_of(chart, height=300)


def matrix(field: str, first: int) -> dict[str, Any]:
    """Return the spec of a relevance matrix, measured or quantised, of data ``relevance`` and the parameter ``run``."""
    alt = altair()
    base = _rows("relevance", "datum.run === run").encode(
        x=alt.X("of:O", title="from task", axis=alt.Axis(labelAngle=0, grid=False)),
        y=alt.Y("to:O", title="to task", axis=alt.Axis(grid=False)),
        tooltip=_tips(
            ("of:O", "from task", None), ("to:O", "to task", None),
            ("measured:Q", None, ".3f"), ("quantised:Q", None, ".3f"),
        ),
    )  # fmt: skip
    cells = base.mark_rect().encode(
        color=alt.Color(f"{field}:Q", scale=alt.Scale(scheme="blues", domain=[0.0, 1.0]), legend=None)
    )
    figures = base.mark_text(fontSize=12).encode(
        text=alt.Text(f"{field}:Q", format=".2f"),
        color=alt.condition(f"datum.{field} > 0.72", alt.value("#ffffff"), alt.value("#000000")),
    )
    return spec_of(alt.layer(cells, figures).add_params(alt.param(name="run", value=first)), height=240)


def neuron_levels(first: int) -> dict[str, Any]:
    """Return the spec of relevance neuron by neuron, of data ``neurons`` and the parameter ``run``."""
    alt = altair()
    base = _rows("neurons", "datum.run === run").transform_fold(["measured", "quantised"], as_=["which", "value"])
    chart = base.mark_line(interpolate="step-after").encode(
        x=alt.X("share:Q", title="neurons of all pairs of tasks, sorted (%)", axis=alt.Axis(grid=False)),
        y=alt.Y("value:Q", title="relevance", scale=alt.Scale(domain=[0.0, 1.0])),
        color=alt.Color(
            "which:N",
            title=None,
            scale=alt.Scale(domain=["measured", "quantised"], range=[color("left-out"), color("selected")]),
        ),
    )
    return spec_of(chart.add_params(alt.param(name="run", value=first)), height=205)


def selection(clients: int) -> dict[str, Any]:
    """Return the spec of who was selected when, of data ``cells`` of so many clients, which the page's script fills."""
    alt = altair()
    names = [name for name, _ in PARTICIPATION.values()]
    chart = (
        alt.Chart(alt.NamedData("cells"))
        .mark_rect(strokeWidth=0)
        .encode(
            x=alt.X("round:O", title="round", axis=alt.Axis(labelAngle=0, grid=False, ticks=False, labelSeparation=12)),
            y=alt.Y("client:O", title="client", axis=alt.Axis(grid=False, ticks=False, labelSeparation=8)),
            color=alt.Color(
                "state:N",
                title=None,
                scale=alt.Scale(domain=names, range=[paint for _, paint in PARTICIPATION.values()]),
                legend=alt.Legend(symbolStrokeColor=color("muted"), symbolStrokeWidth=1, columns=2),
            ),
            tooltip=_tips(("client:O", None, None), ("round:O", None, None), ("state:N", "was", None)),
        )
    )
    return spec_of(chart, height=max(120, min(420, 9 * clients)))
