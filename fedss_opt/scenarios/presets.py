"""The named cells: numbers of the literature, as a table.

A preset that is tagged "read" takes its numbers from the authors' published code. One that is tagged
"unverified" takes them from how the source is commonly cited; its code or tables were not at hand to check.
What a source leaves open and a problem needs is filled in by us, and listed under ``assumed``.

Two mistakes circulate with the first of these cells: 128.7 for 128.1, and a Rayleigh draw of scale 8 where an
"8 dB shadowing" is a factor ``10^(X/10)`` with X ~ N(0, 8^2).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .channel import Layout, LogDistance, PathLoss, Shape
from .devices import ComputeLaw, Cycles, ShiftedExponential
from .draws import Range
from .urban import UrbanMacro, UrbanMicro

__all__ = ["PRESETS", "Preset"]


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A cell of the literature.

    Attributes
    ----------
    description : str
        The cell in a sentence.
    source : str
        Where the numbers come from.
    verified : bool
        Whether they were read in the authors' code; else they are as commonly cited.
    assumed : str
        What the source leaves open and is filled in here.
    n_clients : int
        Number of clients, N.
    bandwidth_hz : float
        Uplink bandwidth of the cell, Hz.
    payload_bits : float or (low, high)
        Bits that a client uploads.
    transmit_power_w : float or (low, high)
        Transmit power of a client, W.
    layout : Layout or None
        Where the clients stand; None where the source has no geometry.
    path_loss : PathLoss or None
        Law of the loss, with its shadowing.
    rayleigh : bool
        Whether small-scale fading multiplies the gain by Exp(1).
    noise_w_per_hz : tuple of float
        Density of noise and interference at the receiver, W/Hz; of several, each client meets one, drawn at
        random.
    snr_per_w : float or None
        Where the source lets the rate grow linearly with the bandwidth: signal-to-noise ratio per watt of
        transmit power, so that the spectral efficiency is ``log2(1 + snr_per_w * power)``.
    compute : ComputeLaw or None
        Time before the upload; None where the source has none.
    energy_j : float
        Energy that a client may spend on its upload, J; over the power it caps the upload's length.
    max_upload_s : float
        Longest upload, s.
    resource_block_hz : float or None
        Width of a resource block, Hz, for those who ask for whole blocks.
    """

    description: str
    source: str
    verified: bool
    assumed: str
    n_clients: int
    bandwidth_hz: float
    payload_bits: Range
    transmit_power_w: Range
    layout: Layout | None = None
    path_loss: PathLoss | None = None
    rayleigh: bool = False
    noise_w_per_hz: tuple[float, ...] = ()
    snr_per_w: float | None = None
    compute: ComputeLaw | None = None
    energy_j: float = math.inf
    max_upload_s: float = math.inf
    resource_block_hz: float | None = None

    @property
    def tag(self) -> str:
        """``"read"`` or ``"unverified"``."""
        return "read" if self.verified else "unverified"


def dbm_to_w(dbm: float) -> float:
    """Return a power in W (or a density in W/Hz) from dBm (dBm/Hz)."""
    return float(10.0 ** ((dbm - 30.0) / 10.0))


_THERMAL = dbm_to_w(-174.0)
_GNB_THERMAL = dbm_to_w(-174.0 + 5.0)  # with the noise figure of a base station

_YANG2021 = Preset(
    description="50 clients over 500 m x 500 m, 20 MHz, 10 dBm, 8 dB shadowing, 28.1 kbit",
    source="Z. Yang, M. Chen, W. Saad, C. S. Hong, M. Shikh-Bahaei, 'Energy Efficient Federated Learning"
    " Over Wireless Communication Networks', IEEE TWC 20(3), 2021 (arXiv:1911.02417)",
    verified=False,
    assumed="one pass over the samples; no client nearer than 10 m",
    n_clients=50,
    bandwidth_hz=20e6,
    payload_bits=28.1e3,
    transmit_power_w=dbm_to_w(10.0),
    layout=Layout(shape=Shape.SQUARE, size_m=500.0, nearest_m=10.0),
    path_loss=LogDistance(intercept_db=128.1, slope_db=37.6, unit_m=1000.0, shadowing_db=8.0),
    noise_w_per_hz=(_THERMAL,),
    compute=Cycles(cycles_per_unit=(1e4, 3e4), units=500.0, frequency_hz=2e9),
)

