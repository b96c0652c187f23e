"""The rounds of a run: report, allocate, train, upload, aggregate, evaluate."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field
from threadpoolctl import threadpool_limits

from .. import __version__
from ..array_types import BoolArray, FloatArray
from ..rounds import RoundPlan
from ..solvers import check_method
from .accuracy import Accuracy, judge
from .algorithms import make_algorithm
from .algorithms.base import Algorithm, AlgorithmSettings, Federation, Message, message_bits
from .arrays import IndexArray
from .checkpoints import Checkpoint
from .client_devices import Devices, DeviceSettings
from .data import DataSettings, make_federation
from .energy import charge_after_j
from .models import ModelKind, make_model
from .radio_cell import CellSettings, RadioCell, RadioLinks
from .run_records import Participation, RoundRecord, RunResult
from .section import Section
from .training import TrainingSettings
from .uplink import AllocationSettings, plan_uplink

__all__ = ["ModelSettings", "Simulation", "SimulationSettings"]


class ModelSettings(Section):
    """The model that every client trains."""

    kind: ModelKind = ModelKind.MLP
    """Multilayer perceptron or softmax regression."""
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = (100, 50)
    """Widths of the hidden layers of a perceptron."""


class SimulationSettings(Section):
    """Everything about a run but the algorithm, the policy and the seed.

    Examples
    --------
    >>> from fedss_opt.simulation import SimulationSettings
    >>> settings = SimulationSettings(rounds=20, data={"n_clients": 8}, training={"local_epochs": 2})
    >>> settings.rounds, settings.data.n_clients, settings.training.local_epochs
    (20, 8, 2)
    """

    rounds: Annotated[int, Field(ge=1)] = 60
    """Rounds of the run."""
    evaluate_every: Annotated[int, Field(ge=1)] = 1
    """Rounds from one test of the models to the next; the last round is always tested."""
    data: DataSettings = DataSettings()
    """Images, partition and task family."""
    model: ModelSettings = ModelSettings()
    """Architecture."""
    training: TrainingSettings = TrainingSettings()
    """Local training."""
    cell: CellSettings = CellSettings()
    """Channel, mobility and bandwidth."""
    devices: DeviceSettings = DeviceSettings()
    """Compute, energy, failures and departures."""
    allocation: AllocationSettings = AllocationSettings()
    """What the allocator is asked for."""


@dataclass(frozen=True, eq=False)
class _Outcome:
    """What became of the selected clients' uploads."""

    arrived: BoolArray
    compute_s: FloatArray
    upload_s: FloatArray
    latency_s: float


