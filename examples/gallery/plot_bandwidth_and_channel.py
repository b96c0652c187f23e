"""
Bandwidth against channel quality
=================================

Who gets how much of the band, and why does a client with a poor channel get any? Eighty
clients with equal payloads share 16 MHz. A round ends when the last upload ends, so in
the best answer all uploads end together. Here computing times are equal as well, so the
bandwidth that a client needs for that depends on its channel alone.
"""

import matplotlib.pyplot as plt
import numpy as np

import fedss_opt as fo
from fedss_opt.figures import headline, name, tidy
from fedss_opt.looks import LEFT_OUT, SELECTED
from fedss_opt.quantities import format_quantity

problem = fo.scenarios.make(
    "yang2021",
    n_clients=80,
    n_tasks=5,
    seed=2,
    payload_bits=2e6,
    compute_s=0.05,
    bandwidth_hz=16e6,
    required_fraction=0.4,
)
solution = fo.solve(problem, "exact")
print(solution)

# %%
# What would a client need that was left out? The upload time falls with the bandwidth,
# so the least bandwidth that meets the round's deadline is found by bisection, for all
# clients at once.


def least_bandwidth_hz(problem, deadline_s):
    """Return the bandwidth on which every client's upload ends just at the deadline."""
    low, high = np.full(problem.n_clients, 1.0), np.full(problem.n_clients, 1e12)
    for _ in range(100):
        middle = np.sqrt(low * high)
        late = problem.compute_s + problem.upload_s(middle) > deadline_s
        low, high = np.where(late, middle, low), np.where(late, high, middle)
    return high


needed = least_bandwidth_hz(problem, solution.latency_s)
chosen = solution.selected
difference_hz = np.abs(needed - solution.bandwidth_hz)[chosen].max()
print(f"largest difference for those selected: {difference_hz:.2g} Hz")

# %%
# Filled circles were selected: what they were given is what they need. The others would
# have needed what their empty circle shows. Good channels are cheap, but who is
# selected is not a matter of the channel alone: the tasks need relevance, and some poor
# channels come with more of it than better ones do.

channel_db = 10.0 * np.log10(problem.cn0_hz)
shown = needed < 4e6  # who would need more, or has no chance on any band, is not drawn
figure, axes = plt.subplots(figsize=(8.0, 4.5), layout="constrained")
axes.scatter(
    channel_db[~chosen & shown],
    needed[~chosen & shown] / 1e6,
    s=46,
    facecolors="white",
    edgecolors=LEFT_OUT,
    zorder=3,
)
axes.scatter(
    channel_db[chosen],
    solution.bandwidth_hz[chosen] / 1e6,
    s=60,
    color=SELECTED,
    edgecolors="white",
    zorder=4,
)
order = np.argsort(channel_db)
axes.plot(
    channel_db[order][shown[order]],
    needed[order][shown[order]] / 1e6,
    color=LEFT_OUT,
    linewidth=1.0,
    zorder=2,
)
worst = np.flatnonzero(chosen)[np.argmin(channel_db[chosen])]
end = format_quantity(solution.latency_s, "s")
name(
    axes,
    f"{np.count_nonzero(chosen)} selected: all end after {end}",
    (channel_db[worst], needed[worst] / 1e6),
    SELECTED,
    shift=(22.0, 26.0),
    size=13,
)
steep = np.flatnonzero(~chosen & shown)[np.argmax(needed[~chosen & shown])]
name(
    axes,
    f"{np.count_nonzero(~chosen)} left out: what they would need",
    (channel_db[steep], needed[steep] / 1e6),
    "#666666",
    shift=(12.0, 0.0),
    size=13,
)
axes.set_ylim(bottom=0.0)
axes.set_xlabel("channel, C/N0 (dB-Hz), better to the right")
axes.set_ylabel("bandwidth (MHz)")
headline(axes, "The worse the channel, the wider the band", size=13)
tidy(axes)
plt.show()
