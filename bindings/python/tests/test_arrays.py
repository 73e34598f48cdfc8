# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""Arrays of every kind: read and written in place, or refused with the reason."""

import array
import ctypes
import gc
import math

import l1l2
import ml_dtypes
import numpy
import pytest
from arrays import NUMPY_EXPORTS_FLAGS, Foreign, read_only

REGULARIZER = l1l2.Regularizer(l1=1.0, l2=0.5)
ONES = numpy.ones(4, numpy.float32)


def writers(x, y, factor=0.3):
    """What writes to y."""
    return (
        lambda: REGULARIZER.add_gradient(x, y, factor),
        lambda: REGULARIZER.penalty_and_add_gradient(x, y, factor),
        lambda: REGULARIZER.prox(x, factor, y),
        lambda: REGULARIZER.prox_step(x, None, factor, None, y),
        lambda: l1l2.add_gradient_terms([l1l2.Term(REGULARIZER, x, y)], factor),
        lambda: l1l2.prox_terms([l1l2.Term(REGULARIZER, x, out=y)], factor),
        lambda: l1l2.prox_step_terms([l1l2.Term(REGULARIZER, x, out=y)], factor),
    )


def assert_not_written(y, memory, error, reason):
    before = memory.tobytes()
    for write in writers(ONES, y):
        with pytest.raises(error, match=reason):
            write()
        assert memory.tobytes() == before


def assert_not_read(x, error, reason):
    for read in (
        REGULARIZER,
        l1l2.ExactSums().add,
        lambda x: l1l2.penalty_terms([l1l2.Term(REGULARIZER, x)]),
    ):
        with pytest.raises(error, match=reason):
            read(x)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_a_view_gives_what_its_contiguous_copy_gives(dtype):
    def views():
        memory = numpy.arange(-480, 480, dtype=dtype).reshape(8, 10, 12)
        yield memory[:4, :5, :6].copy(order="C")
        yield memory[:4, :5, :6].copy(order="F")
        yield memory.copy()[::2, ::2, ::2]
        yield memory.copy()[::-2, 5:, 1::2]
        yield memory.copy()[:6, 5:, :4].T

    repeated = numpy.broadcast_to(numpy.arange(6, dtype=dtype), (4, 5, 6))
    for x in [*views(), repeated]:
        copied = x.copy(order="C")
        # Sums of small integers are exact, in the order of either memory.
        assert REGULARIZER(x) == REGULARIZER(copied)
        for y in views():
            expected = y.copy(order="C")
            REGULARIZER.add_gradient(x, y, 0.3)
            REGULARIZER.add_gradient(copied, expected, 0.3)
            assert y.tobytes() == expected.tobytes()
            REGULARIZER.prox(x, 0.3, y)
            REGULARIZER.prox(copied, 0.3, expected)
            assert y.tobytes() == expected.tobytes()


def test_buffers_are_read_and_written_in_place():
    for x in (
        array.array("f", [1.0, -2.0]),
        array.array("d", [1.0, -2.0]),
        (ctypes.c_float * 2)(1.0, -2.0),
        memoryview(numpy.array([1.0, 0.0, -2.0], numpy.float16))[::2],
    ):
        assert REGULARIZER(x) == 5.5
        assert l1l2.penalty_terms([l1l2.Term(REGULARIZER, array.array("f", [2]))])
        sums = l1l2.ExactSums()
        sums.add(x)
        assert sums.square == 5.0
        REGULARIZER.prox(x, 0.5)
        expected = (0.5 + 1.5) / 1.5 + 0.5 * (0.5**2 + 1.5**2) / 1.5**2
        assert REGULARIZER(x) == pytest.approx(expected, rel=1e-3)
    assert_not_written(memoryview(bytes(16)).cast("f"), ONES, ValueError, "read-only")


def test_numpy_scalars_are_read_and_never_written():
    for scalar in (numpy.float32(-2), numpy.float64(-2), numpy.float16(-2)):
        assert REGULARIZER(scalar) == 4.0
        assert REGULARIZER(numpy.asarray(scalar)) == 4.0
    assert_not_written(numpy.float32(1), ONES, ValueError, "scalar is immutable")
    assert_not_read(numpy.int32(1), TypeError, "must be of float32")
    assert l1l2.Regularizer(numpy.float32(0.5), numpy.int8(2)) == l1l2.Regularizer(
        0.5, 2
    )


