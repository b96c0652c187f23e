"""What a run leaves behind: a record per round, who took part, and what is worth a picture."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Participation", "RoundRecord", "RunResult"]


class Participation(IntEnum):
    """What became of a client in a round."""

    ABSENT = 0
    """Not there, or without energy."""
    LEFT_OUT = 1
    """There, and not selected."""
    ARRIVED = 2
    """Selected, and its upload arrived in time."""
    LOST = 3
    """Selected, and its upload failed or came late."""


@dataclass(frozen=True, kw_only=True)
class RoundRecord:
    """One round in numbers.

    Attributes
    ----------
    round : int
        Number of the round, from 0.
    status : str
        Status of the allocator's answer.
    gap : float or None
        Its certified gap; None where the method claims no bound.
    selected, arrived : int
        Clients that were selected, and those whose upload was in time.
    latency_s : float
        From the clients' start of computing to the last upload that the server waited for, s.
    downlink_s : float
        Sending the selected clients their models, s.
    simulated_s : float
        The clock at the round's end, s.
    uplink_bits, downlink_bits : int
        All bits sent since the start of the run, lost uploads included.
    accuracy_mean, accuracy_worst_decile, accuracy_spread : float or None
        Test accuracy over clients; None in rounds that are not evaluated.
    task_accuracy : tuple of float
        Mean accuracy of each task's clients; empty in rounds that are not evaluated.
    figures : dict of str to float
        What the algorithm adds, such as its density.
    """

    round: int
    status: str
    gap: float | None
    selected: int
    arrived: int
    latency_s: float
    downlink_s: float
    simulated_s: float
    uplink_bits: int
    downlink_bits: int
    accuracy_mean: float | None = None
    accuracy_worst_decile: float | None = None
    accuracy_spread: float | None = None
    task_accuracy: tuple[float, ...] = ()
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def evaluated(self) -> bool:
        """Whether the models were tested after this round."""
        return self.accuracy_mean is not None

    def to_json(self) -> str:
        """Return the record as one line; floats are kept to the last bit."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> RoundRecord:
        """Read what `to_json` wrote."""
        fields = json.loads(text)
        return cls(**{**fields, "task_accuracy": tuple(fields["task_accuracy"])})


@dataclass(frozen=True, eq=False, kw_only=True)
class RunResult:
    """One algorithm under one policy with one seed.

    Who took part is a `Participation` per round and client, (rounds, N); exhibits are what the algorithm shows at the
    end, such as its relevance.
    """

    algorithm: str
    policy: str
    seed: int
    records: tuple[RoundRecord, ...]
    participation: npt.NDArray[np.int8]
    exhibits: Mapping[str, npt.NDArray[Any]]
