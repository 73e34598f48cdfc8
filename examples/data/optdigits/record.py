# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""The training of examples/c/sparse in NumPy alone: the same numbers.

    python record.py        writes recording.csv and sparsity.svg beside this file

README.md describes the files. Sums are carried in double, in the order of the loops of
sparse.c. Products of two float32 are exact there, so it does not matter whether a
compiler fuses them with the additions.
"""

import math
import pathlib
import typing
from collections.abc import Iterator

import numpy
import numpy.typing

HERE = pathlib.Path(__file__).resolve().parent

PIXELS, UNITS, CLASSES = 64, 128, 10
EPOCHS, EPOCHS_A_ROW, BATCH = 60, 10, 50
LEARNING_RATE, EPSILON = 0.01, 1e-8
SEED = 1

PATH = (0.0, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
#: The l1 that is trained by subgradients too.
SUBGRADIENT = 1e-3

COLUMNS = "method,l1,epoch,loss,penalty,accuracy,zeros,places"

Array = numpy.typing.NDArray[typing.Any]


class Random:
    """Knuth's MMIX generator."""

    def __init__(self) -> None:
        self.state = SEED

    def uniform(self) -> float:
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 11) / 2**53

    def kernel(self, rows: int, columns: int) -> Array:
        """He's uniform initialization, row by row."""
        limit = math.sqrt(6.0 / rows)
        values = [(2.0 * self.uniform() - 1.0) * limit for _ in range(rows * columns)]
        return numpy.array(values).reshape(rows, columns).astype(numpy.float32)

    def shuffle(self, order: list[int]) -> None:
        for i in range(len(order) - 1, 0, -1):
            j = int(self.uniform() * (i + 1))
            order[i], order[j] = order[j], order[i]


def prox_step(x: Array, gradient: Array, step: float, steps: Array, l1: float) -> Array:
    """l1l2_prox_step of float32 with steps and without l2, operation by operation."""
    v = x - numpy.float32(step) * steps * gradient
    threshold = numpy.float32(step * l1) * steps
    size = numpy.maximum(numpy.abs(v) - threshold, numpy.float32(0.0))
    result: Array = numpy.copysign(size, v)
    return result


def softmax(logits: Array, labels: Array, nudge: bool) -> tuple[Array, Array]:
    """The loss of each image, and its gradient for the logits as float32."""
    images = numpy.arange(len(labels))
    logits = logits - logits.max(axis=1, keepdims=True)
    exponentials = numpy.exp(logits)
    if nudge:
        exponentials = numpy.nextafter(exponentials, numpy.inf)
    total = numpy.zeros(len(labels))
    for c in range(CLASSES):
        total += exponentials[:, c]
    gradient = exponentials / total[:, None]
    gradient[images, labels] -= 1.0
    return numpy.log(total) - logits[images, labels], gradient.astype(numpy.float32)


def forward(parameters: list[Array], x: Array) -> tuple[Array, Array]:
    """The hidden units as float32 and the logits as double, for images in rows."""
    kernel1, bias1, kernel2, bias2 = (p.astype(float) for p in parameters)
    sums = numpy.tile(bias1, (len(x), 1))
    for p in range(PIXELS):
        sums += x[:, p, None] * kernel1[p]
    hidden = numpy.maximum(sums, 0.0).astype(numpy.float32)
    logits = numpy.tile(bias2, (len(x), 1))
    for u in range(UNITS):
        logits += hidden[:, u, None].astype(float) * kernel2[u]
    return hidden, logits


