"""Images from IDX, NPZ and CSV files: read exactly, or refused in one line."""

from __future__ import annotations

import gzip
import hashlib
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedss_opt.exceptions import FileFormatError
from fedss_opt.simulation.data import DataSettings, load_dataset, make_federation
from fedss_opt.simulation.data.idx import load_idx, parse_idx
from fedss_opt.simulation.data.npz import load_npz
from fedss_opt.simulation.data.table import load_csv, parse_csv

PIXELS = np.random.default_rng(0).integers(0, 256, (60, 4, 4)).astype(np.uint8)
LABELS = (np.arange(60) % 5).astype(np.uint8)
SHOWN = PIXELS.reshape(60, 16).astype(np.float32) / np.float32(255)


def idx_bytes(array):
    code = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}[array.dtype.str[1:]]
    head = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write_idx(folder, *, before="train-", pixels=PIXELS, labels=LABELS, pack=False, mark="-"):
    for kind, array in (("images", pixels), ("labels", labels)):
        data = idx_bytes(array)
        name = f"{before}{kind}{mark}idx{array.ndim}-ubyte{'.gz' if pack else ''}"
        (folder / name).write_bytes(gzip.compress(data) if pack else data)


def write_csv(folder, name="images.csv", *, pixels=PIXELS, labels=LABELS):
    head = ",".join(["label", *(f"pixel{j}" for j in range(16))])
    rows = [",".join(map(str, [y, *x])) for y, x in zip(labels, pixels.reshape(-1, 16).tolist(), strict=True)]
    text = "\n".join([head, *rows]) + "\n"
    data = text.encode()
    (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)


def says(load, path, *words):
    """The loader refuses with one line that holds all the words."""
    with pytest.raises(FileFormatError) as caught:
        load(path)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message


# -- the same images in every format ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["idx", "idx.gz", "npz", "csv", "csv.gz"])
def test_formats_hold_the_same(tmp_path, kind):
    if kind.startswith("idx"):
        write_idx(tmp_path, pack=kind.endswith("gz"))
    elif kind == "npz":
        np.savez_compressed(tmp_path / "images.npz", inputs=PIXELS, labels=LABELS)
    else:
        write_csv(tmp_path, f"images.{kind}")
    settings = DataSettings(
        dataset=kind.split(".")[0], folder=tmp_path, n_clients=4, images_per_client=5, n_tasks=2, family="rotations"
    )
    data = load_dataset(settings)
    assert np.array_equal(data.inputs, SHOWN)
    assert data.inputs.dtype == np.float32
    assert np.array_equal(data.labels, LABELS)
    assert (data.shape, data.classes, data.name) == ((4, 4), 5, tmp_path.name)
    assert make_federation(settings, 0).inputs.shape == (4, 5, 16)


def test_classes_become_gapless(tmp_path):
    write_idx(tmp_path, labels=(3 * LABELS + 7).astype(np.uint8))
    assert np.array_equal(load_idx(tmp_path).labels, LABELS)


# -- missing files and checksums ----------------------------------------------------------------------------

LOADERS = [load_idx, load_npz, load_csv]


@pytest.mark.parametrize("load", LOADERS)
def test_no_folder(tmp_path, load):
    says(load, tmp_path / "none", str(tmp_path / "none"), "no such folder")


@pytest.mark.parametrize("load", LOADERS)
def test_nothing_of_the_kind(tmp_path, load):
    says(load, tmp_path, str(tmp_path), "found no", "accepted:", "holds nothing")
    for number in range(9):
        (tmp_path / f"note{number}.txt").write_text("x")
    says(load, tmp_path, "note0.txt", "and 3 more")


def checksum_line(path):
    return f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"


def test_checksums(tmp_path):
    write_csv(tmp_path, "images.csv.gz")
    file, sums = tmp_path / "images.csv.gz", tmp_path / "SHA256SUMS"
    sums.write_text(checksum_line(file).replace("  ", " *./") + "\n")
    assert len(load_csv(tmp_path).labels) == 60
    sums.write_text("0" * 64 + "  images.csv.gz\n")
    says(load_csv, tmp_path, "images.csv.gz", "SHA-256 is", "damaged, or another version")
    sums.write_text("0" * 64 + "  other.csv\n")
    says(load_csv, tmp_path, "images.csv.gz", "not listed in SHA256SUMS")
    sums.write_text("\nabc  images.csv.gz\n")
    says(load_csv, tmp_path, "SHA256SUMS", "line 2", "64 hexadecimal digits")
    sums.write_bytes(b"\xff\xfe")
    says(load_csv, tmp_path, "SHA256SUMS", "not UTF-8")


@pytest.mark.parametrize("keep", [0, 1, 9, 30, 60])
def test_packed_files_that_are_cut_off(tmp_path, keep):
    write_csv(tmp_path, "images.csv.gz")
    file = tmp_path / "images.csv.gz"
    file.write_bytes(file.read_bytes()[:keep])
    says(load_csv, tmp_path, "images.csv.gz", "is empty" if keep == 0 else "gzip")


