"""
Masks, and what is shared
=========================

FedSS prunes a network for every task, and lets tasks learn from each other as far as
they are relevant to each other. What do four tasks keep of their networks, how much of
it is the same, and does that tell which tasks are related? Tasks 1 and 2 read digits
with nearly the same labels, and so do tasks 3 and 4.

This needs the extra ``simulation``.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap

from fedss_opt.figures import headline, name, tidy
from fedss_opt.looks import GREY, INK, SELECTED, lighter
from fedss_opt.sharing import ParameterLayout, statistics, task_relevance
from fedss_opt.simulation import Simulation, SimulationSettings

settings = SimulationSettings(
    rounds=30, evaluate_every=30, data={"family": "permpairs"}
)
options = {"known_tasks": True, "density": 0.3}
result = Simulation(
    settings, algorithm="fedss", options=options, policy="all", seed=0
).run()

# %%
# Every task keeps three weights of ten: nearly the same ones.

layout = ParameterLayout.dense((64, *settings.model.hidden, 10))
masks = result.exhibits["masks"]  # (tasks, parameters)
weights = masks[:, layout.prunable]
tasks = len(weights)
kept_by = weights.sum(axis=0)
count = {
    "all": np.count_nonzero(kept_by == tasks),
    "none": np.count_nonzero(kept_by == 0),
}
count["some"] = kept_by.size - count["all"] - count["none"]
print(
    f"of {weights.shape[1]} weights, "
    f"{count['all']} are kept by all tasks, {count['none']} by none"
)

# %%
# The overlap of two masks is what both keep, as a part of what either keeps. Two random
# masks of 30 % would overlap by 18 %. These overlap by far more, also where tasks
# contradict each other, since they come from a common start. The relevance compares how
# far models differ with how noisy they are. It tells the pairs apart.

overlap = statistics(masks, layout=layout).overlap
relevance = task_relevance(result.exhibits["relevance"])
pairs = [(s, t) for s in range(tasks) for t in range(s + 1, tasks)]
for s, t in pairs:
    print(
        f"tasks {s + 1} and {t + 1}: masks overlap by {100.0 * overlap[s, t]:.0f} %, "
        f"relevance {relevance[s, t]:.2f}"
    )

# %%
# On the left, every column is a weight, dark where a task keeps it.

figure, (left, right) = plt.subplots(
    1, 2, figsize=(10.0, 4.2), layout="constrained", width_ratios=(1.25, 1.0)
)
order = np.lexsort((*weights[::-1], -kept_by))
left.imshow(
    weights[:, order],
    aspect="auto",
    interpolation="nearest",
    cmap=ListedColormap([lighter(GREY, 0.75), SELECTED]),
)
left.hlines(
    np.arange(1, tasks) - 0.5,
    -0.5,
    weights.shape[1] - 0.5,
    color="white",
    linewidth=4.0,
)
left.set_yticks(range(tasks), [f"task {task + 1}" for task in range(tasks)])
left.set_xticks([])
left.tick_params(length=0)
left.spines[:].set_visible(False)
begin = 0
for keepers, color, aside in (
    ("all", SELECTED, 0.0),
    ("some", INK, 10.0),
    ("none", "#666666", 0.0),
):
    place = begin + 0.5 * count[keepers], tasks - 0.5
    name(
        left,
        f"{count[keepers]:,}\nby {keepers}",
        place,
        color,
        shift=(aside, -20.0),
        align="center",
        size=13,
    )
    begin += count[keepers]
headline(left, "Weights, by which tasks keep them", size=13)
rows = sorted(pairs, key=lambda pair: -relevance[pair])
for row, pair in enumerate(rows):
    right.plot(
        [relevance[pair], overlap[pair]],
        [row, row],
        color=lighter(GREY, 0.5),
        linewidth=2.0,
        zorder=1,
    )
    right.plot(overlap[pair], row, "o", color=GREY, markersize=11)
    right.plot(relevance[pair], row, "o", color=SELECTED, markersize=11)
name(
    right,
    "relevance",
    (relevance[rows[0]], 0.0),
    SELECTED,
    shift=(0.0, 17.0),
    align="center",
    size=13,
)
name(
    right,
    "overlap",
    (overlap[rows[0]], 0.0),
    "#666666",
    shift=(0.0, 17.0),
    align="center",
    size=13,
)
right.set_yticks(range(len(rows)), [f"{s + 1} and {t + 1}" for s, t in rows])
right.set_ylim(len(rows) - 0.5, -0.8)
right.set_xlim(0.0, 1.06)
right.set_ylabel("tasks")
headline(right, "Masks are alike, related or not", size=13)
tidy(right, grid="x")
plt.show()
