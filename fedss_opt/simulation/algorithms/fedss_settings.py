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
    """Options of FedSS.

    Attributes
    ----------
    upload_bits, download_bits : int
        Bits per value in the two directions.
    n_tasks : int
        Number of tasks K that clients are divided into.
    known_tasks : bool
        Whether the true tasks are given; else clients are clustered by their updates.
    warmup_rounds : int
        Rounds of FedAvg from the common start; the last one is the probe that clients are clustered by.
    density : float
        Part of the weights that every task keeps in the end; 1 prunes nothing.
    prune_every : int
        Rounds from one pruning to the next.
    prune_step : float
        Part of the remaining weights that each pruning removes.
    regrow : float
        Part of the kept weights that every pruning exchanges for random others.
    sharing : Sharing
        Whether tasks share at all.
    measure : str
        How relevance is measured.
    smoothing : float
        Weight of the past in the measure's exponential average.
    kappa : float
        Factor on the signal-to-noise relevance.
    quantiser : str
        Codebook of the relevance; ``adaptive`` chooses its number of levels, ``none`` quantises nothing.
    levels : int
        Levels of the codebook; at most so many when adaptive.
    distortion : float
        What the adaptive quantiser may lose, as a part of the variance of the relevance.
    """

    upload_bits: BitsPerValue = 4
    download_bits: BitsPerValue = 8
    n_tasks: Annotated[int, Field(ge=1)] = 4
    known_tasks: bool = False
    warmup_rounds: Annotated[int, Field(ge=1)] = 5
    density: Annotated[float, Field(gt=0.0, le=1.0)] = 0.3
    prune_every: Annotated[int, Field(ge=1)] = 4
    prune_step: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.2
    regrow: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    sharing: Sharing = Sharing.RELEVANCE
    measure: Literal["signal_to_noise", "jaccard", "hamming", "phi", "cosine"] = "signal_to_noise"
    smoothing: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.5
    kappa: Annotated[float, Field(ge=1e-6, le=1e6)] = 1.0
    quantiser: Literal["adaptive", "lloyd_max", "uniform", "quantile", "none"] = "adaptive"
    levels: Annotated[int, Field(ge=2, le=256)] = 8
    distortion: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.02
