"""``fedss-opt verify --minutes`` and ``--problems``."""

from __future__ import annotations

import pytest

import fedss_opt as fo
from fedss_opt.verification.attack import attack
from fedss_opt.verification.attack.attempt import Attempt

pytest.importorskip("flint")
pytestmark = pytest.mark.usefixtures("warm")


def _refuse_two_tasks(problem, method="admm", **options):
    if problem.n_tasks == 2:
        raise ZeroDivisionError("two tasks")
    return fo.solve(problem, method, **options)


def test_attack_ends_after_its_number_and_its_time(cli, monkeypatch, tmp_path):
    monkeypatch.setattr("fedss_opt.verification.attack.attack_run.try_problem", lambda *_: Attempt())
    result = cli("verify", "--problems", "40", "--seed", "9")
    assert result.exit_code == 0
    assert "40 problems tried" in result.stdout
    assert "with seed 9: nothing failed" in result.stdout
    assert "--seed 9" in result.stderr
    assert not (tmp_path / "attack-failures").exists()
    result = cli("verify", "--minutes", "0")
    assert result.exit_code == 0
    assert "0 problems tried" in result.stdout


def test_attack_says_and_saves_what_failed(cli, monkeypatch, tmp_path):
    monkeypatch.setattr("fedss_opt.cli.attack.attack", lambda **options: attack(**options, solve=_refuse_two_tasks))
    result = cli("verify", "--problems", "12", "--seed", "5", "--quiet")
    assert result.exit_code == 1
    assert "raises ZeroDivisionError: admm" in result.stdout
    assert result.stderr == ""
    assert list((tmp_path / "attack-failures").glob("5-*.json"))


def test_attack_refuses_options_of_a_whole_run(cli):
    for arguments, named in ((["--seed", "1"], "--seed"), (["--quick", "--minutes", "1"], "--quick")):
        result = cli("verify", *arguments)
        assert result.exit_code == 2
        assert named in result.stderr