# -- IDX ----------------------------------------------------------------------------------------------------


@given(
    shape=st.lists(st.integers(0, 4), min_size=1, max_size=4),
    kind=st.sampled_from(["u1", "i1", "i2", "i4", "f4", "f8"]),
)
def test_idx_round_trip(shape, kind):
    array = (np.arange(np.prod(shape)) % 100).reshape(shape).astype(kind)
    found = parse_idx(idx_bytes(array))
    assert found.dtype == np.dtype(kind)
    assert np.array_equal(found, array)


@given(cut=st.integers(0, 27), extra=st.binary(min_size=1, max_size=3))
def test_idx_of_another_length_is_refused(cut, extra):
    whole = idx_bytes(np.arange(12, dtype=np.uint8).reshape(2, 2, 3))
    assert len(whole) == 28
    with pytest.raises(FileFormatError, match=r"bytes|not an IDX file"):
        parse_idx(whole[:cut])
    with pytest.raises(FileFormatError, match="something follows"):
        parse_idx(whole + extra)


def test_idx_head_that_announces_too_much():
    # Sixteen exabytes, and not one allocated.
    with pytest.raises(FileFormatError, match="cut off"):
        parse_idx(b"\0\0\x08\x02" + b"\xff" * 8 + b"abc")


def test_training_and_test_files_are_joined(tmp_path):
    write_idx(tmp_path, before="t10k-", pixels=PIXELS[:20], labels=LABELS[:20], mark=".")
    write_idx(tmp_path, before="train-", pixels=PIXELS[20:], labels=LABELS[20:], pack=True)
    assert np.array_equal(load_idx(tmp_path).inputs, SHOWN)


def test_a_plain_copy_is_preferred(tmp_path):
    write_idx(tmp_path)
    write_idx(tmp_path, pack=True)
    assert len(load_idx(tmp_path).labels) == 60


def test_writers_of_idx_files(tmp_path):
    write_idx(tmp_path)
    (tmp_path / "train-writers-idx1-int").write_bytes(idx_bytes((np.arange(60) % 3 * 1000).astype(np.int32)))
    data = load_idx(tmp_path)
    assert np.array_equal(data.writer, np.arange(60) % 3)
    settings = DataSettings(dataset="idx", folder=tmp_path, family="by_writer", n_clients=3, images_per_client=10)
    assert make_federation(settings, 0).n_clients == 3


def test_idx_files_that_do_not_fit(tmp_path):
    write_idx(tmp_path)
    images, labels = tmp_path / "train-images-idx3-ubyte", tmp_path / "train-labels-idx1-ubyte"
    labels.write_bytes(idx_bytes(LABELS[:59]))
    says(load_idx, tmp_path, "train-images", "labels of shape (59,)", "60 integers")
    labels.write_bytes(idx_bytes(LABELS.reshape(60, 1)))
    says(load_idx, tmp_path, "train-labels", "(60, 1)", "1 dimensions")
    labels.write_bytes(idx_bytes(0 * LABELS))
    says(load_idx, tmp_path, "every label is 0", "two classes")
    labels.write_bytes(b"not IDX")
    says(load_idx, tmp_path, "train-labels", "not an IDX file")
    labels.unlink()
    says(load_idx, tmp_path, "found no labels for train-images-idx3-ubyte", "accepted: pairs")
    write_idx(tmp_path, before="t10k-", pixels=np.zeros((60, 3, 3), np.uint8))
    write_idx(tmp_path)
    says(load_idx, tmp_path, "(4, 4)", "(3, 3)", "must agree")
    images.write_bytes(idx_bytes(PIXELS)[:-1])
    says(load_idx, tmp_path, "train-images", "cut off")


# -- NPZ ----------------------------------------------------------------------------------------------------


