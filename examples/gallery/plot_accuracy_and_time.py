"""
Accuracy against simulated time
===============================

What does the allocation buy in training? Forty clients of four tasks, whose labels
differ, train on handwritten digits over a fading cell. Every algorithm runs under the
allocator (``admm``) and under a usual policy: random clients on equal bands. Both must
meet the same requirement.

These are two runs of each, and short ones. The :doc:`results </results>` have eight
seeds, more baselines, and cases in which FedSS is not the best. This needs the extra
``simulation``.
"""

import matplotlib.pyplot as plt
import numpy as np

from fedss_opt.figures import headline, name, tidy
from fedss_opt.looks import BLUE, GREEN, RED
from fedss_opt.simulation import Simulation, SimulationSettings

settings = SimulationSettings(
    rounds=20, evaluate_every=2, cell={"fading": "rayleigh"}, data={"family": "swap2"}
)
looks = {
    "fedss": ("FedSS", BLUE),
    "clustered": ("clustered FedAvg", GREEN),
    "fedavg": ("FedAvg", RED),
}
policies = {"admm": "-", "random_equal": "--"}

# %%
# The seconds are those of the cell: the slowest selected client's computing, its upload
# of the bytes that were really encoded, and the downlink. Times are geometric means
# over the seeds: now and then a random client is in a deep fade, and everybody waits.

seeds = (1000, 1001)
curves = {}
for algorithm in looks:
    for policy in policies:
        runs = [
            Simulation(settings, algorithm=algorithm, policy=policy, seed=seed).run()
            for seed in seeds
        ]
        tested = [
            [record for record in run.records if record.evaluated] for run in runs
        ]
        time_s = np.exp(
            np.mean(
                [[np.log(record.simulated_s) for record in run] for run in tested],
                axis=0,
            )
        )
        accuracy = np.mean(
            [[100.0 * record.accuracy_mean for record in run] for run in tested], axis=0
        )
        curves[algorithm, policy] = time_s, accuracy
        uplink_mbit = np.mean([run.records[-1].uplink_bits for run in runs]) / 1e6
        print(
            f"{algorithm:>9}, {policy:>12}: {accuracy[-1]:.1f} % "
            f"after {time_s[-1]:4.1f} s and {uplink_mbit:3.0f} Mbit"
        )

# %%
# FedSS sends 4 bits a value and fewer and fewer values, the others 32 bits a value. The
# allocation moves every curve to the left; how high a curve ends is the learning
# algorithm's doing, and that FedAvg ends low is because one model cannot serve tasks
# that contradict each other.

figure, axes = plt.subplots(figsize=(8.0, 4.6), layout="constrained")
for (algorithm, policy), (time_s, accuracy) in curves.items():
    text, color = looks[algorithm]
    axes.plot(
        time_s,
        accuracy,
        policies[policy],
        color=color,
        linewidth=3.0 if policy == "admm" else 1.8,
    )
    if policy == "admm":
        name(
            axes,
            text,
            (time_s[-1], accuracy[-1]),
            color,
            shift=(0.0, 13.0),
            align="center",
            size=13,
        )
axes.set_xscale("log")
axes.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
axes.set_ylim(45.0, 100.0)
axes.set_xlabel("simulated time (s)")
axes.set_ylabel("test accuracy, mean over clients (%)")
headline(axes, "Solid: allocated. Dashed: random clients, equal bands", size=13)
tidy(axes)
plt.show()
