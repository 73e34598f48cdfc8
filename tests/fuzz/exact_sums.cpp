/// Exact sums of any elements in any pieces, in any order, with each kernel: the limbs of a big
/// integer, to the bit. And any numbers as accumulators: all functions agree on which are exact
/// sums, leave what they refuse as it was, and compute of the others what is true.
#include "any_accumulator.hpp"
#include "input.hpp"
#include "placed.hpp"

#include "accumulator.hpp"
#include "kernels/dispatch.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <vector>

namespace {

using namespace exact;
using fuzz::check;
using fuzz::Environment;
using fuzz::Faults;
using fuzz::faults_of;
using fuzz::Input;
using fuzz::meaning_of;
using fuzz::Placed;
using l1l2::kernels::Tables;

/// Of an array: more than two blocks of any dtype.
constexpr std::size_t most_elements = 10000;
constexpr std::size_t most_accumulators = 3;

/// For many elements of a few bytes; of its numbers the upper bits are the better ones. (Knuth's
/// MMIX.)
using Random =
    std::linear_congruential_engine<std::uint64_t, 6364136223846793005U, 1442695040888963407U, 0>;

// Elements ----------------------------------------------------------------------------------------

/// How elements are spread over the places of their highest bits, from a lowest to a highest one.
enum class Spread : std::uint8_t {
    any_bits, ///< those of the input, again and again
    random,
    random_with_zeros,
    alternating,    ///< of the ends, with a last bit that must be kept, and all bits set
    mostly_highest, ///< a few of the lowest
    one_lowest,     ///< among zeros and the highest
    all_the_same,
    zeros
};

/// Mostly small; some that are blocks or end beside them.
std::size_t decode_size(Input& input) {
    const std::uint8_t choice = input.byte();
    if (choice < 0x60) {
        return choice;
    }
    constexpr std::size_t blocks[] = {64, 512, 2048, 4096, 6144, 8192};
    return choice < 0xC0 ? blocks[choice / 8 % 6] + choice % 8 - 3 : input.take<std::uint16_t>();
}

/// Mostly so that the mantissa bits of elements and squares go into a few numbers.
int decode_range(Input& input) {
    const std::uint8_t choice = input.byte();
    return choice < 0xE0 ? choice % 64 : (choice - 0xE0) * 66;
}

template <class T>
T decode_element(Input& input) {
    static const std::vector<T> special = special_values<T>();
    const std::uint8_t choice = input.byte();
    return choice < 0x80 ? special[choice % special.size()]
                         : from_bits<T>(input.take<typename Format<T>::Bits>());
}

template <class T>
class Stretch {
  public:
    explicit Stretch(Input& input) : spread_(static_cast<Spread>(input.byte() % 8)) {
        n_ = decode_size(input);
        if (spread_ == Spread::any_bits) {
            pattern_.resize(1 + input.byte() % 8);
            for (T& element : pattern_) {
                element = decode_element<T>(input);
            }
            return;
        }
        lowest_ = input.take<std::uint16_t>() % places<T>;
        highest_ = std::min(lowest_ + decode_range(input), places<T> - 1);
        special_ = input.take<std::uint16_t>();
        random_.seed(special_ + 1);
        special_ %= std::max(n_, std::size_t{1});
    }

    void append_to(std::vector<T>& x) {
        n_ = std::min(n_, most_elements - x.size());
        for (std::size_t i = 0; i < n_; ++i) {
            const T magnitude = element(i);
            const bool negative = spread_ != Spread::any_bits && random_() >> 63U != 0;
            x.push_back(negative ? from_bits<T>(to_bits(magnitude) | Format<T>::sign) : magnitude);
        }
    }

  private:
    T element(std::size_t i) {
        const T zero = from_bits<T>(0);
        const T low = element_at<T>(lowest_, 1);
        const T high = element_at<T>(highest_, ~std::uint64_t{0});
        switch (spread_) {
        case Spread::any_bits: return pattern_[i % pattern_.size()];
        case Spread::random: return random_element();
        case Spread::random_with_zeros: return random_() >> 62U != 0 ? random_element() : zero;
        case Spread::alternating: return i % 2 == 0 ? low : high;
        case Spread::mostly_highest: return i % 37 == special_ % 37 ? low : high;
        case Spread::one_lowest: return i == special_ ? low : random_() >> 63U != 0 ? zero : high;
        case Spread::all_the_same: return high;
        default: return zero;
        }
    }

