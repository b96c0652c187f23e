"""A change is made in a copy, exactly once, and undone; what runs there runs on the copy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fedss_opt.verification.fault_claims import GROUPS
from fedss_opt.verification.fault_run import FAULTS, try_faults
from fedss_opt.verification.package_copy import PACKAGE, Change, ChangeError, PackageCopy

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


def test_every_fault_is_a_change_that_can_be_made():
    """The list names each text once: a fault that no longer fits its file is found here, in a second."""
    for fault in FAULTS:
        source = (PACKAGE / fault.file).read_text(encoding="utf-8")
        compile(fault.apply(source), fault.file, "exec")
        assert fault.groups
        assert set(fault.groups) <= set(GROUPS)
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 30
    for module in ("kernels/cell", "kernels/dual", "kernels/relaxation", "kernels/vertex", "kernels/knapsack"):
        assert any(fault.file == f"{module}.py" for fault in FAULTS)


def test_a_fault_is_noticed_and_no_fault_is_not():
    flipped = next(fault for fault in FAULTS if fault.name.startswith("payloads: sizes"))
    harmless = replace(flipped, new=flipped.old + "  # the same")
    gone = replace(flipped, old="nowhere")
    seen, unseen, broken = try_faults([flipped, harmless, gone], workers=1)
    assert any(by.startswith("sharing") or by.startswith("payloads") for by in seen.by)
    assert (unseen.by, unseen.error) == ([], "")
    assert broken.error.startswith("ChangeError")
