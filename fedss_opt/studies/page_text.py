"""What a report page of an experiment says first: its headline, its cards, and what is not the whole of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..quantities import format_quantity
from ..reports.page_parts import Card
from .chart_columns import Columns, Packed, Tally
from .experiment import Experiment

__all__ = ["cards", "headline", "packed_note", "percent", "silent_note", "thinned_note"]

Row = Mapping[str, Any]


def percent(share: float) -> str:
    r"""Return a share as people read it, in one piece.

    Examples
    --------
    >>> percent(0.9), percent(0.94217)
    ('90\xa0%', '94.2\xa0%')
    """
    return f"{round(100.0 * share, 1):g}\N{NO-BREAK SPACE}%"


def _amount(value: float, unit: str) -> str:
    return format_quantity(value, unit).replace(" ", "\N{NO-BREAK SPACE}")


def headline(rows: Sequence[Row], tally: Tally, target: float) -> str:
    """Say from the rows of the summary who is best, who is first to reach the target, and what is missing."""
    lacking = f" Of {tally.asked:,} runs, {tally.shortfall}." if tally.shortfall else ""
    if not rows:
        return f"No run was finished.{lacking}"
    best, first = _best(rows), _least(rows, "seconds_to_target")
    text = f"{_name(best)} is the most accurate at the end: {_level(best)}."
    others = _overlapping(best, rows)
    if others:
        text += f" The interval{'s' if others > 1 else ''} of {others} other{'s' if others > 1 else ''} overlap"
        text += f"{'' if others > 1 else 's'} with its."
    if first is None:
        return f"{text} None reached {percent(target)} with every seed.{lacking}"
    who = "It is also" if first is best else f"{_name(first)} is"
    seeds = " with every seed" if first["seeds"] > 1 else ""
    after = _amount(first["seconds_to_target"], "s")
    return f"{text} {who} the first to reach {percent(target)}{seeds}: after {after} of simulated time.{lacking}"


def cards(
    experiment: Experiment, rows: Sequence[Row], times: Columns, names: Sequence[str], tally: Tally, target: float
) -> list[Card]:
    """Return the figures that a reader should see first; `names` are those of the pairs whose `times` are boxes."""
    seeds = len(experiment.run.seeds)
    found = [
        Card(
            id="runs",
            label="Runs finished",
            value=f"{tally.finished:,}",
            note=f"of {tally.asked:,}: {tally.shortfall}" if tally.shortfall else _pairs(len(rows)),
        )
    ]
    if rows:
        best = _best(rows)
        found.append(Card(id="accuracy", label="Best accuracy", value=percent(best["accuracy"]), note=_name(best)))
        for id_, label, column, unit in (
            ("first", f"First to {percent(target)}", "seconds_to_target", "s"),
            ("bits", f"Least uplink to {percent(target)}", "uplink_bits_to_target", "bit"),
        ):
            row = _least(rows, column)
            value = "none" if row is None else _amount(row[column], unit)
            found.append(
                Card(id=id_, label=label, value=value, note="not with every seed" if row is None else _name(row))
            )
    if times["pair"]:
        shortest = min(range(len(times["pair"])), key=times["mean"].__getitem__)
        found.append(
            Card(
                id="round",
                label="Shortest mean round",
                value=_amount(times["mean"][shortest], "s"),
                note=names[times["pair"][shortest]],
            )
        )
    found.append(
        Card(
            id="cell",
            label="Cell",
            value=f"{experiment.data.n_clients:,} clients",
            note=f"{experiment.rounds:,} round{_s(experiment.rounds)}, {seeds} seed{_s(seeds)}",
        )
    )
    return found


def thinned_note(kept: int, tested: int) -> str:
    """Say how much of the curves is drawn; nothing when it is all."""
    return "" if kept >= tested else f"Lines show {kept:,} of {tested:,} tested rounds, evenly spread."


def silent_note(algorithms: Iterable[str]) -> str:
    """Say which algorithms upload nothing, and so have no place against bits; nothing when all do."""
    names = list(dict.fromkeys(algorithms))
    if not names:
        return ""
    does, has = ("uploads", "has") if len(names) == 1 else ("upload", "have")
    return f"{' and '.join(names)} {does} nothing and {has} no line here."


def packed_note(packed: Packed) -> str:
    """Say how much of the table of rounds can be downloaded."""
    if packed.every == 1:
        return f"All {packed.of:,} rounds of all finished runs, as --out writes them."
    return (
        f"{packed.rows:,} of {packed.of:,} rounds, to keep the page small: one in {packed.every} of each run, and its "
        "last. --out writes them all."
    )


def _name(row: Row) -> str:
    return f"{row['algorithm']} under {row['policy']}"


def _level(row: Row) -> str:
    half, seeds = row["accuracy_interval"], row["seeds"]
    if half is None:
        return f"{percent(row['accuracy'])} (mean over clients, one seed)"
    interval = f"{percent(row['accuracy'])} ± {100.0 * half:.1f}"
    return f"{interval} (mean over clients and {seeds} seeds; 95\N{NO-BREAK SPACE}% interval)"


def _overlapping(best: Row, rows: Sequence[Row]) -> int:
    """Count the others whose intervals reach that of the best."""
    if best["accuracy_interval"] is None:
        return 0
    low = best["accuracy"] - best["accuracy_interval"]
    return sum(row is not best and row["accuracy"] + (row["accuracy_interval"] or 0.0) >= low for row in rows)


def _best(rows: Sequence[Row]) -> Row:
    return max(rows, key=lambda row: row["accuracy"])


def _least(rows: Sequence[Row], column: str) -> Row | None:
    reached = [row for row in rows if row[column] is not None and math.isfinite(row[column])]
    return min(reached, key=lambda row: row[column], default=None)


def _pairs(count: int) -> str:
    return f"all, for {count:,} pair{_s(count)} of algorithm and policy"


def _s(count: int) -> str:
    return "" if count == 1 else "s"
