"""
Screening at work
=================

A bound says more than how good an answer is: it decides clients. At the deadline of the
best answer every client has a least bandwidth, and the certificate's multipliers say
what its relevance is worth in Hz. The difference is its *reduced cost*. If it exceeds
what the bound leaves free of the band, no better answer selects the client; if it is as
far below zero, every better answer does. How many are decided, as the gap closes?
"""

import matplotlib.pyplot as plt
import numpy as np

import fedss_opt as fo
from fedss_opt.figures import headline, name, tidy
from fedss_opt.looks import LEFT_OUT, ORANGE, SELECTED, lighter

problem = fo.scenarios.make(
    "yang2021",
    n_clients=2_000,
    n_tasks=5,
    seed=1,
    payload_bits=(0.5e6, 5e6),
    bandwidth_hz=800e6,
    required_fraction=0.3,
)
best = fo.solve(problem)

# %%
# To see bounds of every quality, the final multipliers are scaled down: from all of
# their size to none of it.


def decided(multipliers):
    """Return the gap, who is in every better answer, and who is in none: proven."""
    certificate = fo.Certificate(
        kind=fo.CertificateKind.BOUND, price=best.latency_s, multipliers=multipliers
    )
    reduced_hz = certificate.reduced_costs(problem)
    needed_hz = (
        multipliers @ problem.coverage_target + np.minimum(reduced_hz, 0.0).sum()
    )
    free_hz = problem.bandwidth_hz - needed_hz  # what the bound leaves of the band
    bound_s = certificate.bound(problem)
    gap = 100.0 * (best.latency_s / bound_s - 1.0) if bound_s > 0.0 else np.inf
    return gap, -reduced_hz >= free_hz, reduced_hz >= free_hz


steps = [
    decided(share * best.certificate.multipliers)
    for share in [*(1.0 - np.logspace(0.0, -5.0, 101)), 1.0]
]
gaps = np.array([gap for gap, _, _ in steps])
inside = np.array([np.count_nonzero(selected) for _, selected, _ in steps])
outside = np.array([np.count_nonzero(left_out) for _, _, left_out in steps])
core = problem.n_clients - inside[-1] - outside[-1]
print(
    f"at a gap of {gaps[-1]:.3f} %: {inside[-1]} selected for certain, "
    f"{outside[-1]} left out for certain, {core} open"
)

# %%
# The proof keeps its word: the proven optimum has all clients that were selected for
# certain, and none of those that were left out for certain.

optimum = fo.solve(problem, "exact")
_, selected, left_out = steps[-1]
print(f"better by {best.objective_s / optimum.objective_s - 1.0:.4%}")
print(f"selected for certain, but not in it: {(selected & ~optimum.selected).sum()}")
print(f"left out for certain, but in it:     {(left_out & optimum.selected).sum()}")

# %%
# What is left open is the *core*, to which the exact method turns.

known = np.isfinite(gaps) & (gaps < 20.0)
x, low, high = gaps[known], inside[known], problem.n_clients - outside[known]
figure, axes = plt.subplots(figsize=(8.0, 4.5), layout="constrained")
axes.fill_between(
    x, high, problem.n_clients, color=lighter(LEFT_OUT, 0.45), linewidth=0
)
axes.fill_between(x, low, high, color=lighter(ORANGE, 0.35), linewidth=0)
axes.fill_between(x, 0, low, color=SELECTED, linewidth=0)
axes.set_xscale("log")
axes.set_xlim(x.max(), x.min())
axes.set_ylim(0, problem.n_clients)
axes.xaxis.set_major_formatter(lambda gap, _: f"{gap:g} %")
name(axes, "left out for certain", (0.2, 1_550), "black", size=13)
name(axes, "open", (5.0, 800), "black", size=13)
name(
    axes,
    "selected for certain",
    (x.min(), 130),
    "white",
    shift=(-6.0, 0.0),
    align="right",
    size=13,
)
name(
    axes,
    f"core: {core}",
    (x.min(), 0.5 * (low[-1] + high[-1])),
    "black",
    shift=(8.0, 0.0),
    size=13,
)
axes.set_xlabel("certified gap of the bound, closing to the right")
axes.set_ylabel("clients")
headline(axes, "Screening: the smaller the gap, the fewer clients are open", size=13)
tidy(axes, grid="none")
plt.show()
