"""The answer in a few sentences and figures: headline, cards, claims."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Context

import numpy as np

from ..checking import check
from ..problem import Objective, Problem
from ..quantities import format_gap, format_quantity, format_share
from ..solution import Solution, Status, StopReason
from .page_parts import Card, displayable

__all__ = ["cards_of", "claims_of", "headline_of", "isolated", "state_of"]

# Clients that end within this share of the makespan end together.
_TOGETHER = 1e-6
# More significant digits than these nobody reads: what agrees in them is the same to the page.
_MOST_DIGITS = 6
# The headline is short: longer names are cut, and of false claims only the first are named.
_LONGEST_NAME, _MOST_NAMED = 48, 3
# What a reason to stop means, where its name does not say it.
_STOPS = {StopReason.STALLED: " (nothing left to try)"}

Claims = Sequence[tuple[str, str, str]]

_WORDS = {True: "holds", False: "does not hold", None: "not proved"}


def state_of(solution: Solution, claims: Claims) -> str:
    """Return the colour of the headline."""
    if _named(claims, False):
        return "bad"
    if _named(claims, None) and solution.has_answer:
        return "fair"
    return {Status.OPTIMAL: "good", Status.FEASIBLE: "fair"}.get(solution.status, "bad")


def headline_of(problem: Problem, solution: Solution, claims: Claims) -> str:
    """Say in two or three sentences what was found, and what is proven of it."""
    if broken := _named(claims, False):
        what = f"{len(broken)} of {len(claims)} claims of this answer do{'es' if len(broken) == 1 else ''} not hold"
        names = ", ".join(isolated(name) for name in broken[:_MOST_NAMED]) + (", ..." if broken[_MOST_NAMED:] else "")
        return f"Not to be trusted: {what} for this problem ({names}); see Checked, below."
    if not solution.has_answer:
        word = "Infeasible" if solution.status is Status.INFEASIBLE else "Unknown"
        what = "no selection and allocation satisfies this problem" if word == "Infeasible" else "no answer was found"
        return f"{word}: {what}. {isolated(_sentence(solution.message))}".rstrip()
    chosen = int(np.count_nonzero(solution.selected))
    if not chosen:
        return f"{_word(solution)}: nobody has to upload, as no task needs anything."
    clients = "client uploads" if problem.n_clients == 1 else f"clients upload{'s' if chosen == 1 else ''}"
    text = f"{_word(solution)}: {chosen:,} of {problem.n_clients:,} {clients}. {_last(problem, solution)}"
    if problem.objective is Objective.TOTAL:
        text += f" The weighted sum of their times is {format_quantity(solution.objective_s, 's', _digits(solution))}."
    if unproved := _named(claims, None):
        return f"{text} Not proved again for this page: {', '.join(isolated(name) for name in unproved)}."
    return f"{text} {_proof(solution)}{_further(solution)}"


def _further(solution: Solution) -> str:
    """Say what a reader can do who wants more than the default method found."""
    stalled = solution.status is Status.FEASIBLE and solution.stop_reason is StopReason.STALLED
    if not (stalled and solution.method == "admm"):
        return ""
    return " The method exact can search further."


def _named(claims: Claims, holds: bool | None) -> list[str]:
    return [name for word, name, _ in claims if word == _WORDS[holds]]


def isolated(text: str) -> str:
    """Return a user's text such that its direction of writing ends with it; ASCII has only one."""
    return text if text.isascii() else f"\u2068{displayable(text)}\u2069"


def _name(problem: Problem, client: int) -> str:
    if problem.client_ids is None:
        return f"client {client}"
    name = problem.client_name(client)
    return isolated(name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}...")


def _word(solution: Solution) -> str:
    return "Optimal" if solution.status is Status.OPTIMAL else "Feasible"


def _sentence(message: str) -> str:
    text = message.strip()
    first = text.partition(" ")[0]
    begin = text[:1] if "_" in first else text[:1].upper()  # the name of a field stays what it is
    return text and f"{begin}{text[1:]}{'' if text.endswith('.') else '.'}"


def _digits(solution: Solution) -> int:
    """Significant digits at which the answer and its bound differ: 4, or more where they are close."""
    if not solution.objective_s > solution.lower_bound_s > 0.0:
        return 4
    differ = (digits for digits in range(4, _MOST_DIGITS + 1) if _differ(solution, digits))
    return next(differ, 4)


def _differ(solution: Solution, digits: int) -> bool:
    one, other = (format_quantity(value, "s", digits) for value in (solution.objective_s, solution.lower_bound_s))
    return one != other


def _bound(solution: Solution) -> str:
    """Return the proven bound with a digit more than cards have, rounded down: nothing may be below what is written."""
    digits = _digits(solution) + 1
    return format_quantity(rounded(solution.lower_bound_s, digits, ROUND_FLOOR), "s", digits, padded=True)


def _above(solution: Solution) -> str:
    """Return the certified gap with a digit more than cards have, rounded up."""
    if (least := format_gap(solution.gap)).startswith("<"):
        return f"less than {least.removeprefix('< ')}"
    digits = 2 if solution.gap < 1e-3 else max(2, 6 + math.floor(math.log10(solution.gap)))
    gap = rounded(solution.gap, digits, ROUND_CEILING)
    return f"at most {format_share(gap, 3) if gap >= 1e-3 else f'{100.0 * gap:.2g} %'}"