def backward(kernel2: Array, x: Array, hidden: Array, delta: Array) -> list[Array]:
    """The gradients of the mean loss as float32, one image added after the other."""
    hidden, delta, kernel2 = (
        hidden.astype(float),
        delta.astype(float),
        kernel2.astype(float),
    )
    back = numpy.zeros(hidden.shape)
    for c in range(CLASSES):
        back += delta[:, c, None] * kernel2[:, c]
    back = numpy.where(hidden > 0.0, back, 0.0).astype(numpy.float32).astype(float)
    shapes = ((PIXELS, UNITS), (UNITS,), (UNITS, CLASSES), (CLASSES,))
    sums = [numpy.zeros(shape) for shape in shapes]
    for i in range(len(x)):
        sums[0] += x[i, :, None] * back[i]
        sums[1] += back[i]
        sums[2] += hidden[i, :, None] * delta[i]
        sums[3] += delta[i]
    return [(s / len(x)).astype(numpy.float32) for s in sums]


def fingerprint(zeros: Array) -> int:
    """64-bit FNV-1a of a byte for each weight: 1 if it is zero."""
    value = 0xCBF29CE484222325
    for zero in zeros.tolist():
        value = (value ^ int(zero)) * 0x100000001B3 % 2**64
    return value


class Digits:
    """Every third image is for testing."""

    def __init__(self) -> None:
        lines = (HERE / "digits.txt").read_text("ascii").splitlines()
        x = (
            numpy.array([[int(pixel, 17) for pixel in line[:PIXELS]] for line in lines])
            / 16.0
        )
        y = numpy.array([int(line[PIXELS + 1 :]) for line in lines])
        test = numpy.arange(len(lines)) % 3 == 2
        self.x, self.y, self.test_x, self.test_y = x[~test], y[~test], x[test], y[test]


def describe(digits: Digits, parameters: list[Array], l1: float, nudge: bool) -> str:
    weights = numpy.concatenate([parameters[0].ravel(), parameters[2].ravel()])
    losses, _ = softmax(forward(parameters, digits.x)[1], digits.y, nudge)
    accuracy = (
        forward(parameters, digits.test_x)[1].argmax(axis=1) == digits.test_y
    ).mean()
    penalty = l1 * numpy.abs(weights, dtype=float).sum()
    zeros = weights == 0.0
    numbers = f"{losses.mean():.9g},{penalty:.9g},{accuracy:.9g},{zeros.sum()}"
    return f"{numbers},{fingerprint(zeros):016x}"