def test_bfloat16_of_ml_dtypes_and_as_bits():
    x = numpy.array([1.0, -2.0, 0.5], ml_dtypes.bfloat16)
    expected = 3.5 + 0.5 * 5.25
    assert REGULARIZER(x) == REGULARIZER(x[::-1]) == expected
    bits = x.view(numpy.uint16)
    capsule = bits.__dlpack__()
    exported = type("Exported", (), {"__dlpack__": lambda _: capsule})()
    coded = with_field(bits, 20, ctypes.c_uint8(4))  # kDLBfloat
    for given in (x, bits, exported, coded):
        assert REGULARIZER(given, dtype="bfloat16") == expected
    swapped = bits.astype(bits.dtype.newbyteorder())
    for given, dtype in (
        (swapped, {"dtype": "bfloat16"}),
        (x.astype(x.dtype.newbyteorder()), {}),
        (bits, {"dtype": "float16"}),
        (exported, {"dtype": "float16"}),
    ):
        with pytest.raises(TypeError, match="must be of .*bfloat16"):
            REGULARIZER(given, **dtype)
    assert REGULARIZER(coded) == expected
    with pytest.raises(l1l2.L1L2Error, match="element type"):
        REGULARIZER(exported)  # whose tensor is as it was
    assert REGULARIZER(ml_dtypes.bfloat16(-2)) == 4.0
    gradient = numpy.zeros_like(x)
    REGULARIZER.add_gradient(x, gradient)
    assert gradient.tolist() == [2.0, -3.0, 1.5]
    assert REGULARIZER.penalty_and_add_gradient(x, gradient) == expected
    assert gradient.tolist() == [4.0, -6.0, 3.0]
    for given in (bits, exported):
        term = l1l2.Term(REGULARIZER, given, dtype="bfloat16")
        assert l1l2.penalty_terms([term]).total == expected


def test_only_bits_are_taken_for_bfloat16():
    y, bits = ONES.copy(), {"dtype": "bfloat16"}
    for call in (
        lambda: REGULARIZER(ONES, **bits),
        lambda: REGULARIZER(Foreign(ONES), **bits),
        lambda: l1l2.penalty_terms([l1l2.Term(REGULARIZER, Foreign(ONES), **bits)]),
        lambda: l1l2.ExactSums().add(ONES, **bits),
        lambda: REGULARIZER.add_gradient(ONES, y, **bits),
        lambda: REGULARIZER.penalty_and_add_gradient(ONES, y, **bits),
        lambda: REGULARIZER.prox(y, 1.0, **bits),
        lambda: REGULARIZER.prox_step(y, None, 1.0, **bits),
    ):
        with pytest.raises(TypeError, match="with dtype='bfloat16': it must be of"):
            call()
    assert y.tolist() == ONES.tolist()


def test_a_buffer_is_borrowed_no_longer_than_a_call_takes():
    x, y, gradient, steps = (array.array("f", [1.0, 2.0]) for _ in range(4))
    integers = array.array("i", [1, 2])
    REGULARIZER(x)
    l1l2.ExactSums().add(x)
    for write in writers(x, y):
        write()
    REGULARIZER.prox_step(x, gradient, 1.0, steps, y)
    for refused in (
        lambda: REGULARIZER(integers),
        lambda: REGULARIZER.prox(x, 1.0, memoryview(bytes(8)).cast("f")),
    ):
        with pytest.raises((TypeError, ValueError)):
            refused()
    gc.collect()
    for buffer in (x, y, gradient, steps, integers):
        buffer.append(3)  # BufferError while it is borrowed


def test_arrays_that_do_not_fit_are_not_written():
    for y, error, reason in (
        (numpy.ones(3, numpy.float32), ValueError, "different shapes"),
        (numpy.ones((2, 2), numpy.float32), ValueError, "different shapes"),
        (numpy.ones((4, 1), numpy.float32), ValueError, "different shapes"),
        (numpy.ones(4, numpy.float64), ValueError, "dtype|do not fit"),
        (numpy.ones(4, numpy.uint16), TypeError, "must be of float32"),
        (numpy.ones(4, numpy.dtype("f4").newbyteorder()), TypeError, "byte order"),
        (read_only(ONES), ValueError, "read-only"),
    ):
        assert_not_written(y, y, error, reason)


