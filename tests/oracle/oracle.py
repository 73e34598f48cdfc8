#!/usr/bin/env python3
"""Holds libl1l2 against exact rational arithmetic and NumPy.

    tests/oracle/oracle.sh oracle.py [--rounds N] [--seed N]

Penalties of arrays of any strides against exact sums, which are held against math.fsum in turn; the
library's own exact sums against these, to the bit; gradients against the slope of the exact penalty;
proximal operators against the exact minimum that defines them. What may differ is what
docs/numerics.md says. Exits with 1 and the bits of the input at the first difference beyond.
"""
import argparse
import math
import pathlib
import sys
from fractions import Fraction

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bindings" / "python" / "src"))
import l1l2  # noqa: E402

U = Fraction(1, 2**53)  #: the unit roundoff of double precision
BOUND = 185 * U
HALF_OF_LEAST = Fraction(1, 2**1075)  #: half the smallest subnormal number of float64
LEAST_NORMAL = Fraction(1, 2**1022)


class Format:
    """An element type, and the type that its gradients are computed in."""

    def __init__(self, name, fraction_bits, least_exponent, arithmetic=None):
        self.name, self.fraction_bits, self.least_exponent = name, fraction_bits, least_exponent
        self.is_narrow = arithmetic is not None
        self.arithmetic = arithmetic or self
        self.is_bfloat16 = name == "bfloat16"
        self.dtype = np.dtype("u2" if self.is_bfloat16 else name)
        self.argument = {"dtype": name} if self.is_bfloat16 else {}
        self.roundoff = Fraction(1, 2 ** (fraction_bits + 1))
        self.least_normal = Fraction(2) ** least_exponent
        self.half_of_least = self.least_normal * self.roundoff

    def elements(self, values):
        """Elements near to some doubles."""
        if self.is_bfloat16:
            return (values.astype("f4").view("u4") >> 16).astype("u2")
        return values.astype(self.dtype)

    def values(self, elements):
        """The doubles that elements are; exact."""
        if self.is_bfloat16:
            return np.left_shift(elements, 16, dtype="u4").view("f4").astype("f8")
        return elements.astype("f8")

    def half_a_unit(self, magnitude):
        """The error of rounding a number of at most this magnitude to an element."""
        exponent = max(floor_log2(magnitude), self.least_exponent) if magnitude else 0
        half = Fraction(2) ** exponent * self.roundoff
        # An element of 16 bits was rounded to float32 before.
        return half + self.arithmetic.roundoff * magnitude if self.is_narrow else half

    def underflow(self, number):
        """The absolute error of a product in this type, 0 unless it is too small to be normal."""
        return self.half_of_least if 0 < abs(number) < self.least_normal else 0


FLOAT32 = Format("float32", 23, -126)
FLOAT64 = Format("float64", 52, -1022)
FLOAT16 = Format("float16", 10, -14, FLOAT32)
BFLOAT16 = Format("bfloat16", 7, -126, FLOAT32)
FORMATS = [FLOAT32, FLOAT64, FLOAT16, BFLOAT16]


def floor_log2(number):
    """The exponent of a positive fraction."""
    exponent = number.numerator.bit_length() - number.denominator.bit_length()
    return exponent if Fraction(2) ** exponent <= number else exponent - 1


def gamma(roundings, roundoff):
    """The error of so many roundings (Higham 2002, lemma 3.1)."""
    return roundings * roundoff / (1 - roundings * roundoff)


class Difference(Exception):
    """The library is not where the oracle says, for an array given by its bits."""

    def __init__(self, what, form, x, **numbers):
        rows = [f"{what}: {form.name}, shape {x.shape}, strides {x.strides}"]
        for name, number in numbers.items():
            text = number.hex() if isinstance(number, float) else f"{number!s}"
            rows.append(f"  {name} = {text}")
        elements = np.ascontiguousarray(x).reshape(-1).view(f"u{x.itemsize}")
        digits = 2 * x.itemsize
        rows.append("  x = " + " ".join(f"{e:0{digits}x}" for e in elements[:4096].tolist()))
        if elements.size > 4096:
            rows.append(f"  and {elements.size - 4096} elements more")
        super().__init__("\n".join(rows))


# Exact sums.


def scaled_sum(integers, exponents):
    """sum(integers * 2^exponents), of fewer than 2^26 integers below 2^54."""
    least = int(exponents.min(initial=0))
    total = 0
    for shift in (0, 27):
        # Doubles that hold integers below 2^53 add without rounding.
        sums = np.bincount(exponents - least, (integers >> shift) & (2**27 - 1))
        for exponent in np.flatnonzero(sums).tolist():
            total += int(sums[exponent]) << (exponent + shift)
    return Fraction(total) * Fraction(2) ** least