def test_npz_in_parts_with_floats_and_writers(tmp_path):
    floats = SHOWN.reshape(60, 4, 4).astype(np.float64) - 0.5
    np.savez(
        tmp_path / "a.npz",
        x_train=floats[:40], y_train=LABELS[:40, None], writer_train=np.array(["ann", "bob"] * 20),
        x_test=floats[40:], y_test=LABELS[40:], writer_test=np.array(["bob", "cid"] * 10), note=np.array("hello"),
    )  # fmt: skip
    data = load_npz(tmp_path)
    np.testing.assert_array_equal(data.inputs, (SHOWN.astype(np.float64) - 0.5).astype(np.float32))
    assert data.writer.tolist() == [0, 1] * 20 + [1, 2] * 10


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"inputs": PIXELS}, ["array labels is missing"]),
        ({"a": PIXELS, "b": LABELS}, ["holds a, b", "accepted: arrays inputs and labels"]),
        ({"inputs": PIXELS, "labels": LABELS[:3]}, ["labels of shape (3,)", "60 integers"]),
        ({"inputs": PIXELS, "labels": LABELS / 2}, ["dtype float64"]),
        ({"inputs": PIXELS.astype(int) - 1, "labels": LABELS}, ["= -1", "0 to 255"]),
        ({"inputs": PIXELS.astype(int) + 1, "labels": LABELS}, ["= 256", "0 to 255"]),
        ({"inputs": PIXELS * np.nan, "labels": LABELS}, ["inputs[0, 0, 0] = nan", "finite"]),
        ({"inputs": PIXELS * 1e300, "labels": LABELS}, ["e+302", "single precision"]),
        ({"inputs": PIXELS.astype(complex), "labels": LABELS}, ["complex128", "pixels or floats"]),
        ({"inputs": PIXELS[:0], "labels": LABELS[:0]}, ["inputs have shape (0, 4, 4)", "one sample or more"]),
        ({"inputs": np.float32(1), "labels": LABELS}, ["inputs have shape ()", "one sample or more"]),
        ({"inputs": PIXELS, "labels": LABELS, "writer": LABELS[:2]}, ["writers of shape (2,)"]),
        (
            {"x_train": PIXELS, "y_train": LABELS, "writer_train": LABELS, "x_test": PIXELS, "y_test": LABELS},
            ["writers are given for some"],
        ),
        ({"inputs": np.array([None] * 60), "labels": LABELS}, ["without pickles"]),
    ],
)
def test_npz_refusals(tmp_path, arrays, words):
    np.savez(tmp_path / "a.npz", **arrays)
    says(load_npz, tmp_path, "a.npz", *words)


def test_damaged_npz(tmp_path):
    file = tmp_path / "a.npz"
    np.savez_compressed(file, inputs=PIXELS, labels=LABELS)
    whole = file.read_bytes()
    for damaged in (b"PK", whole[:100], whole[:-1], whole[:80] + b"\xff" + whole[81:], b"junk"):
        file.write_bytes(damaged)
        says(load_npz, tmp_path, "a.npz", "NPZ archive")


# -- CSV ----------------------------------------------------------------------------------------------------


def test_csv_features_that_are_no_pixels():
    part = parse_csv('"b",label,a\n0.5,2,-1\n\n1e2,-7,3\n')
    assert part.inputs.tolist() == [[0.5, -1.0], [100.0, 3.0]]
    assert part.inputs.dtype == np.float32
    assert part.labels.tolist() == [2, -7]
    assert part.writer is None


def test_csv_of_zeros_and_ones_is_kept():
    assert parse_csv("label,a\n0,0\n1,1\n").inputs.dtype == np.float32


def test_csv_writers_and_line_ends():
    part = parse_csv('label,a,writer\r\n0,1.5,"smith, j"\r\n1,2.5,doe\r\n')
    assert part.writer.tolist() == ["smith, j", "doe"]
    assert part.inputs.tolist() == [[[1.5]], [[2.5]]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["line 1", "'label'"]),
        ("a,b\n1,2\n", ["line 1", "'a,b'", "'label'"]),
        ("label;a\n1;2\n", ["line 1", "separated by commas"]),
        ("label,label,a\n1,2,3\n", ["line 1"]),
        ("label,a,writer,writer\n1,2,3,4\n", ["line 1", "'writer'", "twice"]),
        ("label,writer\n1,2\n", ["no column with a feature"]),
        ("label,a\n", ["no rows"]),
        ("label,a", ["no rows"]),
        ("label,a\n1,2\n1,x\n", ["line 3, column a: 'x'", "finite number"]),
        ("label,a\n1,2\n\n1,\n", ["line 4, column a: ''"]),
        ("label,a\n1,nan\n", ["line 2, column a: 'nan'"]),
        ("label,a\n1,1e39\n", ["line 2, column a: '1e39'", "single precision"]),
        ("label,a\n1,1_0\n", ["line 2, column a: '1_0'"]),
        ("label,a\n1.5,2\n", ["line 2, column label: '1.5'", "integer"]),
        ("label,a\n1e9,2\n", ["line 2, column label: '1e9'"]),
        ("label,a\ninf,2\n", ["line 2, column label: 'inf'"]),
        ("label,a\n1,2\n1,2,3\n", ["line 3", "3 cells", "2 columns"]),
        ("label,a\n1,2,3\n1,2,3\n", ["line 2", "3 cells", "2 columns"]),
        ("label,a\n1\n", ["line 2", "1 cells"]),
        ('label,a\n1,"2\n3,4\n', ["line 3, column a"]),
    ],
)
def test_csv_refusals(text, words):
    with pytest.raises(FileFormatError) as caught:
        parse_csv(text)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message


def test_csv_files_are_joined_and_named(tmp_path):
    write_csv(tmp_path, "a.csv", pixels=PIXELS[:20], labels=LABELS[:20])
    write_csv(tmp_path, "b.csv.gz", pixels=PIXELS[20:], labels=LABELS[20:])
    assert np.array_equal(load_csv(tmp_path).inputs, SHOWN)
    (tmp_path / "b.csv.gz").unlink()
    (tmp_path / "b.csv").write_bytes(b"label,a\n1,\xff\n")
    says(load_csv, tmp_path, "b.csv", "line 2", "not UTF-8")
