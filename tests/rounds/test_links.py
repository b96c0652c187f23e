"""Conversions of what radios report; judged by the tables as printed, and by the formulas written another way round."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import fedss_opt as fo
from fedss_opt.rounds.links import (
    THERMAL_DBM_PER_HZ,
    cn0_from_rsrp,
    cn0_from_sinr,
    spectral_efficiency_from_cqi,
    spectral_efficiency_from_throughput,
)

# The efficiencies as the tables print them, with four decimals.
COMMON = "1.4766 1.9141 2.4063 2.7305 3.3223 3.9023 4.5234"  # 16QAM and most of 64QAM: in all three
PRINTED = {
    "64qam": f"0.1523 0.2344 0.3770 0.6016 0.8770 1.1758 {COMMON} 5.1152 5.5547",
    "256qam": f"0.1523 0.3770 0.8770 {COMMON} 5.1152 5.5547 6.2266 6.9141 7.4063",
    "low": f"0.0586 0.0977 0.1523 0.2344 0.3770 0.6016 0.8770 1.1758 {COMMON}",
}


@pytest.mark.parametrize("table", PRINTED)
def test_efficiencies_are_those_of_the_tables(table: str) -> None:
    found = [spectral_efficiency_from_cqi(cqi, table) for cqi in range(1, 16)]
    # Half a unit of the last printed digit; 1e-9 because a tie (x.xxxx5) is printed rounded up.
    np.testing.assert_allclose(found, [float(item) for item in PRINTED[table].split()], rtol=0, atol=0.5e-4 + 1e-9)


def test_thermal_noise_is_that_of_290_kelvin() -> None:
    # Rounded to a whole decibel, as is the custom.
    assert round(10 * math.log10(1.380649e-23 * 290.0 * 1e3)) == THERMAL_DBM_PER_HZ


def test_c_over_n0_gives_the_measured_ratio_back() -> None:
    """At the bandwidth of the measurement, the Shannon rate is W log2(1 + SINR)."""
    cn0_hz = cn0_from_sinr(7.0, 1.8e6)
    rate = fo.Problem(payload_bits=[1.0], cn0_hz=cn0_hz, bandwidth_hz=1.8e6).rate_bps(1.8e6)[0]
    assert rate == pytest.approx(1.8e6 * math.log2(1 + 10**0.7), rel=1e-13)  # a few ulp of log and power


def test_rsrp_is_a_link_budget_in_watts() -> None:
    """The same in linear units: transmit power times gain, over Boltzmann's noise times the noise figure."""
    gain = 10 ** ((-97.0 - 15.0) / 10)
    density_w = 1e-3 * 10 ** (-174.0 / 10) * 10 ** (7.0 / 10) * 10 ** (3.0 / 10)
    found = cn0_from_rsrp(
        -97.0, reference_power_dbm=15.0, transmit_power_dbm=20.0, noise_figure_db=7.0, interference_db=3.0
    )
    assert found == pytest.approx(0.1 * gain / density_w, rel=1e-12)  # some ten powers and products, an ulp each


def test_throughput_gives_the_upload_time_back() -> None:
    efficiency = spectral_efficiency_from_throughput(3e6, 1e6)
    problem = fo.Problem(payload_bits=[6e6], spectral_efficiency=efficiency, bandwidth_hz=2e6)
    assert problem.upload_s(2e6)[0] == 1.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cn0_from_sinr(math.nan, 1.0), "sinr_db = nan"),
        (lambda: cn0_from_sinr(1e4, 1.0), "sinr_db = 10000.0: must be a number in"),
        (lambda: cn0_from_sinr(1.0, 0.0), "bandwidth_hz = 0.0"),
        (lambda: cn0_from_rsrp("-90", reference_power_dbm=1.0), "rsrp_dbm = '-90'"),
        (lambda: cn0_from_sinr(-125.0, 1.8e6), r"sinr_db = -125.0: must be a number in \[-50, 70\], which is"),
        (lambda: cn0_from_rsrp(0.0, reference_power_dbm=18.0), r"rsrp_dbm = 0.0: must be a number in \[-160, -20\]"),
        (lambda: cn0_from_rsrp(100.0, reference_power_dbm=18.0), "rsrp_dbm = 100.0: .*dBm are negative here"),
        (
            lambda: cn0_from_rsrp(-30.0, reference_power_dbm=-40.0),
            "rsrp_dbm = -30.0: must be below reference_power_dbm",
        ),
        (lambda: cn0_from_rsrp(-90.0, reference_power_dbm=1.0, noise_figure_db=-5.0), "noise_figure_db = -5.0"),
        (lambda: cn0_from_rsrp(-90.0, reference_power_dbm=300.0), "reference_power_dbm = 300.0"),
        (lambda: spectral_efficiency_from_cqi(0), "cqi = 0: must be 1 to 15; 0 means that the client is out of range"),
        (lambda: spectral_efficiency_from_cqi(16), "cqi = 16: must be 1 to 15"),
        (lambda: spectral_efficiency_from_cqi(1.0), "cqi = 1.0: must be an integer"),  # type: ignore[arg-type]
        (lambda: spectral_efficiency_from_cqi(1, "1024qam"), "table = '1024qam': must be one of '64qam'"),
        (lambda: spectral_efficiency_from_throughput(0.0, 1.0), "throughput_bps = 0.0"),
        (lambda: spectral_efficiency_from_throughput(1.0, math.inf), "bandwidth_hz = inf"),
    ],
)
def test_what_is_no_measurement_is_refused(call: Any, message: str) -> None:
    with pytest.raises(fo.OptionError, match=f"^{message}"):
        call()
