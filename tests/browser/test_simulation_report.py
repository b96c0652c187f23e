"""The report page of an experiment, as a person uses it."""

from __future__ import annotations

import io
import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from fedss_opt.studies import write_simulation_report
from fedss_opt.studies.configuration import to_document
from fedss_opt.studies.experiment import Experiment
from fedss_opt.studies.grid import RunOutcome
from fedss_opt.studies.results import results_frame, results_of
from fedss_opt.studies.summary import summarise

from ..studies.synthetic import synthetic_outcomes

if TYPE_CHECKING:
    from .chrome import Viewer

pytest.importorskip("altair", reason="needs the extra report")

# Marks of a chart that are in sight; Vega draws the invisible ones, which only feel for the pointer, too.
_LINES = """return [...document.querySelectorAll('[data-chart="ARG"] .mark-line.role-mark path')]
    .filter(path => path.getAttribute('d')).length"""


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return Experiment(
        name="browsed",
        rounds=15,
        data={"n_clients": 12, "n_tasks": 3},
        run={"algorithms": ("fedss", "fedavg", "local"), "policies": ("admm", "random"), "seeds": "0:3"},
    )


@pytest.fixture(scope="module")
def outcomes(experiment: Experiment) -> list[RunOutcome]:
    return synthetic_outcomes(experiment)


@pytest.fixture
def open_page(viewer: Viewer, tmp_path: Path) -> Callable[[Experiment, list[RunOutcome]], None]:
    def open_(experiment: Experiment, outcomes: list[RunOutcome]) -> None:
        path = tmp_path / "out.html"
        write_simulation_report(outcomes, path, experiment=experiment)
        viewer.open(path)
        viewer.wait(lambda: viewer.run("return 'ready' in document.documentElement.dataset"), "all charts")
        viewer.settle()

    return open_


@pytest.fixture
def page(viewer: Viewer, open_page, experiment: Experiment, outcomes: list[RunOutcome]) -> Viewer:
    open_page(experiment, outcomes)
    return viewer


def lines(viewer: Viewer, chart: str = "accuracy-seconds") -> int:
    viewer.settle()
    return int(viewer.run(_LINES.replace("ARG", chart)))


def test_every_chart_is_drawn(page):
    drawn = page.run(
        "return [...document.querySelectorAll('[data-chart]')].map(e => [e.dataset.chart, e.dataset.drawn])"
    )
    assert [name for name, state in drawn if state != "true"] == []
    assert {name for name, _ in drawn} >= {"accuracy-seconds", "times", "tasks", "relevance-measured", "selection"}
    assert lines(page) == 6
    page.screenshot("simulation")


def test_the_axis_can_be_chosen_with_keys_alone(page):
    page.run("document.querySelector('input[name=axis]').focus()")
    page.press("ARROW_DOWN")
    page.settle()
    assert page.one('[data-axis="bits"]').is_displayed()
    assert not page.one('[data-axis="seconds"]').is_displayed()
    width = page.run("return document.querySelector('[data-chart=accuracy-bits] svg').getBoundingClientRect().width")
    assert width > 800  # drawn while it was hidden, it had none
    assert lines(page, "accuracy-bits") == 6


def test_pressing_a_name_hides_its_lines_and_shows_them_again(page):
    page.click('[data-algorithm="fedss"]')
    assert page.one('[data-algorithm="fedss"]').get_attribute("aria-pressed") == "false"
    assert lines(page) == 4
    page.click('[data-policy="random"]')
    assert lines(page) == 2
    page.run("document.querySelector('[data-algorithm=fedss]').focus()")
    page.press("ENTER")
    assert lines(page) == 3
    page.click("#all-algorithms")
    assert lines(page) == 0
    page.click("#all-algorithms")
    assert lines(page) == 3


def test_pointing_at_a_name_makes_it_stand_out(page):
    def opacities() -> list[str]:
        page.settle()
        script = """return [...document.querySelectorAll('[data-chart="accuracy-seconds"] .mark-line.role-mark path')]
            .map(path => path.getAttribute('opacity') ?? '1')"""
        return page.run(script)

    assert set(opacities()) == {"1"}
    page.hover(page.one('[data-algorithm="fedavg"]'))
    assert sorted(opacities()).count("1") == 2
    page.screenshot("simulation-standing-out", whole=False)
    page.hover(page.one("h1"))
    assert set(opacities()) == {"1"}


