"""Options of FedSS and its ablations."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from .base import AlgorithmSettings, BitsPerValue

__all__ = ["FedSSSettings", "Sharing"]


class Sharing(StrEnum):
    """What crosses from one task to another."""

    RELEVANCE = "relevance"
    """As much as the quantised relevance of each neuron says."""
    NONE = "none"
    """Nothing: the ablation."""


class FedSSSettings(AlgorithmSettings):
    """Options of FedSS."""

    upload_bits: BitsPerValue = 4
    """Bits per value in the two directions."""
    download_bits: BitsPerValue = 8
    """Bits per value in the two directions."""
    n_tasks: Annotated[int, Field(ge=1)] = 4
    """Number of tasks K that clients are divided into."""
    known_tasks: bool = False
    """Whether the true tasks are given; else clients are clustered by their updates."""
    warmup_rounds: Annotated[int, Field(ge=1)] = 5
    """Rounds of FedAvg from the common start; the last one is the probe that clients are clustered by."""
    density: Annotated[float, Field(gt=0.0, le=1.0)] = 0.3
    """Part of the weights that every task keeps in the end; 1 prunes nothing."""
    prune_every: Annotated[int, Field(ge=1)] = 4
    """Rounds from one pruning to the next."""
    prune_step: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.2
    """Part of the remaining weights that each pruning removes."""
    regrow: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    """Part of the kept weights that every pruning exchanges for random others."""
    sharing: Sharing = Sharing.RELEVANCE
    """Whether tasks share at all."""
    measure: Literal["signal_to_noise", "jaccard", "hamming", "phi", "cosine"] = "signal_to_noise"
    """How relevance is measured."""
    smoothing: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.5
    """Weight of the past in the measure's exponential average."""
    kappa: Annotated[float, Field(ge=1e-6, le=1e6)] = 1.0
    """Factor on the signal-to-noise relevance."""
    quantiser: Literal["adaptive", "lloyd_max", "uniform", "quantile", "none"] = "adaptive"
    """Codebook of the relevance; ``adaptive`` chooses its number of levels, ``none`` quantises nothing."""
    levels: Annotated[int, Field(ge=2, le=256)] = 8
    """Levels of the codebook; at most so many when adaptive."""
    distortion: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.02
    """What the adaptive quantiser may lose, as a part of the variance of the relevance."""