    T random_element() {
        const auto range = static_cast<std::uint64_t>(highest_ - lowest_) + 1;
        const int place = lowest_ + static_cast<int>((random_() >> 40U) % range);
        return element_at<T>(place, random_() >> 12U);
    }

    Spread spread_;
    std::size_t n_ = 0;
    int lowest_ = 0;
    int highest_ = 0;
    std::size_t special_ = 0; ///< where the lowest one is
    std::vector<T> pattern_;
    Random random_;
};

/// Some stretches, and a few elements of any bits among them.
template <class T>
std::vector<T> decode_elements(Input& input) {
    std::vector<T> x;
    for (std::size_t stretches = 1 + input.byte() % 3; stretches > 0; --stretches) {
        Stretch<T>(input).append_to(x);
    }
    for (std::size_t others = input.byte() % 4; others > 0 && !x.empty(); --others) {
        T& at = x[input.take<std::uint16_t>() % x.size()];
        at = decode_element<T>(input);
    }
    return x;
}

// Any pieces in any order -------------------------------------------------------------------------

/// An accumulator is added to another one and becomes zeros.
struct Combination {
    std::size_t from;
    std::size_t to;
    bool as_numbers; ///< element by element, as an all-reduce does it
};

/// Consecutive elements of an array, at an address of their own.
struct Piece {
    l1l2_dtype dtype;
    std::size_t n;
    std::size_t accumulator; ///< to which they are added
    Combination then;
    Placed elements;

