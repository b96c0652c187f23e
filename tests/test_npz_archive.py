"""NPZ archives that were damaged or forged: one clear refusal, and never another problem."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
from collections.abc import Callable

import numpy as np
import pytest

import fedss_opt as fo
from fedss_opt.documents import npz_archive, save_solution
from fedss_opt.documents.archives import problem_archive, problem_of_archive
from fedss_opt.documents.files import json_text, load_solution, parse_json
from fedss_opt.documents.npz_archive import read_npz

from . import by_hand


@pytest.fixture(scope="module")
def cell() -> fo.Problem:
    rng = np.random.default_rng(0)
    relevance = rng.random((2, 5))
    return fo.Problem(
        payload_bits=rng.uniform(1e5, 1e6, 5),
        cn0_hz=rng.uniform(1e6, 1e8, 5),
        bandwidth_hz=2e7,
        relevance=relevance,
        required=0.4 * relevance.sum(axis=1),
    )


def is_refused_or(accepted: Callable[[bytes], bool], data: bytes) -> bool:
    """Tell whether damaged bytes are refused in one line, or change nothing."""
    try:
        return accepted(data)
    except fo.FileFormatError as error:
        return "\n" not in str(error)


def test_no_flipped_bit_makes_another_problem(cell):
    data = problem_archive(cell)
    for place in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[place // 8] ^= 1 << place % 8
        assert is_refused_or(lambda found: problem_of_archive(found) == cell, bytes(damaged)), place


def test_no_truncated_json_is_a_document(cell):
    data = json_text(cell.to_dict()).encode().rstrip()
    for length in range(len(data)):
        with pytest.raises(fo.FileFormatError):
            parse_json(data[:length])


def archive(*members: tuple[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members:
            file.writestr(name, content)
    return stream.getvalue()


def array(head: str, content: bytes = b"", version: int = 1) -> bytes:
    padded = head.encode() + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H", len(padded)) + padded + content


def shaped(shape: str, kind: str = "<f8") -> str:
    return f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}"


ONE = array(shaped("(1,)"), bytes(8))


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([("a.npy", ONE), ("a.npy", ONE)], "the array 'a' stands twice"),
        ([("a", ONE)], "'a' is no array"),
        ([("a.npy", b"text")], "magic string"),
        ([("a.npy", array(shaped("(2,)"), bytes(8)))], "not as large as its head says"),
        ([("a.npy", array(shaped("(1,)"), bytes(16)))], "not as large as its head says"),
        ([("a.npy", array(shaped("(-1,)"), bytes(8)))], "not as large as its head says"),
        ([("a.npy", array(shaped(f"({10**15},)")))], "not as large as its head says"),
        ([("a.npy", array(shaped(f"({10**15},)", "<U0")))], "not as large as its head says"),
        ([("a.npy", array(shaped("(1,)", "|O"), bytes(8)))], "'a' holds objects"),
        ([("a.npy", array("{'descr': (", bytes(8)))], "not a complete NPZ archive"),
        ([("a.npy", array("(" * 5000, bytes(8)))], "not a complete NPZ archive"),
        ([("a.npy", array(shaped("(1,)"), bytes(8), version=3))], "'a' is an array of format (3, 0)"),
    ],
)
def test_forged_members_are_refused(members, message):
    with pytest.raises(fo.FileFormatError) as caught:
        read_npz(archive(*members))
    assert message in str(caught.value)


def test_both_orders_of_a_matrix_are_read():
    matrix = np.arange(6.0).reshape(2, 3)
    stream = io.BytesIO()
    np.savez(stream, rows=matrix, columns=np.asfortranarray(matrix), none=np.empty((0, 3)))
    found = read_npz(stream.getvalue())
    assert np.array_equal(found["rows"], matrix)
    assert np.array_equal(found["columns"], matrix)
    assert found["none"].shape == (0, 3)


def test_what_would_fill_the_memory_is_refused_before_it_is_unfolded():
    small = archive(("a.npy", array(shaped(f"({npz_archive._MOST_BYTES // 8},)"), bytes(npz_archive._MOST_BYTES))))
    assert len(small) < 2**21
    tracemalloc.start()
    try:
        with pytest.raises(fo.FileFormatError, match="unfold to"):
            read_npz(small)
        # A directory that says less than is there: no more is unfolded than it says.
        lying = bytearray(small)
        place = lying.rfind(b"PK\x01\x02") + 24
        lying[place : place + 4] = struct.pack("<I", 1000)
        with pytest.raises(fo.FileFormatError):
            read_npz(bytes(lying))
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


def test_no_flipped_bit_makes_another_answer(cell, tmp_path):
    path, answer = tmp_path / "answer.npz", by_hand.answer(cell)
    save_solution(answer, path, cell)
    data, kept = path.read_bytes(), answer.to_dict(cell)

    def same(found: bytes) -> bool:
        path.write_bytes(found)
        return load_solution(path, cell).to_dict(cell) == kept

    for place in range(3, 8 * len(data), 7):
        damaged = bytearray(data)
        damaged[place // 8] ^= 1 << place % 8
        assert is_refused_or(same, bytes(damaged)), place
