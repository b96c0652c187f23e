"""What algorithms share whose clients each prune the model in their own way."""

from __future__ import annotations

import zlib
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Annotated

import numpy as np
from pydantic import Field

from ...sharing import payload
from ...sharing.aggregation import aggregate
from ...sharing.masks import prune
from .base import AlgorithmSettings, BoolArray, ClientModels, FloatArray, IntArray, Message, Parameters, UploadReport
from .fedavg import FedAvg
from .own_data import own_accuracies
from .personal import fine_tuned

__all__ = ["PersonalMaskSettings", "PersonalMasks"]


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
        return fine_tuned(self.federation, round_, models, self.settings.finetune_epochs, trainable=masks)

    def figures(self) -> dict[str, float]:
        return {"density": float(self.densities(self.state["masks"]).mean())}

    # -- for the explorers
    # ---------------------------------------------------------------------------------

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
    # ---------------------------------------------------------------------------------

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
