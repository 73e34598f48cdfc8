# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""The diabetes data set and scikit-learn's elastic nets for it, as files that need no Python.

    python record.py        writes diabetes.csv and elastic_net.csv beside this file

README.md describes both files.
"""

import csv
import math
import pathlib

import numpy
import sklearn
from sklearn.datasets import load_diabetes
from sklearn.linear_model import ElasticNet

HERE = pathlib.Path(__file__).resolve().parent
VERSION = "1.9.1"

L1_RATIOS = (1.0, 0.5)
#: Each path has so many alphas, four to a power of ten.
ALPHAS = 13
ALPHAS_PER_DECADE = 4

#: A solution is written if no derivative that must be 0 is larger than this part of the largest one
#: at the start, where all coefficients are 0.
OPTIMALITY = 1e-13

#: Whether a coefficient is 0 must be clear: by this part a derivative stays below its bound, and a
#: coefficient that is not 0 is at least this part of the largest one.
CLEARANCE = 1e-4


def significant(value: float, digits: int) -> float:
    return float(f"{value:.{digits - 1}e}")


def alphas_of(alpha_max: float) -> list[float]:
    """Four digits each, from the first such number above alpha_max down."""
    unit = 10.0 ** (math.floor(math.log10(alpha_max)) - 3)
    top = math.ceil(alpha_max / unit) * unit
    return [significant(top * 10.0 ** (-i / ALPHAS_PER_DECADE), 4) for i in range(ALPHAS)]


def check(x, y, w, alpha: float, l1_ratio: float) -> None:
    """That w is optimal, and which of its elements are 0 is no matter of rounding."""
    scale = abs(x.T @ y).max() / len(y)
    bound = alpha * l1_ratio
    derivative = x.T @ (x @ w - y) / len(y) + alpha * (1.0 - l1_ratio) * w
    zero = w == 0.0
    where = f"l1_ratio {l1_ratio}, alpha {alpha}"
    if (abs(derivative + bound * numpy.sign(w))[~zero] > OPTIMALITY * scale).any():
        raise SystemExit(f"{where}: not optimal")
    if (abs(derivative)[zero] > (1.0 - CLEARANCE) * bound).any():
        raise SystemExit(f"{where}: a zero that is none by a hair")
    if (abs(w)[~zero] < CLEARANCE * abs(w).max(initial=0.0)).any():
        raise SystemExit(f"{where}: a coefficient that is 0 by a hair")


def write(name: str, header: list[str], rows) -> None:
    """Each number with the fewest digits that read back to it, a zero without a sign."""
    with open(HERE / name, "w", encoding="ascii", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for row in rows:
            writer.writerow([repr(float(value) + 0.0).removesuffix(".0") for value in row])


def main() -> None:
    if sklearn.__version__ != VERSION:
        raise SystemExit(f"needs scikit-learn {VERSION}, not {sklearn.__version__}")
    data = load_diabetes(scaled=False)
    features = list(data.feature_names)
    write("diabetes.csv", [*features, "progression"], numpy.column_stack([data.data, data.target]))

    x = (data.data - data.data.mean(axis=0)) / data.data.std(axis=0)
    y = data.target
    centred = y - y.mean()
    rows = []
    for l1_ratio in L1_RATIOS:
        for alpha in alphas_of(abs(x.T @ centred).max() / (len(y) * l1_ratio)):
            model = ElasticNet(alpha=alpha, l1_ratio=l1_ratio, tol=1e-14, max_iter=1_000_000)
            model.fit(x, y)
            check(x, centred, model.coef_, alpha, l1_ratio)
            rows.append([l1_ratio, alpha, model.intercept_, *model.coef_])
    write("elastic_net.csv", ["l1_ratio", "alpha", "intercept", *features], rows)


if __name__ == "__main__":
    main()