def test_a_foreign_array_is_written_only_if_it_says_that_it_may_be():
    """NumPy before 2.1 exports DLPack that does not say it."""
    y = ONES.copy()
    if NUMPY_EXPORTS_FLAGS:
        REGULARIZER.add_gradient(ONES, Foreign(y))
        assert y.tolist() == [3.0] * 4
        assert_not_written(Foreign(read_only(ONES)), ONES, ValueError, "read-only")
        assert REGULARIZER(Foreign(read_only(ONES))) == 6.0
    else:
        assert_not_written(Foreign(y), y, ValueError, "does not say whether")


class Unversioned(Foreign):
    """As JAX and TensorFlow export theirs, which they hold to be immutable."""

    def __dlpack__(self):
        return self._x.__dlpack__()


def test_an_array_of_unversioned_dlpack_is_read_and_not_written():
    x = ONES.copy()
    assert REGULARIZER(Unversioned(x)) == 6.0
    assert_not_written(Unversioned(x), x, ValueError, "does not say whether")
    with pytest.raises(ValueError, match="pass a NumPy array of the same memory"):
        REGULARIZER.prox(Unversioned(x), 0.5)
    assert x.tolist() == ONES.tolist()


def flagged(x, **flags):
    return type("Flagged", (Foreign,), flags)(x)


def test_memory_that_holds_other_numbers_is_refused():
    for name, reason in (
        ("is_neg", "negated.*resolve_neg"),
        ("is_conj", "conjugate.*resolve_conj"),
        ("is_quantized", "quantized.*dequantize"),
        ("is_sparse", "sparse.*values"),
        ("is_sparse_csr", "sparse.*values"),
    ):
        for flag in (True, lambda x: True):
            x = flagged(ONES.copy(), **{name: flag})
            assert_not_read(x, BufferError, reason)
            assert_not_written(x, x._x, BufferError, reason)
        assert REGULARIZER(flagged(ONES, **{name: lambda x: False})) == 6.0
    masked = numpy.ma.masked_array(ONES, [1, 0, 0, 0])
    assert_not_read(masked, TypeError, "mask .* would be ignored")
    assert_not_written(masked, ONES, TypeError, "mask .* would be ignored")
    assert REGULARIZER(memoryview(masked)) == 6.0  # which is memory alone


def address_in(capsule, name, offset):
    """Returns the address of a field of the struct that a capsule points to."""
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    pointer.restype = ctypes.c_void_p
    return pointer(capsule, name) + offset


def test_a_producer_is_asked_for_dlpack_1_0_and_no_copy():
    asked = []

    class Asked(Foreign):
        def __dlpack__(self, **arguments):
            asked.append(arguments)
            return super().__dlpack__(**arguments)

    assert REGULARIZER(Asked(ONES)) == 6.0
    assert asked[0] == {"max_version": (1, 0), "copy": False}


def test_a_copy_is_refused():
    """Of a producer that copies although copy=False asks it not to."""

    class Copies(Foreign):
        def __dlpack__(self, **arguments):
            capsule = super().__dlpack__(**arguments)
            flags = address_in(capsule, b"dltensor_versioned", 24)
            ctypes.c_uint64.from_address(flags).value |= 2
            return capsule

    if NUMPY_EXPORTS_FLAGS:
        assert_not_read(Copies(ONES), BufferError, "exports a copy")


def test_a_tensor_of_an_unknown_version_of_dlpack_is_refused():
    """What follows the version may be anything."""

    class Later(Foreign):
        def __dlpack__(self, **arguments):
            capsule = super().__dlpack__(**arguments)
            major = address_in(capsule, b"dltensor_versioned", 0)
            ctypes.c_uint32.from_address(major).value = 2
            return capsule

    if NUMPY_EXPORTS_FLAGS:
        assert_not_read(Later(ONES), BufferError, "a tensor of DLPack 2")


def with_field(x, offset, field):
    """An array that exports x but for one field of its tensor."""

    class Changed(Foreign):
        def __dlpack__(self):
            capsule = super().__dlpack__()
            address = address_in(capsule, b"dltensor", offset)
            ctypes.memmove(address, ctypes.byref(field), ctypes.sizeof(field))
            return capsule

    return Changed(x)


def assert_refused(x, error, reason):
    with pytest.raises(l1l2.L1L2Error):
        REGULARIZER(x)
    with pytest.raises(error, match=reason):
        l1l2.penalty_terms([l1l2.Term(REGULARIZER, x)])


def test_memory_is_read_on_every_device_where_the_cpu_can():
    for device in range(20):
        x = with_field(ONES, 8, ctypes.c_int32(device))
        if device in (1, 3, 11, 13):  # the CPU, CUDA and ROCm on the host, managed CUDA
            assert REGULARIZER(x) == 6.0
            assert l1l2.penalty_terms([l1l2.Term(REGULARIZER, x)]).total == 6.0
        else:
            assert_refused(x, BufferError, "the CPU cannot read")


