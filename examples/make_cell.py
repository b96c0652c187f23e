"""How ``cell.csv`` was drawn: 200 clients of one urban cell, three tasks, seed 2023.

Run ``python examples/make_cell.py > examples/cell.csv`` to draw it again.

The cell has a radius of 500 m, the path loss 128.1 + 37.6 log10(km) dB with 8 dB shadowing, a noise density
of -174 dBm/Hz and a noise figure of 9 dB. Four kinds of device differ in transmit power, in the time they
train, in what they send and in the bandwidths their radios can use. Relevance to a task comes in eighths, as
a 3-bit quantiser gives it: a few clients matter much to a task, many a little, most not at all.
"""

import csv
import sys

import numpy as np

SEED = 2023
CLIENTS = 200

COLUMNS = [
    "id",
    "payload_bits",
    "cn0_dbhz",
    "compute_s",
    "max_upload_s",
    "min_bandwidth_hz",
    "max_bandwidth_hz",
    "mandatory",
    "available",
    "task:scene",
    "task:speech",
    "task:activity",
]

# kind: share of the clients, transmit power (dBm), training time (s), payload (Mbit), energy for an upload
# (J), least and greatest bandwidth (Hz), how likely it matters to each of the three tasks
KINDS = {
    "phone": (0.55, 23, (0.4, 1.2), (0.8, 3.0), 2.0, 180e3, 20e6, (0.35, 0.45, 0.50)),
    "camera": (0.15, 23, (0.8, 2.0), (2.0, 5.0), None, 180e3, 20e6, (0.80, 0.00, 0.15)),
    "wearable": (0.20, 17, (0.9, 2.5), (0.3, 0.9), 0.25, 180e3, 5e6, (0.00, 0.20, 0.75)),
    "gateway": (0.10, 30, (0.1, 0.4), (1.0, 4.0), None, 360e3, 20e6, (0.30, 0.40, 0.10)),
}


def main() -> None:
    """Write the table to stdout."""
    rng = np.random.default_rng(SEED)
    writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
    writer.writeheader()
    shares = [kind[0] for kind in KINDS.values()]
    counts = dict.fromkeys(KINDS, 0)
    for name in rng.choice(list(KINDS), size=CLIENTS, p=shares):
        _, dbm, training, payload, joule, least, most, matters = KINDS[str(name)]
        counts[str(name)] += 1
        distance_km = 0.5 * max(np.sqrt(rng.random()), 0.06)
        loss_db = 128.1 + 37.6 * np.log10(distance_km) + 8.0 * rng.standard_normal()
        row = {
            "id": f"{name}-{counts[str(name)]:03d}",
            "payload_bits": f"{1e6 * rng.uniform(*payload):.0f}",
            "cn0_dbhz": f"{dbm - loss_db + 174.0 - 9.0:.1f}",
            "compute_s": f"{rng.uniform(*training):.2f}",
            "max_upload_s": "" if joule is None else f"{joule / 10 ** (dbm / 10 - 3):.3g}",
            "min_bandwidth_hz": f"{least:.0f}",
            "max_bandwidth_hz": f"{most:.0f}",
            "available": "yes" if rng.random() < 0.94 else "no",
            "mandatory": "no",
        }
        for column, likely in zip(COLUMNS[-3:], matters, strict=True):
            level = rng.choice([0.125, 0.25, 0.5, 1.0], p=[0.4, 0.3, 0.2, 0.1])
            row[column] = f"{level:g}" if rng.random() < likely else ""
        if row["id"] == "gateway-001":
            row["mandatory"], row["available"] = "yes", "yes"
        writer.writerow(row)


if __name__ == "__main__":
    main()