def test_a_point_tells_its_figures(page, outcomes):
    points = page.all('[data-chart="accuracy-seconds"] .mark-symbol path')
    page.hover(points[-1])
    tip = page.tooltip()
    for word in ("algorithm", "policy", "round", "accuracy (%)", "95 % interval", "simulated", "uplink"):
        assert word in tip
    frame = results_frame(results_of(outcomes))
    told = dict(line.split("\t") for line in tip.splitlines() if "\t" in line)
    means = frame.group_by("algorithm", "policy", "round").agg(pl.col("accuracy_mean").mean())
    shown = means.filter(
        pl.col("algorithm") == told["algorithm"],
        pl.col("policy") == told["policy"],
        pl.col("round") == int(told["round"]) - 1,
    )
    assert told["accuracy (%)"] == f"{100.0 * shown['accuracy_mean'][0]:.1f}"
    page.screenshot("simulation-tooltip", whole=False)


def test_the_summary_is_sorted_and_a_row_shows_its_lines(page, outcomes):
    summary = summarise(results_frame(results_of(outcomes)))
    page.click('[data-sort="simulated_s"]')
    first = page.text("#table-summary tbody tr")
    slowest = summary.sort("simulated_s", descending=True).row(0, named=True)
    assert first.startswith(slowest["algorithm"] + slowest["policy"]) or slowest["algorithm"] in first
    assert slowest["policy"] in first
    page.click('[data-algorithm="fedavg"]')
    assert lines(page) == 4
    place = summary.with_row_index().filter(algorithm="fedavg", policy="random")["index"][0]
    page.run(f"document.querySelector('#table-summary [data-pair=\"{place}\"]').focus()")
    page.press("ENTER")
    assert page.one("#details").is_displayed()
    assert "fedavg" in page.text("#details-body")
    assert "random" in page.text("#details-body")
    assert lines(page) == 6  # what is selected is shown again
    page.press("ESCAPE")
    assert not page.one("#details").is_displayed()


def test_a_point_that_is_pressed_selects_its_row(page):
    points = page.all('[data-chart="accuracy-seconds"] .mark-symbol path')
    page.hover(points[-1])
    points[-1].click()
    page.wait(lambda: page.one("#details").is_displayed(), "the details")
    assert page.run("return fedss.picked().id") == "summary"


def test_who_took_part_is_that_of_the_run(page, outcomes):
    def count(state: str) -> int:
        cells = page.run(
            "return [...document.querySelectorAll('[data-chart=selection] .mark-rect.role-mark path')]"
            f".filter(cell => cell.getAttribute('fill') === '{state}').length"
        )
        return int(cells)

    runs = results_of(outcomes)
    for value, run in (("0", runs[0]), ("3", runs[9])):
        page.run(
            "const s = document.getElementById('selection-run'); s.value = arguments[0];"
            "s.dispatchEvent(new Event('change'))",
            value,
        )
        page.settle()
        assert count("var(--selected)") == (run.participation == 2).sum()
        assert count("var(--answer)") == (run.participation == 3).sum()


@pytest.mark.parametrize(
    ("field", "chart"),
    [("times-algorithm", "times"), ("tasks-policy", "tasks"), ("relevance-run", "relevance-measured")],
)
def test_another_choice_draws_another_chart(page, field, chart):
    def drawn() -> str:
        page.settle()
        return page.run(f"return document.querySelector('[data-chart=\"{chart}\"] svg').outerHTML")

    before = drawn()
    page.run(f"document.getElementById('{field}').focus()")
    page.press("ARROW_DOWN")
    assert drawn() != before
    chosen = page.run(f"return document.getElementById('{field}').selectedOptions[0].textContent")
    assert page.text(f'[data-chosen="{field}"]') == chosen