def exact_sums(values):
    """The sums of |x| and of x^2 over doubles, without any rounding."""
    mantissas, exponents = np.frexp(np.abs(values))
    integers = np.ldexp(mantissas, 53).astype("i8")
    exponents = exponents.astype("i8") - 53
    high, low = integers >> 27, integers & (2**27 - 1)
    absolute = scaled_sum(integers, exponents)
    square = (
        scaled_sum(high * high, 2 * exponents + 54)
        + scaled_sum(high * low, 2 * exponents + 28)
        + scaled_sum(low * low, 2 * exponents)
    )
    return absolute, square


def square_with_error(values):
    """x^2 as the sum of two doubles (Dekker 1971), if nothing overflows or underflows."""
    square = values * values
    high = (values.view("u8") & np.uint64(2**64 - 2**27)).view("f8")
    low = values - high
    return square, ((high * high - square) + 2 * high * low) + low * low


def check_exact_sums(values, absolute, square):
    """math.fsum rounds a sum once, and so does float() a fraction."""
    parts = np.concatenate(square_with_error(values))
    if (math.fsum(np.abs(values).tolist()), math.fsum(parts.tolist())) != (float(absolute), float(square)):
        raise ArithmeticError("math.fsum and the exact sums of this program differ")


# Data.


def gaussian(random, n, form):
    return random.standard_normal(n)


def uniform(random, n, form):
    return random.uniform(-1, 1, n)


def log_normal(random, n, form):
    return np.exp(1.5 * random.standard_normal(n)) * random.choice([-1.0, 1.0], n)


def sparse(random, n, form):
    is_zero = random.random_sample(n) < 0.9
    return np.where(is_zero, random.choice([-0.0, 0.0], n), random.standard_normal(n))


def of_one_sign(random, n, form):
    return np.full(n, 0.1) if random.randint(2) else random.uniform(1, 2, n)


def wide(random, n, form):
    """All exponents of the type; in float64 those whose squares are far from both ends."""
    low = max(form.least_exponent - form.fraction_bits, -480)
    high = min(-form.least_exponent - 1, 480)
    return np.ldexp(random.uniform(-1, 1, n), random.randint(low, high + 1, n))


def tiny(random, n, form):
    """Subnormal numbers; in float64 those whose squares are."""
    exponent = -511 if form is FLOAT64 else form.least_exponent
    return np.ldexp(random.uniform(-1, 1, n), exponent - random.randint(0, 4, n))


def one_large(random, n, form):
    """1, then what rounds each sum that it is added to up by half a unit in the last place."""
    values = np.full(n, 2.0**-53 * (1 + 2.0**-7))
    values[:1] = 1
    return values


DISTRIBUTIONS = [gaussian, uniform, log_normal, sparse, of_one_sign, wide, one_large]


