"""The devices behind the clients: how long they compute, what it costs, and who is there in a round.

Everything is a function of settings, seed and round; nothing is carried from round to round but the batteries, whose
charge the caller keeps.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator

from ..array_types import BoolArray, FloatArray
from ..exceptions import OptionError
from ..scenarios.arguments import count, span
from ..scenarios.draws import Range, generator, uniform
from ..validation import vector
from . import energy
from .arrays import IndexArray
from .gpu import GpuSharing, finish_s
from .section import Section

__all__ = ["DeviceSettings", "Devices"]


Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Budget = Annotated[float, Field(gt=0.0, allow_inf_nan=True)]  # NaN is not > 0

# A client whose times add up to the deadline itself is in time: far above the rounding of two additions.
_ROUNDING = 1e-9


class DeviceSettings(Section):
    """What the devices are like."""

    clients_per_device: int = Field(default=1, ge=1)
    """Clients (tasks) that share a device, its channel and its GPU."""
    flops_per_s: Range = (0.1e9, 5e9)
    """Speed of a device, operations a second; a pair is drawn from log-uniformly. The default is the range of clock
    rates of CBCSBA's code (read; uniform there) at one operation a cycle.
    """
    gpu_sharing: GpuSharing = GpuSharing.COMPETITIVE
    """How the clients of a device share its GPU, see `fedss_opt.simulation.gpu`."""
    virtual_resource: float = Field(default=1.0, gt=0.0)
    """V > 0 of a device; above 1 it is oversubscribed."""
    saturation: Range = 1.0
    """Share, above 0 and at most 1, beyond which a client's training runs no faster; a pair is drawn from uniformly."""
    jitter: float = Field(default=0.0, ge=0.0, le=5.0)
    """Standard deviation, from 0 to 5, of the logarithm of a round's computing time over the reported one."""
    switched_capacitance: float = Field(default=1e-28, ge=0.0)
    """kappa >= 0 of the energy ``kappa f^2`` of an operation, J s^2 (Yang et al. 2021: 1e-28; unverified)."""
    energy_j: Budget = math.inf
    """Most that a client may spend in a round, J > 0."""
    battery_j: Budget = math.inf
    """Most that a client may spend in the whole run, J > 0."""
    failure_rate: Probability = 0.0
    """Probability that a selected client's upload never arrives."""
    availability: Probability = 1.0
    """Probability that a client that has not left is there in a round."""
    departure_rate: Probability = 0.0
    """Probability of leaving for good after a round."""
    grace: float = Field(default=0.0, ge=0.0)
    """Lateness that is tolerated, as a fraction >= 0 of the deadline."""

    @field_validator("flops_per_s", mode="before")
    @classmethod
    def _accept_speeds(cls, value: Any) -> Range:
        return span("flops_per_s", value, "1/s", zero=False)

    @field_validator("saturation", mode="before")
    @classmethod
    def _accept_shares(cls, value: Any) -> Range:
        shares = span("saturation", value, "share", zero=False)
        if np.max(shares) > 1.0:
            raise OptionError(field="saturation", value=value, accepted="must be at most 1, the whole GPU")
        return shares


