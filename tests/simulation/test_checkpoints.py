"""Checkpoints that lost something are refused in one line."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

import fedss_opt as fo
from fedss_opt.simulation.checkpoints import Checkpoint
from fedss_opt.simulation.run_records import RoundRecord


@pytest.fixture
def kept() -> Checkpoint:
    record = RoundRecord(
        round=0, status="optimal", gap=0.0, selected=1, arrived=1, latency_s=1.0,
        downlink_s=0.0, simulated_s=1.0, uplink_bits=1, downlink_bits=1,
    )  # fmt: skip
    return Checkpoint(
        fingerprint="this run",
        state={"weights": np.arange(5.0), "mask": np.arange(3) > 1},
        charge_j=np.ones(3),
        participation=np.zeros((1, 3), dtype=np.int8),
        records=(record,),
    )


def test_no_flipped_bit_makes_another_checkpoint(kept, tmp_path):
    path = tmp_path / "run.npz"
    kept.save(path)
    data = path.read_bytes()
    for place in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        try:
            found = Checkpoint.load(path, kept.fingerprint)
        except fo.FileFormatError as error:
            assert "remove it to start anew" in str(error)  # noqa: PT017
            continue
        assert found.records == kept.records
        assert found.state.keys() == kept.state.keys()
        assert all(np.array_equal(found.state[name], kept.state[name]) for name in kept.state)


@pytest.mark.parametrize("lost", ["head", "records", "charge_j", "participation", "state/weights"])
def test_a_lost_array_is_named(kept, tmp_path, lost):
    path = tmp_path / "run.npz"
    kept.save(path)
    stream = io.BytesIO()
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(stream, "w") as rest:
        for name in whole.namelist():
            if name != f"{lost}.npy":
                rest.writestr(name, whole.read(name))
    path.write_bytes(stream.getvalue())
    with pytest.raises(fo.FileFormatError, match=rf"not a readable checkpoint .*'{lost}'"):
        Checkpoint.load(path, kept.fingerprint)
