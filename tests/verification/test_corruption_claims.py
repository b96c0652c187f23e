"""Every corruption is tried and caught, and a check that believes everything is found out."""

from __future__ import annotations

from fedss_opt.verification import verify_solution
from fedss_opt.verification.corruption_claims import CORRUPTIONS, try_corruptions
from fedss_opt.verification.frozen_families import FAMILIES

# Forged searches take seconds to refute on the others.
SMALL = set(FAMILIES) - {"larger", "larger-optima", "local-optima", "copies"}


def test_every_corruption_is_tried_and_caught(honest):
    names = {f"{family}/{number}" for family in SMALL for number in range(5)}
    records = try_corruptions(answer for answer in honest if answer[0] in names)
    assert list(records) == [corruption.name for corruption in CORRUPTIONS]
    assert [name for name, record in records.items() if not record.tried] == []
    assert [(name, record.violated) for name, record in records.items() if record.caught < record.tried] == []


def test_a_blind_check_is_found_out(honest):
    """The corruptions have no opinion of their own: a check that believes everything lets all pass."""
    believe = verify_solution(honest[0][1], honest[0][2])
    assert believe.ok
    records = try_corruptions(honest[:4], check=lambda problem, solution: believe).values()
    assert sum(record.tried for record in records) > 0
    assert all(record.caught == 0 and len(record.violated) == record.tried for record in records)
