"""
Bounds closing in on the optimum
================================

An answer without a bound leaves open how much better it could be. How do the default
method's answer and its proven bound approach the optimum? A thousand clients serve five
tasks; the method ``"exact"`` says afterwards where the optimum is.
"""

import matplotlib.pyplot as plt
import numpy as np

import fedss_opt as fo
from fedss_opt.figures import headline, name, tidy
from fedss_opt.looks import ANSWER, BOUND, INK, LEFT_OUT

problem = fo.scenarios.make(
    "yang2021",
    n_clients=1_000,
    n_tasks=5,
    seed=1,
    payload_bits=(0.5e6, 5e6),
    bandwidth_hz=400e6,
    required_fraction=0.3,
)

# %%
# A callback is told where the solve stands. The first solve on a machine compiles the
# kernels, and other programs may slow a solve down: of ten, the fastest is shown.


def watch():
    """Solve, and return the answer with what was reported on the way."""
    steps = []
    return fo.solve(problem, callback=steps.append), steps


solution, steps = min(
    (watch() for _ in range(10)), key=lambda watched: watched[0].solve_time_s
)
optimum = fo.solve(problem, "exact")
print(f"answer   {1e3 * solution.objective_s:.3f} ms, certified gap {solution.gap:.3%}")
print(f"optimum  {1e3 * optimum.objective_s:.3f} ms, proven")
print(f"bound    {1e3 * solution.lower_bound_s:.3f} ms")

# %%
# Both are drawn as their distance to the optimum, on a scale that is logarithmic on
# either side of it. The bound comes from the relaxation, in which clients may be
# selected in part. It stays below the optimum, because whole clients cost more than
# parts.

time_ms = np.array(
    [1e3 * step.elapsed_s for step in steps] + [1e3 * solution.solve_time_s]
)
answer = np.array([step.objective_s for step in steps] + [solution.objective_s])
bound = np.array([step.lower_bound_s for step in steps] + [solution.lower_bound_s])
answer_off = 100.0 * (answer / optimum.objective_s - 1.0)
bound_off = 100.0 * (np.where(bound > 0.0, bound, np.nan) / optimum.objective_s - 1.0)

figure, axes = plt.subplots(figsize=(8.0, 4.5), layout="constrained")
axes.fill_between(
    time_ms, bound_off, answer_off, step="post", color=LEFT_OUT, alpha=0.15, linewidth=0
)
for values, color in ((answer_off, ANSWER), (bound_off, BOUND)):
    axes.plot(
        time_ms,
        values,
        drawstyle="steps-post",
        color=color,
        linewidth=2.5,
        marker="o",
        markersize=4,
    )
axes.axhline(0.0, color=INK, linewidth=1.2, linestyle="--")
middle = 0.6 * time_ms[-1]
name(
    axes,
    "best answer",
    (middle, answer_off[time_ms < middle][-1]),
    ANSWER,
    shift=(0.0, 14.0),
    size=13,
)
name(
    axes,
    "proven lower bound",
    (middle, bound_off[time_ms < middle][-1]),
    BOUND,
    shift=(0.0, -15.0),
    size=13,
)
name(axes, "optimum, proven afterwards", (middle, 0.0), INK, shift=(0.0, 11.0), size=13)
axes.set_yscale("symlog", linthresh=0.02)
axes.set_ylim(-1.0, 30.0)
axes.set_yticks(
    [-1.0, -0.1, 0.0, 0.1, 1.0, 10.0],
    ["\u22121 %", "\u22120.1 %", "0", "+0.1 %", "+1 %", "+10 %"],
)
axes.minorticks_off()
axes.set_xlim(left=0.0)
axes.set_xlabel("time since the start of the solve (ms)")
axes.set_ylabel("latency, from the optimum")
headline(axes, f"Bounds closing in: certified gap {solution.gap:.2%}", size=13)
tidy(axes)
plt.show()
