"""What is kept of measurements, and the pages that are filled from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import pages, record
from benchmarks.peers.cases import Case, Race
from benchmarks.peers.race import Result
from benchmarks.race_tables import race_tables
from benchmarks.records import FOLDER, from_pytest, load, load_document, merged, save, write_document
from benchmarks.results.document import blocks_of
from benchmarks.solver_tables import solver_tables
from benchmarks.verification_tables import verification_tables
from fedss_opt.exceptions import FileFormatError

PAGES = (pages.BENCHMARKS, pages.VERIFICATION)


def measured(name: str = "test_admm[20-1-umi]", *, day: str = "2031-05-06", median: float = 0.25, **extra: Any) -> Any:
    """Make a file as pytest-benchmark writes it, with one benchmark."""
    told = {
        "family": "umi",
        "clients": 20,
        "tasks": 1,
        "seeds": 3,
        "gap_median": 0.1234567891,
        "gap_worst": 0.5,
        **extra,
    }
    return {
        "machine_info": {
            "node": "somebodys-laptop",
            "cpu": {"brand_raw": "A processor", "count": 4},
            "machine": "x86_64",
            "python_version": "3.12.1",
            "versions": {"numpy": "2.0"},
        },
        "commit_info": {"id": "0123456789abcdef", "dirty": True, "branch": "mine"},
        "datetime": f"{day}T10:11:12+00:00",
        "benchmarks": [
            {
                "name": name,
                "fullname": f"benchmarks/test_admm.py::{name}",
                "extra_info": told,
                "stats": {"min": 0.125, "median": median, "max": 0.5, "rounds": 7, "data": [0.125, 0.25, 0.5]},
            }
        ],
    }


# -- the pages


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_say_what_is_recorded(page: Path) -> None:
    """If this fails: `python -m benchmarks.pages` fills the pages anew."""
    tables = pages.tables_of(page)
    for name, body in blocks_of(page.read_text(encoding="utf-8")).items():
        assert body == tables.get(name, ""), name
    assert tables


def test_every_record_is_on_a_page() -> None:
    shown = {name for page in PAGES for name in pages.tables_of(page)}
    made = {
        *solver_tables(load()),
        *race_tables(load_document(FOLDER / "race.json")),
        *verification_tables(load_document(FOLDER / "verification.json")),
    }
    assert shown == {f"table: {name}" for name in made}


def test_a_page_that_differs_is_told_and_filled(tmp_path, monkeypatch, capsys) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text("before\n<!-- table: admm -->\nold\n<!-- end: admm -->\nafter\n")
    (tmp_path / "verification.md").write_text("nothing to fill\n")
    monkeypatch.setattr(pages, "BENCHMARKS", page)
    monkeypatch.setattr(pages, "VERIFICATION", tmp_path / "verification.md")
    folder = tmp_path / "recorded"
    record.record(measured(), folder)
    asked = ["--folder", str(folder)]
    assert pages.main([*asked, "--check"]) == 1
    assert "differs from the records" in capsys.readouterr().out
    assert "old" in page.read_text()
    assert pages.main(asked) == 0
    assert "| umi | 20, 1 | 125 - **250** - 500 | 12 % | 50 % |  |" in page.read_text().replace("\u00a0", " ")
    assert page.read_text().startswith("before\n")
    assert pages.main([*asked, "--check"]) == 0


# -- records


def test_records_say_nothing_of_who_measured() -> None:
    for path in sorted(FOLDER.glob("*.json")):
        text = path.read_text(encoding="utf-8")
        assert not {'"node"', '"branch"', '"platform"', '"hostname"'} & set(text.split()), path.name
        assert "/home" not in text, path.name
        assert "/root/" not in text, path.name
    runs = load().runs.values()
    assert all(set(run) == {"date", "commit", "processor", "cores", "python", "versions"} for run in runs)


def test_what_is_kept_of_a_benchmark() -> None:
    records = from_pytest(measured(versions={"scipy": "1.0"}))
    (name,) = records.runs
    assert records.runs[name] == {
        "date": "2031-05-06",
        "commit": "0123456789+",
        "processor": "A processor",
        "cores": 4,
        "python": "3.12.1",
        "versions": {"scipy": "1.0", "numpy": "2.0"},
    }
    entry = records.families["admm"]["test_admm[20-1-umi]"]
    assert entry["stats"] == {"min": 0.125, "median": 0.25, "max": 0.5, "rounds": 7}
    assert entry["extra_info"]["gap_median"] == 0.123457
    assert "versions" not in entry["extra_info"]
    assert "laptop" not in json.dumps([records.runs, records.families])


def test_the_last_measurement_counts(tmp_path) -> None:
    for document in (measured(), measured("test_admm[100-5-umi]"), measured(day="2031-05-07", median=0.375)):
        record.record(document, tmp_path)
    records = load(tmp_path)
    medians = {name: entry["stats"]["median"] for name, entry in records.families["admm"].items()}
    assert medians == {"test_admm[20-1-umi]": 0.375, "test_admm[100-5-umi]": 0.25}
    assert sorted(run["date"] for run in records.runs.values()) == ["2031-05-06", "2031-05-07"]
    # Once the other is measured again too, nothing is left of the first run.
    record.record(measured("test_admm[100-5-umi]", day="2031-05-07"), tmp_path)
    assert [run["date"] for run in load(tmp_path).runs.values()] == ["2031-05-07"]


def test_records_survive_being_written(tmp_path) -> None:
    records = merged([from_pytest(measured()), from_pytest(measured("test_admm[100-5-umi]"))])
    save(records, tmp_path)
    assert load(tmp_path) == records


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ({}, "neither"),
        ({"format": "fedss_opt/solution", "version": 1}, "neither"),
        ({"format": "fedss_opt/verification", "version": 1, "size": "quick"}, "quick"),
    ],
)
def test_other_documents_are_refused(document: dict[str, Any], complaint: str, tmp_path) -> None:
    with pytest.raises(FileFormatError, match=complaint):
        record.record(document, tmp_path)
    path = tmp_path / "given.json"
    path.write_text(json.dumps(document))
    assert record.main([str(path), "--folder", str(tmp_path / "recorded")]) == 2


@pytest.mark.parametrize("document", [[], {"format": "other"}, {"format": "fedss_opt/race", "version": 2}])
def test_a_file_that_is_no_record_is_refused(document: Any, tmp_path) -> None:
    (tmp_path / "race.json").write_text(json.dumps(document))
    with pytest.raises(FileFormatError, match=r"race\.json"):
        load(tmp_path)


def test_a_written_record_has_a_line_an_entry(tmp_path) -> None:
    document = {"format": "fedss_opt/race", "version": 1, "results": [{"a": 1}, {"a": 2}], "none": []}
    path = write_document(document, tmp_path / "race.json")
    assert json.loads(path.read_text()) == document
    assert sum(line.startswith('  {"a"') for line in path.read_text().splitlines()) == 2


# -- tables


def test_targets_tell_what_was_missed() -> None:
    sizes = [(20, 1), (100, 5), (1000, 5), (10_000, 5), (100_000, 1)]
    parts = [
        from_pytest(measured(f"test_admm[{n}-{k}-{family}]", family=family, clients=n, tasks=k, median=seconds))
        for n, k in sizes
        for family, seconds in (("yang2021", 0.0002), ("umi", 0.0004))
    ]
    first, second, *_ = solver_tables(merged(parts))["targets"].replace("\u00a0", " ").splitlines()[2:]
    assert "0.20 / 0.40 ms, **umi missed**" in first
    assert "0.20 / 0.40 ms |" in second
    assert "12 / 12 %, **missed**" in second


def test_a_result_of_a_race_survives_its_record() -> None:
    case = Case(race=Race.JOINT, family="total", clients=20, tasks=1, seed=3)
    result = Result(
        case=case, entrant="admm", status="answered", seconds=0.5, value_s=2.0, best_s=1.0, proven=True, note="fine",
        times={0.01: None, 1.0: 0.5},
    )  # fmt: skip
    again = Result.from_dict(json.loads(json.dumps(result.to_dict())))
    assert again.to_dict() == result.to_dict()
    assert (again.case, again.distance, again.times) == (case, 1.0, {0.01: None, 1.0: 0.5})


def test_a_violated_claim_shows_in_the_tables() -> None:
    document = load_document(FOLDER / "verification.json")
    document["claims"][0]["result"] = "violated"
    document["corruptions"][0]["caught"] -= 2
    noticed = {"name": "one", "file": "checking.py", "noticed_by": ["a claim"], "error": ""}
    document["faults"] = [noticed, {**noticed, "name": "two", "noticed_by": []}]
    tables = verification_tables(document)
    held = sum(claim["result"] == "holds" for claim in document["claims"])
    assert f"{held} of {len(document['claims'])} claims hold" in tables["verification-run"]
    assert "1 violated" in tables["verification-run"]
    assert "**2 not caught**" in tables["verification"]
    assert "| faults made in copies | 2 in 1 files | **not noticed: two** |" in tables["verification"]
