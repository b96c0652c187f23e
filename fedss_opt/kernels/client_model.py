"""The one place where kernels ask which client model they have: a model is its place in `client_models.MODELS`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..client_models import MODELS
from .jit import inlined, jit

__all__ = ["best_bandwidth", "is_accurate", "is_vectorised", "least_bandwidth", "marginal_time", "upload_time"]

_FORMS = [model.closed_forms() for model in MODELS]
_VECTORISED = tuple(model.is_vectorised for model in MODELS)


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    return function if hasattr(function, "get_call_template") else jit(function)


def _choice(functions: list[Callable[..., Any]], place: int = 0) -> Callable[..., Any]:
    """Return what calls, of several functions of the same arguments, the one at the place that comes first.

    A chain of comparisons, compiled into the caller: a jump through a pointer would not be inlined.
    """
    function = _compiled(functions[0])
    if len(functions) == 1:

        @inlined
        def last(model: int, *arguments: float) -> Any:
            return function(*arguments)

        return last
    others = _choice(functions[1:], place + 1)

    @inlined
    def this_or_another(model: int, *arguments: float) -> Any:
        if model == place:
            return function(*arguments)
        return others(model, *arguments)

    return this_or_another


_least_bandwidth = _choice([forms.least_bandwidth for forms in _FORMS])
_best_bandwidth = _choice([forms.best_bandwidth for forms in _FORMS])
_upload_time = _choice([forms.upload_time for forms in _FORMS])
_marginal_time = _choice([forms.marginal_time for forms in _FORMS])
_is_accurate = _choice([forms.is_accurate for forms in _FORMS])


@jit
def least_bandwidth(model: int, payload: float, link: float, start: float, deadline: float) -> tuple[float, float]:
    """Least bandwidth that uploads the payload by the deadline, and its slope: `ClosedForms.least_bandwidth`."""
    bandwidth, slope = _least_bandwidth(model, payload, link, start, deadline)
    return bandwidth, slope


@jit
def best_bandwidth(model: int, payload: float, link: float, weight: float, price: float) -> tuple[float, float]:
    """Bandwidth that minimises weighted time plus its price, and its slope: `ClosedForms.best_bandwidth`."""
    bandwidth, slope = _best_bandwidth(model, payload, link, weight, price)
    return bandwidth, slope


@jit
def upload_time(model: int, payload: float, link: float, bandwidth: float) -> float:
    """Seconds that an upload takes on a bandwidth: `ClosedForms.upload_time`."""
    time: float = _upload_time(model, payload, link, bandwidth)
    return time


@jit
def marginal_time(model: int, payload: float, link: float, bandwidth: float) -> float:
    """Seconds per Hz that more bandwidth would save: `ClosedForms.marginal_time`."""
    saved: float = _marginal_time(model, payload, link, bandwidth)
    return saved


@jit
def is_accurate(model: int, payload: float, link: float, weight: float, price: float) -> bool:
    """Tell whether `best_bandwidth` keeps its accuracy at a price: `ClosedForms.is_accurate`."""
    accurate: bool = _is_accurate(model, payload, link, weight, price)
    return accurate


@jit
def is_vectorised(model: int) -> bool:
    """Tell whether `oracle` has loops of SIMD code for a model."""
    vectorised: bool = _VECTORISED[model]
    return vectorised
