"""What figures share: the same bytes, whole files, no global state, and colours that mean something."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import pytest

import fedss_opt as fo
from fedss_opt import looks

pytest.importorskip("matplotlib")

from matplotlib import pyplot as plt

from fedss_opt import figures

HEADS = {"png": b"\x89PNG\r\n\x1a\n", "svg": b"<?xml", "pdf": b"%PDF"}


def drawn():
    figure = figures.new_figure(3.0, 2.0)
    axes = figure.subplots()
    axes.plot([0.0, 1.0], [0.0, 1.0], color=looks.SELECTED)
    figures.headline(axes, "a line")
    figures.name(axes, "its name", (1.0, 1.0), looks.SELECTED)
    figures.tidy(axes)
    return figure


@pytest.mark.parametrize("kind", HEADS)
def test_the_same_figure_is_the_same_bytes(kind):
    with mock.patch.dict("os.environ", {"SOURCE_DATE_EPOCH": "1"}):
        first = figures.picture(drawn(), kind)
    with mock.patch.dict("os.environ", {"SOURCE_DATE_EPOCH": "1000000000"}):
        second = figures.picture(drawn(), kind)
    assert first == second
    assert first.startswith(HEADS[kind])


@pytest.mark.parametrize("kind", HEADS)
def test_a_figure_is_written_as_its_name_says(tmp_path, kind):
    path = figures.save_figure(drawn(), tmp_path / f"figure.{kind.upper()}")
    assert path.read_bytes().startswith(HEADS[kind])
    assert list(tmp_path.iterdir()) == [path]


def test_a_figure_that_cannot_be_drawn_leaves_the_old_one(tmp_path):
    path = figures.save_figure(drawn(), tmp_path / "figure.png")
    before = path.read_bytes()
    with pytest.raises(ValueError, match="nonsense"):
        figures.save_figure(drawn(), path.with_suffix(".nonsense"))
    with mock.patch.object(figures, "picture", side_effect=RuntimeError), pytest.raises(RuntimeError):
        figures.save_figure(drawn(), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_figures_are_in_no_list_of_open_ones():
    plt.close("all")
    drawn()
    assert plt.get_fignums() == []


@pytest.mark.parametrize(("grid", "shown"), [("both", "xy"), ("x", "x"), ("y", "y"), ("none", "")])
def test_a_panel_keeps_two_edges_and_the_grid_asked_for(grid, shown):
    axes = figures.new_figure(2.0, 2.0).subplots()
    figures.tidy(axes, grid=grid)
    assert [name for name, edge in axes.spines.items() if edge.get_visible()] == ["left", "bottom"]
    assert "".join(name for name in "xy" if getattr(axes, f"{name}axis").get_gridlines()[0].get_visible()) == shown


def test_matplotlib_is_asked_for_by_its_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    code = compile(Path(figures.__file__).read_text(encoding="utf-8"), figures.__file__, "exec")
    with pytest.raises(fo.MissingDependencyError, match=r'pip install "fedss-opt\[plot\]"'):
        exec(code, {"__name__": "fedss_opt.figures", "__package__": "fedss_opt"})


def test_every_method_has_a_colour_of_its_own():
    assert set(looks.METHODS) == set(fo.METHODS)
    assert len(set(looks.METHODS.values())) == len(looks.METHODS)


def test_lighter_colours_end_in_white():
    assert looks.lighter(looks.RED, 0.0) == looks.RED
    assert looks.lighter(looks.RED, 1.0) == "#FFFFFF"
