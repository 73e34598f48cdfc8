/// Fuzzes any terms with any runner: each call gives the bits of single calls, or reports the first
/// faulty term and writes nothing.
#include "input.hpp"
#include "runner.hpp"

#include <algorithm>
#include <vector>

namespace {

using fuzz::check;
using fuzz::Faults;
using fuzz::Input;
using fuzz::Runner;

constexpr std::size_t most_terms = 40;
constexpr std::size_t largest_element = 8;
constexpr std::size_t most_elements = 220000; ///< of a term; four pieces of 65536
constexpr std::size_t pool_bytes = 2 * most_elements * largest_element;
constexpr std::size_t controlled_bytes = 512; ///< of the pool, by the input

/// The elements: numbers of ordinary size in any dtype and at any address, as every byte has the
/// exponent of such numbers; any bits in the last eighth. Only read.
std::uint8_t pool[pool_bytes];

/// Where the tested call and the single calls write. Both start as copies of the pool.
std::uint8_t arena[pool_bytes];
std::uint8_t expected_arena[pool_bytes];

void fill_pool() {
    constexpr std::uint8_t exponents[] = {0x30, 0x40, 0xb0, 0xc0};
    std::uint32_t state = 1;
    for (std::size_t i = 0; i < pool_bytes; ++i) {
        state = state * 1664525U + 1013904223U;
        const auto random = static_cast<std::uint8_t>(state >> 24U);
        pool[i] = i < pool_bytes / 8 * 7
                      ? static_cast<std::uint8_t>(exponents[random % 4] + random / 16)
                      : random;
    }
}

enum class Function { penalty, gradient, prox, clip, exact_sums, prox_step };

/// Of the struct of 0.3, without the field steps.
constexpr std::size_t oldest_size = offsetof(l1l2_term, steps);

// The terms ---------------------------------------------------------------------------------------

struct Call {
    Function function;
    double parameter; ///< scale, step or norm
    double max_norm;
    std::size_t count;
    std::size_t repeats; ///< how often the terms are given, one after another
    std::size_t term_size;
    bool terms_are_null;
    bool wants_penalties;
    bool wants_total;
    bool wants_faulty;
    fuzz::Environment environment;
};

/// A term, and the same term for a single call.
struct Pair {
    l1l2_term term;
    const void* expected_x;
    void* expected_y;
    std::uint8_t unknown; ///< in the fields of a later header
};

std::size_t bytes_of(l1l2_dtype dtype) {
    return dtype == L1L2_FLOAT64 ? 8 : dtype == L1L2_FLOAT32 ? 4 : 2;
}

/// An address that must not be read.
void* nowhere() {
    return reinterpret_cast<void*>(std::uintptr_t{1});
}

const l1l2_regularizer* decode_regularizer(Input& input) {
    static const Handle handles[] = {Handle({0.01, 0.3}), Handle({0.01, 0.0}), Handle({0.0, 0.3}),
                                     Handle({0.0, 0.0}), Handle({1e300, 1e-300})};
    const std::uint8_t choice = input.byte();
    return choice == 0xFF ? nullptr : handles[choice % 16 == 15 ? 4 : choice % 4].get();
}

l1l2_dtype decode_dtype(Input& input) {
    const std::uint8_t choice = input.byte();
    return choice < 0xFC ? 1 + choice % 4 : input.take<l1l2_dtype>();
}

/// Mostly small; some of blocks, few of many blocks.
std::size_t decode_size(Input& input) {
    const std::uint8_t choice = input.byte();
    if (choice < 0xA0) {
        return choice % 80;
    }
    if (choice < 0xE0) {
        return choice % 64 * 17;
    }
    if (choice < 0xFE) {
        return input.take<std::uint16_t>() % 9000;
    }
    // A whole number of tasks, or any size.
    return choice == 0xFE ? 3 * 65536 : input.take<std::uint32_t>() % most_elements;
}

/// Places the outputs in the arena, one after another with gaps.
class Decoder {
  public:
    Decoder(Input& input, Function function) : input_(input), function_(function) {}

