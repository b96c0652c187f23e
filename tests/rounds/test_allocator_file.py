"""An allocator's file: it continues as if nothing had happened, or it is refused whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fedss_opt as fo
from fedss_opt.rounds import Fairness, RoundAllocator
from fedss_opt.rounds.allocator_file import _checksum, from_bytes, to_bytes

pytestmark = pytest.mark.usefixtures("warm")


def busy(rounds: int = 6, **options: Any) -> RoundAllocator:
    """An allocator in the middle of its work, with something in every corner of its memory."""
    fairness = Fairness(min_share=0.2, shares={3: 0.5, "ä": 0.4}, patience=2.0)
    allocator = RoundAllocator(bandwidth_hz=1e6, tasks={"x": 0.4, "y": "1abs"}, fairness=fairness, **options)
    for round_ in range(rounds):
        report(allocator, round_)
        allocator.allocate(round_)
    allocator.update("half", payload_bits=5.0, max_upload_s=float("inf"))
    allocator.finished(rounds - 1, [3])
    return allocator


def report(allocator: RoundAllocator, round_: int) -> None:
    rng = np.random.default_rng(round_)
    for i, name in enumerate(["ä", "b", "\udc80", 3, -4, "3"]):
        tasks = {"x": i / 8, "y": 1 - i / 8}
        allocator.update(name, cn0_hz=1e7 * rng.exponential(), payload_bits=1e6, tasks=tasks, mandatory=name == "b")


def small() -> RoundAllocator:
    """An allocator whose file is short, for tests that go through it byte by byte."""
    allocator = RoundAllocator(bandwidth_hz=1e6, tasks="1abs", fairness=Fairness(min_share=0.5))
    for round_ in range(2):
        for name in ("ä", 3):
            allocator.update(name, cn0_hz=1e7, payload_bits=1e6)
        allocator.allocate(round_)
    return allocator


def run_on(allocator: RoundAllocator, rounds: range) -> list[dict[str, Any]]:
    plans = []
    for round_ in rounds:
        report(allocator, round_)
        plan = allocator.allocate(round_)
        plans.append(plan.to_dict() | {"queues": dict(plan.queues), "cost": plan.fairness})
    return plans


@pytest.mark.parametrize("options", [{}, {"time_limit_s": 5.0, "max_age": None, "resource_block_hz": 1e4, "seed": 7}])
def test_a_loaded_allocator_continues_as_the_saved_one(options: dict[str, Any], tmp_path: Path) -> None:
    allocator, path = busy(**options), tmp_path / "state.json"
    allocator.save(path)
    loaded = RoundAllocator.load(path)
    loaded.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()
    assert run_on(loaded, range(6, 12)) == run_on(allocator, range(6, 12))


def test_a_fresh_allocator_without_tasks_is_saved_too(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    RoundAllocator(bandwidth_hz=1e6, tasks="2abs").save(path)
    loaded = RoundAllocator.load(path)
    for name in range(4):
        loaded.update(name, spectral_efficiency=1.0 + name, payload_bits=1e6)
    assert loaded.allocate(0).clients == (2, 3)
    loaded.save(path)
    with pytest.raises(fo.ProblemError, match="other clients report spectral_efficiency"):
        RoundAllocator.load(path).update("new", cn0_hz=1e7)


def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    small().save(path)
    data = path.read_bytes()
    for length in range(len(data) - 1):  # the last byte is a line's end after the document's
        with pytest.raises(fo.FileFormatError):
            from_bytes(data[:length])
    assert to_bytes(*from_bytes(data[:-1])) == data
    for length in (0, 1, 100, len(data) - 2):
        path.write_bytes(data[:length])
        with pytest.raises(fo.FileFormatError, match=r"state\.json: "):
            RoundAllocator.load(path)


def test_a_damaged_file_is_refused_or_says_the_same(tmp_path: Path) -> None:
    """One byte in every place becomes another one; where that is accepted, nothing of what is said has changed."""
    path = tmp_path / "state.json"
    small().save(path)
    data = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for place in range(len(data)):
        damaged = bytearray(data)
        damaged[place] = int(rng.choice([damaged[place] ^ (1 << int(rng.integers(8))), *b'0 9"[,']))
        try:
            found = from_bytes(bytes(damaged))
        except fo.FileFormatError:
            refused += 1
        else:
            assert to_bytes(*found) == data
    assert refused > 0.8 * len(data)  # spaces between tokens are what may change


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    fo.Problem(payload_bits=[1.0], cn0_hz=1.0, bandwidth_hz=1.0).save(path)
    with pytest.raises(fo.FileFormatError, match=r"\$.format = .*: must be 'fedss_opt/round-allocator'"):
        RoundAllocator.load(path)
    with pytest.raises(FileNotFoundError):
        RoundAllocator.load(tmp_path / "nothing.json")


def _at(document: Any, keys: tuple[Any, ...], value: Any) -> None:
    for key in keys[:-1]:
        document = document[key]
    document[keys[-1]] = value


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (("version",), 2, r"\$.version = 2 \(a number\): this release reads version 1"),
        (("settings", "bandwidth_hz"), -1.0, r"\$.settings.bandwidth_hz = -1.0"),
        (("settings", "method"), "magic", r"\$.settings.method = 'magic'"),
        (("settings", "tasks", 0, 1), 0.5, r"\$.settings.tasks\[0\] = 0.5 \(a number\): must be a string"),
        (("settings", "implicit"), True, r"\$.settings.tasks: must be 'participation' alone"),
        (("settings", "fairness", "patience"), 0.5, r"\$.settings.fairness.patience = 0.5"),
        (("settings", "speed"), 1, r"\$.settings.speed: unknown key"),
        (("reports", 0, 0), 1.5, r"\$.reports\[0\].client_id = 1.5"),
        (("reports", 0, 1, "cn0_hz"), "x", r"client -4: \$.reports\[0\].cn0_hz = 'x'"),
        (("reports", 0, 1, "round"), -1, r"\$.reports\[0\].round = -1"),
        (("reports", 0, 1, "spectral_efficiency"), 1.0, r"client -4: \$.reports\[0\].* both given"),
        (("reports", 1, 0), -4, r"\$.reports\[1\]: -4 \(a number\) stands twice"),
        (("reports", 1), [3], r"\$.reports\[1\]: has 1 entries; must have 2"),
        (("queues", 0, 1), 0.3, r"\$.queues\[0\] = 0.3 \(a number\): must be a multiple"),
        (("queues", 0, 1), -1.0, r"\$.queues\[0\] = -1.0 \(a number\): must be >= 0"),
        (("queues",), None, r"\$.queues = null: must be an array"),
        (("open", "selected", 0), None, r"\$.open.selected\[0\].client_id = None"),
        (("open", "closed"), 1, r"\$.open.closed = 1"),
        (("open", "cost", "total_s"), None, r"\$.open.cost.total_s = null"),
        (("answered",), [], r"\$.answered = an array of 0: must be an object"),
        (("cost",), {}, r"\$.cost.round_s: missing"),
    ],
)
def test_wrong_content_is_refused_even_with_a_right_checksum(
    keys: tuple[Any, ...], value: Any, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "state.json"
    busy().save(path)
    document = json.loads(path.read_bytes())
    _at(document, keys, value)
    content = {key: part for key, part in document.items() if key not in ("format", "version", "checksum")}
    path.write_text(json.dumps(document | {"checksum": _checksum(content)}))
    with pytest.raises(fo.FileFormatError, match=rf"state\.json: {message}"):
        RoundAllocator.load(path)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.json"
    busy(1).save(path)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        busy(2).save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
