"""Every client prunes the model in its own way: Sub-FedAvg and LotteryFL."""

from __future__ import annotations

import zlib
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from ...array_types import BoolArray, FloatArray, IntArray
from ...sharing import payload
from ...sharing.aggregation import aggregate
from ...sharing.masks import prune
from ..arrays import Parameters
from .base import AlgorithmSettings, ClientModels, Message, UploadReport
from .fedavg import FedAvg
from .own_data import own_accuracies

__all__ = ["LotteryFL", "PersonalMaskSettings", "PersonalMasks", "SubFedAvg", "SubFedAvgSettings"]


class PersonalMaskSettings(AlgorithmSettings):
    """Options of algorithms with a mask for every client."""

    density: Annotated[float, Field(gt=0.0, le=1.0)] = 0.5
    """Part of the weights that a client keeps in the end; 1 prunes nothing."""
    prune_step: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.1
    """Part of its remaining weights that a client removes at a time."""
    accuracy: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    """Accuracy on its own samples from which a client prunes."""
    finetune_epochs: Annotated[int, Field(ge=0)] = 5
    """Passes over its own samples before a client uses its model; 0 for none."""


class PersonalMasks(FedAvg):
    """FedAvg of subnetworks: every client keeps a part of the weights, and the server averages where parts meet.

    The state has the server's ``model`` (P,), the clients' ``masks`` (N, P), and in ``known`` (N, P) those that the
    server has learnt: a client sends its mask with the values when it has changed, as a difference to the mask that
    the server knows or in full, whichever is shorter. The server sends a client the values of the mask that it knows
    and averages every weight over the clients that kept it; where nobody did, it stays. Masks shrink only.
    """

    settings: PersonalMaskSettings

    @abstractmethod
    def explore(
        self, round_: int, clients: IntArray, received: Parameters, kept: BoolArray
    ) -> tuple[Parameters, BoolArray]:
        """Train from what was received, (n, P), under masks (n, P); return the models and the new masks."""

    def start(self) -> None:
        super().start()
        shape = (self.federation.n_clients, self.federation.layout.parameters)
        self.state |= {"masks": np.ones(shape, dtype=np.bool_), "known": np.ones(shape, dtype=np.bool_)}

    def report(self, round_: int) -> UploadReport:
        reported = super().report(round_)
        bits = np.array([self._bound(known) for known in self.state["known"]])
        return UploadReport(bits, reported.relevance)

    def download(self, round_: int, clients: IntArray) -> list[Message]:
        messages: list[Message] = [()] * len(clients)
        model, bits = self.state["model"][np.newaxis], self.settings.download_bits
        for mask, rows in self._by_mask(clients):
            purpose = f"download to client {clients[rows[0]]}"
            (data,) = self.encode(round_, model, purpose=purpose, bits=bits, mask=mask)
            message = (data,)
            for row in rows:
                messages[row] = message
        return messages

    def local_update(self, round_: int, clients: IntArray, downloads: Sequence[Message]) -> list[Message]:
        kept = self.state["masks"][clients]
        received = np.zeros(kept.shape, dtype=np.float32)
        for mask, rows in self._by_mask(clients):
            received[rows] = self.decode([downloads[row] for row in rows], mask=mask)
        # A client whose last upload was lost has pruned further than the server knows.
        received *= kept
        trained, kept = self.explore(round_, clients, received, kept)
        self.state["masks"][clients] = kept
        layer, bits = self.federation.layout.layer, self.settings.upload_bits
        return [
            (
                payload.encode(
                    difference,
                    bits=bits,
                    layer=layer,
                    mask=mask,
                    reference=self.state["known"][client],
                    rng=self.federation.generator(f"rounding of the upload of client {client}", round_),
                ),
            )
            for client, difference, mask in zip(clients, trained - received, kept, strict=True)
        ]

    def aggregate(self, round_: int, clients: IntArray, uploads: Sequence[Message]) -> None:
        if not len(clients):
            return
        layout, model = self.federation.layout, self.state["model"]
        found = [
            payload.decode(upload[0], layer=layout.layer, reference=self.state["known"][client])
            for client, upload in zip(clients, uploads, strict=True)
        ]
        masks = np.stack([each.mask for each in found])
        self.state["known"][clients] = masks
        self.state["model"] = aggregate(
            model + np.stack([each.values for each in found]),
            np.zeros(len(clients), dtype=np.int64),
            current=model[np.newaxis],
            layout=layout,
            masks=masks,
            masks_by_task=False,
            weights=self.federation.samples(clients),
        ).models[0]

    def client_models(self, round_: int) -> ClientModels:
        masks = self.state["masks"]
        models = np.where(masks, self.state["model"], np.float32(0.0))
        return self.federation.fine_tuned(round_, models, self.settings.finetune_epochs, trainable=masks)

    def figures(self) -> dict[str, float]:
        return {"density": float(self.densities(self.state["masks"]).mean())}

    # -- for the explorers

    def densities(self, masks: BoolArray) -> FloatArray:
        """Return the part of the prunable weights that each mask keeps, (n,) from (n, P)."""
        prunable = self.federation.layout.prunable
        parts: FloatArray = np.count_nonzero(masks & prunable, axis=-1) / max(int(np.count_nonzero(prunable)), 1)
        return parts

    def pruned(self, models: Parameters, kept: BoolArray) -> BoolArray:
        """Return masks (n, P) without the smallest weights of (n, P) models, not below the final density."""
        targets = np.maximum(self.settings.density, (1.0 - self.settings.prune_step) * self.densities(kept))
        rows = [
            prune(model, mask, layout=self.federation.layout, density=float(target))
            for model, mask, target in zip(models, kept, targets, strict=True)
        ]
        return np.array(rows, dtype=np.bool_).reshape(kept.shape)

    def ready(self, models: Parameters, clients: IntArray, kept: BoolArray) -> BoolArray:
        """Return who is accurate enough on its own samples to prune, and has something left to, (n,)."""
        return (own_accuracies(self.federation, models, clients) >= self.settings.accuracy) & self._unfinished(kept)

    def _unfinished(self, masks: BoolArray) -> BoolArray:
        """Return whose masks have more than the final density, to the nearest weight, (n,)."""
        prunable = self.federation.layout.prunable
        left = np.count_nonzero(masks & prunable, axis=-1)
        more: BoolArray = np.asarray(left > self.settings.density * np.count_nonzero(prunable) + 0.5)
        return more

    # -- messages

    def _bound(self, known: BoolArray) -> float:
        """Bits of an upload at most: the values that are left, and a bitmap while the mask may still change."""
        settled = self.upload_size(known)
        if not self._unfinished(known):
            return float(settled)
        layout = self.federation.layout
        bitmap = 1 + (layout.parameters + 7) // 8
        changed = payload.size_bits(
            int(np.count_nonzero(known)),
            layers=layout.layers,
            bits=self.settings.upload_bits,
            mode=payload.MaskMode.FULL,
            mask_bytes=bitmap,
        )
        return float(max(settled, changed))

    def _by_mask(self, clients: IntArray) -> Iterator[tuple[BoolArray, list[int]]]:
        """Yield the masks that the server knows of clients, with the places of the clients that have them."""
        rows: dict[int, list[int]] = {}
        for row, mask in enumerate(self.state["known"][clients]):
            rows.setdefault(zlib.crc32(np.packbits(mask).tobytes()), []).append(row)
        for same in rows.values():
            yield self.state["known"][clients[same[0]]], same


