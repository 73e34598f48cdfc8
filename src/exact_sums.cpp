#include "exact_sums.hpp"

#include "regularizer.hpp"

#include <algorithm>
#include <cstring>

namespace l1l2::core {

namespace {

using kernels::ExactKernel;
using kernels::ExactPart;
using kernels::ExactParts;

/// "l1l" and the number of the layout.
constexpr std::int64_t layout_tag = 0x6C316C01;
constexpr std::int64_t max_parts = std::int64_t{1} << 30;

/// A Mersenne prime: no power of two is a multiple of it, so that each bit counts.
constexpr int checksum_bits = 31;
constexpr std::uint64_t checksum_modulus = (std::uint64_t{1} << checksum_bits) - 1;

constexpr std::uint64_t infinity = 0x7FF0000000000000;
constexpr std::uint64_t nan = 0x7FF8000000000000;

/// What an element is made of: (-1)^sign * mantissa * 2^(field - 1 + lowest), and for the field 0,
/// which has no hidden bit, that of 1.
template <Dtype dtype>
struct Format;
template <>
struct Format<Dtype::float16> {
    using Bits = std::uint16_t;
    static constexpr unsigned explicit_digits = 10;
    static constexpr int lowest = -24;
};
template <>
struct Format<Dtype::bfloat16> {
    using Bits = std::uint16_t;
    static constexpr unsigned explicit_digits = 7;
    static constexpr int lowest = -133;
};
template <>
struct Format<Dtype::float32> {
    using Bits = std::uint32_t;
    static constexpr unsigned explicit_digits = 23;
    static constexpr int lowest = -149;
};
template <>
struct Format<Dtype::float64> {
    using Bits = std::uint64_t;
    static constexpr unsigned explicit_digits = 52;
    static constexpr int lowest = -1074;
};

template <Dtype dtype>
struct Element {
    using Bits = typename Format<dtype>::Bits;
    static constexpr unsigned fields = 1U
                                       << (8 * sizeof(Bits) - 1 - Format<dtype>::explicit_digits);
    static constexpr unsigned special = fields - 1; ///< the field of infinities and NaNs

    unsigned field;
    std::uint64_t fraction; ///< the explicit digits

    /// Element i at p, which may have any alignment.
    Element(const char* p, std::size_t i) {
        Bits bits;
        std::memcpy(&bits, p + i * sizeof bits, sizeof bits);
        constexpr Bits hidden = Bits{1} << Format<dtype>::explicit_digits;
        field = static_cast<unsigned>(bits >> Format<dtype>::explicit_digits) % fields;
        fraction = bits & static_cast<Bits>(hidden - 1);
    }

    std::uint64_t mantissa() const {
        return fraction | (std::uint64_t{field != 0} << Format<dtype>::explicit_digits);
    }

    /// Of the last digit.
    static int exponent(unsigned field) {
        return Format<dtype>::lowest + static_cast<int>(std::max(field, 1U)) - 1;
    }
};

void deposit(const ExactPart& part, const FixedPoint& sum) {
    if (part.value != 0) {
        add(sum, part.value, part.exponent);
    }
}

/// The largest number of elements that are added before digits are carried; a multiple of blocks.
/// At most four values are deposited for each.
constexpr std::size_t elements_per_carry = std::size_t{1} << 24;

} // namespace

std::int64_t ExactSums::checksum() const {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < length; ++i) {
        const auto value = static_cast<std::uint64_t>(vector_[i]);
        const std::uint64_t reduced = (value & checksum_modulus) + (value >> checksum_bits);
        sum += i != checksum_index ? (i + 1) * reduced : 0;
    }
    return static_cast<std::int64_t>(sum % checksum_modulus);
}

SumsFault ExactSums::load(const std::int64_t* vector) {
    std::copy(vector, vector + length, vector_);
    const std::int64_t tags = vector_[parts_index];
    if (tags < 0 || tags % layout_tag != 0) {
        return SumsFault::unknown_layout;
    }
    const std::int64_t parts = tags / layout_tag;
    if (parts > max_parts || vector_[count_index] < 0) {
        return SumsFault::count_overflow;
    }
    // Each number of a part is within a range; with no part, all of them are 0.
    const auto in_range = [&](std::size_t index, std::uint64_t largest) {
        return static_cast<std::uint64_t>(vector_[index]) <=
               largest * static_cast<std::uint64_t>(parts);
    };
    bool valid = in_range(checksum_index, checksum_modulus - 1);
    for (std::size_t i = absolute_index; i < length; ++i) {
        valid = in_range(i, digit_mask) && valid;
    }
    const std::int64_t elements = vector_[count_index];
    const std::int64_t infinities = vector_[infinities_index];
    const std::int64_t nans = vector_[nans_index];
    valid = valid && elements >= parts && (parts > 0 || elements == 0) && infinities >= 0 &&
            infinities <= elements && nans >= 0 && nans <= elements - infinities &&
            vector_[checksum_index] % static_cast<std::int64_t>(checksum_modulus) == checksum();
    return valid && carry(absolute_sum()) && carry(square_sum()) ? SumsFault::none
                                                                 : SumsFault::invalid_sums;
}

void ExactSums::store(std::int64_t* vector) {
    vector_[parts_index] = count() > 0 ? layout_tag : 0;
    vector_[checksum_index] = checksum();
    std::copy(vector_, vector_ + length, vector);
}

SumsFault ExactSums::count(std::size_t n) {
    const auto left = static_cast<std::uint64_t>(INT64_MAX - vector_[count_index]);
    if (n > left) {
        return SumsFault::count_overflow;
    }
    vector_[count_index] += static_cast<std::int64_t>(n);
    return SumsFault::none;
}