    Pair pair() {
        Pair pair = {};
        l1l2_term& term = pair.term;
        term.regularizer = decode_regularizer(input_);
        term.dtype = decode_dtype(input_);
        term.n = decode_size(input_);
        const std::uint8_t kind = input_.byte();
        term.reserved = kind == 0xFF ? input_.take<std::int32_t>() : 0;
        pair.unknown = kind == 0xFE ? input_.byte() : 0;
        place(kind % 16, pair);
        if (kind == 0xFD) {
            // More bytes than the address space has.
            term.n = PTRDIFF_MAX / bytes_of(term.dtype) + 1 + input_.byte();
        }
        return pair;
    }

    std::size_t used() const { return used_; }

  private:
    void place(std::uint8_t kind, Pair& pair) {
        l1l2_term& term = pair.term;
        const std::size_t gap = input_.byte() % 64;
        const std::uint16_t where = input_.take<std::uint16_t>();
        // Twice the size, for arrays that overlap.
        if (used_ + gap + 2 * term.n * bytes_of(term.dtype) > pool_bytes) {
            term.n %= 16;
        }
        if (used_ + gap + 2 * term.n * bytes_of(term.dtype) > pool_bytes - 4096) {
            term.n = 0; // what is left is for writing where it must not be
        }
        const std::size_t bytes = term.n * bytes_of(term.dtype);
        std::uint8_t* const x =
            pool + ((where & 0x8000U) != 0 ? pool_bytes - bytes - where % 0x8000 : where % 0x8000);
        term.x = x;
        pair.expected_x = x;
        used_ += gap;
        std::size_t y = used_;
        if (kind == 15) { // overlaps, or, for prox, may be in place
            term.x = arena + used_;
            pair.expected_x = expected_arena + used_;
            y += bytes > 0 && where % 4 != 0 ? where % bytes : 0;
            used_ += bytes;
        }
        set_written(pair, y);
        if (function_ == Function::prox_step) {
            set_read(pair, where);
        }
        used_ = std::min(used_ + bytes, pool_bytes - 4096);
        if (kind == 13 && (term.n == 0 || where % 8 == 0)) {
            term.x = nullptr;
            pair.expected_x = nullptr;
        }
        if (kind == 14) {
            set_written_null(pair);
        }
    }

    void set_written(Pair& pair, std::size_t at) const {
        pair.expected_y = expected_arena + at;
        pair.term.gradient = function_ == Function::gradient ? arena + at : nowhere();
        const bool has_out = function_ == Function::prox || function_ == Function::clip ||
                             function_ == Function::prox_step;
        pair.term.out = has_out ? arena + at : nowhere();
    }
    /// A gradient that is x, or none. Steps are mostly valid.
    static void set_read(Pair& pair, std::uint16_t where) {
        // Two of them are a double of nearly the same size.
        static const std::vector<float> valid(2 * most_elements, 0x1p-7F);
        pair.term.gradient = where % 3 == 0 ? nullptr : const_cast<void*>(pair.term.x);
        pair.term.steps = where % 5 < 2      ? nullptr
                          : where % 64 == 63 ? static_cast<const void*>(pool)
                                             : valid.data();
    }
    void set_written_null(Pair& pair) const {
        pair.expected_y = nullptr;
        (function_ == Function::gradient ? pair.term.gradient : pair.term.out) = nullptr;
    }

