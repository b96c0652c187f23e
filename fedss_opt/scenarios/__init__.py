"""Named cells of the literature, as problems.

`make` turns a preset into a `Problem`; `PRESETS` holds the presets with their sources, `names` lists them.
The page ``docs/reference/scenarios.md`` shows the table.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ..array_types import FloatArray
from ..exceptions import OptionError
from ..problem import Problem
from ..quantities import offered
from ..validation import member
from ..wording import one_of
from .arguments import count, number, positive, span
from .channel import draw_channels
from .devices import draw_compute_s
from .draws import Range, generator, uniform
from .presets import PRESETS, Preset
from .radios import block_width_hz, draw_noise_w_per_hz, draw_power_w, longest_upload_s
from .relevance_draws import RelevanceKind, draw_relevance

__all__ = ["PRESETS", "Preset", "RelevanceKind", "make", "names"]


def names() -> tuple[str, ...]:
    """Return the names of the presets.

    Examples
    --------
    >>> import fedss_opt as fo
    >>> fo.scenarios.names()
    ('yang2021', 'shi2021', 'fedcs2019', 'chen2021', 'fedl2019', 'cbcsba2025', 'umi', 'uma')
    """
    return tuple(PRESETS)


def make(
    preset: str = "yang2021",
    n_clients: int | None = None,
    n_tasks: int = 5,
    seed: int = 0,
    *,
    objective: str = "makespan",
    required_fraction: npt.ArrayLike = 0.3,
    relevance: str = "overlapping",
    bandwidth_hz: float | None = None,
    resource_blocks: bool = False,
    payload_bits: Range | None = None,
    transmit_power_dbm: float | None = None,
    compute_s: Range | None = None,
    max_upload_s: float | None = None,
    availability: float = 1.0,
) -> Problem:
    """Draw a problem from a named cell.

    The same arguments give the same problem, on every machine. What is drawn for different purposes is
    independent: changing the tasks, the payload or the relevance leaves the channels as they are, and the
    first n clients of a larger cell are those of the smaller one.

    Parameters
    ----------
    preset : str
        Name of the cell, see `names`.
    n_clients : int, optional
        Number of clients N >= 0; the preset's by default.
    n_tasks : int
        Number of tasks K >= 0.
    seed : int
        Seed of all draws, >= 0.
    objective : {"makespan", "total"}
        Objective of the problem.
    required_fraction : array_like, (K,) or scalar
        What each task needs, as a fraction >= 0 of what all available clients together offer it. Above 1 the
        problem is infeasible.
    relevance : {"overlapping", "one_task", "continuous", "heavy_tailed", "tied"}
        How the relevance is drawn, see `RelevanceKind`.
    bandwidth_hz : float, optional
        Bandwidth of the cell, Hz; the preset's by default, however many clients there are.
    resource_blocks : bool
        Hand the bandwidth out in whole resource blocks of the preset's width; continuously by default.
    payload_bits : float or (low, high), optional
        Bits that a client uploads; a pair is drawn from uniformly.
    transmit_power_dbm : float, optional
        Transmit power of every client, dBm.
    compute_s : float or (low, high), optional
        Seconds before the upload can start; a pair is drawn from uniformly.
    max_upload_s : float, optional
        Longest upload, s, ``inf`` for none; replaces the preset's limits of time and energy.
    availability : float
        Probability with which a client is available, from 0 to 1.

    Returns
    -------
    Problem
        With clients ``"client-000", ...`` and tasks ``"task-0", ...``.

    Raises
    ------
    OptionError
        For an unknown preset or relevance, or a number outside its range.
    ProblemError
        For an unknown objective.

    Notes
    -----
    The channel is ``cn0_hz = P h / N0``: transmit power in W, power gain, and the density of noise (and
    interference) in W/Hz. An energy limit E caps the upload at E / P.

    Examples
    --------
    >>> import fedss_opt as fo
    >>> fo.scenarios.make("yang2021", n_clients=100, n_tasks=5, seed=0)
    Problem(n_clients=100, n_tasks=5, bandwidth_hz=2e+07, rate_model='shannon', objective='makespan')
    >>> fo.scenarios.make("umi", n_clients=20, payload_bits=(0.5e6, 5e6), bandwidth_hz=8e6)
    Problem(n_clients=20, n_tasks=5, bandwidth_hz=8e+06, rate_model='shannon', objective='makespan')
    """
    if preset not in PRESETS:
        raise OptionError(field="preset", value=preset, accepted=one_of(preset, PRESETS))
    cell = PRESETS[preset]
    n = cell.n_clients if n_clients is None else count("n_clients", n_clients)
    k = count("n_tasks", n_tasks)
    seed = count("seed", seed)
    kind = member("relevance", relevance, RelevanceKind)
    fraction = _fraction(required_fraction, k)
    number("availability", availability, low=0.0, high=1.0)

    payload = cell.payload_bits if payload_bits is None else span("payload_bits", payload_bits, "bit", zero=False)
    if transmit_power_dbm is not None:
        number("transmit_power_dbm", transmit_power_dbm, low=-math.inf, high=math.inf, open_low=True, open_high=True)
    power = draw_power_w(preset, transmit_power_dbm, n, seed)
    if compute_s is None:
        before = draw_compute_s(cell.compute, n, seed)
    else:
        before = uniform(span("compute_s", compute_s, "s", zero=True), n, seed, "compute time, uniform")
    if max_upload_s is None:
        longest = longest_upload_s(preset, power)
    else:
        longest = np.full(n, number("max_upload_s", max_upload_s, low=0.0, high=math.inf, open_low=True))
    shared_hz = cell.bandwidth_hz if bandwidth_hz is None else positive("bandwidth_hz", bandwidth_hz)
    block_hz = block_width_hz(preset) if resource_blocks else None

    contribution = draw_relevance(kind, n, k, seed)
    available = generator(seed, "availability").random(n) < availability
    return Problem(
        payload_bits=uniform(payload, n, seed, "payload"),
        bandwidth_hz=shared_hz,
        resource_block_hz=block_hz,
        **_channel(preset, power, n, seed),
        relevance=contribution,
        required=fraction * offered(contribution, available),
        compute_s=before,
        max_upload_s=longest,
        available=available,
        objective=objective,
        client_ids=_ids("client", n, width=3),
        task_ids=_ids("task", k, width=1),
    )


def _channel(preset: str, power_w: FloatArray, n: int, seed: int) -> dict[str, Any]:
    """Draw the channel: ``cn0_hz``, or ``spectral_efficiency`` where the rate is linear."""
    cell = PRESETS[preset]
    if cell.snr_per_w is not None:
        return {"spectral_efficiency": np.log2(1.0 + cell.snr_per_w * power_w)}
    assert cell.layout is not None
    assert cell.path_loss is not None
    channels = draw_channels(layout=cell.layout, path_loss=cell.path_loss, rayleigh=cell.rayleigh, clients=n, seed=seed)
    return {"cn0_hz": power_w * channels.gain / draw_noise_w_per_hz(preset, n, seed)}


def _ids(stem: str, count: int, *, width: int) -> list[str]:
    digits = max(width, len(str(count - 1)))
    return [f"{stem}-{i:0{digits}d}" for i in range(count)]


# -- what a caller hands in ---------------------------------------------------------------------------------


def _fraction(required: npt.ArrayLike, k: int) -> FloatArray:
    wanted = f"required_fraction = {required!r}: must be a fraction >= 0 (finite), or one for each of the {k} tasks"
    try:
        fraction = np.asarray(required, dtype=np.float64)
    except (TypeError, ValueError):
        raise OptionError(wanted) from None
    if fraction.shape not in ((), (k,)) or not np.all(np.isfinite(fraction) & (fraction >= 0.0)):
        raise OptionError(wanted)
    return np.broadcast_to(fraction, (k,))
