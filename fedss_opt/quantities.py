"""Quantities as people write and read them: ``20MHz``, ``NAME=0.3``, ``423 ms``."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .array_types import BoolArray, FloatArray
from .exceptions import OptionError, ProblemError
from .fields import FIELD
from .problem import Problem

__all__ = [
    "Requirement",
    "Scale",
    "channel_db",
    "format_gap",
    "format_quantity",
    "format_share",
    "offered",
    "parse_bandwidth",
    "parse_requirement",
    "required_amounts",
    "scale_for",
    "with_requirements",
]

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_BANDWIDTH = re.compile(rf"\s*({_NUMBER})\s*([kKMgG]?[hH][zZ]|mhz)?\s*")
_OTHER_UNIT = re.compile(rf"\s*{_NUMBER}\s*([^\W\d_][\w /]{{0,20}}?)\s*")
_AMOUNT = re.compile(rf"\s*({_NUMBER})\s*(abs|%)?\s*")
_PREFIX = {"hz": 1.0, "khz": 1e3, "mhz": 1e6, "ghz": 1e9}


def parse_bandwidth(text: str) -> float:
    """Return a bandwidth in Hz; the unit may be Hz, kHz, MHz or GHz, and is Hz when left out.

    Its letters may be of any case, but for mHz, which is millihertz.

    Examples
    --------
    >>> parse_bandwidth("20MHz"), parse_bandwidth("180 kHz"), parse_bandwidth("2e7")
    (20000000.0, 180000.0, 20000000.0)
    """
    match = _BANDWIDTH.fullmatch(text)
    value = float(match[1]) * _PREFIX[(match[2] or "Hz").lower()] if match else math.nan
    if match is None and (other := _OTHER_UNIT.fullmatch(text)):
        if other[1].lower() == "mhz":
            raise OptionError(f"bandwidth = {text!r}: {other[1]!r} is millihertz; for megahertz write MHz, as in 20MHz")
        raise OptionError(
            f"bandwidth = {text!r}: {other[1]!r} is no unit of it; use Hz, kHz, MHz or GHz, such as 20MHz"
        )
    if match is None and "," in text:
        raise OptionError(f"bandwidth = {text!r}: write decimals with a point, and no other commas, such as 1.4MHz")
    if not 0.0 < value < math.inf:
        raise OptionError(f"bandwidth = {text!r}: must be > 0, such as 20MHz, '180 kHz' or 2e7 (Hz)")
    return value


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """How much one task, or every task, needs this round.

    Attributes
    ----------
    task : str or None
        Name of the task; None for all tasks that are not named themselves.
    amount : float
        A fraction (0 to 1) of what the available clients offer the task or, if `absolute`, relevance.
    absolute : bool
        Whether `amount` is in units of relevance.
    """

    task: str | None
    amount: float
    absolute: bool


def parse_requirement(text: str) -> Requirement:
    """Read ``NAME=0.3`` or ``NAME=30%`` (fractions) or ``NAME=12.5abs`` (relevance); no NAME means all tasks.

    Examples
    --------
    >>> parse_requirement("speech=0.3")
    Requirement(task='speech', amount=0.3, absolute=False)
    >>> parse_requirement("12.5abs")
    Requirement(task=None, amount=12.5, absolute=True)
    """
    name, equals, amount = text.rpartition("=")
    match = _AMOUNT.fullmatch(amount)
    if match is None or (equals and not name.strip()):
        raise OptionError(f"requirement {text!r}: must be NAME=0.3, NAME=30%, NAME=12.5abs, or 0.3 for all tasks")
    value = float(match[1]) / (100.0 if match[2] == "%" else 1.0)
    absolute = match[2] == "abs"
    if not 0.0 <= value < math.inf:
        raise OptionError(f"requirement {text!r}: the amount must be finite and >= 0")
    if not absolute and value > 1.0:
        raise OptionError(f"requirement {text!r}: must be within 0 and 1; for units of relevance write {match[1]}abs")
    return Requirement(task=name.strip() if equals else None, amount=value, absolute=absolute)


def offered(relevance: FloatArray, available: BoolArray) -> FloatArray:
    """Return what the available clients together offer each task, (K,), each sum correctly rounded."""
    return np.array([math.fsum(row[available].tolist()) for row in relevance], dtype=np.float64)


def required_amounts(requirements: Iterable[str], names: Sequence[str], offers: Iterable[float]) -> list[float]:
    """Return what each task needs, in units of relevance.

    Parameters
    ----------
    requirements : iterable of str
        As `parse_requirement` reads them. A task's own requirement goes before one for all tasks.
    names : sequence of str, (K,)
        The tasks.
    offers : iterable of float, (K,)
        What the available clients offer each task.

    Raises
    ------
    OptionError
        For an unknown task, one that is named twice, and one that is left without a requirement.
    """
    wanted: dict[str | None, Requirement] = {}
    for text in requirements:
        requirement = parse_requirement(text)
        if requirement.task is not None and requirement.task not in names:
            tasks = ", ".join(map(repr, names)) or "none"
            raise OptionError(f"requirement {text!r}: no such task; the tasks are: {tasks}")
        if requirement.task in wanted:
            raise OptionError(f"requirement {text!r}: {requirement.task or 'all tasks'} given twice")
        wanted[requirement.task] = requirement
    amounts = []
    for name, offer in zip(names, offers, strict=True):
        chosen = wanted.get(name, wanted.get(None))
        if chosen is None:
            raise OptionError(f"task {name!r} has no requirement: give {name}=0.3 (a fraction), or 0.3 for all tasks")
        amounts.append(chosen.amount if chosen.absolute else chosen.amount * float(offer))
    return amounts


def with_requirements(problem: Problem, requirements: Iterable[str]) -> Problem:
    """Return the problem with other requirements for some or all of its tasks."""
    names = [problem.task_name(k) for k in range(problem.n_tasks)]
    kept = {name: f"{name}={q!r}abs" for name, q in zip(names, problem.required.tolist(), strict=True)}
    texts = list(requirements)
    parsed = [parse_requirement(text) for text in texts]
    if not any(r.task is None for r in parsed):
        texts += [text for name, text in kept.items() if all(r.task != name for r in parsed)]
    if not names:
        raise ProblemError("requirements given for a problem without tasks")
    return problem.replace(required=required_amounts(texts, names, offered(problem.relevance, problem.available)))


# -- for people to read -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scale:
    """A unit for a whole column, so that its numbers compare at a glance."""

    factor: float
    unit: str
    decimals: int

    def format(self, value: float) -> str:
        """Return the number alone, the unit being in the column's head; ``-`` where there is none."""
        return f"{value / self.factor:,.{self.decimals}f}" if math.isfinite(value) else "-"


