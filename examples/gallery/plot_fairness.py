"""
Fairness over rounds
====================

The shortest round takes the best channels, round after round, and whoever is far away
is never heard. Virtual queues give every client a minimum share of the rounds. Who
takes part, with and without them, and what does it cost?
"""

import matplotlib.pyplot as plt
import numpy as np

import fedss_opt as fo
from fedss_opt.figures import headline, name, tidy
from fedss_opt.looks import INK, LEFT_OUT, SELECTED, lighter
from fedss_opt.quantities import format_quantity

rounds, least_share = 150, 0.2
cell = fo.scenarios.make(
    "yang2021",
    n_clients=30,
    n_tasks=1,
    seed=4,
    payload_bits=1e6,
    bandwidth_hz=12e6,
    relevance="tied",
)


def play(fairness):
    """Allocate over fading channels; return everybody's share and the mean round."""
    allocator = fo.RoundAllocator(
        bandwidth_hz=cell.bandwidth_hz, tasks=0.3, fairness=fairness
    )
    fading = np.random.default_rng(0)
    taken, length_s = np.zeros(cell.n_clients), []
    for round_ in range(rounds):
        for n, cn0_hz in enumerate(
            cell.cn0_hz * fading.exponential(size=cell.n_clients)
        ):
            allocator.update(
                n,
                cn0_hz=cn0_hz,
                payload_bits=cell.payload_bits[n],
                compute_s=cell.compute_s[n],
            )
        plan = allocator.allocate(round_)
        taken[list(plan.clients)] += 1
        length_s.append(plan.latency_s)
    return 100.0 * taken / rounds, np.mean(length_s)


# %%
# The same channels are drawn for both.

free, free_s = play(None)
fair, fair_s = play(fo.Fairness(min_share=least_share, patience=5.0))
never = np.count_nonzero(free == 0)
print(
    f"without: {never} of {cell.n_clients} clients never take part, "
    f"mean round {1e3 * free_s:.0f} ms"
)
print(
    f"with:    the least share is {fair.min():.0f} %, mean round {1e3 * fair_s:.0f} ms"
)

# %%
# The share holds in the long run. After a number of rounds a client may be short of it
# by at most its patience and its share, counted in uploads.

order = np.argsort(cell.cn0_hz)
place = np.arange(cell.n_clients)
figure, axes = plt.subplots(figsize=(8.0, 4.5), layout="constrained")
axes.bar(place, free[order], width=0.8, color=lighter(LEFT_OUT, 0.5))
axes.scatter(place, fair[order], s=50, color=SELECTED, zorder=4)
axes.vlines(place, free[order], fair[order], color=SELECTED, linewidth=1.5, alpha=0.6)
axes.axhline(100.0 * least_share, color=INK, linewidth=1.2, linestyle="--")
axes.set_xticks([])
axes.set_xlabel("clients, from the worst channel to the best")
axes.set_ylabel("share of the rounds (%)")
for text, mean_s, height, color in (
    ("with a least share", fair_s, 98, SELECTED),
    ("without", free_s, 87, "#666666"),
):
    name(
        axes,
        f"{text}: {format_quantity(mean_s, 's', 2)} a round",
        (0, height),
        color,
        size=13,
    )
name(axes, "least share", (0, 100.0 * least_share), INK, shift=(-6.0, 9.0), size=11)
headline(axes, "A share for everybody, and its price", size=13)
tidy(axes, grid="y")
plt.show()
