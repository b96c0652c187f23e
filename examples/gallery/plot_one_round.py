"""
One round, at a glance
======================

A hundred clients within 500 m share 40 MHz; each of five tasks needs 30 % of what all
clients could contribute to it. Who uploads, on how much bandwidth, how long does the
round take, and how much longer when it is left to the policies of the field? This is
the cell of ``fedss-opt demo``.
"""

import matplotlib.pyplot as plt
import numpy as np

import fedss_opt as fo
from fedss_opt.figures import headline, name, tidy
from fedss_opt.looks import BOUND, INK, LEFT_OUT, SELECTED, lighter

problem = fo.scenarios.make(
    "yang2021",
    n_clients=100,
    n_tasks=5,
    seed=0,
    payload_bits=(0.5e6, 5e6),
    bandwidth_hz=40e6,
    required_fraction=0.3,
)
solution = fo.solve(problem)
print(solution)

# %%
# Every policy must meet the same requirements. Random clients are drawn with ten seeds,
# of which the median is taken.

policies = {
    "fedcs": "FedCS",
    "greedy": "greedy",
    "best_channel": "best channels first",
    "random": "random, best bands",
    "random_equal": "random, equal bands",
}
latency_s = {}
for policy, text in policies.items():
    seeds = range(10) if policy.startswith("random") else [0]
    answers = [fo.solve(problem, policy, seed=seed) for seed in seeds]
    latency_s[text] = np.median([answer.latency_s for answer in answers])
for text, value in latency_s.items():
    ratio = value / solution.latency_s
    print(f"{text:>20}: {1e3 * value:5.0f} ms, {ratio:5.2f} times as long")

# %%
# On the left, the area of a marker grows with the payload. On the right, the green line
# is the certificate: whatever is selected and allocated, nothing is below it.

figure, (left, right) = plt.subplots(
    1, 2, figsize=(11.0, 4.4), layout="constrained", width_ratios=(1.15, 1.0)
)
channel_db = 10.0 * np.log10(problem.cn0_hz)
chosen = solution.selected
area = 90.0 * problem.payload_bits / problem.payload_bits.max()
band_mhz = solution.bandwidth_hz / 1e6
lane = np.zeros(problem.n_clients)
lane[np.argsort(channel_db)] = -0.2 - 0.13 * (np.arange(problem.n_clients) % 4)
left.axhline(0.0, color=INK, linewidth=0.8)
left.scatter(
    channel_db[~chosen],
    lane[~chosen],
    s=area[~chosen],
    facecolors="none",
    edgecolors=LEFT_OUT,
)
left.scatter(
    channel_db[chosen],
    band_mhz[chosen],
    s=15.0 + 1.5 * area[chosen],
    color=SELECTED,
    alpha=0.85,
    edgecolors="white",
)
left.set_ylim(-1.0, 1.1 * band_mhz.max())
left.set_yticks(range(int(band_mhz.max()) + 1))
edge = left.get_xlim()[0]
number = np.count_nonzero(chosen)
name(left, f"{number} selected", (edge, 0.2), SELECTED, size=13)
name(left, f"{problem.n_clients - number} left out", (edge, -0.83), "#666666", size=13)
left.set_xlabel("channel, C/N0 (dB-Hz), better to the right")
left.set_ylabel("bandwidth (MHz)")
headline(left, "Who uploads, on how much bandwidth", size=13)
tidy(left)

rows = {"fedss_opt": solution.latency_s}
rows |= dict(sorted(latency_s.items(), key=lambda row: row[1]))
bound_ms = 1e3 * solution.lower_bound_s
for row, value in enumerate(rows.values()):
    ours = row == 0
    color = SELECTED if ours else "#666666"
    right.hlines(row, bound_ms, 1e3 * value, color=lighter(color, 0.4), linewidth=4.0)
    right.plot(1e3 * value, row, "o", color=color, markersize=13 if ours else 10)
    ratio = f"{value / solution.latency_s:.3g} times as long"
    text = f"{1e3 * value:.0f} ms" if ours else ratio
    name(right, text, (1e3 * value, row), color, shift=(11.0, 0.0), size=12)
right.axvline(bound_ms, color=BOUND, linewidth=2.5, zorder=1)
proven = f"proven: nothing is below {bound_ms:.0f} ms"
name(right, proven, (bound_ms, -0.75), BOUND, size=12)
right.set_xscale("log")
right.set_xlim(90.0, 1e3 * 6.0 * max(rows.values()))
right.set_ylim(len(rows) - 0.5, -1.1)
right.set_yticks(range(len(rows)), rows, fontsize=12)
right.tick_params(axis="y", length=0)
right.xaxis.set_major_formatter(lambda x, _: f"{x:,.0f}")
right.set_xlabel("latency of the round (ms)")
headline(right, "How long the round takes, by who decides", size=13)
tidy(right, grid="x")
plt.show()