class SubFedAvgSettings(PersonalMaskSettings):
    """Options of Sub-FedAvg."""

    accuracy: Annotated[float, Field(ge=0.0, le=1.0)] = 0.9
    """Accuracy on its own samples from which a client prunes. Those are the samples it has just trained on, so it takes
    more than the half that the authors ask for on others.
    """
    distance: Annotated[float, Field(ge=0.0, le=1.0)] = 1e-4
    """Least part of the weights in which the masks after the first and after the last epoch differ: while they agree,
    the network has stopped changing and is not pruned.
    """


class SubFedAvg(PersonalMasks):
    r"""Iterative magnitude pruning on every client, with an average over the clients that kept a weight.

    .. math:: \theta_j \leftarrow \frac{\sum_i n_i m_{ij} \theta_{ij}}{\sum_i n_i m_{ij}}

    After its local training a client prunes (the unstructured variant of the paper) if masks drawn from the first and
    the last epoch still differ and the pruned model is accurate enough. Ours: it is judged on the client's training
    samples, as there are no others; smallest weights are taken over all layers together; a client is tested with the
    server's values under its own mask, fine-tuned as the paper's clients are when they are tested after training.

    Source: S. Vahidian, M. Morafah, B. Lin, 'Personalized Federated Learning by Structured and Unstructured Pruning
    under Data Heterogeneity', ICDCS Workshops 2021.
    """

    title: ClassVar[str] = "Sub-FedAvg"
    settings_type: ClassVar[type[AlgorithmSettings]] = SubFedAvgSettings
    settings: SubFedAvgSettings

    def explore(
        self, round_: int, clients: IntArray, received: Parameters, kept: BoolArray
    ) -> tuple[Parameters, BoolArray]:
        federation = self.federation
        trained = federation.train(round_, clients, received, trainable=kept)
        # The same first steps once more, to see where the first epoch ended.
        epoch = np.ceil(federation.samples(clients) / federation.training.batch_size).astype(np.int64)
        first = federation.train(round_, clients, received, trainable=kept, steps=epoch)
        early, late = self.pruned(first, kept), self.pruned(trained, kept)
        prunable = max(int(np.count_nonzero(federation.layout.prunable)), 1)
        moving = np.count_nonzero(early != late, axis=1) >= self.settings.distance * prunable
        prunes = moving & self.ready(np.where(late, trained, np.float32(0.0)), clients, kept)
        return trained, np.where(prunes[:, np.newaxis], late, kept)


class LotteryFL(PersonalMasks):
    r"""Pruning by the lottery ticket hypothesis: what is left goes back to where it began.

    A client that is sent a model which is accurate enough on its own samples removes the smallest weights, sets those
    that are left to their values of the very beginning, :math:`\theta^0 \odot m_i`, and trains from there; all others
    train what they were sent. The server averages every weight over the clients that kept it.

    Ours: accuracy is that on the client's training samples; the initial model is the one that everybody was sent
    first, so rewinding sends nothing; a client is tested with the server's values under its own mask, fine-tuned as
    the paper's clients are when they are tested after training.

    Source: A. Li, J. Sun, B. Wang, L. Duan, S. Li, Y. Chen, H. Li, 'LotteryFL: Empower Edge Intelligence with
    Personalized and Communication-Efficient Federated Learning', IEEE/ACM SEC 2021.
    """

    title: ClassVar[str] = "LotteryFL"
    settings_type: ClassVar[type[AlgorithmSettings]] = PersonalMaskSettings

    def explore(
        self, round_: int, clients: IntArray, received: Parameters, kept: BoolArray
    ) -> tuple[Parameters, BoolArray]:
        prunes = self.ready(received, clients, kept)[:, np.newaxis]
        kept = np.where(prunes, self.pruned(received, kept), kept)
        start = np.where(prunes, self.federation.initial(), received)
        start *= kept
        return self.federation.train(round_, clients, start, trainable=kept), kept