_SHI2021 = Preset(
    description="radius 600 m, 20 MHz, 10 dBm, Rayleigh fading, shifted-exponential computing",
    source="W. Shi, S. Zhou, Z. Niu, M. Jiang, L. Geng, 'Joint Device Scheduling and Resource Allocation"
    " for Latency Constrained Wireless Federated Learning', IEEE TWC 20(1), 2021 "
    "(arXiv:2007.07174)",
    verified=False,
    assumed="50 clients, 1 Mbit, computing 0.1 s plus an exponential time of mean 0.1 s; no client nearer than 10 m",
    n_clients=50,
    bandwidth_hz=20e6,
    payload_bits=1e6,
    transmit_power_w=dbm_to_w(10.0),
    layout=Layout(shape=Shape.DISC, size_m=600.0, nearest_m=10.0),
    path_loss=LogDistance(intercept_db=128.1, slope_db=37.6, unit_m=1000.0),
    rayleigh=True,
    noise_w_per_hz=(dbm_to_w(-114.0) / 1e6,),  # -114 dBm/MHz
    compute=ShiftedExponential(shift_s=0.1, mean_s=0.1),
)

_FEDCS2019 = Preset(
    description="1000 clients within 2 km, 2.5 GHz, 20 dBm, 10 resource blocks = 1.8 MHz, 18.3 MB models",
    source="T. Nishio, R. Yonetani, 'Client Selection for Federated Learning with Heterogeneous "
    "Resources in Mobile Edge', IEEE ICC 2019 (arXiv:1804.08333); path loss ITU-R M.2135-1 UMi "
    "NLOS",
    verified=False,
    assumed="thermal noise at -174 dBm/Hz; no shadowing (the mean rate over the whole band is then 0.45 "
    "Mbit/s, the paper's 1.4); computing 5 epochs of 100 to 1000 samples at 10 to 100 samples a "
    "second; no client nearer than 10 m",
    n_clients=1000,
    bandwidth_hz=1.8e6,
    payload_bits=18.3e6 * 8.0,
    transmit_power_w=dbm_to_w(20.0),
    layout=Layout(shape=Shape.DISC, size_m=2000.0, nearest_m=10.0),
    # 36.7 log10(d) + 22.7 + 26 log10(f / GHz) at 2.5 GHz
    path_loss=LogDistance(intercept_db=22.7 + 26.0 * math.log10(2.5), slope_db=36.7),
    noise_w_per_hz=(_THERMAL,),
    compute=Cycles(cycles_per_unit=5.0, units=(100.0, 1000.0), frequency_hz=(10.0, 100.0)),
    resource_block_hz=180e3,
)

_CHEN2021 = Preset(
    description="9 clients on 6 resource blocks of 1 MHz, distance U(0, 500) m, gain d^-2, 10 mW, <= 0.5 s, <= 3 mJ",
    source="M. Chen, Z. Yang, W. Saad, C. Yin, H. V. Poor, S. Cui, 'A Joint Learning and Communications "
    "Framework for Federated Learning Over Wireless Networks', IEEE TWC 20(1), 2021; numbers from"
    " github.com/mzchen0/Wireless-FL, FLMIN.m",
    verified=True,
    assumed="the interference belongs to the client (there: to the block); no client nearer than 1 m; "
    "the downlink (below 8 ms there) is left out; blocks may be shared out continuously",
    n_clients=9,
    bandwidth_hz=6e6,
    payload_bits=39760.0 * 16.0,
    transmit_power_w=0.01,
    layout=Layout(shape=Shape.INTERVAL, size_m=500.0, nearest_m=1.0),
    path_loss=LogDistance(intercept_db=0.0, slope_db=20.0),
    noise_w_per_hz=tuple((1e-14 + i * 1e-6) / 1e6 for i in (0.01, 0.03, 0.05, 0.07, 0.09, 0.11)),
    energy_j=3e-3,
    max_upload_s=0.5,
    resource_block_hz=1e6,
)

