"""Sparse sharing: masks, relevance and its quantiser, payloads and aggregation; arrays in, arrays out.

Each part can be used alone from another federated-learning system; the page ``docs/explanation/sharing.md`` shows how.
"""

from .aggregation import Aggregate, aggregate
from .clustering import cluster_clients
from .layout import ParameterLayout
from .mask_codes import MaskCode, decode_delta, decode_mask, encode_delta, encode_mask
from .masks import MaskStatistics, Regrowth, prune, regrow, statistics
from .payload import Decoded, MaskMode, decode, decode_many, encode, encode_many, payload_bits, size_bits
from .quantisers import Codebook, QuantiserKind, QuantiserReport, adaptive, lloyd_max, quantile, uniform
from .relevance import (
    MEASURES,
    Cosine,
    Hamming,
    Jaccard,
    Measure,
    Phi,
    SignalToNoise,
    client_relevance,
    task_relevance,
)
from .round_problem import to_problem
from .schedules import CubicSchedule, PruningSchedule, Schedule
from .values import dequantise, quantise, rounding_variance

__all__ = [
    "MEASURES",
    "Aggregate",
    "Codebook",
    "Cosine",
    "CubicSchedule",
    "Decoded",
    "Hamming",
    "Jaccard",
    "MaskCode",
    "MaskMode",
    "MaskStatistics",
    "Measure",
    "ParameterLayout",
    "Phi",
    "PruningSchedule",
    "QuantiserKind",
    "QuantiserReport",
    "Regrowth",
    "Schedule",
    "SignalToNoise",
    "adaptive",
    "aggregate",
    "client_relevance",
    "cluster_clients",
    "decode",
    "decode_delta",
    "decode_many",
    "decode_mask",
    "dequantise",
    "encode",
    "encode_delta",
    "encode_many",
    "encode_mask",
    "lloyd_max",
    "payload_bits",
    "prune",
    "quantile",
    "quantise",
    "regrow",
    "rounding_variance",
    "size_bits",
    "statistics",
    "task_relevance",
    "to_problem",
    "uniform",
]
