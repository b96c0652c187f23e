"""
The residuals of the ADMM
=========================

The ADMM splits the selection in two: a copy that pays for bandwidth, and a copy that
covers the tasks. The primal residual says how far apart the two are, the dual residual
how much the second one still moves. How fast do they fall, and what does the bound need
of them?
"""

import matplotlib.pyplot as plt
import numpy as np

import fedss_opt as fo
from fedss_opt.figures import headline, name, tidy
from fedss_opt.looks import BLUE, BOUND, INK, ORANGE
from fedss_opt.solvers import Options
from fedss_opt.solvers.admm_method import Tuning, solve_admm

problem = fo.scenarios.make(
    "yang2021",
    n_clients=1_000,
    n_tasks=5,
    seed=0,
    payload_bits=(0.5e6, 5e6),
    bandwidth_hz=400e6,
    required_fraction=0.3,
)

# %%
# By default the ADMM stops early, and vertex ascent finishes the relaxation. Here it is
# left alone, to see how it would go on.

steps = []
alone = solve_admm(
    problem, Options(gap_tol=0.0, callback=steps.append), Tuning(vertex=False)
)
solution = fo.solve(problem, callback=(by_default := []).append)
handed_over = by_default[-1].iteration
print(f"alone: {alone.iterations} iterations, bound {1e3 * alone.lower_bound_s:.4f} ms")
print(
    f"with vertex ascent from iteration {handed_over} on: "
    f"bound {1e3 * solution.lower_bound_s:.4f} ms"
)

# %%
# The bound is off by far less than the residuals are: it only needs good multipliers,
# not two copies that agree. The last digits of it are what the vertex ascent is for.

seen = [
    step for step in steps if step.iteration > 0 and step.iteration <= alone.iterations
]
iteration = np.array([step.iteration for step in seen])
tight = max(solution.lower_bound_s, alone.lower_bound_s)
bound_off = np.array([1.0 - step.lower_bound_s / tight for step in seen])
lines = (
    ("primal residual", np.array([step.primal_residual for step in seen]), BLUE, -7.0),
    ("dual residual", np.array([step.dual_residual for step in seen]), ORANGE, 7.0),
    (
        "bound, from its limit",
        np.where((bound_off > 1e-9) & (bound_off < 1.0), bound_off, np.nan),
        BOUND,
        0.0,
    ),
)
figure, axes = plt.subplots(figsize=(8.0, 4.5), layout="constrained")
for text, values, color, up in lines:
    axes.plot(iteration, values, color=color, linewidth=2.2)
    last = np.flatnonzero(np.isfinite(values))[-1]
    name(axes, text, (iteration[last], values[last]), color, shift=(7.0, up), size=13)
axes.axvline(handed_over, color=INK, linewidth=1.0, linestyle=":")
name(axes, "vertex ascent takes over", (handed_over, lines[0][1].max()), INK, size=11)
axes.set_yscale("log")
axes.set_xlim(0, 1.35 * iteration[-1])
axes.set_xlabel("ADMM iterations")
axes.set_ylabel("relative size")
headline(axes, "Residuals of the ADMM, left alone", size=13)
tidy(axes)
plt.show()
