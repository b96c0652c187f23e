"""What measures relevance round after round: the interface, and averages over rounds."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from ..array_types import BoolArray, FloatArray
from ..exceptions import OptionError
from ..scenarios.arguments import number
from .aggregation import Uploads
from .array_checks import finite, whole
from .layout import ParameterLayout

__all__ = ["AveragedTerms", "Measure"]


class Measure(Protocol):
    """What measures the relevance between tasks from their clients' uploads."""

    def update(
        self,
        values: npt.ArrayLike,
        task: npt.ArrayLike,
        *,
        masks: npt.ArrayLike | None = None,
        masks_by_task: bool | None = None,
        rounding_variance: npt.ArrayLike | None = None,
    ) -> None:
        """Take in the uploads of a round, as `SignalToNoise.update` describes them."""

    @property
    def relevance(self) -> FloatArray:
        """Relevance between tasks per group, (T, T, G), in [0, 1], symmetric, 1 on the diagonal."""

    @property
    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Everything that a later round needs, as arrays to be saved."""

    def load_state(self, state: Mapping[str, npt.ArrayLike]) -> None:
        """Continue from a saved state."""


class AveragedTerms(ABC):
    """Terms per pair of tasks and group, averaged exponentially over the rounds that compared the pair."""

    _TERMS: ClassVar[tuple[str, ...]]

    def __init__(self, tasks: int, layout: ParameterLayout, *, smoothing: float) -> None:
        self.tasks = whole("tasks", tasks, low=1)
        self.layout = layout
        number("smoothing", smoothing, low=0.0, high=1.0, open_high=True)
        self.smoothing = smoothing
        shape = (self.tasks, self.tasks, layout.groups)
        self._terms: dict[str, FloatArray] = {name: np.zeros(shape) for name in self._TERMS}
        self.compared = np.zeros(shape, dtype=np.bool_)

    def update(
        self,
        values: npt.ArrayLike,
        task: npt.ArrayLike,
        *,
        masks: npt.ArrayLike | None = None,
        masks_by_task: bool | None = None,
        rounding_variance: npt.ArrayLike | None = None,
    ) -> None:
        """Take in the uploads of a round.

        Parameters
        ----------
        values : array_like, (n, P)
            Uploaded weights.
        task : array_like of int, (n,)
            Task of each upload.
        masks : array_like of bool, (n, P) or (T, P), optional
            What each client sent, or the clients of each task; everything by default.
        masks_by_task : bool, optional
            Which of the two `masks` are. Their shape says it unless n = T; pass it where that can happen.
        rounding_variance : array_like, scalar or (n, L), optional
            Variance >= 0 that rounding for the upload added to each value, per upload and layer. Its mean over a task's
            uploads is taken from their variance, which does not go below 0.

        Raises
        ------
        OptionError
            Naming the field, the first offending place and value, and what is accepted.
        """
        # Uploads makes arrays of what it is given.
        uploads = Uploads(values, task, self.tasks, self.layout, masks, masks_by_task)  # type: ignore[arg-type]
        self._take_in(uploads, _rounding_per_layer(rounding_variance, len(uploads.task), self.layout.layers))

    @abstractmethod
    def _take_in(self, uploads: Uploads, rounding: FloatArray) -> None:
        """Average the terms of a round, to whose uploads rounding added a variance, (n, L)."""

    @property
    def seen(self) -> BoolArray:
        """Pairs of tasks that some round has compared, (T, T)."""
        return np.asarray(self.compared.any(axis=-1))

    @property
    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Everything that a later round needs, as copies."""
        return {**{name: term.copy() for name, term in self._terms.items()}, "compared": self.compared.copy()}

    def load_state(self, state: Mapping[str, npt.ArrayLike]) -> None:
        """Continue from what `state` returned.

        `OptionError` is raised where arrays are missing or unknown, or are not of this measure's shape.
        """
        names = (*self._TERMS, "compared")
        if set(state) != set(names):
            raise OptionError(f"state: has {', '.join(sorted(state)) or 'nothing'}; must have {', '.join(names)}")
        compared = np.array(state["compared"])
        terms = {name: np.array(finite(name, state[name]), dtype=np.float64) for name in self._TERMS}
        for name, array in {**terms, "compared": compared}.items():
            if array.shape != self.compared.shape:
                raise OptionError(f"state: {name} has shape {array.shape}; must be {self.compared.shape}")
        if compared.dtype != np.bool_:
            raise OptionError(f"state: compared has dtype {compared.dtype}; must be bool")
        self._terms, self.compared = terms, compared

    def _average(self, t: int, s: int, comparable: BoolArray, **terms: FloatArray) -> None:
        """Enter the terms of a pair of tasks, (G,) each, in the groups that could be compared."""
        for name, new in terms.items():
            old = self._terms[name][t, s]
            fresh = np.where(self.compared[t, s], self.smoothing * old + (1.0 - self.smoothing) * new, new)
            self._terms[name][t, s] = self._terms[name][s, t] = np.where(comparable, fresh, old)
        self.compared[t, s] |= comparable
        self.compared[s, t] = self.compared[t, s]

    def _finished(self, relevance: FloatArray) -> FloatArray:
        """Set what was never compared to 0, and the diagonal to 1."""
        result = np.where(self.compared, relevance, 0.0)
        result[np.arange(self.tasks), np.arange(self.tasks)] = 1.0
        return result


def _rounding_per_layer(variance: npt.ArrayLike | None, uploads: int, layers: int) -> FloatArray:
    """Check the variance that rounding added, and give it as (uploads, layers)."""
    added: FloatArray = np.asarray(finite("rounding_variance", 0.0 if variance is None else variance), dtype=np.float64)
    if added.shape not in ((), (uploads, layers)) or (added < 0.0).any():
        found = f"shape {added.shape}, least {added.min(initial=math.inf):g}"
        raise OptionError(f"rounding_variance: {found}; must be a number or ({uploads}, {layers}), all >= 0")
    return np.broadcast_to(added, (uploads, layers))