def rounded(value: float, digits: int, way: str) -> float:
    """Return a number with so many significant digits, rounded in one of the ways of `decimal`.

    Examples
    --------
    >>> rounded(0.0041, 1, ROUND_CEILING), rounded(3.0, 4, ROUND_FLOOR)
    (0.005, 3.0)
    """
    return float(Context(prec=digits, rounding=way).create_decimal(repr(float(value))))


def _last(problem: Problem, solution: Solution) -> str:
    finish = np.where(solution.selected, problem.compute_s + problem.upload_s(solution.bandwidth_hz), -math.inf)
    last = int(np.argmax(finish))
    together = int(np.count_nonzero(finish >= solution.latency_s * (1.0 - _TOGETHER)))
    end = format_quantity(solution.latency_s, "s", _digits(solution), padded=True)
    chosen = int(np.count_nonzero(solution.selected))
    name = _name(problem, last)
    if chosen == 1:
        return f"It is {name}, which ends at {end}."
    if together == chosen:
        return f"All of them end together, at {end}."
    if together == 1:
        return f"The last of them, {name}, ends at {end}."
    return f"The last of them, {name} and {together - 1:,} more, end together at {end}."


def _proof(solution: Solution) -> str:
    if math.isnan(solution.lower_bound_s):
        return "No bound: this method does not say how far from the best it is."
    if solution.objective_s <= solution.lower_bound_s:
        return "Nothing better exists, whatever clients and bandwidths are chosen."
    if not math.isfinite(solution.gap):
        return "Nothing is proven of how good that is."
    above = f"the answer is {_above(solution)} above the best."
    if not _differ(solution, _MOST_DIGITS):
        return f"Whatever clients and bandwidths are chosen, {above}"
    return f"Whatever clients and bandwidths are chosen, nothing is below {_bound(solution)}: {above}"


def cards_of(problem: Problem, solution: Solution) -> list[Card]:
    """Return the key figures."""
    method = Card(
        id="method",
        label="Method",
        value=solution.method,
        note=", ".join(
            part
            for part in (
                format_quantity(solution.solve_time_s, "s"),
                _iterations(solution.iterations),
                f"stopped by: {solution.stop_reason}{_STOPS.get(solution.stop_reason, '')}",
            )
            if part
        ),
    )
    tasks = f"{problem.n_tasks} task{'' if problem.n_tasks == 1 else 's'}"
    shared = format_quantity(problem.bandwidth_hz, "Hz")
    if not solution.has_answer:
        able = int(np.count_nonzero(problem.selectable))
        return [
            Card(id="status", label="Status", value=str(solution.status)),
            Card(
                id="clients", label="Clients", value=f"{problem.n_clients:,}", note=f"{able:,} can take part, {tasks}"
            ),
            Card(id="bandwidth", label="Bandwidth to share", value=shared),
            method,
        ]
    used = math.fsum(solution.bandwidth_hz.tolist())
    chosen = int(np.count_nonzero(solution.selected))
    share = used / problem.bandwidth_hz
    note = f"{format_share(share, 1) if share >= 1e-3 else format_gap(share)} of {shared}" if chosen else f"of {shared}"
    if problem.resource_blocks is not None:
        blocks = round(used / float(problem.resource_block_hz or 1.0))
        width = format_quantity(float(problem.resource_block_hz or 0.0), "Hz")
        note = f"{blocks:,} of {problem.resource_blocks:,} blocks of {width}"
    total = problem.objective is Objective.TOTAL
    end = format_quantity(solution.latency_s, "s", _digits(solution), padded=True)
    cards = [
        Card(id="clients", label="Clients selected", value=f"{chosen:,} of {problem.n_clients:,}", note=tasks),
        Card(id="bandwidth", label="Bandwidth in use", value=format_quantity(used, "Hz"), note=note),
        Card(id="makespan", label="Makespan", value=end, note="the last one ends"),
    ]
    if total:
        value = format_quantity(solution.objective_s, "s", _digits(solution), padded=True)
        cards.append(Card(id="objective", label="Total latency", value=value, note="weighted sum of the times"))
    claimed = not math.isnan(solution.lower_bound_s)
    cards += [
        Card(
            id="bound",
            label="Proven bound",
            value=format_quantity(solution.lower_bound_s, "s", _digits(solution), padded=True) if claimed else "none",
            note=f"on the {'total' if total else 'makespan'}" if claimed else "the method claims none",
        ),
        Card(
            id="gap",
            label="Certified gap",
            value=format_gap(solution.gap) if math.isfinite(solution.gap) else "unknown",
            note=str(solution.status),
        ),
        method,
    ]
    return cards


_PROOF_S = 10.0  # that a page waits for the proof of a bound that rests on a search


def claims_of(problem: Problem, solution: Solution) -> list[tuple[str, str, str]]:
    """Return every claim of the answer as (word, name, detail), recomputed from the data by `fedss_opt.check`.

    The claim of the status is left out: it depends on a tolerance that the answer does not carry.
    """
    claims = check(problem, solution, time_limit_s=_PROOF_S).claims
    return [(_WORDS[claim.holds], claim.name, claim.detail) for claim in claims if claim.name != "status"]


def _iterations(count: int) -> str:
    return "" if not count else "1 iteration" if count == 1 else f"{count:,} iterations"