def test_downloads_are_what_the_package_writes(page, experiment, outcomes):
    frame = results_frame(results_of(outcomes))
    assert page.download("#download-results-csv").decode() == frame.write_csv()
    assert page.download("#download-summary-csv").decode() == summarise(frame).write_csv()
    document = json.loads(page.download("#download-json"))
    assert document["summary"] == summarise(frame).to_dicts()
    toml = page.download("#download-config").decode()
    assert to_document(Experiment.model_validate(tomllib.loads(toml))) == to_document(experiment)
    assert pl.read_csv(io.BytesIO(page.download("#download-results-csv")), infer_schema_length=None).height == 270


def test_light_dark_and_phone_are_accessible(page):
    page.judge_accessibility("simulation")


def test_details_and_the_configuration_are_accessible_when_open(page):
    page.click("#configuration summary")
    page.click('#table-summary [data-pair="0"]')
    page.settle()
    assert page.inaccessible() == []


def test_a_phone_need_not_scroll_sideways(page):
    from .chrome import PHONE  # noqa: PLC0415 - an extra

    page.size(PHONE)
    page.settle()
    assert page.too_wide() == 0
    for axis in ("bits", "round"):
        page.click(f'input[value="{axis}"]')
        page.settle()
        assert page.too_wide() == 0


def test_the_theme_is_the_systems_until_the_button_says_otherwise(page):
    def paper() -> str:
        page.settle()
        return page.run("return getComputedStyle(document.body).backgroundColor")

    light = paper()
    page.media(dark=True)
    dark = paper()
    assert dark != light
    page.click("#theme")
    assert paper() == light
    page.screenshot("simulation-light-by-button", whole=False)


def test_print_has_figures_and_no_controls(page):
    page.media(printed=True)
    page.settle()
    controls = page.all(
        "button:not([data-algorithm], [data-policy], td *, th *), select, input"
    )  # names are the legend
    assert [control.get_attribute("outerHTML") for control in controls if control.is_displayed()] == []
    assert page.one('[data-chart="accuracy-seconds"] svg').is_displayed()
    assert page.one('[data-algorithm="fedss"]').is_displayed()  # the legend
    page.screenshot("simulation-print")
    pdf = page.pdf()
    assert pdf.startswith(b"%PDF")
    assert pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") >= 1


def test_names_and_errors_from_files_do_nothing(viewer, open_page):
    evil = "</script><img src=x onerror=document.title='hit'><b>\u202e\U0001f4f1"
    experiment = Experiment(
        name=evil,
        rounds=3,
        data={"n_clients": 8},
        run={"algorithms": ("fedavg",), "policies": ("all",), "seeds": "0:2"},
    )
    open_page(experiment, synthetic_outcomes(experiment, failed={1}, error=evil))
    assert evil in viewer.run("return document.querySelector('h1').textContent")
    assert evil in viewer.run("return document.querySelector('#failures li').textContent")
    assert viewer.run("return document.title").endswith(evil)
    assert viewer.all("img") == []


@pytest.mark.parametrize("options", [{"failed": range(18)}, {"missing": range(18)}])
def test_a_page_without_a_finished_run_is_still_a_page(viewer, open_page, experiment, options):
    open_page(experiment, synthetic_outcomes(experiment, **options))
    assert "No run was finished" in viewer.text("#headline")
    viewer.judge_accessibility("simulation-nothing")
    assert json.loads(viewer.download("#download-json"))["summary"] == []


def test_without_javascript_the_result_can_be_read(viewer, tmp_path, experiment, outcomes):
    path = tmp_path / "out.html"
    write_simulation_report(outcomes, path, experiment=experiment)
    with viewer.without_scripts():
        viewer.open(path)
        assert "most accurate" in viewer.one("#headline").text
        assert viewer.one("noscript table").is_displayed()
        viewer.screenshot("simulation-no-script")


def test_a_large_experiment_opens(viewer, open_page):
    from fedss_opt.simulation.algorithms import ALGORITHMS  # noqa: PLC0415

    run = {"algorithms": tuple(ALGORITHMS), "policies": ("admm", "random", "all", "greedy"), "seeds": (0, 1)}
    experiment = Experiment(rounds=30, run=run)
    open_page(experiment, synthetic_outcomes(experiment))
    assert lines(viewer) == len(ALGORITHMS)  # under the first policy
    viewer.click("#all-policies")
    assert lines(viewer) == 4 * len(ALGORITHMS)
    viewer.screenshot("simulation-large")
