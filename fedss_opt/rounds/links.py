"""From what radios report (CQI, SINR, RSRP, throughput) to `cn0_hz` or `spectral_efficiency`.

``docs/how-to/link-quality.md`` says which of them means what, and where they mislead.
"""

from __future__ import annotations

from enum import StrEnum

from ..exceptions import OptionError
from ..scenarios.arguments import count, number, positive
from ..validation import member

__all__ = [
    "CqiTable",
    "cn0_from_rsrp",
    "cn0_from_sinr",
    "spectral_efficiency_from_cqi",
    "spectral_efficiency_from_throughput",
]

THERMAL_DBM_PER_HZ = -174.0
"""Density of thermal noise at 290 K, dBm/Hz: 10 log10(1.38e-23 J/K * 290 K * 1e3 mW/W), rounded as is the custom."""

# What radios report and links have, with room; beyond it stands a value that means "unknown", or a sign was lost.
_PLAUSIBLE: dict[str, tuple[float, float]] = {
    "sinr_db": (-50.0, 70.0),
    "rsrp_dbm": (-160.0, -20.0),
    "reference_power_dbm": (-60.0, 60.0),
    "transmit_power_dbm": (-60.0, 60.0),
    "noise_figure_db": (0.0, 40.0),
    "interference_db": (0.0, 100.0),
}
_HINT = {"rsrp_dbm": " (dBm are negative here)"}


class CqiTable(StrEnum):
    """Which of the tables of TS 38.214 (and TS 36.213) a CQI refers to; the network configures it."""

    QAM64 = "64qam"
    """TS 36.213 Table 7.2.3-1 and TS 38.214 Table 5.2.2.1-2: up to 64QAM, block error rate 0.1."""
    QAM256 = "256qam"
    """TS 38.214 Table 5.2.2.1-3: up to 256QAM, block error rate 0.1."""
    LOW = "low"
    """TS 38.214 Table 5.2.2.1-4: low spectral efficiency, block error rate 1e-5."""


# Bits per symbol and 1024 times the code rate, for CQI 1 to 15.
_QPSK, _QAM16, _QAM64, _QAM256 = 2, 4, 6, 8
_SCHEMES: dict[CqiTable, dict[int, tuple[int, ...]]] = {
    CqiTable.QAM64: {
        _QPSK: (78, 120, 193, 308, 449, 602),
        _QAM16: (378, 490, 616),
        _QAM64: (466, 567, 666, 772, 873, 948),
    },
    CqiTable.QAM256: {
        _QPSK: (78, 193, 449),
        _QAM16: (378, 490, 616),
        _QAM64: (466, 567, 666, 772, 873),
        _QAM256: (711, 797, 885, 948),
    },
    CqiTable.LOW: {
        _QPSK: (30, 50, 78, 120, 193, 308, 449, 602),
        _QAM16: (378, 490, 616),
        _QAM64: (466, 567, 666, 772),
    },
}
_EFFICIENCY = {
    table: tuple(bits * rate / 1024.0 for bits, rates in schemes.items() for rate in rates)
    for table, schemes in _SCHEMES.items()
}


def cn0_from_sinr(sinr_db: float, bandwidth_hz: float) -> float:
    """Return C/N0 from a signal-to-noise-and-interference ratio that was measured over a known bandwidth.

    ``C/N0 = SINR * W``: the noise in W hertz is W times its density.

    Parameters
    ----------
    sinr_db : float
        SINR, dB.
    bandwidth_hz : float
        Bandwidth W over which the client's whole power was spread when it was measured, Hz.

    Returns
    -------
    float
        C/N0, Hz.

    Raises
    ------
    OptionError
        For a SINR outside -50 to 70 dB, which is none but stands for "unknown", or no bandwidth > 0.

    Examples
    --------
    >>> cn0_from_sinr(10.0, 1.8e6)
    18000000.0
    """
    return _ratio(_decibels("sinr_db", sinr_db)) * positive("bandwidth_hz", bandwidth_hz)


