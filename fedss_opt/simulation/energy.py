"""What computing and uploading cost in energy, and how long an upload a budget leaves.

Computing costs ``kappa f^2`` joules a cycle (switched capacitance: Yang et al., IEEE TWC 20(3), 2021, after Burd and
Brodersen, 1996), with one floating-point operation a cycle; uploading costs the transmit power while it lasts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..array_types import BoolArray, FloatArray
from ..fields import SMALLEST
from ..validation import boolean_vector, vector

__all__ = ["EnergyLimits", "charge_after_j", "computing_j", "energy_limits"]


@dataclass(frozen=True, eq=False)
class EnergyLimits:
    """The longest uploads d_n that budgets allow in a round, s, (N,), and who has energy left after computing, (N,).

    It is ``inf`` without a budget. Where nothing is left it is 1e-30 s, which a `Problem` accepts and no upload keeps.
    """

    max_upload_s: FloatArray
    able: BoolArray


def computing_j(work_flops: npt.ArrayLike, flops_per_s: npt.ArrayLike, switched_capacitance: float) -> FloatArray:
    """Energy of computing, ``kappa f^2 w``, J, (N,).

    Parameters
    ----------
    work_flops : array_like, (N,)
        Floating-point operations >= 0, w_n.
    flops_per_s : array_like, (N,) or scalar
        Speed f_n > 0, operations a second.
    switched_capacitance : float
        kappa >= 0, J s^2 (per operation and squared speed).

    Examples
    --------
    >>> computing_j([1e9], 2e9, 1e-28).round(3)
    array([0.4])
    """
    n = np.size(work_flops)
    work = vector("work_flops", work_flops, n)
    speed = vector("flops_per_s", flops_per_s, n, positive=True)
    return switched_capacitance * speed**2 * work


def energy_limits(
    charge_j: npt.ArrayLike, spent_computing_j: npt.ArrayLike, power_w: npt.ArrayLike, *, round_budget_j: float
) -> EnergyLimits:
    """Return the longest upload that battery and round budget leave: ``d = (min(charge, budget) - computing) / P``.

    Parameters
    ----------
    charge_j, round_budget_j : array_like, (N,), and float
        What is left in each client's battery, J >= 0, ``inf`` for mains; most that it may spend in a round, J > 0.
    spent_computing_j, power_w : array_like, (N,) or scalar
        Energy of computing this round, J >= 0, and transmit power, W > 0.

    Examples
    --------
    >>> limits = energy_limits([1.0, 0.1], [0.2, 0.2], 0.01, round_budget_j=0.5)
    >>> limits.max_upload_s.round(6), limits.able
    (array([30.,  0.]), array([ True, False]))
    """
    charge = vector("charge_j", charge_j, np.size(charge_j), infinite=True, unit="J")
    computing = vector("spent_computing_j", spent_computing_j, charge.size, unit="J")
    power = vector("power_w", power_w, charge.size, positive=True, unit="W")
    longest = (np.minimum(charge, round_budget_j) - computing) / power
    able = longest > SMALLEST
    return EnergyLimits(max_upload_s=np.where(able, longest, SMALLEST), able=able)


def charge_after_j(
    charge_j: npt.ArrayLike,
    spent_computing_j: npt.ArrayLike,
    power_w: npt.ArrayLike,
    upload_s: npt.ArrayLike,
    *,
    computed: npt.ArrayLike,
    uploaded: npt.ArrayLike,
) -> FloatArray:
    """Return what a round leaves in the batteries, J: the charge less computing and ``P`` times the upload, or 0.

    Parameters
    ----------
    charge_j, spent_computing_j, power_w
        As in `energy_limits`.
    upload_s : array_like, (N,) or scalar
        How long each client transmitted, s >= 0; read for those who uploaded.
    computed, uploaded : array_like of bool, (N,) or scalar
        Who trained, and who transmitted. An upload that fails or comes late has cost its energy all the same.

    Examples
    --------
    >>> charge_after_j([1.0, 1.0], 0.2, 0.01, [30.0, 0.0], computed=True, uploaded=[True, False]).round(6)
    array([0.5, 0.8])
    """
    charge = vector("charge_j", charge_j, np.size(charge_j), infinite=True, unit="J")
    n = charge.size
    trained, sent = boolean_vector("computed", computed, n), boolean_vector("uploaded", uploaded, n)
    # An upload that was never given bandwidth takes for ever; it is not read.
    seconds = np.where(sent, vector("upload_s", upload_s, n, infinite=True, unit="s"), 0.0)
    spent = np.where(trained, vector("spent_computing_j", spent_computing_j, n, unit="J"), 0.0)
    spent += vector("power_w", power_w, n, positive=True, unit="W") * seconds
    with np.errstate(invalid="ignore"):  # mains and an endless upload: inf - inf
        left = np.where(np.isinf(charge), charge, charge - spent)
    return np.maximum(left, 0.0)
