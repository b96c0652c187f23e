"""
Task relevance before and after quantisation
============================================

How much should one task learn from another? Four tasks recognise handwritten digits
with permuted labels; two and two of them are nearly the same. FedSS measures, neuron by
neuron, whether tasks differ by more than sampling noise, and rounds the answer to a few
levels, which it chooses anew every round.

This needs the extra ``simulation``.
"""

import matplotlib.pyplot as plt
import numpy as np

from fedss_opt.figures import headline, name, tidy
from fedss_opt.looks import LEFT_OUT, SELECTED
from fedss_opt.simulation import Simulation, SimulationSettings

settings = SimulationSettings(
    rounds=20, evaluate_every=20, data={"family": "permpairs"}
)
result = Simulation(
    settings, algorithm="fedss", options={"known_tasks": True}, policy="all", seed=0
).run()
measured, levels = result.exhibits["relevance"], result.exhibits["sharing"]
tasks = len(measured)

# %%
# Only pairs of different tasks are rounded; a task is wholly relevant to itself.

pair = np.triu_indices(tasks, 1)
before, after = measured[pair].ravel(), levels[pair].ravel()
used = np.unique(after)
error = np.mean((before - after) ** 2) / np.var(before)
print(f"levels: {', '.join(f'{level:.2f}' for level in used)}")
print(f"lost by rounding: {error:.1%} of the variance")
for what, values in (("measured", measured), ("rounded", levels)):
    mean = values.mean(axis=2)
    print(f"{what}: tasks 1 and 2 {mean[0, 1]:.2f}, tasks 1 and 3 {mean[0, 2]:.2f}")

# %%
# The matrices are means over the neurons. On the right is every neuron of every pair:
# grey as measured, blue the level with which the other task's clients enter its
# average.

figure, (left, middle, right) = plt.subplots(
    1, 3, figsize=(10.0, 3.9), layout="constrained", width_ratios=(1, 1, 1.35)
)
for axes, values, text in (
    (left, measured, "measured"),
    (middle, levels, f"in {used.size} levels"),
):
    mean = values.mean(axis=2)
    axes.imshow(mean, cmap="Blues", vmin=0.0, vmax=1.0)
    for (row, column), value in np.ndenumerate(mean):
        axes.text(
            column,
            row,
            f"{value:.2f}",
            ha="center",
            va="center",
            color="white" if value > 0.5 else "black",
            fontsize=11,
        )
    axes.set_xticks(range(tasks), range(1, tasks + 1))
    axes.set_yticks(range(tasks), range(1, tasks + 1))
    axes.set_xlabel("from task")
    headline(axes, text, size=13)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
left.set_ylabel("to task")
order = np.argsort(before, kind="stable")
share = np.linspace(0.0, 100.0, order.size)
right.plot(share, before[order], color=LEFT_OUT, linewidth=3.0)
right.plot(share, after[order], color=SELECTED, linewidth=2.0)
for level in used:
    name(right, f"{level:.2f}", (100.0, level), SELECTED, shift=(5.0, 0.0), size=11)
right.set_xlim(0.0, 100.0)
right.set_xlabel("neurons of all pairs, sorted (%)")
right.set_ylabel("relevance")
headline(right, "neuron by neuron", size=13)
tidy(right)
plt.show()
