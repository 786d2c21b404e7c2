"""Draws the curves of training runs: curve.py OUT.svg NAME=RUN.csv..."""

import csv
import sys

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "gosling"  # the same bytes for the same data
from matplotlib import pyplot  # noqa: E402


def main(out, runs):
    figure, (bits, score) = pyplot.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    for run in runs:
        name, path = run.split("=", 1)
        with open(path, newline="") as file:
            rows = list(csv.DictReader(file))
        steps = [int(r["step"]) for r in rows]
        bits.plot(steps, [float(r["bits per byte"]) for r in rows], label=name)
        score.plot(steps, [100 * float(r["tasks"]) for r in rows], label=name)
    bits.set(xlabel="step", ylabel="bits per byte, held-out text")
    score.set(xlabel="step", ylabel="tasks answered, %", ylim=(0, 100))
    for axes in bits, score:
        axes.grid(alpha=0.3)
    bits.legend(frameon=False)
    figure.savefig(out, metadata={"Date": None})


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2:])