def cn0_from_rsrp(
    rsrp_dbm: float,
    *,
    reference_power_dbm: float,
    transmit_power_dbm: float = 23.0,
    noise_figure_db: float = 5.0,
    interference_db: float = 0.0,
) -> float:
    """Return the uplink's C/N0 from the RSRP that a client measures in the downlink.

    The path loss is the power with which the base station sends a resource element of the reference signal, less the
    power with which it arrives. The uplink loses as much::

        C/N0 [dB Hz] = transmit power - (reference power - RSRP) - (-174 dBm/Hz + noise figure + interference)

    Parameters
    ----------
    rsrp_dbm : float
        RSRP, dBm per resource element.
    reference_power_dbm : float
        What the base station announces as the power of a resource element (`ss-PBCH-BlockPower` in NR,
        `referenceSignalPower` in LTE), dBm.
    transmit_power_dbm : float
        The client's transmit power, dBm; 23 dBm is that of power class 3.
    noise_figure_db : float
        The base station's noise figure, dB.
    interference_db : float
        How far noise and interference together lie above the noise, dB.

    Returns
    -------
    float
        C/N0, Hz.

    Raises
    ------
    OptionError
        For what no radio has: an RSRP outside -160 to -20 dBm or not below the reference power, powers outside
        -60 to 60 dBm, a noise figure outside 0 to 40 dB, interference outside 0 to 100 dB.

    Examples
    --------
    >>> cn0_hz = cn0_from_rsrp(-100.0, reference_power_dbm=18.0)  # 118 dB of path loss
    >>> f"{cn0_hz:.3e}"
    '2.512e+07'
    """
    received = _decibels("rsrp_dbm", rsrp_dbm)
    reference_dbm = _decibels("reference_power_dbm", reference_power_dbm)
    if received >= reference_dbm:
        raise OptionError(
            field="rsrp_dbm", value=rsrp_dbm, accepted=f"must be below reference_power_dbm = {reference_dbm:g}"
        )
    loss_db = reference_dbm - received
    sent = _decibels("transmit_power_dbm", transmit_power_dbm)
    density_dbm = THERMAL_DBM_PER_HZ + _decibels("noise_figure_db", noise_figure_db)
    density_dbm += _decibels("interference_db", interference_db)
    return _ratio(sent - loss_db - density_dbm)


def spectral_efficiency_from_cqi(cqi: int, table: CqiTable | str = CqiTable.QAM64) -> float:
    """Return the spectral efficiency that a channel quality indicator stands for.

    Parameters
    ----------
    cqi : int
        CQI, 1 to 15. CQI 0 is "out of range": such a client cannot be served, and has no efficiency.
    table : {"64qam", "256qam", "low"}
        The table that the network has configured.

    Returns
    -------
    float
        bit/s/Hz: bits of a symbol times the code rate.

    Raises
    ------
    OptionError
        For another CQI, or another table.

    Examples
    --------
    >>> spectral_efficiency_from_cqi(7), spectral_efficiency_from_cqi(15, "256qam")
    (1.4765625, 7.40625)
    """
    efficiency = _EFFICIENCY[member("table", table, CqiTable)]
    number_ = count("cqi", cqi)
    if not 1 <= number_ <= len(efficiency):
        raise OptionError(
            field="cqi", value=cqi, accepted=f"must be 1 to {len(efficiency)}; 0 means that the client is out of range"
        )
    return efficiency[number_ - 1]


def spectral_efficiency_from_throughput(throughput_bps: float, bandwidth_hz: float) -> float:
    """Return the spectral efficiency of a measured upload.

    Parameters
    ----------
    throughput_bps : float
        Bits that arrived per second of upload, bit/s.
    bandwidth_hz : float
        Bandwidth that the client had meanwhile, Hz.

    Returns
    -------
    float
        bit/s/Hz.

    Raises
    ------
    OptionError
        For what is no number > 0.

    Examples
    --------
    >>> spectral_efficiency_from_throughput(1.2e6, 360e3)
    3.3333333333333335
    """
    return positive("throughput_bps", throughput_bps) / positive("bandwidth_hz", bandwidth_hz)


def _decibels(name: str, value: float) -> float:
    """Accept decibels that a radio can have."""
    low, high = _PLAUSIBLE[name]
    try:
        return number(name, value, low=low, high=high)
    except OptionError as error:
        error.accepted += f", which is what is plausible{_HINT.get(name, '')}"
        raise


def _ratio(decibels: float) -> float:
    return float(10.0 ** (decibels / 10.0))