    Piece(l1l2_dtype of_dtype, std::size_t element, std::size_t n_elements, std::size_t offset)
        : dtype(of_dtype), n(n_elements), accumulator(0), then(),
          elements(offset, n_elements * element) {}
};

struct Plan {
    std::size_t accumulators;
    Accumulator start; ///< of the first one, the others are zeros
    std::vector<std::unique_ptr<Piece>> pieces;
    std::array<bool, most_accumulators> in_the_end_as_numbers;
    Environment environment;
};

Combination decode_combination(Input& input, std::size_t accumulators) {
    const std::uint8_t choice = input.byte();
    return choice < 0x80 ? Combination{0, 0, false}
                         : Combination{choice % accumulators, choice / 4 % accumulators,
                                       choice / 64 % 2 != 0};
}

template <class T>
void decode_pieces(Input& input, Plan& plan, Truth& truth) {
    const std::vector<T> x = decode_elements<T>(input);
    truth.add(x);
    std::vector<std::size_t> cuts = {0, x.size()};
    for (std::size_t more = input.byte() % 8; more > 0; --more) {
        cuts.push_back(input.take<std::uint16_t>() % (x.size() + 1));
    }
    std::sort(cuts.begin(), cuts.end());
    for (std::size_t i = 1; i < cuts.size(); ++i) {
        const std::size_t n = cuts[i] - cuts[i - 1];
        plan.pieces.push_back(
            std::make_unique<Piece>(Format<T>::dtype, sizeof(T), n, input.byte() % 64));
        Piece& piece = *plan.pieces.back();
        piece.elements.set(x.data() + cuts[i - 1]);
        piece.accumulator = input.byte() % plan.accumulators;
        piece.then = decode_combination(input, plan.accumulators);
    }
}

/// Sets the limbs of sums below some place, so that what is added carries through all: sum |x| is
/// 2^a - 2^b, and sum x^2 is 2^(2 a - 2) - 2^c, which is a quarter of the other's square at most,
/// and more than a hundredth of it.
void set_limbs(Input& input, Truth& truth) {
    const auto place = [&](int lowest, int highest) {
        const auto exponents = static_cast<unsigned>(highest - lowest + 1);
        return lowest + static_cast<int>(input.take<std::uint16_t>() % exponents);
    };
    const int a = place(-1073, 1023);
    truth.absolute.add_integer(1, a);
    truth.absolute.add_integer(-1, place(-1074, a - 1));
    truth.square.add_integer(1, 2 * a - 2);
    if (2 * a - 2 > -2148) {
        truth.square.add_integer(-1, place(-2148, 2 * a - 3));
    }
}

Plan decode_plan(Input& input, Truth& truth) {
    const std::uint8_t choice = input.byte();
    Plan plan = {};
    plan.accumulators = 1 + choice % most_accumulators;
    plan.environment = choice < 0xC0 ? Environment::usual : Environment::hostile;
    const std::uint8_t start = input.byte();
    if (start >= 0xC0) {
        truth.count = start;
        set_limbs(input, truth);
    }
    plan.start = truth.accumulator();
    for (std::size_t arrays = 1 + input.byte() % 3; arrays > 0; --arrays) {
        switch (input.byte() % 4) {
        case 0: decode_pieces<float>(input, plan, truth); break;
        case 1: decode_pieces<double>(input, plan, truth); break;
        case 2: decode_pieces<Float16>(input, plan, truth); break;
        default: decode_pieces<Bfloat16>(input, plan, truth); break;
        }
    }
    Random random(input.byte());
    for (std::size_t i = plan.pieces.size(); i > 1; --i) {
        std::swap(plan.pieces[i - 1], plan.pieces[(random() >> 32U) % i]);
    }
    for (bool& as_numbers : plan.in_the_end_as_numbers) {
        as_numbers = input.byte() % 2 != 0;
    }
    return plan;
}

void combine(std::vector<Accumulator>& accumulators, const Combination& combination) {
    Accumulator& from = accumulators[combination.from];
    Accumulator& to = accumulators[combination.to];
    if (&from == &to) {
        return;
    }
    if (combination.as_numbers) {
        to = to + from;
    } else {
        check(l1l2_exact_sums_merge(to.data(), from.data()) == L1L2_OK, "exact sums can be merged");
    }
    from = {};
}

Accumulator carry_out(const Plan& plan) {
    std::vector<Accumulator> accumulators(plan.accumulators);
    accumulators[0] = plan.start;
    for (const auto& piece : plan.pieces) {
        check(l1l2_exact_sums_add(accumulators[piece->accumulator].data(), piece->dtype,
                                  piece->elements.start(), piece->n) == L1L2_OK,
              "an array can be added to exact sums");
        combine(accumulators, piece->then);
    }
    for (std::size_t i = 1; i < accumulators.size(); ++i) {
        combine(accumulators, {i, 0, plan.in_the_end_as_numbers[i]});
    }
    return accumulators[0];
}

struct Coefficients {
    double l1;
    double l2;
};

/// All that can be read of an accumulator that may have been added up elsewhere.
void check_numbers(const Accumulator& sums, const Truth& truth, const Coefficients& coefficients,
                   Environment environment) {
    const Handle handle({coefficients.l1, coefficients.l2});
    Numbers numbers;
    double penalty = fuzz::untouched;
    l1l2_status status = L1L2_OK;
    fuzz::in_environment(environment, [&] {
        numbers = read(sums);
        status = l1l2_penalty_exact_sums(handle.get(), sums.data(), &penalty);
    });
    check(status == L1L2_OK, "exact sums have a penalty");
    check(numbers.count == truth.count, "the count is the number of elements");
    check(truth.absolute_is(numbers.absolute), "sum |x| is the true one, rounded once");
    check(truth.square_is(numbers.square), "sum x^2 is the true one, rounded once");
    check(truth.penalty_is(coefficients.l1, coefficients.l2, penalty),
          "the penalty is the true one, rounded once");
}

const Tables& tables() {
    static const Tables runnable = l1l2::kernels::runnable_tables();
    return runnable;
}

void run_pieces(Input& input) {
    const Coefficients coefficients = {input.coefficient(), input.coefficient()};
    Truth truth;
    const Plan plan = decode_plan(input, truth);
    const Accumulator expected = truth.accumulator();
    Accumulator first = {};
    for (std::size_t t = 0; t < tables().count; ++t) {
        l1l2::kernels::chosen.store(tables().table[t]);
        Accumulator total;
        fuzz::in_environment(plan.environment, [&] { total = carry_out(plan); });
        check(canonical(total) == expected, "exact sums have the limbs of what is true");
        first = t == 0 ? total : first;
        check(total == first, "exact sums are the same with every kernel");
    }
    check_numbers(first, truth, coefficients, plan.environment);
    check(std::all_of(plan.pieces.begin(), plan.pieces.end(),
                      [](const auto& piece) { return piece->elements.surroundings_intact(); }),
          "nothing is written beside an array");
}

// Any numbers -------------------------------------------------------------------------------------

/// Calls change(accumulator) and sees that it did what is true, or, if `faults` say that it must
/// fail, nothing.
template <class Change>
void check_change(const Accumulator& sums, const Faults& faults, const Truth& truth,
                  Change change) {
    Accumulator changed = sums;
    faults.check_status(change(changed.data()));
    check(changed == (faults.none() ? truth.accumulator() : sums),
          "an accumulator becomes what is true, or stays as it was");
}

void check_refused(const Accumulator& sums, l1l2_status status) {
    static const Handle handle({0.01, 0.3});
    Numbers numbers;
    double penalty = fuzz::untouched;
    double norm = fuzz::untouched;
    check(l1l2_exact_sums_norm(sums.data(), &norm) == status &&
              to_bits(norm) == to_bits(fuzz::untouched),
          "what is refused has no norm");
    check(l1l2_exact_sums_read(sums.data(), &numbers.absolute, &numbers.square, &numbers.count) ==
                  status &&
              l1l2_penalty_exact_sums(handle.get(), sums.data(), &penalty) == status,
          "all functions agree on what is wrong with an accumulator");
    const Numbers untouched;
    check(numbers.count == untouched.count &&
              to_bits(numbers.absolute) == to_bits(untouched.absolute) &&
              to_bits(numbers.square) == to_bits(untouched.square) &&
              to_bits(penalty) == to_bits(fuzz::untouched),
          "what is refused gives no numbers");
}

/// All functions of one accumulator.
void check_accumulator(const Accumulator& sums, const Coefficients& coefficients,
                       Environment environment) {
    const Faults faults = faults_of(sums);
    const l1l2_status status = l1l2_exact_sums_check(sums.data());
    faults.check_status(status);
    Truth truth;
    if (faults.none()) {
        truth = meaning_of(sums);
        check_numbers(sums, truth, coefficients, environment);
    } else {
        check_refused(sums, status);
    }
    const Accumulator zeros = {};
    check_change(sums, faults, truth, [&](std::int64_t* accumulator) {
        return l1l2_exact_sums_merge(accumulator, zeros.data());
    });
    check_change(sums, faults, truth, [&](std::int64_t* accumulator) {
        return l1l2_exact_sums_add(accumulator, L1L2_FLOAT32, nullptr, 0);
    });
    Accumulator merged = {};
    check(l1l2_exact_sums_merge(merged.data(), sums.data()) == status &&
              merged == (faults.none() ? truth.accumulator() : zeros),
          "zeros and exact sums are these sums");
}

/// Adds what is true of some elements to what is true of others, if they are not too many.
void add(const Truth& some, Truth& others, Faults& faults) {
    if (some.count > INT64_MAX - others.count) {
        faults.add(L1L2_ERROR_COUNT_OVERFLOW);
    } else {
        others.add(some, 1);
    }
}

/// An array is added to an accumulator, and the accumulator to itself.
void check_growth(const Accumulator& sums, const std::vector<double>& elements) {
    Faults faults = faults_of(sums);
    if (!faults.none()) {
        return;
    }
    Truth truth = meaning_of(sums);
    add(truth_of(elements), truth, faults);
    check_change(sums, faults, truth, [&](std::int64_t* accumulator) {
        return l1l2_exact_sums_add(accumulator, L1L2_FLOAT64, elements.data(), elements.size());
    });
    faults = Faults();
    truth = meaning_of(sums);
    add(meaning_of(sums), truth, faults);
    check_change(sums, faults, truth, [](std::int64_t* accumulator) {
        return l1l2_exact_sums_merge(accumulator, accumulator);
    });
}

/// An accumulator is added to another one, in both ways; then what was added is taken out.
void check_sum(const Accumulator& sums, const Accumulator& other) {
    Faults faults = faults_of(sums);
    Truth truth;
    Truth truth_of_other;
    if (faults.none()) {
        truth = meaning_of(sums);
        faults = faults_of(other);
    }
    if (faults.none()) {
        truth_of_other = meaning_of(other);
        add(truth_of_other, truth, faults);
    }
    check_change(sums, faults, truth, [&](std::int64_t* accumulator) {
        return l1l2_exact_sums_merge(accumulator, other.data());
    });
    if (faults.none()) {
        Accumulator both = truth.accumulator();
        check(l1l2_exact_sums_subtract(both.data(), other.data()) == L1L2_OK &&
                  both == canonical(sums),
              "what was added can be subtracted");
    }
    Accumulator left = sums;
    const l1l2_status status = l1l2_exact_sums_subtract(left.data(), other.data());
    fuzz::check_difference(status, sums, other, left);
    const std::int64_t parts = sums[tag_index] / layout_tag + other[tag_index] / layout_tag;
    if (faults.none() && parts <= most_parts) {
        check(canonical(sums + other) == truth.accumulator(),
              "adding accumulators element by element adds the sums");
    }
}

std::vector<double> decode_doubles(Input& input) {
    std::vector<double> x(input.byte() % 40);
    for (double& element : x) {
        element = decode_element<double>(input);
    }
    return x;
}

std::int64_t decode_number(Input& input) {
    constexpr std::int64_t telling[] = {0,
                                        1,
                                        -1,
                                        0xFFFFFFFF,
                                        0x100000000,
                                        INT64_MAX,
                                        INT64_MIN,
                                        layout_tag,
                                        checksum_modulus,
                                        layout_tag * most_parts,
                                        most_parts,
                                        most_parts + 1,
                                        std::int64_t{1} << 62};
    const std::uint8_t choice = input.byte();
    return choice < 0xC0 ? telling[choice % (sizeof telling / sizeof *telling)]
                         : input.take<std::int64_t>();
}

/// Makes something else of an accumulator, with the help of another one.
void change(Input& input, Accumulator& sums, const Accumulator& other) {
    const std::uint8_t choice = input.byte();
    const std::uint8_t index = input.byte();
    const auto at = sums.begin() + (index < sums.size() ? index : index % absolute_index);
    switch (choice % 10) {
    case 0: sums = sums_of(decode_doubles(input)); break;
    case 1: sums = sums + other; break;
    case 2: sums = decode_number(input) * sums; break;
    case 3: sums = input.byte() * sums; break;
    case 4: *at = *at ^ static_cast<std::int64_t>(std::uint64_t{1} << input.byte() % 64); break;
    case 5: *at = decode_number(input); break;
    case 6: std::swap(*at, sums[input.byte() % sums.size()]); break;
    case 7: {
        const auto last = at + input.byte() % (sums.end() - at);
        std::fill(at, last, decode_number(input));
        break;
    }
    case 8: {
        // The checksum may be that of more parts.
        Accumulator modulus = {};
        modulus[checksum_index] = checksum_modulus;
        sums = sums + input.byte() * modulus;
        break;
    }
    default: break;
    }
    if (choice >= 0x80) {
        sums = with_checksum(sums);
    }
}

void run_accumulators(Input& input) {
    const Coefficients coefficients = {input.coefficient(), input.coefficient()};
    const std::uint8_t flags = input.byte();
    const Environment environment = flags < 0xC0 ? Environment::usual : Environment::hostile;
    l1l2::kernels::chosen.store(tables().table[flags % tables().count]);
    const std::vector<double> elements = decode_doubles(input);
    std::array<Accumulator, most_accumulators> accumulators = {};
    accumulators[0] = sums_of(elements);
    for (int steps = 0; steps < 8 && input.left() > 0; ++steps) {
        const std::uint8_t which = input.byte();
        Accumulator& sums = accumulators[which % most_accumulators];
        const Accumulator& other = accumulators[which / 16 % most_accumulators];
        change(input, sums, other);
        check_accumulator(sums, coefficients, environment);
        check_growth(sums, elements);
        check_sum(sums, other);
        check_sum(other, sums);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    if (input.byte() % 4 == 3) {
        run_accumulators(input);
    } else {
        run_pieces(input);
    }
    return 0;
}
