#!/usr/bin/env python3
"""A model of the accumulator of exact sums: exhaustive for a small one, the library beside it for the real one.

    tests/oracle/oracle.sh accumulator_model.py

Layout is written from docs/distributed.md, with the widths of words, limbs and the checksum as parameters. Of a
layout of 8-bit words and 2-bit limbs, all sums of up to four parts are tried, all damages of one number, and all
numbers of parts. With the widths of the library's layout the same code must say of an accumulator what the library
says. Exits with 1 at what is wrong.
"""

import ctypes
import os
import sys
from itertools import product

import numpy as np

OK, INVALID, UNKNOWN, OVERFLOW = 0, 18, 19, 21  #: l1l2_status
TAG, CHECKSUM, COUNT = 0, 1, 2


class Layout:
    """Accumulators as the last axis of arrays of int64, any number at once.

    limbs is a list with the number of limbs of each sum, behind `counts` numbers of elements of some kind.
    """

    def __init__(
        self, *, word, limb, limbs, counts, tag, modulus, most_parts, unlikely_parts
    ):
        self.word, self.limb, self.tag, self.modulus = word, limb, tag, modulus
        self.most_parts, self.unlikely_parts = most_parts, unlikely_parts
        self.first = [COUNT + counts + sum(limbs[:i]) for i in range(len(limbs) + 1)]
        self.length = self.first[-1]
        factors = np.arange(1, self.length + 1)
        self.factors = np.where(np.arange(self.length) == CHECKSUM, 0, factors)
        self.inverse = pow(tag, -1, 1 << word)

    def wrapped(self, numbers):
        """What is left of numbers in words of two's complement."""
        unused = 64 - self.word
        return np.left_shift(numbers, unused) >> unused

    def checksum(self, numbers):
        return (numbers % self.modulus * self.factors).sum(-1) % self.modulus

    def sealed(self, numbers):
        """One part, of counts and limbs that are carried."""
        numbers = numbers.copy()
        numbers[..., TAG] = np.where(numbers[..., COUNT] > 0, self.tag, 0)
        numbers[..., CHECKSUM] = self.checksum(numbers)
        return numbers

    def parts(self, numbers):
        """Of how many parts an accumulator is the sum, modulo the word's range."""
        tags = numbers[..., TAG].astype(np.uint64) * np.uint64(self.inverse)
        return tags & np.uint64((1 << self.word) - 1)

    def carried(self, numbers):
        """The same with each limb below 2^limb; what is carried out of each sum; whether a word was too small."""
        numbers, out, lost = numbers.copy(), [], np.zeros(numbers.shape[:-1], bool)
        for first, end in zip(self.first, self.first[1:]):
            carry = np.zeros(numbers.shape[:-1], np.int64)
            for i in range(first, end):
                limb = numbers[..., i] + carry
                lost |= limb != self.wrapped(limb)
                carry, numbers[..., i] = limb >> self.limb, limb & (
                    (1 << self.limb) - 1
                )
            out.append(carry)
        return numbers, np.stack(out, -1), lost

    def read(self, numbers):
        """The status of each accumulator, and it as one part."""
        parts = self.parts(numbers)
        unknown = parts >= self.unlikely_parts
        parts = np.minimum(parts, self.unlikely_parts).astype(np.int64)
        count, others = numbers[..., COUNT], numbers[..., COUNT + 1 : self.first[0]]
        overflow = (parts > self.most_parts) | ((parts > 1) & (count < 0))
        bounded = np.minimum(parts, self.most_parts)[..., None]
        limbs = numbers[..., self.first[0] :]
        right = np.where(parts > 0, count >= parts, count == 0)
        right &= (others >= 0).all(-1) & (others.sum(-1) <= count)
        right &= ((limbs >= 0) & (limbs <= bounded * ((1 << self.limb) - 1))).all(-1)
        checksum = numbers[..., CHECKSUM]
        right &= (checksum >= 0) & (checksum <= bounded[..., 0] * (self.modulus - 1))
        right &= checksum % self.modulus == self.checksum(numbers)
        carried, out, _ = self.carried(np.where(right[..., None], numbers, 0))
        right &= (out == 0).all(-1)
        status = np.where(
            unknown, UNKNOWN, np.where(overflow, OVERFLOW, np.where(right, OK, INVALID))
        )
        return status, self.sealed(carried)


SMALL = Layout(
    word=8,
    limb=2,
    limbs=[4],
    counts=1,
    tag=27,
    modulus=31,
    most_parts=4,
    unlikely_parts=64,
)
REAL = Layout(
    word=64,
    limb=32,
    limbs=[68, 134],
    counts=3,
    tag=0x6C316C01,
    modulus=2**31 - 1,
    most_parts=2**30,
    unlikely_parts=2**40,
)


def require(true, sentence):
    if not np.all(true):
        sys.exit(f"not so: {sentence}")


