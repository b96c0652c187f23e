"""
Whole resource blocks
=====================

A cellular uplink does not divide its band at will: it hands out resource blocks of 180
kHz and more. How much longer does a round take with whole blocks, and is it enough to
round the answer for a divisible band?
"""

import matplotlib.pyplot as plt
import numpy as np

import fedss_opt as fo
from fedss_opt.figures import headline, name, tidy
from fedss_opt.looks import RED, SELECTED
from fedss_opt.quantities import format_quantity

problem = fo.scenarios.make(
    "yang2021",
    n_clients=60,
    n_tasks=3,
    seed=3,
    payload_bits=(0.5e6, 5e6),
    bandwidth_hz=20e6,
    required_fraction=0.3,
)
smooth = fo.solve(problem, "exact")

# %%
# The width of a block is a field of the problem, and the answer is proven for whole
# blocks. A common way out is to solve with a divisible band, to round down, and to hand
# the blocks that are left to whoever ends last.


def rounded_down_s(block_hz):
    """Return the latency when bands are rounded down, spare blocks to the slowest."""
    chosen = smooth.selected
    blocks = np.floor(smooth.bandwidth_hz / block_hz)
    for _ in range(int(problem.bandwidth_hz // block_hz - blocks.sum())):
        end_s = np.where(
            chosen, problem.compute_s + problem.upload_s(blocks * block_hz), 0.0
        )
        blocks[np.argmax(end_s)] += 1
    return problem.latency_s(chosen, blocks * block_hz)


widths_hz = 180e3 * np.arange(1, 7)
whole = [
    fo.solve(problem.replace(resource_block_hz=width), "exact") for width in widths_hz
]
blocks = problem.bandwidth_hz // widths_hz
longer = 100.0 * (
    np.array([answer.objective_s for answer in whole]) / smooth.objective_s - 1.0
)
rounded = 100.0 * (
    np.array([rounded_down_s(width) for width in widths_hz]) / smooth.objective_s - 1.0
)
for count, width, ours, theirs in zip(blocks, widths_hz, longer, rounded, strict=True):
    print(
        f"{count:3.0f} blocks of {width / 1e3:4.0f} kHz: "
        f"{ours:4.1f} % longer, {theirs:4.1f} % when rounded"
    )

# %%
# Narrow blocks cost little, and rounding does well. The fewer blocks there are, the
# more it pays to select for them from the start. In the end rounding leaves somebody
# without a block, where an answer exists.

figure, axes = plt.subplots(figsize=(8.0, 4.5), layout="constrained")
axes.plot(widths_hz / 1e3, rounded, "o-", color=RED, linewidth=2.5, markersize=7)
axes.plot(widths_hz / 1e3, longer, "o-", color=SELECTED, linewidth=2.5, markersize=7)
axes.set_xticks(
    widths_hz / 1e3,
    [
        f"{width / 1e3:g} kHz\n{count:.0f}"
        for width, count in zip(widths_hz, blocks, strict=True)
    ],
)
axes.set_ylim(0.0, 62.0)
end = np.flatnonzero(np.isfinite(rounded))[-1]
name(
    axes,
    "rounded: here it ends,\nsomebody has no block",
    (widths_hz[end] / 1e3, rounded[end]),
    RED,
    shift=(-12.0, 16.0),
    align="right",
    size=12,
)
name(
    axes,
    "best for whole blocks",
    (widths_hz[3] / 1e3, longer[3]),
    SELECTED,
    shift=(14.0, -12.0),
    size=13,
)
axes.set_xlabel(
    "width of a block, and how many there are in "
    + format_quantity(problem.bandwidth_hz, "Hz")
)
axes.set_ylabel("longer than with a divisible band (%)")
headline(axes, "What whole resource blocks cost", size=13)
tidy(axes)
plt.show()