def train(digits: Digits, l1: float, proximal: bool, nudge: bool) -> Iterator[str]:
    """A row each EPOCHS_A_ROW epochs."""
    random = Random()
    kernels = [random.kernel(PIXELS, UNITS), random.kernel(UNITS, CLASSES)]
    parameters = [kernels[0], numpy.zeros(UNITS, numpy.float32)]
    parameters += [kernels[1], numpy.zeros(CLASSES, numpy.float32)]
    means, squares = ([numpy.zeros_like(p) for p in parameters] for _ in range(2))
    mean_of_ones = square_of_ones = 0.0
    order = list(range(len(digits.y)))
    steps, step = EPOCHS * -(-len(order) // BATCH), 0
    for epoch in range(1, EPOCHS + 1):
        random.shuffle(order)
        for first in range(0, len(order), BATCH):
            batch = order[first : first + BATCH]
            x, y = digits.x[batch], digits.y[batch]
            hidden, logits = forward(parameters, x)
            gradients = backward(parameters[2], x, hidden, softmax(logits, y, nudge)[1])
            mean_of_ones += (1.0 - mean_of_ones) / 10.0
            square_of_ones += (1.0 - square_of_ones) / 1000.0
            rate = LEARNING_RATE * ((steps - step) / steps)
            step += 1
            for i, gradient in enumerate(gradients):
                strength = l1 if i in (0, 2) else 0.0
                if not proximal:
                    gradient += numpy.float32(strength) * numpy.sign(parameters[i])
                g, mean, square = (
                    a.astype(float) for a in (gradient, means[i], squares[i])
                )
                means[i] = (mean + (g - mean) / 10.0).astype(numpy.float32)
                squares[i] = (square + (g * g - square) / 1000.0).astype(numpy.float32)
                direction = (means[i].astype(float) / mean_of_ones).astype(
                    numpy.float32
                )
                root = numpy.sqrt(squares[i].astype(float) / square_of_ones)
                preconditioner = (1.0 / (root + EPSILON)).astype(numpy.float32)
                strength = strength if proximal else 0.0
                parameters[i] = prox_step(
                    parameters[i], direction, rate, preconditioner, strength
                )
        if epoch % EPOCHS_A_ROW == 0:
            method = "proximal" if proximal else "subgradient"
            yield f"{method},{l1:g},{epoch},{describe(digits, parameters, l1, nudge)}"


def train_all(digits: Digits, nudge: bool) -> list[str]:
    rows = [COLUMNS]
    for l1 in PATH:
        rows += train(digits, l1, True, nudge)
    return rows + list(train(digits, SUBGRADIENT, False, nudge))


def plot(rows: list[str]) -> str:
    """Accuracy over the share of zeros at the end of each training, as an SVG. Its grey
    and its colours can be read on a light and on a dark page."""
    left, right, top, bottom, low, high = 60.0, 610.0, 20.0, 300.0, 90.0, 98.0
    svg = [
        '<svg xmlns="http://www.w3.org/2000/svg" width="640" height="350"',
        ' font-family="sans-serif" font-size="13" fill="#767676" stroke-width="1">',
        "<title>Accuracy over the share of weights that are exactly zero</title>",
    ]

    def x(share: float) -> float:
        return left + share / 100.0 * (right - left)

    def y(accuracy: float) -> float:
        return bottom - (accuracy - low) / (high - low) * (bottom - top)

    def text(at: tuple[float, float], words: str, more: str = "") -> None:
        svg.append(f'<text x="{at[0]:.1f}" y="{at[1]:.1f}"{more}>{words}</text>')

    middle, end = ' text-anchor="middle"', ' text-anchor="end"'
    for tick in range(0, 101, 20):
        text((x(tick), bottom + 20), f"{tick} %", middle)
    for tick in range(int(low), int(high) + 1, 2):
        text((left - 8, y(tick) + 4), f"{tick} %", end)
        svg.append(
            f'<path d="M{left} {y(tick):.1f}H{right}" stroke="#767676" opacity=".4"/>'
        )
    text(((left + right) / 2, bottom + 42), "weights that are exactly zero", middle)
    text(
        (0, 0),
        "accuracy on test images",
        f'{middle} transform="translate(14 160) rotate(-90)"',
    )

    points = []
    for row in rows[1:]:
        method, l1, epoch, _, _, accuracy, zeros, _ = row.split(",")
        if int(epoch) < EPOCHS:
            continue
        share = 100.0 * int(zeros) / (PIXELS * UNITS + UNITS * CLASSES)
        at = x(share), y(100.0 * float(accuracy))
        proximal = method == "proximal"
        colour = "#2f81f7" if proximal else "#d1662b"
        svg.append(
            f'<circle cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="4.5" fill="{colour}"/>'
        )
        if not proximal:
            text((at[0] + 9, at[1] + 16), f"subgradients, l1 = {l1}")
        elif share == 0.0:
            text((at[0] + 4, at[1] - 10), f"l1 = {l1}")
        elif share < 75.0:
            text((at[0], at[1] - 10), l1, middle)
        else:
            text((at[0] - 9, at[1] + 12), l1, end)
        points += [f"{at[0]:.1f} {at[1]:.1f}"] if proximal else []
    svg.append(
        f'<path d="M{"L".join(points)}" fill="none" stroke="#2f81f7" stroke-width="2"/>'
    )
    return "\n".join([*svg, "</svg>", ""])


def main() -> None:
    digits = Digits()
    rows = train_all(digits, False)
    if train_all(digits, True) != rows:
        raise SystemExit("a last bit of exp changes the results")
    (HERE / "recording.csv").write_text("\n".join([*rows, ""]), "ascii")
    (HERE / "sparsity.svg").write_text(plot(rows), "ascii")


if __name__ == "__main__":
    main()
