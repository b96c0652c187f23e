"""A change is made in a copy, exactly once, and undone; what runs there runs on the copy."""

from __future__ import annotations

import pytest

from fedss_opt.verification.faults import PACKAGE, Change, ChangeError, PackageCopy

WIDER = Change(file="checking.py", old="FIGURE_TOL = 1e-9", new="FIGURE_TOL = 1e-3")
SHOW = ["-c", "import fedss_opt.checking as c; print(c.FIGURE_TOL, c.__file__)"]


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> PackageCopy:
    return PackageCopy(tmp_path_factory.mktemp("copy"), beside=[PACKAGE.parent / "pyproject.toml"])


def test_processes_see_the_change_and_the_package_stays(copy):
    before = (PACKAGE / "checking.py").read_text()
    for _ in range(2):  # texts of the same length within a second, before and after
        with copy.changed(WIDER):
            value, place = copy.run(SHOW, timeout_s=60).stdout.split()
        assert (value, place) == ("0.001", str(copy.package / "checking.py"))
        assert copy.run(SHOW, timeout_s=60).stdout.split()[0] == "1e-09"
    assert (PACKAGE / "checking.py").read_text() == before
    assert (copy.folder / "pyproject.toml").exists()


@pytest.mark.parametrize("old", ["nowhere to be found", "Claim("])
def test_a_text_that_is_not_there_once_is_an_error(copy, old):
    with (
        pytest.raises(ChangeError, match="must be there once"),
        copy.changed(WIDER, Change(file="checking.py", old=old, new="")),
    ):
        pass
    assert "FIGURE_TOL = 1e-9" in (copy.package / "checking.py").read_text()
    with pytest.raises(ChangeError, match="by itself"):
        Change(file="checking.py", old="FIGURE_TOL = 1e-9", new="FIGURE_TOL = 1e-9").apply("FIGURE_TOL = 1e-9")