def test_tensors_of_lanes_or_without_memory_are_refused():
    for offset, field, error, reason in (
        (22, ctypes.c_uint16(4), TypeError, "is not of float32"),
        (0, ctypes.c_void_p(), l1l2.L1L2Error, "term 0: .*NULL"),
    ):
        assert_refused(with_field(ONES, offset, field), error, reason)


def test_elements_without_strides_are_compact():
    x = numpy.arange(24, dtype=numpy.float32).reshape(2, 3, 4)
    without, gradient = with_field(x, 32, ctypes.c_void_p()), numpy.zeros_like(x)
    term = l1l2.Term(REGULARIZER, without, gradient)
    penalty = l1l2.add_gradient_terms([term]).total
    assert penalty == REGULARIZER(x) == REGULARIZER(without)
    assert (gradient == x + (x > 0)).all()


def test_elements_may_begin_behind_the_address_of_a_tensor():
    class Behind(Foreign):
        def __dlpack__(self):
            capsule = super().__dlpack__()
            for offset, change in ((0, -8), (40, 8)):  # data, byte_offset
                field = address_in(capsule, b"dltensor", offset)
                ctypes.c_int64.from_address(field).value += change
            return capsule

    x = numpy.array([7.0, 7.0, 1.0, -2.0], numpy.float32)
    assert REGULARIZER(Behind(x[2:])) == 5.5
    assert l1l2.penalty_terms([l1l2.Term(REGULARIZER, Behind(x[2:]))]).total == 5.5


def test_a_stride_that_is_not_a_number_of_elements_is_refused():
    x = numpy.ndarray((2,), numpy.float32, bytearray(16), strides=(6,))
    assert_not_read(x, ValueError, "no multiple of the size")


def test_the_stride_of_an_axis_of_one_element_does_not_matter():
    x = numpy.ndarray((1, 2), numpy.float32, bytearray(12), strides=(6, 4))
    x[:] = 2.0
    assert x.strides[0] % 4 != 0
    assert REGULARIZER(x) == 8.0
    assert l1l2.penalty_terms([l1l2.Term(REGULARIZER, x)]).total == 8.0
    gradient = numpy.zeros((2, 2), numpy.float32)[::2]
    l1l2.add_gradient_terms([l1l2.Term(REGULARIZER, x, gradient)])
    assert gradient.tolist() == [[3.0, 3.0]]


def test_objects_without_memory_are_refused():
    for x in ([1.0], 1.0, None, "text", {}):
        assert_not_read(x, TypeError, "has no memory to be read in place")
    variable = type("Variable", (), {"__module__": "keras.src.backend"})()
    assert_not_read(variable, TypeError, "in place: .* protocol; or use l1l2.keras")
    assert_not_read(b"bytes", TypeError, "must be of float32")
    assert_not_read(numpy.array([1.0, None]), TypeError, "must be of float32")
    integers = Foreign(numpy.ones(2, "i4"))
    assert_not_read(integers, (TypeError, l1l2.L1L2Error), "float32|element type")


def test_a_factor_that_is_not_a_number_is_refused():
    for factor in ("0.3", None, 1j):
        memory, flipped = ONES.copy(), ONES.copy()[::-1]
        # A term must be contiguous, whatever the factor.
        for write in writers(ONES, memory, factor) + writers(ONES, flipped, factor)[:4]:
            with pytest.raises(TypeError):
                write()
        assert memory.tolist() == flipped.tolist() == ONES.tolist()
        with pytest.raises(TypeError):
            l1l2.Regularizer(factor)


def test_errors_of_the_library_have_their_status():
    memory = numpy.ones(6, numpy.float32)
    for status, call in (
        (13, lambda: REGULARIZER.add_gradient(ONES, ONES.copy(), math.inf)),
        (14, lambda: REGULARIZER.prox(ONES.copy(), -1.0)),
        (15, lambda: REGULARIZER.prox(memory[:4], 1.0, memory[2:])),
        (15, lambda: REGULARIZER.add_gradient(ONES, ONES)),
        (16, lambda: REGULARIZER.add_gradient(ONES, numpy.ones(4))),
    ):
        with pytest.raises(l1l2.L1L2Error) as info:
            call()
        assert info.value.status == status
    assert memory.tolist() == [1.0] * 6