class Simulation:
    """One algorithm under one policy with one seed.

    Parameters
    ----------
    settings : SimulationSettings
        Data, model, cell and devices.
    algorithm : str
        Name in `fedss_opt.simulation.algorithms.ALGORITHMS`.
    options : mapping or AlgorithmSettings, optional
        Options of the algorithm.
    policy : str
        Method or policy of `fedss_opt.solve`.
    seed : int
        Seed of everything that is drawn. Data, channels, failures and batches do not depend on the algorithm or
        the policy, so that runs with one seed are paired.
    label : str, optional
        Name in the results; the algorithm's by default.

    Raises
    ------
    OptionError
        For unknown names and options outside what they accept.

    Examples
    --------
    >>> from fedss_opt.simulation import Simulation, SimulationSettings
    >>> settings = SimulationSettings(rounds=2, data={"n_clients": 8, "images_per_client": 12})
    >>> result = Simulation(settings, algorithm="fedavg", policy="admm", seed=0).run()
    >>> [record.selected for record in result.records]
    [4, 4]
    """

    def __init__(
        self,
        settings: SimulationSettings,
        *,
        algorithm: str,
        options: dict[str, Any] | AlgorithmSettings | None = None,
        policy: str = "admm",
        seed: int = 0,
        label: str | None = None,
    ) -> None:
        check_method(policy, name="policy")
        self.settings = settings
        self.label = algorithm if label is None else label
        self.policy = policy
        self.seed = seed
        self.data = make_federation(settings.data, seed)
        self.model = make_model(settings.model.kind, self.data.features, settings.model.hidden, self.data.classes)
        self.algorithm: Algorithm = make_algorithm(
            algorithm, Federation(self.data, self.model, settings.training, seed), options
        )
        self.devices = Devices(settings.devices, self.data.n_clients, seed, task=self.data.task)
        self.cell = RadioCell(settings.cell, self.devices.devices, seed)
        passes = settings.training.local_epochs * self.algorithm.training_passes
        self.work_flops = self.model.flops_per_sample * self.data.samples * passes
        self.records: list[RoundRecord] = []
        self.participation = np.zeros((0, self.data.n_clients), dtype=np.int8)
        self.charge_j = self.devices.full_charge_j()

    @cached_property
    def fingerprint(self) -> str:
        """Digest of everything that decides the run's course up to its last round."""
        decisive = {
            "version": __version__,
            "settings": self.settings.model_dump(mode="json", exclude={"rounds"}),
            "algorithm": type(self.algorithm).__name__,
            "options": self.algorithm.settings.model_dump(mode="json"),
            "policy": self.policy,
            "seed": self.seed,
        }
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()

    def run(
        self,
        *,
        on_round: Callable[[RoundRecord], None] | None = None,
        checkpoint: Path | None = None,
        resume: bool = False,
    ) -> RunResult:
        """Play the rounds that are left.

        Parameters
        ----------
        on_round : callable, optional
            Told every round's record as it ends.
        checkpoint : Path, optional
            File that keeps the state after every round.
        resume : bool
            Continue from that file if it exists; the result is that of a run that was never interrupted, if the
            settings and what is in the data's folder are the same. More rounds than before prolong the run. A file that
            is damaged or belongs to another run is refused with `FileFormatError`.
        """
        # One thread: sums of several would depend on how many there are.
        with threadpool_limits(limits=1):
            if resume and checkpoint is not None and checkpoint.exists():
                self._restore(Checkpoint.load(checkpoint, self.fingerprint))
            elif not self.records:
                self.algorithm.start()
            for round_ in range(len(self.records), self.settings.rounds):
                record = self.play(round_)
                if checkpoint is not None:
                    self._checkpoint().save(checkpoint)
                if on_round is not None:
                    on_round(record)
            return RunResult(
                algorithm=self.label,
                policy=self.policy,
                seed=self.seed,
                records=tuple(self.records),
                participation=self.participation,
                exhibits=self.algorithm.exhibits(),
            )

    def play(self, round_: int) -> RoundRecord:
        """Play one round: the flow of the whole experiment."""
        algorithm = self.algorithm
        links = self.cell.links(round_, self.clock_s).of_clients(self.devices.device_of)
        limits = self.devices.energy_limits(self.charge_j, self.work_flops, links.power_w)
        present = self.devices.available(round_) & limits.able
        reported_s = self.devices.compute_s(self.work_flops)

        plan = self._plan(round_, links, present, reported_s, np.minimum(links.max_upload_s, limits.max_upload_s))
        selected = np.array(plan.clients, dtype=np.intp)
        chosen = np.zeros(len(present), dtype=np.bool_)
        chosen[selected] = True

        downloads = algorithm.download(round_, selected)
        downlink_s = self.cell.downlink_s(_bits(downloads), selected, links)
        uploads = algorithm.local_update(round_, selected, downloads)
        outcome = self._outcome(round_, plan, selected, uploads, reported_s)
        arrived = outcome.arrived[selected]
        algorithm.aggregate(
            round_, selected[arrived], [upload for upload, on_time in zip(uploads, arrived, strict=True) if on_time]
        )
        alone = algorithm.on_their_own(round_, present)

        busy = bool(chosen.any() or alone.any())
        latency_s = outcome.latency_s if busy else self.settings.allocation.idle_s
        alone_s = float(outcome.compute_s[alone].max(initial=0.0))
        round_s = max(downlink_s + latency_s, alone_s)
        self._spend(links, outcome, chosen | alone, chosen)
        self._note(present, chosen, outcome.arrived)
        record = RoundRecord(
            round=round_,
            status=str(plan.status),
            gap=None if np.isnan(plan.solution.gap) else plan.solution.gap,
            selected=len(selected),
            arrived=int(np.count_nonzero(arrived)),
            latency_s=latency_s,
            downlink_s=downlink_s,
            simulated_s=self.clock_s + round_s,
            uplink_bits=self._last("uplink_bits") + int(_bits(uploads).sum()),
            downlink_bits=self._last("downlink_bits") + int(_bits(downloads).sum()),
            **self._judge(round_),
        )
        self.records.append(record)
        return record

    # -- parts of a round

    @property
    def clock_s(self) -> float:
        """Simulated seconds since the start."""
        return self.records[-1].simulated_s if self.records else 0.0

    def _last(self, name: str) -> int:
        return int(getattr(self.records[-1], name)) if self.records else 0

    def _plan(
        self, round_: int, links: RadioLinks, present: BoolArray, reported_s: FloatArray, max_upload_s: FloatArray
    ) -> RoundPlan:
        return plan_uplink(
            round_,
            self.algorithm.report(round_),
            self.settings.allocation,
            policy=self.policy,
            seed=self.seed,
            bandwidth_hz=self.cell.bandwidth_hz,
            resource_block_hz=self.cell.resource_block_hz,
            clients=np.flatnonzero(present),
            compute_s=reported_s,
            max_upload_s=max_upload_s,
            **links.uplink,
        )

    def _outcome(
        self, round_: int, plan: RoundPlan, selected: IndexArray, uploads: Sequence[Message], reported_s: FloatArray
    ) -> _Outcome:
        """Find who is in time: what is sent may be another size than announced, and computing may take longer."""
        rate = plan.problem.rate_bps(plan.solution.bandwidth_hz)[plan.solution.selected]
        upload_s, chosen = np.zeros(len(reported_s)), np.zeros(len(reported_s), dtype=np.bool_)
        upload_s[selected], chosen[selected] = _bits(uploads) / rate, True
        compute_s = self.devices.actual_compute_s(reported_s, round_)
        finished_s = compute_s + upload_s
        arrived = chosen & self.devices.in_time(finished_s, plan.latency_s) & ~self.devices.fails(round_)
        # The server knows what it waits for, and waits no longer than its deadline allows.
        latest_s = plan.latency_s * (1.0 + self.settings.devices.grace)
        latency_s = float(finished_s[chosen].max(initial=0.0)) if np.array_equal(arrived, chosen) else latest_s
        return _Outcome(arrived, compute_s, upload_s, latency_s)

    def _spend(self, links: RadioLinks, outcome: _Outcome, trained: BoolArray, sent: BoolArray) -> None:
        self.charge_j = charge_after_j(
            self.charge_j,
            self.devices.computing_j(self.work_flops),
            links.power_w,
            outcome.upload_s,
            computed=trained,
            uploaded=sent,
        )

    def _note(self, there: BoolArray, selected: BoolArray, arrived: BoolArray) -> None:
        row = np.where(there, Participation.LEFT_OUT, Participation.ABSENT)
        row[selected] = Participation.LOST
        row[arrived] = Participation.ARRIVED
        self.participation = np.vstack([self.participation, row.astype(np.int8)])

    def _judge(self, round_: int) -> dict[str, Any]:
        """Return the record's figures of merit, if the round is one that is tested."""
        if (round_ + 1) % self.settings.evaluate_every and round_ + 1 != self.settings.rounds:
            return {}
        found: Accuracy = judge(self.model, self.algorithm.client_models(round_), self.data)
        return {
            "accuracy_mean": found.mean,
            "accuracy_worst_decile": found.worst_decile,
            "accuracy_spread": found.spread,
            "task_accuracy": tuple(found.tasks.tolist()),
            "figures": self.algorithm.figures(),
        }

    # -- keeping it

    def _checkpoint(self) -> Checkpoint:
        return Checkpoint(
            fingerprint=self.fingerprint,
            state=self.algorithm.state,
            charge_j=self.charge_j,
            participation=self.participation,
            records=tuple(self.records),
        )

    def _restore(self, kept: Checkpoint) -> None:
        self.algorithm.state = kept.state
        self.charge_j = kept.charge_j
        self.participation = kept.participation
        self.records = list(kept.records)


def _bits(messages: Sequence[Message]) -> FloatArray:
    return np.array([message_bits(message) for message in messages], dtype=np.float64)