SumsFault ExactSums::add(const ExactSums& other) {
    if (other.vector_[count_index] > INT64_MAX - vector_[count_index]) {
        return SumsFault::count_overflow;
    }
    for (std::size_t i = count_index; i < length; ++i) {
        vector_[i] += other.vector_[i];
    }
    carry_all();
    return SumsFault::none;
}

/// Sums of finite elements always fit: there are less than 2^63 of them.
void ExactSums::carry_all() {
    static_cast<void>(carry(absolute_sum()));
    static_cast<void>(carry(square_sum()));
}

template <Dtype dtype>
void ExactSums::add_scalars(const char* x, std::size_t n) {
    using E = Element<dtype>;
    const auto is_special = [&](const E& element) {
        if (element.field != E::special) {
            return false;
        }
        ++vector_[element.fraction == 0 ? infinities_index : nans_index];
        return true;
    };
    if constexpr (dtype == Dtype::float64) {
        for (std::size_t i = 0; i < n; ++i) {
            const E element(x, i);
            if (is_special(element)) {
                continue;
            }
            // The square of 26 and 27 bits.
            constexpr int half = 27;
            const auto mantissa = static_cast<std::int64_t>(element.mantissa());
            const std::int64_t high = mantissa >> half;
            const std::int64_t low = mantissa & ((std::int64_t{1} << half) - 1);
            const int exponent = E::exponent(element.field);
            core::add(absolute_sum(), mantissa, exponent);
            core::add(square_sum(), low * low, 2 * exponent);
            core::add(square_sum(), 2 * high * low, 2 * exponent + half);
            core::add(square_sum(), high * high, 2 * exponent + 2 * half);
        }
    } else {
        // Mantissas and their squares have one exponent for each field. As the longest of the
        // latter has 48 bits, 2^15 of them fit.
        static_assert(kernels::block_elements <= std::size_t{1} << 15);
        std::int64_t absolute[E::fields] = {};
        std::int64_t square[E::fields] = {};
        for (std::size_t i = 0; i < n; ++i) {
            const E element(x, i);
            if (is_special(element)) {
                continue;
            }
            const auto mantissa = static_cast<std::int64_t>(element.mantissa());
            absolute[element.field] += mantissa;
            square[element.field] += mantissa * mantissa;
        }
        for (unsigned field = 0; field < E::special; ++field) {
            if (absolute[field] != 0) {
                core::add(absolute_sum(), absolute[field], E::exponent(field));
                core::add(square_sum(), square[field], 2 * E::exponent(field));
            }
        }
    }
}

void ExactSums::add_block(const kernels::KernelTable& table, Dtype dtype, const char* x,
                          std::size_t n) {
    const ExactKernel kernel = table.exact[static_cast<std::size_t>(dtype)];
    if (kernel != nullptr) {
        ExactParts parts;
        const std::size_t done = kernel(x, n, &parts);
        if (done > 0) {
            for (const ExactPart& part : parts.absolute) {
                deposit(part, absolute_sum());
            }
            for (const ExactPart& part : parts.square) {
                deposit(part, square_sum());
            }
        }
        x += done * size_of(dtype);
        n -= done;
    }
    switch (dtype) {
    case Dtype::float32: add_scalars<Dtype::float32>(x, n); break;
    case Dtype::float64: add_scalars<Dtype::float64>(x, n); break;
    case Dtype::float16: add_scalars<Dtype::float16>(x, n); break;
    case Dtype::bfloat16: add_scalars<Dtype::bfloat16>(x, n); break;
    }
}

void ExactSums::add(const kernels::KernelTable& table, Dtype dtype, const void* x, std::size_t n) {
    const char* at = static_cast<const char*>(x);
    while (n > 0) {
        for (std::size_t left = std::min(n, elements_per_carry); left > 0;) {
            const std::size_t some = std::min(left, kernels::exact_block_elements(dtype));
            add_block(table, dtype, at, some);
            at += some * size_of(dtype);
            left -= some;
            n -= some;
        }
        carry_all();
    }
}

void ExactSums::add(const kernels::KernelTable& table, const Tensor& x) {
    class Adder final : public ElementVisitor {
      public:
        Adder(ExactSums& sums, const kernels::KernelTable& table, Dtype dtype)
            : sums_(sums), table_(table), dtype_(dtype) {}
        void visit(const void* elements, std::size_t n) override {
            sums_.add(table_, dtype_, elements, n);
        }

      private:
        ExactSums& sums_;
        const kernels::KernelTable& table_;
        Dtype dtype_;
    };
    Adder adder(*this, table, x.dtype);
    Walk(x).visit(adder);
}

std::uint64_t ExactSums::special(std::uint64_t finite) const {
    return vector_[nans_index] > 0 ? nan : vector_[infinities_index] > 0 ? infinity : finite;
}

std::uint64_t ExactSums::absolute() {
    return special(nearest_double(absolute_sum()));
}

std::uint64_t ExactSums::square() {
    return special(nearest_double(square_sum()));
}

std::uint64_t ExactSums::penalty(const Regularizer& regularizer) {
    const std::uint64_t l1 = bits_of(regularizer.l1());
    const std::uint64_t l2 = bits_of(regularizer.l2());
    if (l1 == 0 && l2 == 0) {
        return 0;
    }
    // From the product of the lowest digit and 2^-1074, which is 2^-3250, up to one of the largest
    // double.
    constexpr std::size_t digits = 203;
    std::int64_t digit[digits] = {};
    const FixedPoint sum = {digit, digits, -3264};
    add_product(sum, absolute_sum(), l1);
    add_product(sum, square_sum(), l2);
    static_cast<void>(carry(sum));
    return special(nearest_double(sum));
}

} // namespace l1l2::core
