#!/usr/bin/env python3
"""Looks for data whose penalty has the largest relative error, which must stay within 185 u.

    tests/oracle/oracle.sh error_search.py [SECONDS]

u is 2^-53. The search starts where every addition on the longest path rounds the same way: one
large element, then elements of about half a unit in the last place of the sum, in its lane, in each
lane that it is folded with and in each block at which the tree joins another half. From there on it
climbs: one change at a time, kept if the error does not get smaller. What is left to find are the
roundings of the large square, the two products and their sum. Exits with 1 and the data if a
penalty is off by more than the bound.
"""
import copy
import sys
import time
from fractions import Fraction

import numpy as np

from oracle import BOUND, FLOAT32, FLOAT64, U, Difference, l1l2

LANES, BLOCK = 32, 4096
LEVELS = 10  #: of the tree of blocks: each is one rounding more, and twice the elements
#: 127 additions in a lane, 5 of the fold, those of the tree, the products and their sum.
PATH = BLOCK // LANES - 1 + 5 + LEVELS + 2

#: Beside the large element at 0: the rest of its lane, the lanes that the fold adds to it, and the
#: first element of the first block of each subtree that is added to its own.
PLACES = np.array(
    list(range(LANES, BLOCK, LANES))
    + [1 << level for level in range(5)]
    + [BLOCK << level for level in range(LEVELS)]
)


class Candidate:
    """An array of zeros but for a large element and those at PLACES, and two coefficients.

    main is 1 if the sum of |x| is to have the error, 2 if that of x^2. The other term is only
    there to make the last addition round.
    """

    def __init__(self, form, main, side):
        self.form, self.main, self.side = form, main, side
        self.large = np.ones(1, form.dtype)
        self.small = np.full(len(PLACES), self.half_a_unit(), form.dtype)
        self.factor, self.last = 1.0, 1.0

    def half_a_unit(self):
        """The element nearest to where 1 + its term ties, but on this side of it."""
        element = self.form.dtype.type(2.0 ** (-53 / self.main))
        away = self.form.dtype.type(np.inf * self.side)
        while (float(element) ** self.main - 2.0**-53) * self.side <= 0:
            element = np.nextafter(element, away)
        return element

    def mutated(self, random):
        """A copy with one change."""
        other = copy.copy(self)
        kind = random.randint(5)
        if kind == 0:
            other.factor = random.uniform(1, 1.01)
        elif kind == 1:
            other.last = random.uniform(0.9, 1.1)
        elif kind == 2:
            # So much that its square rounds in float64, so little that the sum stays near 1.
            other.large = (1 + 2.0 ** random.uniform(-30, -14, 1)).astype(self.form.dtype)
        else:
            # Some elements move by some units in the last place.
            bits = self.small.view(f"u{self.small.itemsize}").copy()
            some = random.randint(0, len(bits), random.randint(1, 9))
            bits[some] += random.randint(-4, 5, len(some)).astype(bits.dtype)
            other.small = bits.view(self.small.dtype)
        return other

    def coefficients(self):
        """The other term is made about half a unit of the main one."""
        values = np.concatenate([self.large, self.small]).astype("f8")
        sums = np.abs(values).sum(), np.square(values).sum()
        other = self.last * 2.0**-53 * self.factor * sums[self.main - 1] / sums[2 - self.main]
        return (self.factor, other) if self.main == 1 else (other, self.factor)

    def error(self, x):
        """The relative error of the penalty of x, which is zero but for what this writes there."""
        x[0], x[PLACES] = self.large[0], self.small
        l1, l2 = map(float, self.coefficients())
        values = [Fraction(float(value)) for value in (*self.large, *self.small)]
        exact = Fraction(l1) * sum(values) + Fraction(l2) * sum(value * value for value in values)
        penalty = l1l2.Regularizer(l1, l2)(x)
        error = abs(Fraction(penalty) - exact) / exact
        if error > BOUND:
            raise Difference("bound", self.form, np.concatenate([x[:BLOCK], x[PLACES[-LEVELS:]]]),
                             l1=l1, l2=l2, ours=penalty, exact=float(exact))
        return error


def climb(form, main, side, seconds):
    """The errors at the start and at the end, in units of u, and the number of penalties."""
    random = np.random.RandomState(1)
    x = np.zeros(BLOCK << LEVELS, form.dtype)
    best = Candidate(form, main, side)
    start = largest = best.error(x)
    tried, end = 1, time.monotonic() + seconds
    while time.monotonic() < end:
        candidate = best.mutated(random)
        error = candidate.error(x)
        tried += 1
        if error >= largest:
            best, largest = candidate, error
    return float(start / U), float(largest / U), tried


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    print(f"libl1l2 {l1l2.version()}, {l1l2.isa()}, {BLOCK << LEVELS} elements")
    largest = 0.0
    try:
        for form in (FLOAT32, FLOAT64):
            for term, name in ((1, "|x|"), (2, "x^2")):
                for side, rounding in ((1, "up"), (-1, "down")):
                    start, end, tried = climb(form, term, side, seconds / 8)
                    roundings = PATH + (form is FLOAT64 and term == 2)
                    print(f"{form.name}, {name:3} rounded {rounding:4}  {start:8.3f} u, after"
                          f" {tried:6} penalties {end:8.3f} u, of {roundings} roundings")
                    largest = max(largest, end)
    except Difference as difference:
        sys.exit(str(difference))
    print(f"the largest error found is {largest:.3f} u; the bound for any n is {BOUND / U} u")


if __name__ == "__main__":
    main()
