"""
Accuracy against uplink bits
============================

What do sparsity and few bits a value save, and what do they cost? The same method,
FedSS, with dense and pruned networks and with 32, 4 and 2 bits a value. Everybody takes
part in every round, so that only the payload differs.

These are single short runs; the :doc:`results </results>` have eight seeds and the
baselines beside them. This needs the extra ``simulation``.
"""

import matplotlib.pyplot as plt
import numpy as np

from fedss_opt.figures import headline, name, tidy
from fedss_opt.looks import BLUE, SKY
from fedss_opt.simulation import Simulation, SimulationSettings

settings = SimulationSettings(rounds=24, evaluate_every=24, data={"family": "swap2"})
densities, widths = (1.0, 0.3), (32, 4, 2)

# %%
# The bits are those of the bytes that were encoded, masks and headers included, over
# the whole run.

found = {}
for density in densities:
    for bits in widths:
        options = {
            "density": density,
            "upload_bits": bits,
            "known_tasks": True,
            "prune_every": 2,
        }
        last = (
            Simulation(
                settings, algorithm="fedss", options=options, policy="all", seed=1000
            )
            .run()
            .records[-1]
        )
        uplink_mbit, accuracy = last.uplink_bits / 1e6, 100.0 * last.accuracy_mean
        found[density, bits] = uplink_mbit, accuracy
        print(
            f"{density:.0%} kept, {bits} bits: {uplink_mbit:.0f} Mbit, {accuracy:.1f} %"
        )

# %%
# From 32 bits a value to 4 the accuracy hardly changes: another seed changes it by as
# much. Pruning saves less than its density says, because the network starts dense, and
# it costs some accuracy.

figure, axes = plt.subplots(figsize=(8.0, 4.5), layout="constrained")
for density, color, text, up in (
    (1.0, BLUE, "dense", 13.0),
    (0.3, SKY, "pruned to 30 %", -13.0),
):
    uplink_mbit, accuracy = np.array([found[density, bits] for bits in widths]).T
    axes.plot(uplink_mbit, accuracy, "o-", color=color, linewidth=2.5, markersize=8)
    name(axes, text, (uplink_mbit[0], accuracy[0]), color, shift=(11.0, 0.0), size=13)
    for bits, x, y in zip(widths, uplink_mbit, accuracy, strict=True):
        name(
            axes, f"{bits} bit", (x, y), color, shift=(0.0, up), align="center", size=11
        )
axes.set_xscale("log")
axes.set_xticks([20, 50, 100, 200, 500], ["20", "50", "100", "200", "500"])
axes.minorticks_off()
axes.set_xlim(right=1_300)
axes.set_ylim(90.0, 96.0)
axes.set_xlabel("uplink of all clients and rounds (Mbit)")
axes.set_ylabel("test accuracy, mean over clients (%)")
headline(axes, "Few bits a value are nearly free", size=13)
tidy(axes)
plt.show()