class Devices:
    """The N devices of a run.

    Clients share a device as far as `clients_per_device` says: with neighbours in number, or, where the task of each is
    given, (N,), with clients of different tasks as far as there are any. `OptionError` says which number is out of
    range.

    Examples
    --------
    >>> from fedss_opt.simulation.client_devices import Devices, DeviceSettings
    >>> devices = Devices(DeviceSettings(clients_per_device=2, flops_per_s=1e9), clients=4, seed=0, task=[0, 0, 1, 1])
    >>> devices.device_of
    array([0, 1, 0, 1])
    >>> devices.compute_s([1e9, 2e9, 3e9, 2e9])
    array([4., 4., 4., 4.])
    """

    def __init__(self, settings: DeviceSettings, clients: int, seed: int, *, task: npt.ArrayLike | None = None) -> None:
        self.settings = settings
        self.clients = count("clients", clients)
        self._seed = count("seed", seed)
        order = np.arange(self.clients) if task is None else _taking_turns(np.asarray(task), self.clients)
        self.device_of: IndexArray = np.empty(self.clients, dtype=np.intp)
        self.device_of[order] = np.arange(self.clients) // settings.clients_per_device
        self._slot = np.empty(self.clients, dtype=np.intp)
        self._slot[order] = np.arange(self.clients) % settings.clients_per_device
        self.flops_per_s = _log_uniform(settings.flops_per_s, self.devices, seed, "device speed")
        self.saturation = uniform(settings.saturation, self.clients, seed, "saturation")

    @property
    def devices(self) -> int:
        """Number of devices, D."""
        return -(-self.clients // self.settings.clients_per_device)

    # -- computing -----------------------------------------------------------------------------------------

    def compute_s(self, work_flops: npt.ArrayLike) -> FloatArray:
        """Return the computing time that every client reports, c_n, s, (N,), for its round's operations >= 0, (N,).

        All clients with work count, selected or not: who will train is not known when times are reported.
        """
        work = vector("work_flops", work_flops, self.clients)
        return self._of_clients(
            finish_s(
                self._of_devices(work, 0.0),
                self.flops_per_s,
                sharing=self.settings.gpu_sharing,
                virtual_resource=self.settings.virtual_resource,
                saturation=self._of_devices(self.saturation, 1.0),
            )
        )

    def actual_compute_s(self, reported_s: npt.ArrayLike, round: int) -> FloatArray:  # noqa: A002
        """Return what computing takes in a round, s, (N,): the reported time (its median) times ``exp(jitter Z)``."""
        reported = vector("reported_s", reported_s, self.clients, unit="s")
        if self.settings.jitter == 0.0:
            return reported
        return reported * np.exp(self.settings.jitter * self._rng("computing", round).standard_normal(self.clients))

    def in_time(self, finished_s: npt.ArrayLike, deadline_s: float) -> BoolArray:
        """Mark uploads whose end is in time for a round of this deadline (all s), with the grace, (N,)."""
        finished = vector("finished_s", finished_s, self.clients, infinite=True, unit="s")
        return finished <= deadline_s * (1.0 + self.settings.grace + _ROUNDING)

    # -- energy --------------------------------------------------------------------------------------------

    def full_charge_j(self) -> FloatArray:
        """Return the charge of the batteries before the first round, J, (N,): the state that a run keeps."""
        return np.full(self.clients, self.settings.battery_j)

    def computing_j(self, work_flops: npt.ArrayLike) -> FloatArray:
        """Return the energy of every client's computing, J, (N,)."""
        work = vector("work_flops", work_flops, self.clients)
        return energy.computing_j(work, self.flops_per_s[self.device_of], self.settings.switched_capacitance)

    def energy_limits(
        self, charge_j: npt.ArrayLike, work_flops: npt.ArrayLike, power_w: npt.ArrayLike
    ) -> energy.EnergyLimits:
        """Return the longest upload that charge (J) and round budget leave after the work, and who can upload."""
        return energy.energy_limits(
            charge_j, self.computing_j(work_flops), power_w, round_budget_j=self.settings.energy_j
        )

    # -- who is there --------------------------------------------------------------------------------------

    @property
    def departs(self) -> FloatArray:
        """Round before which each client has left for good, (N,) >= 1; ``inf`` for those who stay.

        Geometric: a client is there in round 0, and leaves after each round with `departure_rate`.
        """
        rate = self.settings.departure_rate
        # Inverted from one uniform draw each, so that a higher rate brings departures forward and changes nothing else.
        draw = -np.log1p(-generator(self._seed, "departure").random(self.clients))
        if rate == 0.0:
            return np.full(self.clients, math.inf)
        with np.errstate(divide="ignore", over="ignore"):
            rounds: FloatArray = 1.0 + np.floor(draw / -np.log1p(-rate))
        return rounds

    def available(self, round: int) -> BoolArray:  # noqa: A002
        """Mark who can be selected in a round, (N,): there, and not gone."""
        there = self._rng("availability", round).random(self.clients) < self.settings.availability
        present: BoolArray = there & (count("round", round) < self.departs)
        return present

    def fails(self, round: int) -> BoolArray:  # noqa: A002
        """Mark whose upload does not arrive in a round, (N,), should the client be selected."""
        return self._rng("failure", round).random(self.clients) < self.settings.failure_rate

    # -- clients and devices -------------------------------------------------------------------------------

    def _rng(self, purpose: str, round: int) -> np.random.Generator:  # noqa: A002
        return generator(self._seed, f"{purpose}, round {count('round', round)}")

    def _of_devices(self, per_client: FloatArray, empty: float) -> FloatArray:
        """Set clients beside each other on their devices, (N,) to (D, K)."""
        table = np.full((self.devices, self.settings.clients_per_device), empty)
        table[self.device_of, self._slot] = per_client
        return table

    def _of_clients(self, table: FloatArray) -> FloatArray:
        return table[self.device_of, self._slot]


def _taking_turns(task: npt.NDArray[Any], clients: int) -> IndexArray:
    """Order the clients so that the tasks take turns: the first client of each, the second of each, ..."""
    if task.shape != (clients,):
        raise OptionError(f"task: has shape {task.shape}; must be one number for each of the {clients} clients")
    by_task = np.argsort(task, kind="stable")
    sizes = np.unique(task, return_counts=True)[1]
    turn = np.empty(clients, dtype=np.intp)
    turn[by_task] = np.arange(clients) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.lexsort((task, turn))


def _log_uniform(values: Range, size: int, seed: int, purpose: str) -> FloatArray:
    """Draw from ``(low, high)`` with every factor alike, or repeat the fixed value."""
    if not isinstance(values, tuple):
        return np.full(size, float(values))
    low, high = values
    draws: FloatArray = low * (high / low) ** generator(seed, purpose).random(size)
    return draws
