"""
Energy budgets
==============

A client that may spend an energy E on its upload, and sends with the power P, must be
done after E / P seconds. Small budgets therefore ask for bandwidth: at some point there
is not enough of it for everybody whom the tasks need. Where is that point, and who says
so?
"""

import matplotlib.pyplot as plt
import numpy as np

import fedss_opt as fo
from fedss_opt.figures import headline, name, tidy
from fedss_opt.looks import ANSWER, INK, LEFT_OUT, lighter

power_w = 0.2  # 23 dBm
problem = fo.scenarios.make(
    "yang2021",
    n_clients=60,
    n_tasks=3,
    seed=3,
    payload_bits=(0.5e6, 5e6),
    bandwidth_hz=20e6,
    transmit_power_dbm=10.0 * np.log10(1e3 * power_w),
    compute_s=(0.05, 0.25),
    required_fraction=0.4,
)
free = fo.solve(problem, "exact")

# %%
# The budget becomes ``max_upload_s``. That there is no answer is proven like any other
# bound, by a certificate or by a search, and proven again by ``fo.check``.

budgets_mj = np.arange(20.0, 65.0, 0.5)
capped = [
    problem.replace(max_upload_s=1e-3 * budget / power_w) for budget in budgets_mj
]
answers = [fo.solve(cell, "exact") for cell in capped]
latency_ms = 1e3 * np.array([answer.objective_s for answer in answers])
feasible = np.array([answer.has_answer for answer in answers])
excluded = np.array([answer.status == fo.Status.INFEASIBLE for answer in answers])
proven = [
    fo.check(c, a).ok for a, c, no in zip(answers, capped, excluded, strict=True) if no
]
print(f"without a budget the round takes {1e3 * free.objective_s:.1f} ms")
print(
    f"an answer from {budgets_mj[feasible][0]} mJ on, "
    f"proven none up to {budgets_mj[excluded][-1]} mJ"
)
print(f"proofs that hold when made again from the data: {sum(proven)} of {len(proven)}")
print(
    f"at {budgets_mj[excluded][-1]} mJ: {answers[np.flatnonzero(excluded)[-1]].message}"
)

# %%
# Generous budgets change nothing. Below, every upload on a small budget needs more of
# the band, and the others wait. Left of the line there is no answer, and that is
# proven: whether or not parts of clients would do, whole ones do not.

spent_mj = 1e3 * power_w * problem.upload_s(free.bandwidth_hz)[free.selected].max()
figure, axes = plt.subplots(figsize=(8.0, 4.5), layout="constrained")
axes.axvspan(
    budgets_mj[0], budgets_mj[excluded][-1], color=lighter(LEFT_OUT, 0.6), linewidth=0
)
axes.axhline(1e3 * free.objective_s, color=INK, linewidth=1.2, linestyle="--")
axes.plot(budgets_mj[feasible], latency_ms[feasible], color=ANSWER, linewidth=3.0)
axes.set_xlim(budgets_mj[0], budgets_mj[-1])
axes.set_ylim(290.0, 400.0)
name(
    axes,
    "no answer: proven",
    (0.5 * (budgets_mj[0] + budgets_mj[excluded][-1]), 345.0),
    INK,
    align="center",
    size=13,
)
name(
    axes,
    "optimum",
    (budgets_mj[feasible][8], latency_ms[feasible][8]),
    ANSWER,
    shift=(10.0, 8.0),
    size=13,
)
name(
    axes,
    "without a budget",
    (budgets_mj[0], 1e3 * free.objective_s),
    INK,
    shift=(6.0, 9.0),
    size=11,
)
axes.plot(spent_mj, 1e3 * free.objective_s, "o", color=INK, markersize=7, zorder=4)
name(
    axes,
    f"from {spent_mj:.0f} mJ on\nno budget binds",
    (spent_mj, 1e3 * free.objective_s),
    INK,
    shift=(4.0, 24.0),
    size=11,
)
axes.set_xlabel("energy budget of an upload (mJ)")
axes.set_ylabel("latency (ms)")
headline(axes, "Small energy budgets make long rounds, and then none", size=13)
tidy(axes)
plt.show()
