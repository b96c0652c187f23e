"""
The gap against the number of clients
=====================================

How far from the optimum can the default method's answer be, and how far is it really?
The certified gap says the first, the proven optimum the second. Five cells of every
size, five tasks, 0.4 MHz a client.
"""

import matplotlib.pyplot as plt
import numpy as np

import fedss_opt as fo
from fedss_opt.figures import headline, name, tidy
from fedss_opt.looks import BLUE, RED

sizes = [10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000]
seeds = range(5)
largest_proven = 3_000  # larger ones take a while


def cell(clients, seed):
    """Draw a cell whose band grows with its clients."""
    return fo.scenarios.make(
        "yang2021",
        clients,
        seed=seed,
        payload_bits=(0.5e6, 5e6),
        bandwidth_hz=0.4e6 * clients,
        required_fraction=0.3,
    )


# %%
# The distance is measured where the optimum is cheap to prove.

gap, distance = {}, {}
for size in sizes:
    for seed in seeds:
        problem = cell(size, seed)
        answer = fo.solve(problem)
        gap[size, seed] = answer.gap
        if size <= largest_proven:
            distance[size, seed] = max(
                0.0, answer.objective_s / fo.solve(problem, "exact").objective_s - 1.0
            )

optimal = np.array([value < 1e-9 for value in distance.values()])
print(
    f"{np.count_nonzero(optimal)} of {optimal.size} answers "
    "with a proven optimum are that optimum"
)
print(f"worst distance to the optimum: {max(distance.values()):.2%}")

# %%
# With few clients, what is left of the gap is the bound's: a whole client is much more
# than the part of one that the relaxation would take, and the answers are optimal. With
# a few thousand, the answers' distance and the gap are of one size, and small. Below
# the default tolerance of 0.01 % a solve looks no further.

floor = 1e-4  # in percent; what is less is drawn there
figure, axes = plt.subplots(figsize=(8.0, 4.5), layout="constrained")
# Equal values stand beside each other.
side = np.linspace(0.93, 1.07, len(seeds))
axes.scatter(
    [n * side[s] for n, s in gap],
    [max(100.0 * g, floor) for g in gap.values()],
    s=42,
    color=BLUE,
    alpha=0.7,
    linewidths=0,
)
axes.scatter(
    [n * side[s] for n, s in distance],
    [max(100.0 * d, floor) for d in distance.values()],
    s=42,
    facecolors="none",
    edgecolors=RED,
    linewidths=1.3,
    marker="D",
)
middle = [
    100.0 * np.median([g for (n, _), g in gap.items() if n == size]) for size in sizes
]
axes.plot(sizes, middle, color=BLUE, linewidth=2.0, zorder=1)
name(axes, "certified gap", (100, middle[2]), BLUE, shift=(14.0, 10.0), size=13)
proven = f"distance to the optimum, 0 in {np.count_nonzero(optimal)} of {optimal.size}"
name(axes, proven, (sizes[3], floor), RED, shift=(16.0, 0.0), size=13)
axes.set_xscale("log")
axes.set_yscale("log")
axes.set_ylim(0.5 * floor, 40.0)
axes.set_yticks(
    [1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0],
    ["0", "0.001 %", "0.01 %", "0.1 %", "1 %", "10 %"],
)
axes.xaxis.set_major_formatter(lambda n, _: f"{n:,.0f}")
axes.set_xlabel("clients")
axes.set_ylabel("how far from the best, at most and really")
headline(axes, "The more clients, the tighter the certificate", size=13)
tidy(axes)
plt.show()
