"""FedSS: tasks found by similarity, one sparse model for each, and as much sharing as the noise justifies.

The paper's abstract is public, its text is not; this is a reconstruction (docs/explanation/sharing.md says what
is whose).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ...array_types import BoolArray, FloatArray, IntArray
from ...sharing import masks, payload, schedules
from ...sharing.aggregation import aggregate
from ...sharing.quantisers import Codebook, adaptive, lloyd_max, quantile, uniform
from ...sharing.relevance import MEASURES, Measure, SignalToNoise, client_relevance, task_relevance
from ...sharing.values import rounding_variance
from ..arrays import Parameters
from .base import Algorithm, AlgorithmSettings, ClientModels, Federation, Message, UploadReport
from .clusters import PROBED, Division, ask_newcomers, divide
from .fedavg import weighted_mean
from .fedss_settings import FedSSSettings, Sharing

__all__ = ["FedSS"]


UNKNOWN = -1
FAINTEST = 1e-12
"""Sharing below this is none: far less than float32 parameters resolve, and nothing for sums to underflow with."""


class FedSS(Algorithm):
    """Sparse sharing between tasks that are found on the way.

    Everybody trains one model for some rounds; the last of them shows whose updates point the same way, which
    divides clients into tasks. From then on every task has a model and a mask of its own, clients upload the
    differences that their task's mask keeps, and the server lets each neuron of a task listen to the other tasks
    by its quantised relevance.

    Source: 'Communication-Efficient Federated Multi-Task Learning with Sparse Sharing', PIMRC 2023 (a reconstruction).
    """

    title: ClassVar[str] = "FedSS"
    settings_type: ClassVar[type[AlgorithmSettings]] = FedSSSettings
    settings: FedSSSettings

    def __init__(self, federation: Federation, settings: FedSSSettings) -> None:
        super().__init__(federation, settings)
        self.schedule = schedules.Schedule(
            start=settings.warmup_rounds + 1,
            every=settings.prune_every,
            step=settings.prune_step,
            density=settings.density,
        )

    # -- the round

    def start(self) -> None:
        n = self.federation.n_clients
        self.state = {
            "common": self.federation.initial(),
            "task": np.full(n, UNKNOWN),
            "held": np.full(n, UNKNOWN),  # version of the task's mask that each client has
        }

    @property
    def divided(self) -> bool:
        """Whether clients have been divided into tasks."""
        return "models" in self.state

    def report(self, round_: int) -> UploadReport:
        task = self.state["task"]
        if not self.divided:
            probes = self._probes(round_)
            return UploadReport(
                np.full(len(task), float(self.upload_size())),
                relevance=np.ones((1, len(task))),
                least=np.array([PROBED if probes else 0.0]),
            )
        new = task == UNKNOWN
        sizes = np.array([float(self.upload_size(mask)) for mask in self.state["masks"]])
        bits = np.where(new, float(self.upload_size()), sizes[task])
        relevance = client_relevance(task_relevance(self.state["sharing"]), np.maximum(task, 0))
        return ask_newcomers(UploadReport(bits, relevance), new)

    def download(self, round_: int, clients: IntArray) -> list[Message]:
        messages: dict[tuple[int, int], Message] = {}
        downloads = []
        for client in clients:
            task, held = int(self.state["task"][client]), int(self.state["held"][client])
            if (task, held) not in messages:
                messages[task, held] = (self._encode_model(round_, task, held),)
            downloads.append(messages[task, held])
        return downloads

    def local_update(self, round_: int, clients: IntArray, downloads: Sequence[Message]) -> list[Message]:
        start = self._receive(clients, downloads)
        kept = np.ones(start.shape, dtype=np.bool_)
        for task, rows in self._by_task(clients):
            if task != UNKNOWN:
                kept[rows] = self.state["masks"][task]
        differences = self.federation.train(round_, clients, start, trainable=kept) - start
        uploads: list[Message] = [()] * len(clients)
        for task, rows in self._by_task(clients):
            for row, data in zip(rows, self._encode_differences(round_, task, differences[rows]), strict=True):
                uploads[row] = (data,)
        return uploads

    def aggregate(self, round_: int, clients: IntArray, uploads: Sequence[Message]) -> None:
        layout = self.federation.layout
        values = np.empty((len(clients), layout.parameters), dtype=np.float32)
        step = np.zeros((len(clients), layout.layers))
        for task, rows in self._by_task(clients):
            data = [uploads[row][0] for row in rows]
            for row, found in zip(
                rows, payload.decode_many(data, layer=layout.layer, reference=self._mask(task)), strict=True
            ):
                values[row] = found.values
                step[row, : len(found.step)] = found.step  # no step at 32 bits
        if not self.divided:
            common = self.state["common"]
            self.state["common"] = weighted_mean(self, common + values, common, self.federation.samples(clients))
            if round_ >= self.settings.warmup_rounds - 1 and len(clients):
                self._divide(clients, values)
            return
        new = self.state["task"][clients] == UNKNOWN
        self._merge(clients[~new], values[~new], rounding_variance(step[~new]))
        self._place(clients[new], values[new])
        self._prune(round_)

    def client_models(self, round_: int) -> ClientModels:
        common = self.state["common"][np.newaxis]
        if not self.divided:
            return ClientModels.common(self.state["common"], self.federation.n_clients)
        models = np.concatenate([self.state["models"], common])
        return ClientModels(models, np.where(self.state["task"] == UNKNOWN, len(models) - 1, self.state["task"]))

    def figures(self) -> dict[str, float]:
        if not self.divided:
            return {"density": 1.0}
        kept = masks.statistics(self.state["masks"], layout=self.federation.layout)
        others = self.state["sharing"][np.triu_indices(len(kept.density), k=1)]
        return {
            "density": float(kept.density.mean()),
            "overlap": float(kept.overlap.mean()),
            "levels": float(self.state["levels"].size),
            "distortion": float(self.state["distortion"]),
            "sharing": float(others.mean()) if others.size else 0.0,
        }

    def exhibits(self) -> dict[str, npt.NDArray[Any]]:
        names = ("relevance", "sharing", "levels", "masks", "task")
        return {name: self.state[name] for name in names if name in self.state}

    # -- dividing clients into tasks

    def _probes(self, round_: int) -> bool:
        """Whether what is uploaded in a round is what clients are clustered by."""
        return not self.divided and round_ >= self.settings.warmup_rounds - 1

    def _divide(self, clients: IntArray, probes: Parameters) -> None:
        """Give every task a copy of the common model; clients that sent no probe are placed when they do."""
        data, count = self.federation.data, self.settings.n_tasks
        found, division = divide(probes, count, seed=self.federation.seed)
        if self.settings.known_tasks:
            found, count = data.task[clients], data.n_tasks
        self.state["task"][clients] = found
        shape = (count, self.federation.layout.parameters)
        self.state |= {
            "mean_probe": division.mean,
            "anchors": division.anchors,
            "models": np.repeat(self.state["common"][np.newaxis], count, axis=0),
            "masks": np.ones(shape, dtype=np.bool_),
            "previous_masks": np.ones(shape, dtype=np.bool_),
            "version": np.array(0),
        }
        # Every client has the mask of the first version: all ones.
        self.state["held"][:] = 0
        measure = self._measure()
        self._keep(measure)
        self._listen(measure)

    def _place(self, clients: IntArray, probes: Parameters) -> None:
        """Put each newcomer into the task whose members' probes point its way most."""
        division = Division(self.state["mean_probe"], self.state["anchors"])
        known = self.settings.known_tasks
        self.state["task"][clients] = self.federation.data.task[clients] if known else division.place(probes)

    def _by_task(self, clients: IntArray) -> list[tuple[int, IntArray]]:
        """Return the clients' tasks with the places of their clients."""
        task = self.state["task"][clients]
        return [(int(each), np.flatnonzero(task == each)) for each in np.unique(task)]

    # -- sharing

    def _merge(self, clients: IntArray, differences: Parameters, variance: FloatArray) -> None:
        """Measure what the uploads say of the tasks, and let every task listen to the others accordingly."""
        if not len(clients):
            return
        task, kept = self.state["task"][clients], self.state["masks"]
        values = self.state["models"][task] + differences
        measure = self._measure()
        measure.load_state({name: self.state[f"measure/{name}"] for name in measure.state})
        measure.update(values, task, masks=kept, masks_by_task=True, rounding_variance=variance)
        self._keep(measure)
        self._listen(measure)
        merged = aggregate(
            values,
            task,
            current=self.state["models"],
            layout=self.federation.layout,
            masks=kept,
            masks_by_task=True,
            sharing=self.state["sharing"],
            weights=self.federation.samples(clients),
        )
        self.state["models"] = np.where(kept, merged.models, np.float32(0.0))

    def _measure(self) -> Measure:
        kind = MEASURES[self.settings.measure]
        options: dict[str, Any] = {"smoothing": self.settings.smoothing}
        if kind is SignalToNoise:
            options["kappa"] = self.settings.kappa
        tasks = len(self.state["models"])
        return kind(tasks, self.federation.layout, **options)

    def _keep(self, measure: Measure) -> None:
        self.state |= {f"measure/{name}": array for name, array in measure.state.items()}

    def _listen(self, measure: Measure) -> None:
        """Quantise the relevance: its levels are the weights with which tasks listen to each other."""
        relevance = measure.relevance
        tasks = np.arange(len(relevance))
        if self.settings.sharing is Sharing.NONE:
            relevance = np.zeros_like(relevance)
            relevance[tasks, tasks] = 1.0
        others = relevance[np.triu_indices(len(relevance), k=1)]
        codebook = self._codebook(others)
        shared = relevance if codebook is None else codebook.quantise(relevance)
        shared[shared < FAINTEST] = 0.0
        shared[tasks, tasks] = 1.0
        self.state |= {
            "relevance": relevance,
            "sharing": shared,
            "levels": np.zeros(0) if codebook is None else codebook.levels,
            "distortion": np.array(0.0 if codebook is None or not others.size else codebook.distortion(others)),
        }

    def _codebook(self, samples: FloatArray) -> Codebook | None:
        """Fit the codebook of this round."""
        levels = self.settings.levels
        match self.settings.quantiser:
            case "adaptive":
                return adaptive(samples, max_levels=levels, distortion=self.settings.distortion)
            case "lloyd_max":
                return lloyd_max(samples, levels)
            case "quantile":
                return quantile(samples, levels)
            case "uniform":
                return uniform(levels)
        return None

    # -- masks

    def _prune(self, round_: int) -> None:
        """Remove the weights that are smallest in the tasks' models, when the schedule says so."""
        if not self.schedule.due(round_):
            return
        layout, before = self.federation.layout, self.state["masks"]
        prunable = np.count_nonzero(layout.prunable)
        target = self.schedule.density_at(round_)
        exchanged = int(self.settings.regrow * target * prunable)
        after = masks.prune(self.state["models"], before, layout=layout, density=target - exchanged / prunable)
        if exchanged:
            rng = self.federation.generator("regrowth", round_)
            after = masks.regrow(after, layout=layout, count=exchanged, by=masks.Regrowth.RANDOM, rng=rng)
        self.state |= {
            "previous_masks": before,
            "masks": after,
            "models": np.where(after, self.state["models"], np.float32(0.0)),
            "version": np.asarray(self.state["version"] + 1),
        }

    def _mask(self, task: int) -> BoolArray | None:
        """Return what a task keeps; None, everything, before there are tasks."""
        return None if task == UNKNOWN else self.state["masks"][task]

    # -- messages

    def _encode_model(self, round_: int, task: int, held: int) -> bytes:
        """Encode a task's model: values alone for a client that holds its mask, else with the mask or its change."""
        bits = self.settings.download_bits
        if task == UNKNOWN:
            return self.encode(round_, self.state["common"][np.newaxis], purpose="download", bits=bits)[0]
        mask = self.state["masks"][task]
        # The mask before this one is the only earlier one that the server still knows.
        reference = {0: mask, 1: self.state["previous_masks"][task]}.get(int(self.state["version"]) - held)
        return payload.encode(
            self.state["models"][task],
            bits=bits,
            layer=self.federation.layout.layer,
            mask=mask,
            reference=reference,
            rng=self.federation.generator(f"rounding of the download of task {task}", round_),
        )

    def _receive(self, clients: IntArray, downloads: Sequence[Message]) -> Parameters:
        """Decode every client's model by the mask it holds; rounding is the same for all of a task."""
        start = np.empty((len(clients), self.federation.layout.parameters), dtype=np.float32)
        for task, rows in self._by_task(clients):
            held = self.state["held"][clients[rows]]
            for version in np.unique(held):
                own = rows[held == version]
                name = "masks" if self.divided and version == self.state["version"] else "previous_masks"
                reference = None if task == UNKNOWN else self.state[name][task]
                start[own] = self.decode([downloads[row] for row in own], mask=reference)
            if task != UNKNOWN:
                self.state["held"][clients[rows]] = self.state["version"]
        return start

    def _encode_differences(self, round_: int, task: int, differences: Parameters) -> list[bytes]:
        """Encode what clients of one task upload."""
        bits = self.settings.upload_bits
        return self.encode(round_, differences, purpose=f"upload of task {task}", bits=bits, mask=self._mask(task))