_FEDL2019 = Preset(
    description="50 clients at U(2, 50) m, gain -40 dB d^-4 with Rayleigh fading, 1 MHz, 25 knat, 10..30 cycles/bit",
    source="N. H. Tran, W. Bao, A. Zomaya, M. N. H. Nguyen, C. S. Hong, 'Federated Learning over "
    "Wireless Networks: Optimization Model Design and Analysis', IEEE INFOCOM 2019; numbers from "
    "github.com/nhatminh/FEDL-INFOCOM, julia-INFOCOM/Setting.jl and TrafficGen.jl",
    verified=True,
    assumed="full power, 1 W, and full clock rate (there both are optimised, from 0.2 W and 0.3 GHz up)",
    n_clients=50,
    bandwidth_hz=1e6,
    payload_bits=25e3 / math.log(2.0),
    transmit_power_w=1.0,
    layout=Layout(shape=Shape.INTERVAL, size_m=50.0, nearest_m=2.0),
    path_loss=LogDistance(intercept_db=40.0, slope_db=40.0),
    rayleigh=True,
    noise_w_per_hz=(1e-10 / 1e6,),  # 1e-10 W over 1 MHz
    compute=Cycles(cycles_per_unit=(10.0, 30.0), units=(40e6, 80e6), frequency_hz=(1e9, 2e9)),
)

_CBCSBA2025 = Preset(
    description="200 clients, 20 MHz, rate linear in the bandwidth, U(1, 10) W at an SNR of 8 per watt, AlexNet",
    source="CBCSBA, numbers from github.com/kt4ngw/CBCSBA: main.py, src/utils/tool_utils.py, "
    "src/fed_client/base_client.py, src/models/cifar10_alexnet.py",
    verified=True,
    assumed="one round's clock rates; payload 5 761 418 parameters of 32 bit (its default model, there in MiB)",
    n_clients=200,
    bandwidth_hz=20e6,
    payload_bits=5_761_418.0 * 32.0,
    transmit_power_w=(1.0, 10.0),
    snr_per_w=8.0,
    compute=Cycles(cycles_per_unit=2e5, units=50.0 * 20.0, frequency_hz=(0.1e9, 5e9)),
)

_UMI = Preset(
    description="urban micro, street canyon, 3.5 GHz, 100 MHz, 23 dBm, 200 m between sites",
    source="3GPP TR 38.901, Tables 7.2-1, 7.4.1-1, 7.4.2-1 (formulae public)",
    verified=False,
    assumed="100 clients, all outdoors at 1.5 m; a cell is a disc of radius 200 m / sqrt(3); 1 Mbit; "
    "noise figure 5 dB; fading averages out over the band; subcarriers of 30 kHz",
    n_clients=100,
    bandwidth_hz=100e6,
    payload_bits=1e6,
    transmit_power_w=dbm_to_w(23.0),
    layout=Layout(shape=Shape.DISC, size_m=200.0 / math.sqrt(3.0), nearest_m=10.0),
    path_loss=UrbanMicro(carrier_hz=3.5e9),
    noise_w_per_hz=(_GNB_THERMAL,),
    resource_block_hz=180e3 * 2,
)

_UMA = Preset(
    description="urban macro, 3.5 GHz, 100 MHz, 23 dBm, 500 m between sites",
    source="3GPP TR 38.901, Tables 7.2-1, 7.4.1-1, 7.4.2-1 (formulae public)",
    verified=False,
    assumed="100 clients, all outdoors at 1.5 m; a cell is a disc of radius 500 m / sqrt(3); 1 Mbit; "
    "noise figure 5 dB; fading averages out over the band; subcarriers of 30 kHz",
    n_clients=100,
    bandwidth_hz=100e6,
    payload_bits=1e6,
    transmit_power_w=dbm_to_w(23.0),
    layout=Layout(shape=Shape.DISC, size_m=500.0 / math.sqrt(3.0), nearest_m=35.0),
    path_loss=UrbanMacro(carrier_hz=3.5e9),
    noise_w_per_hz=(_GNB_THERMAL,),
    resource_block_hz=180e3 * 2,
)

PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "yang2021": _YANG2021,
        "shi2021": _SHI2021,
        "fedcs2019": _FEDCS2019,
        "chen2021": _CHEN2021,
        "fedl2019": _FEDL2019,
        "cbcsba2025": _CBCSBA2025,
        "umi": _UMI,
        "uma": _UMA,
    }
)
"""Preset name -> `Preset`."""
