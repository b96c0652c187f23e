"""Document files: malformed ones are told in one line; written ones are whole or not there."""

from __future__ import annotations

import io
import json
import math
import os
import re
from pathlib import Path

import numpy as np
import pytest

import fedss_opt as fo
from fedss_opt import documents
from fedss_opt.documents.files import json_text, write_atomically
from fedss_opt.fields import FIELDS

from . import by_hand

DOCS = Path(__file__).parents[1] / "docs" / "reference"


@pytest.fixture
def cell() -> fo.Problem:
    return fo.Problem(
        payload_bits=[1e6, 2e6, 1.5e6],
        cn0_hz=[3e7, 8e6, 0.1 + 0.2],
        bandwidth_hz=1e6,
        relevance=[[1.0, 0.5, 0.8], [0.0, 1 / 3, 0.1]],
        required=[1.2, 0.4],
        max_upload_s=[1.0, math.inf, 2.0],
        available=[True, True, False],
        client_ids=["a", "b", "ü"],
        task_ids=["speech", "scene"],
    )


# -- malformed JSON -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'{"format": ', "cell.json: line 1, column 12: not JSON: Expecting value"),
        (b'{"a": 1,\n "b": }', "cell.json: line 2, column 7: not JSON"),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "cell.json: $: the key 'c' stands twice in one object"),
        (b'{"a": NaN}', "cell.json: NaN is not JSON; write null for infinity"),
        (b'{"a": -Infinity}', "-Infinity is not JSON"),
        (b'{"a": 1} {"b": 2}', "not JSON: Extra data"),
        (b"", "line 1, column 1: not JSON"),
        (b'{\n"a": "\xff"}', "cell.json: line 2, byte 8: is not UTF-8 text"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a": ' + b"1" * 5000 + b"}", "not readable as JSON"),
    ],
)
def test_malformed_files_are_told_with_file_line_and_column(tmp_path, monkeypatch, text, message):
    monkeypatch.chdir(tmp_path)
    Path("cell.json").write_bytes(text)
    with pytest.raises(fo.FileFormatError) as caught:
        fo.Problem.load("cell.json")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_byte_order_mark_is_no_error(tmp_path, cell):
    path = tmp_path / "cell.json"
    path.write_bytes(b"\xef\xbb\xbf" + json_text(cell.to_dict()).encode())
    assert fo.Problem.load(path) == cell


def test_other_names_are_refused(tmp_path, cell):
    with pytest.raises(fo.FileFormatError, match=r"cell.yaml: the name must end in \.json or \.npz"):
        cell.save(tmp_path / "cell.yaml")
    with pytest.raises(FileNotFoundError):
        fo.Problem.load(tmp_path / "none.json")


# -- NPZ ----------------------------------------------------------------------------------------------------


def _npz(path: Path, **arrays: object) -> None:
    with open(path, "wb") as stream:
        np.savez(stream, **arrays)


def test_a_truncated_npz_is_refused_wherever_it_ends(tmp_path, cell):
    whole, path = tmp_path / "cell.npz", tmp_path / "cut.npz"
    cell.save(whole)
    data = whole.read_bytes()
    for length in range(0, len(data), 97):
        path.write_bytes(data[:length])
        with pytest.raises(fo.FileFormatError, match=r"cut\.npz: "):
            fo.Problem.load(path)


def test_a_corrupted_npz_is_refused(tmp_path, cell):
    path = tmp_path / "cell.npz"
    cell.save(path)
    data = bytearray(path.read_bytes())
    data[60] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(fo.FileFormatError, match=r"cell\.npz: "):
        fo.Problem.load(path)


HEAD = {"format": "fedss_opt/problem", "version": 1}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "$.format: missing"),
        ({"format": "other"}, "$.format = 'other': must be"),
        ({"format": "fedss_opt/problem", "version": 7}, "$.version = '7'"),
        (HEAD, "$.bandwidth_hz: missing"),
        (HEAD | {"payload_bit": [1.0]}, "$.payload_bit: unknown array (did you mean 'payload_bits'?)"),
        (HEAD | {"bandwidth_hz": 1.0, "payload_bits": ["x"]}, "$.payload_bits: an array of <U1; must hold"),
        (HEAD | {"bandwidth_hz": 1.0, "payload_bits": [-1.0], "cn0_hz": [1.0]}, "$.payload_bits[0] = -1.0"),
        (HEAD | {"bandwidth_hz": 1.0, "payload_bits": np.array([{}], dtype=object)}, "without pickles"),
    ],
)  # fmt: skip
def test_wrong_npz_contents_are_named(tmp_path, arrays, message):
    path = tmp_path / "cell.npz"
    _npz(path, **arrays)
    with pytest.raises(fo.FileFormatError) as caught:
        fo.Problem.load(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_single_array_is_no_problem(tmp_path):
    stream = io.BytesIO()
    np.save(stream, np.zeros(3))
    (tmp_path / "cell.npz").write_bytes(stream.getvalue())
    with pytest.raises(fo.FileFormatError, match="not an NPZ archive"):
        fo.Problem.load(tmp_path / "cell.npz")


def test_npz_refuses_a_name_it_would_shorten(tmp_path):
    problem = fo.Problem(payload_bits=[1.0], cn0_hz=1.0, bandwidth_hz=1.0, client_ids=["a\0"])
    with pytest.raises(fo.FileFormatError, match="trailing NUL; save as JSON"):
        problem.save(tmp_path / "cell.npz")
    assert list(tmp_path.iterdir()) == []


# -- writes -------------------------------------------------------------------------------------------------


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch, cell):
    path = tmp_path / "cell.json"
    path.write_text("old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match=r"No space left on device.*cell\.json"):
        cell.save(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_rewrite_keeps_the_permissions_and_follows_links(tmp_path):
    path, link = tmp_path / "a.json", tmp_path / "link.json"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to(path)
    write_atomically(link, b"new")
    assert link.is_symlink()
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_file_that_forbids_writing_is_not_replaced(tmp_path, cell):
    path = tmp_path / "cell.json"
    path.write_text("old")
    path.chmod(0o444)
    with pytest.raises(PermissionError, match=r"is read-only, and is not replaced.*cell\.json"):
        cell.save(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_device_is_written_to_as_it_is():
    write_atomically(os.devnull, b"x")
    assert not Path(os.devnull).is_file()


def test_solution_files(tmp_path, cell):
    path = tmp_path / "answer.json"
    documents.save_solution(by_hand.answer(cell), path, cell)
    assert documents.load_solution(path, cell).to_dict(cell) == by_hand.answer(cell).to_dict(cell)
    path.write_text("{}")
    with pytest.raises(fo.FileFormatError, match=r"answer\.json: \$\.format: missing"):
        documents.load_solution(path)
    with pytest.raises(fo.FileFormatError, match=r"must end in \.json or \.npz"):
        documents.save_solution(by_hand.answer(cell), tmp_path / "answer.csv", cell)


@pytest.mark.skipif(not DOCS.is_dir(), reason="installed without its documentation")
def test_the_examples_in_the_documentation_are_read():
    text = (DOCS / "file-format.md").read_text()
    problem, solution = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL))
    assert documents.problem_from_dict(problem).n_clients == 3
    assert documents.solution_from_dict(solution, documents.problem_from_dict(problem)).has_answer
    keys = re.findall(r"`(\w+)`", text)
    assert {field.name for field in FIELDS} <= set(keys)