def random_view(random, form, distributions, most):
    """An array of any shape and strides, of about `most` elements or fewer."""
    ndim = random.randint(0, 5)
    left = int(most ** random.random_sample())
    shape, slices = [], []
    for axis in range(ndim):
        length = left if axis == ndim - 1 else random.randint(1, math.isqrt(left) + 2)
        left = max(left // length, 1)
        step = int(random.choice([1, 1, 1, 2, 3, -1, -2]))
        shape.append(length * abs(step))
        slices.append(slice(None, None, step))
    n = math.prod(shape)
    draw = distributions[random.randint(len(distributions))]
    whole = form.elements(draw(random, n, form)).reshape(shape)
    return whole[(*slices, ...)].transpose(random.permutation(ndim))


def coefficients(random):
    """Two coefficients, each of them sometimes 0."""
    l1, l2 = 10.0 ** random.uniform(-5, 0.3, 2)
    return [(l1, l2), (l1, l2), (l1, 0.0), (0.0, l2), (1.0, 1.0), (0.01, 0.01)][random.randint(6)]


# What the library computes.


class Report:
    """How many checks there were, and the largest error."""

    def __init__(self):
        self.count, self.largest = 0, Fraction(0)

    def add(self, error):
        self.count += 1
        self.largest = max(self.largest, error)

    def __str__(self):
        return f"{float(self.largest):.3f}"


def true_penalty(l1, l2, values, absolute, square):
    """The penalty, and the absolute error that the ends of float64's range allow."""
    products = Fraction(l1) * absolute, Fraction(l2) * square
    small_squares = int(np.count_nonzero((values != 0) & (np.abs(values) < 2.0**-511)))
    allowed = Fraction(l2) * small_squares * HALF_OF_LEAST
    allowed += sum(HALF_OF_LEAST for product in products if 0 < product < LEAST_NORMAL)
    if not small_squares:
        check_exact_sums(values, absolute, square)
    return sum(products), allowed


def check_roundings(form, l1, l2, x, absolute, square):
    """That what is read of exact sums, of x and of its parts, is rounded once, as float() rounds."""
    whole, part, rest = l1l2.ExactSums(), l1l2.ExactSums(), l1l2.ExactSums()
    whole.add(x, **form.argument)
    elements = np.ascontiguousarray(x).reshape(-1)
    part.add(elements[: x.size // 3], **form.argument)
    rest.add(elements[x.size // 3 :], **form.argument)
    part.array[...] += rest.array
    penalty = Fraction(l1) * absolute + Fraction(l2) * square
    for sums in (whole, part):
        for what, ours, exact in (
            ("exact sum |x|", sums.absolute, absolute),
            ("exact sum x^2", sums.square, square),
            ("penalty of exact sums", sums.penalty(l1l2.Regularizer(l1, l2)), penalty),
        ):
            if ours.hex() != float(exact).hex():
                raise Difference(what, form, x, l1=l1, l2=l2, ours=ours, exact=float(exact))
    if whole != part or whole.count != x.size:
        raise Difference("exact sums of parts", form, x)


def check_penalty(form, l1, l2, x, ours, numpys):
    """Adds the errors of the library's penalty and of NumPy's to two reports, in units of u."""
    penalty = l1l2.Regularizer(l1, l2).penalty(x, **form.argument)
    values = form.values(np.ascontiguousarray(x).reshape(-1))
    absolute, square = exact_sums(values)
    check_roundings(form, l1, l2, x, absolute, square)
    truth, allowed = true_penalty(l1, l2, values, absolute, square)
    if not math.isfinite(penalty):
        raise Difference("penalty", form, x, l1=l1, l2=l2, ours=penalty, exact=float(truth))
    error = abs(Fraction(penalty) - truth)
    if error > allowed + BOUND * (truth + allowed):
        raise Difference("penalty", form, x, l1=l1, l2=l2, ours=penalty, exact=float(truth))
    values = form.values(x)
    numpy_penalty = float(l1 * np.abs(values).sum() + l2 * np.square(values).sum())
    numpy_error = abs(Fraction(numpy_penalty) - truth)
    if numpy_error > allowed + gamma(x.size + 2, U) * (truth + allowed):
        raise Difference("NumPy", form, x, l1=l1, l2=l2, numpys=numpy_penalty, exact=float(truth))
    if allowed == 0 and truth > 0:
        ours.add(error / truth / U)
        numpys.add(numpy_error / truth / U)


def slope(l1, l2, x):
    """(P(x + h) - P(x - h)) / 2h of the exact penalty P, which is the gradient for any h < |x|.

    At 0 the two are equal, as P is even, and the slope is that which sign(0) = 0 gives.
    """
    h = abs(x) / 3 or Fraction(1)

    def penalty(y):
        return l1 * abs(y) + l2 * y * y

    return (penalty(x + h) - penalty(x - h)) / (2 * h)


def like(random, x):
    """An array of the same shape and dtype, with strides of its own."""
    order = random.permutation(x.ndim)
    shape = [x.shape[axis] * 2 for axis in order]
    y = np.zeros(shape, x.dtype).transpose(np.argsort(order))
    return y[(*(slice(None, None, random.choice([-2, 2])) for _ in order), ...)]


def elements_of(form, *arrays):
    """The elements of arrays of one shape, in the same order, as fractions."""
    return zip(*(map(Fraction, form.values(array).ravel().tolist()) for array in arrays))


def check_gradient(form, random, l1, l2, scale, x, report):
    """Adds the error of each element to the report, as a part of what is allowed."""
    draw = [gaussian, tiny, lambda random, n, form: np.zeros(n)][random.randint(3)]
    before = form.elements(draw(random, x.size, form)).reshape(x.shape)
    gradient = like(random, x)
    gradient[...] = before
    l1l2.Regularizer(l1, l2).add_gradient(x, gradient, scale, **form.argument)
    a, b = Fraction(scale) * Fraction(l1), Fraction(scale) * 2 * Fraction(l2)
    rough = form.arithmetic
    a_error, b_error = rough.underflow(a), rough.underflow(b)
    for value, old, new in elements_of(form, x, before, gradient):
        exact = old + Fraction(scale) * slope(Fraction(l1), Fraction(l2), value)
        rest = gamma(3, rough.roundoff) * (abs(b * value) + (abs(a) if value else 0))
        rest += a_error + b_error * abs(value) + rough.underflow(b * value)
        allowed = rest + form.half_a_unit(abs(exact) + rest)
        error = abs(new - exact)
        if error > allowed:
            raise Difference("gradient", form, form.elements(np.array([float(value)])), l1=l1,
                             l2=l2, scale=scale, before=float(old), after=float(new),
                             exact=float(exact))
        report.add(error / allowed)


def check_minimum(l1, l2, step, x, u):
    """That no neighbour of u has a smaller penalty(u) + |u - x|^2 / (2 * step); all exact."""

    def objective(v):
        return l1 * abs(v) + l2 * v * v + (v - x) ** 2 / (2 * step)

    least = objective(u)
    distance = (abs(x) or 1) / 2**20
    assert all(objective(v) >= least for v in (u - distance, u + distance, Fraction(0), x, -u))


def check_prox(form, l1, l2, step, x, out, report):
    """Adds the error of each element to the report, as a part of what is allowed."""
    original = np.array(x)
    l1l2.Regularizer(l1, l2).prox(x, step, out, **form.argument)
    threshold = Fraction(step * l1)  # as rounded to double
    true_threshold = Fraction(step) * Fraction(l1)
    divisor = 1 + 2 * Fraction(step) * Fraction(l2)
    error_of_threshold = abs(threshold - true_threshold) / divisor
    relative = gamma(4 if form is FLOAT64 else 3, form.arithmetic.roundoff)
    signs = np.signbit(form.values(original)) == np.signbit(form.values(out))
    for (value, new), sign_is_same in zip(elements_of(form, original, out), signs.ravel()):
        size = max(abs(value) - true_threshold, 0) / divisor
        exact = size if value > 0 else -size
        check_minimum(Fraction(l1), Fraction(l2), Fraction(step), value, exact)
        # The minimum moves with the threshold, by what that lost in double.
        rest = relative * size + form.arithmetic.underflow(size) + error_of_threshold
        allowed = rest + form.half_a_unit(size + rest)
        error = abs(new - exact)
        # Zero up to the threshold and not beyond, unless the result is too small for the type.
        above = (abs(value) - threshold) / divisor
        is_right = new == 0 if above <= 0 else new != 0 or above < 4 * form.half_of_least
        if error > allowed or not sign_is_same or not is_right:
            raise Difference("prox", form, form.elements(np.array([float(value)])), l1=l1, l2=l2,
                             step=step, ours=float(new), exact=float(exact))
        report.add(error / allowed)


# The rounds.


def check_penalties(form, random, rounds):
    ours, numpys = Report(), Report()
    for _ in range(rounds):
        x = random_view(random, form, DISTRIBUTIONS, 20000)
        if x.ndim and random.randint(4) == 0:
            x = np.broadcast_to(x, (random.randint(1, 6), *x.shape))
            x = x.swapaxes(0, random.randint(x.ndim))
        check_penalty(form, *coefficients(random), x, ours, numpys)
        x = form.elements(tiny(random, random.randint(1, 100), form))
        check_penalty(form, *coefficients(random), x, ours, numpys)
    for n in (10**6, 999983):
        x = form.elements(gaussian(random, n, form))
        check_penalty(form, *coefficients(random), x, ours, numpys)
        check_penalty(form, 0.01, 0.3, x[::-3], ours, numpys)
    print(f"penalty   {form.name:9}{ours.count:6} arrays    largest error {ours} u of 185 u"
          f" (NumPy's sums in float64: {numpys} u); of exact sums to the bit")


def training_data(random, form):
    distributions = [gaussian, uniform, log_normal, sparse, tiny]
    x = random_view(random, form, distributions, 60)
    x[...] = form.elements(np.clip(form.values(x), -64, 64))  # so that no float16 overflows
    return x


def check_gradients(form, random, rounds):
    report = Report()
    for _ in range(rounds):
        scale = float(random.choice([1.0, -0.1, 16.0, random.uniform(-2, 2)]))
        x = training_data(random, form)
        check_gradient(form, random, *coefficients(random), scale, x, report)
    print(f"gradient  {form.name:9}{report.count:6} elements  largest error {report} of the bound")


def check_proxes(form, random, rounds):
    report = Report()
    for _ in range(rounds):
        step = float(10.0 ** random.uniform(-3, 1))
        x = training_data(random, form)
        out = x if random.randint(2) else like(random, x)
        check_prox(form, *coefficients(random), step, x, out, report)
    print(f"prox      {form.name:9}{report.count:6} elements  largest error {report} of the bound")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=300, help="arrays for each check and type")
    parser.add_argument("--seed", type=int, default=20260101)
    arguments = parser.parse_args()
    print(f"libl1l2 {l1l2.version()}, {l1l2.isa()}, seed {arguments.seed}")
    try:
        for check in (check_penalties, check_gradients, check_proxes):
            for form in FORMATS:
                check(form, np.random.RandomState(arguments.seed), arguments.rounds)
    except Difference as difference:
        sys.exit(str(difference))


if __name__ == "__main__":
    main()
