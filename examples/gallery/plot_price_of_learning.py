"""
The price of learning performance
=================================

The more relevant updates the tasks ask for, the more clients must upload, and the
longer the round. How much longer depends on who chooses them, and on how the band is
divided. Every policy below must meet the same requirement: a part of what all clients
together could contribute to each of five tasks.
"""

import matplotlib.pyplot as plt
import numpy as np

import fedss_opt as fo
from fedss_opt.figures import headline, name, tidy
from fedss_opt.looks import METHODS

required = np.arange(1, 10) / 10
seeds = range(5)
policies = {
    "random_equal": "random, equal bands",
    "random": "random, best bands",
    "best_channel": "best channels first",
    "fedcs": "FedCS",
    "greedy": "greedy",
    "admm": "fedss_opt",
}

# %%
# For each requirement the latency is the geometric mean over five cells of 100 clients.


def mean_latency_s(policy, fraction):
    """Return the geometric mean of the latency over the seeds."""
    cells = (
        fo.scenarios.make(
            "yang2021",
            n_clients=100,
            seed=s,
            payload_bits=(0.5e6, 5e6),
            bandwidth_hz=40e6,
            required_fraction=fraction,
        )
        for s in seeds
    )
    return np.exp(
        np.mean(
            [
                np.log(fo.solve(cell, policy, seed=s).latency_s)
                for s, cell in enumerate(cells)
            ]
        )
    )


latency = {
    policy: np.array([mean_latency_s(policy, fraction) for fraction in required])
    for policy in policies
}
at = list(required).index(0.3)
for policy, values in latency.items():
    ratio = values[at] / latency["admm"][at]
    print(
        f"{policy:>12}: {ratio:5.2f} times the latency of admm "
        f"where {100.0 * required[at]:.0f} % is required"
    )

# %%
# The scale is logarithmic. Where nearly everything is required there is little to
# choose: the lines of all who divide the band well meet.

figure, axes = plt.subplots(figsize=(8.0, 4.8), layout="constrained")
for policy, values in latency.items():
    ours = policy == "admm"
    axes.plot(
        100.0 * required,
        values,
        "o-",
        color=METHODS[policy],
        linewidth=3.0 if ours else 1.8,
        markersize=6 if ours else 4,
    )
    up = {"fedcs": 4.0, "greedy": -3.0, "admm": -4.0}.get(policy, 0.0)
    name(
        axes,
        policies[policy],
        (10.0, values[0]),
        METHODS[policy],
        shift=(-9.0, up),
        align="right",
        size=12,
    )
axes.set_yscale("log")
axes.set_xlim(-22.0, 92.0)
axes.set_xticks(100.0 * required)
axes.set_yticks(
    [0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0], ["0.05", "0.1", "0.2", "0.5", "1", "2", "5"]
)
axes.tick_params(axis="y", which="minor", left=False)
axes.set_xlabel("required of what all clients could contribute (%)")
axes.set_ylabel("latency of the round (s)")
headline(axes, "The price of learning performance, by who selects", size=13)
tidy(axes)
plt.show()
