"""Every corruption is tried and caught, and a judge who believes everything is found out."""

from __future__ import annotations

from fedss_opt.verification import verify_solution
from fedss_opt.verification.mutations import MUTATIONS, STALE, try_mutations


def test_every_mutation_is_tried_and_caught(honest):
    records = try_mutations(honest)
    assert [record.name for record in records] == [*MUTATIONS, *STALE]
    assert [record.name for record in records if not record.tried] == []
    assert [(record.name, record.escaped) for record in records if record.caught < record.tried] == []


def test_a_blind_judge_is_found_out(honest):
    """The mutation court has no opinion of its own: a judge who believes everything lets all pass."""
    believe = verify_solution(honest[0][1], honest[0][2])
    assert believe.ok
    records = try_mutations(honest[:4], judge=lambda problem, solution: believe)
    assert sum(record.tried for record in records) > 0
    assert all(record.caught == 0 and len(record.escaped) == record.tried for record in records)