    Input& input_;
    Function function_;
    std::size_t used_ = 0;
};

/// The array of terms for the library, in memory of exactly its size.
std::vector<std::uint8_t> lay_out(const Call& call, const std::vector<Pair>& pairs) {
    // An invalid term_size must not be used.
    const bool is_size = call.term_size >= oldest_size && call.term_size <= 256;
    const std::size_t step = is_size ? call.term_size : sizeof(l1l2_term);
    std::vector<std::uint8_t> bytes(call.count * step);
    for (std::size_t i = 0; i < call.count; ++i) {
        const Pair& pair = pairs[i % pairs.size()];
        std::memcpy(&bytes[i * step], &pair.term, std::min(step, sizeof pair.term));
        if (step > sizeof pair.term) {
            // One byte of the unknown fields.
            bytes[i * step + sizeof pair.term + pair.unknown % (step - sizeof pair.term)] =
                pair.unknown;
        }
    }
    return bytes;
}

Call decode_call(Input& input) {
    Call call = {};
    const std::uint8_t function = input.byte();
    call.function = function >= 0xE0 ? Function::prox_step : static_cast<Function>(function % 5);
    call.parameter = input.parameter();
    call.max_norm = call.function == Function::clip ? input.parameter() : 0.0;
    call.count = input.byte() % (most_terms + 1);
    const std::uint8_t flags = input.byte();
    call.wants_penalties = flags % 4 != 3;
    call.wants_total = flags / 4 % 4 != 3;
    call.wants_faulty = flags / 16 % 4 != 3;
    call.environment = flags < 0xC0 ? fuzz::Environment::usual : fuzz::Environment::hostile;
    const std::uint8_t size = input.byte();
    call.term_size = sizeof(l1l2_term) + (size < 0xC0 ? size % 4 * alignof(l1l2_term) : 0);
    if (size >= 0xFA) {
        call.term_size = input.one_of<std::size_t>({0, alignof(l1l2_term), oldest_size,
                                                    oldest_size - alignof(l1l2_term),
                                                    sizeof(l1l2_term) + 4, SIZE_MAX - 7});
    }
    call.terms_are_null = size == 0xF9;
    call.repeats = size >= 0xC0 && size < 0xC8 && call.function == Function::penalty ? 64 : 1;
    return call;
}

// What is expected --------------------------------------------------------------------------------

struct Expected {
    Faults faults;
    std::size_t faulty;
    std::vector<double> penalties;
    double total;
    std::vector<std::int64_t> sums;
};

/// The same of a clip or of exact sums, which use no regularizer.
Faults compute_without_regularizer(const Call& call, const Pair& pair, Expected& expected) {
    l1l2_term term = pair.term;
    Faults faults;
    if (term.reserved != 0 || (pair.unknown != 0 && call.term_size > sizeof term)) {
        faults.add(L1L2_ERROR_INVALID_ARGUMENT);
    }
    if (call.function == Function::exact_sums) {
        faults.add_failure(
            l1l2_exact_sums_add(expected.sums.data(), term.dtype, pair.expected_x, term.n));
        return faults;
    }
    term.x = pair.expected_x;
    term.out = pair.expected_y;
    faults.add_failure(l1l2_clip_by_norm_terms(&term, sizeof term, 1, call.parameter, call.max_norm,
                                               nullptr, nullptr, nullptr));
    return faults;
}

/// The result of a single call for a term, with its output in the other arena.
Faults compute_alone(const Call& call, const Pair& pair, double& penalty) {
    const l1l2_term& term = pair.term;
    Faults faults;
    if (term.reserved != 0 || (pair.unknown != 0 && call.term_size > sizeof term)) {
        faults.add(L1L2_ERROR_INVALID_ARGUMENT);
    }
    if (call.function == Function::prox_step) {
        const bool has_gradient = term.gradient != nullptr;
        faults.add_failure(l1l2_prox_step(term.regularizer, term.dtype, pair.expected_x, term.n,
                                          has_gradient ? pair.expected_x : nullptr, call.parameter,
                                          call.term_size >= sizeof term ? term.steps : nullptr,
                                          pair.expected_y));
        return faults;
    }
    const auto call_on = [&](const void* x, std::size_t n, void* y) {
        return call.function == Function::gradient
                   ? l1l2_add_gradient(term.regularizer, term.dtype, x, n, call.parameter, y,
                                       nullptr)
                   : l1l2_prox(term.regularizer, term.dtype, x, n, call.parameter, y);
    };
    if (call.function != Function::prox) {
        faults.add_failure(
            l1l2_penalty(term.regularizer, term.dtype, pair.expected_x, term.n, &penalty));
    }
    if (call.function == Function::gradient && pair.expected_y == nullptr) {
        faults.add_failure(call_on(nullptr, 0, nullptr)); // the scale must suit it, too
    } else if (call.function != Function::penalty) {
        faults.add_failure(call_on(pair.expected_x, term.n, pair.expected_y));
    }
    return faults;
}

/// The faults of the array of terms, or of a scale or step, whatever the terms.
Faults faults_of(const Call& call) {
    Faults faults;
    if (call.term_size < oldest_size || call.term_size % alignof(l1l2_term) != 0 ||
        call.count > PTRDIFF_MAX / call.term_size || (call.terms_are_null && call.count > 0)) {
        faults.add(L1L2_ERROR_INVALID_ARGUMENT);
    }
    if (call.function == Function::gradient && !std::isfinite(call.parameter)) {
        faults.add(L1L2_ERROR_INVALID_SCALE);
    }
    if ((call.function == Function::prox || call.function == Function::prox_step) &&
        (!std::isfinite(call.parameter) || call.parameter < 0.0)) {
        faults.add(L1L2_ERROR_INVALID_STEP);
    }
    const auto is_norm = [](double norm) { return std::isfinite(norm) && norm >= 0.0; };
    if (call.function == Function::clip && !(is_norm(call.parameter) && is_norm(call.max_norm))) {
        faults.add(L1L2_ERROR_INVALID_NORM);
    }
    return faults;
}

Expected expect(const Call& call, const std::vector<Pair>& pairs) {
    Expected expected = {faults_of(call), call.count, std::vector<double>(pairs.size()), 0.0,
                         std::vector<std::int64_t>(L1L2_EXACT_SUMS_LENGTH)};
    const bool regularizes =
        call.function != Function::clip && call.function != Function::exact_sums;
    for (std::size_t i = 0; expected.faults.none() && i < pairs.size(); ++i) {
        expected.faults = regularizes ? compute_alone(call, pairs[i], expected.penalties[i])
                                      : compute_without_regularizer(call, pairs[i], expected);
        expected.faulty = expected.faults.none() ? call.count : i;
    }
    for (std::size_t i = 0; i < call.count; ++i) {
        expected.total += expected.penalties[i % pairs.size()];
    }
    if (std::isnan(expected.total)) {
        expected.total = std::numeric_limits<double>::quiet_NaN();
    }
    return expected;
}

// The call ----------------------------------------------------------------------------------------

/// The outputs of the call, with initial values that show whether it wrote them.
struct Outcome {
    l1l2_status status = -1;
    std::vector<double> penalties; ///< with one before and one after them
    double total = fuzz::untouched;
    std::size_t faulty = SIZE_MAX;
    std::vector<std::int64_t> sums = std::vector<std::int64_t>(L1L2_EXACT_SUMS_LENGTH);
};

Outcome run(const Call& call, const std::vector<std::uint8_t>& bytes, Runner& runner) {
    Outcome outcome;
    outcome.penalties.assign(call.count + 2, fuzz::untouched);
    const auto* const terms = reinterpret_cast<const l1l2_term*>(
        call.terms_are_null || bytes.empty() ? nullptr : bytes.data());
    double* const penalties = call.wants_penalties ? &outcome.penalties[1] : nullptr;
    double* const total = call.wants_total ? &outcome.total : nullptr;
    std::size_t* const faulty = call.wants_faulty ? &outcome.faulty : nullptr;
    fuzz::in_environment(call.environment, [&] {
        switch (call.function) {
        case Function::penalty:
            outcome.status = l1l2_penalty_terms(terms, call.term_size, call.count, runner.get(),
                                                &runner, penalties, total, faulty);
            break;
        case Function::gradient:
            outcome.status =
                l1l2_add_gradient_terms(terms, call.term_size, call.count, call.parameter,
                                        runner.get(), &runner, penalties, total, faulty);
            break;
        case Function::prox:
            outcome.status = l1l2_prox_terms(terms, call.term_size, call.count, call.parameter,
                                             runner.get(), &runner, faulty);
            break;
        case Function::clip:
            outcome.status =
                l1l2_clip_by_norm_terms(terms, call.term_size, call.count, call.parameter,
                                        call.max_norm, runner.get(), &runner, faulty);
            break;
        case Function::exact_sums:
            outcome.status = l1l2_exact_sums_add_terms(outcome.sums.data(), terms, call.term_size,
                                                       call.count, runner.get(), &runner, faulty);
            break;
        case Function::prox_step:
            outcome.status = l1l2_prox_step_terms(terms, call.term_size, call.count, call.parameter,
                                                  runner.get(), &runner, faulty);
            break;
        }
    });
    return outcome;
}

bool is_untouched(double x) {
    return to_bits(x) == to_bits(fuzz::untouched);
}

void check_success(const Call& call, const Outcome& outcome, const Expected& expected,
                   std::size_t used) {
    check(std::memcmp(arena, expected_arena, used) == 0,
          "what is written has the bits of single calls, and nothing else changes");
    check(outcome.sums == expected.sums, "exact sums of terms are those of single calls");
    if (call.function != Function::penalty && call.function != Function::gradient) {
        return;
    }
    for (std::size_t i = 0; call.wants_penalties && i < call.count; ++i) {
        check(to_bits(outcome.penalties[i + 1]) ==
                  to_bits(expected.penalties[i % expected.penalties.size()]),
              "a penalty has the bits of a single call's");
    }
    check(!call.wants_total || to_bits(outcome.total) == to_bits(expected.total),
          "the total is the sum of the penalties in their order");
}

void check_outcome(const Call& call, const Outcome& outcome, const Expected& expected,
                   const Runner& runner, std::size_t used) {
    check(is_untouched(outcome.penalties.front()) && is_untouched(outcome.penalties.back()),
          "nothing is written beside the penalties");
    const std::size_t faulty = runner.has_failed ? call.count : expected.faulty;
    check(outcome.faulty == (call.wants_faulty ? faulty : SIZE_MAX),
          "*faulty is the index of the first term at fault, or count");
    check(outcome.status == L1L2_OK ||
              std::all_of(outcome.sums.begin(), outcome.sums.end(), [](auto x) { return x == 0; }),
          "exact sums stay as they were unless all is well");
    if (runner.has_failed) {
        check(outcome.status == L1L2_ERROR_RUNNER_FAILED, "a runner's failure is reported");
        check(is_untouched(outcome.total), "after a runner's failure the total is untouched");
        return;
    }
    expected.faults.check_status(outcome.status);
    if (outcome.status == L1L2_OK) {
        check_success(call, outcome, expected, used);
        return;
    }
    check(std::memcmp(arena, pool, used) == 0 && is_untouched(outcome.total) &&
              std::all_of(outcome.penalties.begin(), outcome.penalties.end(), is_untouched),
          "if a term is at fault, nothing has been written");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const bool is_filled = (fill_pool(), true);
    static_cast<void>(is_filled);
    Input input(data, size);
    Call call = decode_call(input);
    Runner runner = decode_runner(input, call.environment);
    Decoder decoder(input, call.function);
    std::vector<Pair> pairs;
    while (pairs.size() < call.count) {
        pairs.push_back(decoder.pair());
    }
    constexpr std::size_t few_bytes = 65536;
    if (decoder.used() < few_bytes) {
        call.count *= call.repeats;
    }
    const std::size_t used = std::min(decoder.used() + 64, pool_bytes);
    input.fill(pool, controlled_bytes);
    std::memcpy(arena, pool, used);
    std::memcpy(expected_arena, pool, used);
    const std::vector<std::uint8_t> bytes = lay_out(call, pairs);
    const Expected expected = expect(call, pairs);
    const Outcome outcome = run(call, bytes, runner);
    check(bytes == lay_out(call, pairs), "terms are only read");
    check_outcome(call, outcome, expected, runner, used);
    return 0;
}