_UNITS = {
    "Hz": ((1e9, "GHz"), (1e6, "MHz"), (1e3, "kHz"), (1.0, "Hz")),
    "s": ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns")),
    "bit": ((1e9, "Gbit"), (1e6, "Mbit"), (1e3, "kbit"), (1.0, "bit")),
}


def scale_for(values: npt.ArrayLike, unit: str, digits: int = 3) -> Scale:
    """Choose the unit and the decimals in which a column reads best: its median has `digits` digits or more.

    Examples
    --------
    >>> scale_for([180e3, 250e3, 1.1e6], "Hz")
    Scale(factor=1000.0, unit='kHz', decimals=0)
    """
    array = np.asarray(values, dtype=np.float64)
    array = array[np.isfinite(array) & (array > 0.0)]
    typical = float(np.median(array)) if array.size else 1.0
    factor, name = next(((f, u) for f, u in _UNITS[unit] if typical >= f), _UNITS[unit][-1])
    whole = len(str(int(typical / factor)))
    return Scale(factor, name, max(0, digits - whole))


def format_quantity(value: float, unit: str, digits: int = 3, *, padded: bool = False) -> str:
    """Return a number with its unit and significant digits, ``423 ms``.

    `padded` keeps zeros at the end, for numbers that are read beside others of as many digits.

    Examples
    --------
    >>> format_quantity(0.42284, "s"), format_quantity(40e6, "Hz"), format_quantity(math.inf, "s")
    ('423 ms', '40 MHz', 'none')
    >>> format_quantity(1.03, "s", 4), format_quantity(1.03, "s", 4, padded=True)
    ('1.03 s', '1.030 s')
    """
    if not math.isfinite(value):
        return "none"
    rounded = float(f"{value:.{digits - 1}e}")
    if rounded == 0.0:
        return f"0 {unit}"
    factor, name = next(((f, u) for f, u in _UNITS[unit] if abs(rounded) >= f), _UNITS[unit][-1])
    scaled = rounded / factor
    if abs(scaled) >= 10 ** (digits - 1):
        return f"{scaled:,.0f} {name}"
    return f"{scaled:{'#' if padded else ''}.{digits}g} {name}"


def format_share(share: float, decimals: int = 0) -> str:
    """Return a share in per cent.

    Examples
    --------
    >>> format_share(0.3), format_share(0.123, 1)
    ('30 %', '12.3 %')
    """
    return f"{100.0 * share:.{decimals}f} %"


_LEAST_GAP = 1e-8  # below, a gap is of the size of the bound's own margins


def format_gap(gap: float) -> str:
    """Return a gap in per cent; ``-`` where none is known.

    Examples
    --------
    >>> format_gap(0.00412), format_gap(3.21e-7), format_gap(2e-12), format_gap(math.nan)
    ('0.41 %', '3e-05 %', '< 1e-6 %', '-')
    """
    if not math.isfinite(gap):
        return "-"
    if gap >= 1e-3 or gap == 0.0:
        return format_share(gap, 2)
    return f"{100.0 * gap:.1g} %" if gap >= _LEAST_GAP else "< 1e-6 %"


def channel_db(problem: Problem) -> tuple[FloatArray, str]:
    """Return how good each client's link is, (N,), and the unit: what is in Hz is shown in dB-Hz."""
    unit = FIELD[problem.client_model.link].unit
    return (10.0 * np.log10(problem.link), "dB-Hz") if unit == "Hz" else (problem.link, unit)