def small_parts():
    """All of one to three elements of two limbs, each behind its count and its value."""
    truth = np.array(
        [(count, value) for count in range(1, 4) for value in range(16 * count)]
    )
    numbers = np.zeros((len(truth), SMALL.length), np.int64)
    numbers[:, COUNT] = truth[:, 0]
    numbers[:, SMALL.first[0] :] = truth[:, 1:] >> np.arange(0, 8, 2) & 3
    return np.hstack([truth, SMALL.sealed(numbers)])


def all_sums():
    """Every sum of up to four parts; those of another order or grouping are the same numbers."""
    parts, tried = small_parts(), 0
    sums = np.zeros((1, parts.shape[1]), np.int64)
    for _ in range(SMALL.most_parts):
        sums = np.unique((sums[:, None] + parts).reshape(-1, parts.shape[1]), axis=0)
        truth, numbers = sums[:, :2], sums[:, 2:]
        require(numbers == SMALL.wrapped(numbers), "no number leaves a word")
        require(~SMALL.carried(numbers)[2], "no carry leaves a word")
        status, one = SMALL.read(numbers)
        require(status == OK, "a sum of parts is read")
        require(one[:, COUNT] == truth[:, 0], "counts add up")
        value = (one[:, SMALL.first[0] :] << np.arange(0, 8, 2)).sum(-1)
        require(value == truth[:, 1], "sums add up")
        tried += len(sums)
    return tried


def all_damages():
    """Every change of one number of each sum of one or two parts."""
    parts = small_parts()[:, 2:]
    both = np.concatenate([parts, (parts[:, None] + parts).reshape(-1, SMALL.length)])
    both = np.unique(both, axis=0)
    tried = 0
    for i, change in product(range(SMALL.length), range(1, 1 << SMALL.word)):
        damaged = both.copy()
        damaged[:, i] = SMALL.wrapped(damaged[:, i] + change)
        status, _ = SMALL.read(damaged)
        delta = damaged[:, i] - both[:, i]  # of which a flipped bit is a power of two
        found = delta * (SMALL.factors[i] or 1) % SMALL.modulus != 0
        require(status[found] != OK, "a change of the checksum is found")
        flipped = np.isin(np.abs(delta), 2 ** np.arange(SMALL.word))
        require(found[flipped], "a flipped bit changes the checksum")
        tried += len(damaged)
    return tried


def all_numbers_of_parts():
    parts = small_parts()[:, 2:]
    for times in range(1, 1 << SMALL.word):
        status, _ = SMALL.read(SMALL.wrapped(parts * times))
        if times <= SMALL.most_parts:
            require(status == OK, "few parts are read")
        else:
            expected = OVERFLOW if times < SMALL.unlikely_parts else UNKNOWN
            require(status == expected, "too many parts are refused")


def real_ones(random):
    """Sums, multiples and damages of the library's accumulators."""
    library = ctypes.CDLL(os.environ["L1L2_LIBRARY"])
    address = ctypes.c_void_p
    library.l1l2_exact_sums_add.argtypes = [
        address,
        ctypes.c_int,
        address,
        ctypes.c_size_t,
    ]
    library.l1l2_exact_sums_merge.argtypes = [address, address]
    float64, tried = 2, 0
    for _ in range(300):
        accumulators = []
        for _ in range(random.integers(1, 5)):
            x = np.ldexp(
                random.standard_normal(random.integers(1, 50)),
                random.integers(-1000, 1000),
            )
            numbers = np.zeros(REAL.length, np.int64)
            status = library.l1l2_exact_sums_add(
                numbers.ctypes.data, float64, x.ctypes.data, len(x)
            )
            require(status == OK, "an array is added")
            accumulators.append(numbers)
        total = np.sum(accumulators, 0)
        damaged = np.repeat(total[None], 40, 0)
        places = random.integers(0, REAL.length, 40)
        damaged[np.arange(40), places] ^= np.int64(1) << random.integers(0, 63, 40)
        times = np.int64(1) << random.integers(1, 45, 8)
        with np.errstate(over="ignore"):
            cases = np.concatenate(
                [accumulators, total[None], total * times[:, None], damaged]
            )
        statuses, ones = REAL.read(cases)
        for case, status, one in zip(np.ascontiguousarray(cases), statuses, ones):
            merged = np.zeros(REAL.length, np.int64)
            got = library.l1l2_exact_sums_merge(merged.ctypes.data, case.ctypes.data)
            require(got == status, f"the library says {status}, not {got}")
            require(
                status != OK or (merged == one).all(),
                "the library carries as the model",
            )
            tried += 1
    return tried


def main():
    sums, damages = all_sums(), all_damages()
    all_numbers_of_parts()
    print(
        f"of a small layout all {sums:,} sums of up to four parts and {damages:,} damages"
    )
    print(
        f"{real_ones(np.random.default_rng(4)):,} accumulators of the library's, as it reads them"
    )


if __name__ == "__main__":
    main()
