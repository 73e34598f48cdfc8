/// Fuzzes sequences of calls of all functions, over regularizers, arrays, tensors and accumulators
/// that they share: with wrong arguments, allocations that fail, runners that break their contract,
/// and in other floating-point environments. Each call fails if the header says so and then leaves
/// all as it was; else it gives what it gives alone.
#include "any_accumulator.hpp"
#include "failing_new.hpp"
#include "list_calls.hpp"

#include "accumulator.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

using namespace fuzz;
using exact::Accumulator;
using exact::Truth;
using failing_new::Watch;

namespace {

constexpr int most_calls = 24;
constexpr char canary = '\x5a';

struct State {
    State() { // with one to begin with
        regularizers[0].coefficients = {0.01, 0.3};
        check(l1l2_create(0.01, 0.3, &regularizers[0].handle) == L1L2_OK, "there is memory");
    }
    ~State() {
        for (const Owned& owned : regularizers) {
            l1l2_destroy(owned.handle);
        }
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    Owned& regularizer(Input& input) { return regularizers[input.byte() % 3]; }
    Accumulator& accumulator(Input& input) { return sums[input.byte() % 3]; }

    Owned regularizers[3];
    Accumulator sums[3] = {};
};

Environment decode_environment(Input& input) {
    return input.byte() < 0xC0 ? Environment::usual : Environment::hostile;
}

/// Calls a function that computes: it never allocates.
template <class Compute>
l1l2_status compute(Environment environment, Compute function) {
    l1l2_status status = -1;
    const Watch watch(0);
    in_environment(environment, [&] { status = function(); });
    check(failing_new::allocations == 0, "compute functions never allocate");
    return status;
}

// Regularizers ------------------------------------------------------------------------------------

void check_config(const Owned& owned) {
    double l1 = untouched;
    double l2 = untouched;
    const l1l2_status status = l1l2_get_config(owned.handle, &l1, &l2);
    check(status == (owned.handle != nullptr ? L1L2_OK : L1L2_ERROR_INVALID_ARGUMENT),
          "a live handle has a configuration");
    check(status == L1L2_OK ? to_bits(l1) == to_bits(owned.coefficients.l1) &&
                                  to_bits(l2) == to_bits(owned.coefficients.l2)
                            : is_untouched(l1) && is_untouched(l2),
          "a regularizer keeps its coefficients");
}

/// A handle takes the place of another one, which is destroyed.
void replace(Owned& owned, l1l2_regularizer* handle, Coefficients coefficients) {
    l1l2_destroy(owned.handle);
    owned = {handle, coefficients};
    check_config(owned);
}

/// The number of the allocation that fails, or -1.
long decode_failing(Input& input) {
    const std::uint8_t choice = input.byte();
    return choice < 0xA0 ? -1 : choice % 32;
}

void create(Input& input, State& state) {
    Owned& owned = state.regularizer(input);
    const std::uint8_t choice = input.byte();
    const double l1 = choice < 0xE0 ? input.coefficient() : input.parameter();
    const double l2 = choice < 0xE0 ? input.coefficient() : input.parameter();
    const bool has_place = choice % 16 != 15;
    Faults faults;
    if (!has_place) {
        faults.add(L1L2_ERROR_INVALID_ARGUMENT);
    } else if (!is_norm(l1) || !is_norm(l2)) { // finite and >= 0
        faults.add(L1L2_ERROR_INVALID_COEFFICIENT);
    }
    auto* handle = reinterpret_cast<l1l2_regularizer*>(&owned); // no NULL
    l1l2_status status = -1;
    {
        const Watch watch(decode_failing(input));
        status = l1l2_create(l1, l2, has_place ? &handle : nullptr);
    }
    if (Watch::has_failed()) {
        faults.add(L1L2_ERROR_OUT_OF_MEMORY);
    }
    faults.check_status(status);
    check(!has_place || (handle != nullptr) == (status == L1L2_OK), "a failure gives NULL");
    if (status == L1L2_OK) {
        replace(owned, handle, {l1 + 0.0, l2 + 0.0}); // without -0.0
    }
}

void destroy(Input& input, State& state) {
    replace(state.regularizer(input), nullptr, {});
}

void get_config(Input& input, State& state) {
    const Owned& owned = state.regularizer(input);
    check_config(owned);
    double l1 = untouched;
    const bool of_l1 = input.byte() % 2 == 0;
    const l1l2_status status =
        l1l2_get_config(owned.handle, of_l1 ? &l1 : nullptr, of_l1 ? nullptr : &l1);
    const double expected = of_l1 ? owned.coefficients.l1 : owned.coefficients.l2;
    check(status == L1L2_OK ? to_bits(l1) == to_bits(expected)
                            : owned.handle == nullptr && is_untouched(l1),
          "each coefficient can be read alone");
}

// JSON --------------------------------------------------------------------------------------------

std::string text_of(Coefficients coefficients, l1l2_json_style style) {
    const Handle own(coefficients);
    char json[256];
    std::size_t length = 0;
    check(l1l2_to_json(own.get(), style, json, sizeof json, &length) == L1L2_OK,
          "256 bytes are enough for every text");
    return {json, length};
}

void to_json(Input& input, State& state) {
    const Owned& owned = state.regularizer(input);
    const std::uint8_t choice = input.byte();
    const l1l2_json_style style = choice < 0xF0 ? choice % 3 : input.take<l1l2_json_style>();
    const bool is_style = style >= L1L2_JSON_CONFIG && style <= L1L2_JSON_KERAS3;
    const std::string text = is_style ? text_of(owned.coefficients, style) : "";
    const std::uint8_t size = input.byte();
    const std::size_t capacity = size < 0xC0 ? size : text.size() + size % 3;
    char json[256];
    std::fill(std::begin(json), std::end(json), canary);
    std::size_t length = SIZE_MAX;
    const bool has_buffer = capacity > 0 && choice % 16 != 14;
    const bool has_length = choice % 16 != 15;
    const l1l2_status status = compute(decode_environment(input), [&] {
        return l1l2_to_json(owned.handle, style, has_buffer ? json : nullptr, capacity,
                            has_length ? &length : nullptr);
    });
    Faults faults;
    if (owned.handle == nullptr || !is_style || !has_length || (!has_buffer && capacity > 0)) {
        faults.add(L1L2_ERROR_INVALID_ARGUMENT);
    }
    check(length == (faults.none() ? text.size() : SIZE_MAX), "the length is that of the text");
    if (faults.none() && capacity <= text.size()) {
        faults.add(L1L2_ERROR_BUFFER_TOO_SMALL);
    }
    faults.check_status(status);
    const std::size_t written = status == L1L2_OK ? text.size() + 1 : 0;
    check(std::memcmp(json, text.c_str(), written) == 0, "a text is the same as alone");
    check(std::all_of(json + written, std::end(json), [](char c) { return c == canary; }),
          "nothing else of the buffer is written");
}

std::string decode_text(Input& input, const State& state) {
    static const std::string telling[] = {
        R"("l1_l2")",
        R"({"class_name": "L2", "config": {"l": 1e-5}, "build_config": [[{"a": [1, "b"]}]]})",
        R"({"name": "WeightRegularizer", "l1": 0.0, "l2": 5e-4})",
        R"({"class_name": "OrthogonalRegularizer", "config": {}})",
        R"({"l1": -1})",
        R"({"l1": 1)",
        ""};
    const std::uint8_t choice = input.byte();
    std::string text = choice < 0xC0
                           ? text_of(state.regularizers[choice / 4 % 3].coefficients, choice % 3)
                           : telling[choice % std::size(telling)];
    if (choice % 8 == 7 && !text.empty()) {
        text[input.byte() % text.size()] = static_cast<char>(input.byte());
    }
    return text;
}

/// What a text gives, in a message of any length.
struct Reading {
    l1l2_status status = -1;
    l1l2_regularizer* handle = nullptr;
    Coefficients coefficients = {};
    std::string message;
};

Reading read(const std::string& text, std::size_t capacity, long failing, bool has_place) {
    Reading reading;
    std::vector<char> message(capacity + 1, canary);
    reading.handle = has_place ? reinterpret_cast<l1l2_regularizer*>(&reading) : nullptr;
    {
        const Watch watch(failing);
        reading.status =
            l1l2_from_json(text.data(), text.size(), has_place ? &reading.handle : nullptr,
                           capacity > 0 ? message.data() : nullptr, capacity);
    }
    check((reading.handle != nullptr) == (reading.status == L1L2_OK), "a failure gives NULL");
    check(message[capacity] == canary, "nothing is written behind the message's capacity");
    if (reading.status == L1L2_OK) {
        l1l2_get_config(reading.handle, &reading.coefficients.l1, &reading.coefficients.l2);
    }
    if (capacity > 0 && has_place) {
        reading.message = message.data();
    }
    return reading;
}

void from_json(Input& input, State& state) {
    const std::string text = decode_text(input, state);
    const std::uint8_t choice = input.byte();
    const bool has_place = choice != 0xFF;
    const std::size_t capacity = choice % 64;
    const Reading alone = read(text, 256, -1, true);
    l1l2_destroy(alone.handle);
    const Reading reading = read(text, capacity, decode_failing(input), has_place);
    if (!has_place) {
        check(reading.status == L1L2_ERROR_INVALID_ARGUMENT, "a handle needs a place");
        return;
    }
    if (Watch::has_failed() && reading.status == L1L2_ERROR_OUT_OF_MEMORY) {
        return;
    }
    check(reading.status == alone.status &&
              to_bits(reading.coefficients.l1) == to_bits(alone.coefficients.l1) &&
              to_bits(reading.coefficients.l2) == to_bits(alone.coefficients.l2),
          "a text is read as it is alone");
    check(reading.message == alone.message.substr(0, capacity > 0 ? capacity - 1 : 0),
          "a message is cut to fit");
    if (reading.status == L1L2_OK) {
        replace(state.regularizer(input), reading.handle, reading.coefficients);
    }
}

// Arrays and tensors ------------------------------------------------------------------------------

void compute_array(Input& input, State& state, Function function) {
    const Array array = decode_array(input, &state.regularizer(input));
    const Parameters parameters = {input.parameter(), 0.0};
    const bool wants_penalty = input.byte() % 8 != 7;
    double penalty = untouched;
    double* const wanted = wants_penalty ? &penalty : nullptr;
    Faults faults = faults_of_arguments(function, parameters, array, false);
    if (function == Function::penalty && !wants_penalty && is_dtype(array.dtype)) {
        faults.add(L1L2_ERROR_INVALID_ARGUMENT);
    }
    double expected = untouched;
    std::memcpy(memory_expected, memory_before, memory_bytes);
    if (faults.none()) {
        expected = compute_as_list(function, parameters, array);
    }
    const l1l2_regularizer* const handle = array.regularizer->handle;
    const double parameter = parameters.first;
    const l1l2_status status = compute(decode_environment(input), [&] {
        switch (function) {
        case Function::gradient:
            return l1l2_add_gradient(handle, array.dtype, array.x, array.n, parameter, array.y,
                                     wanted);
        case Function::prox:
            return l1l2_prox(handle, array.dtype, array.x, array.n, parameter, array.y);
        case Function::step:
            return l1l2_prox_step(handle, array.dtype, array.x, array.n, array.gradient, parameter,
                                  array.steps, array.y);
        default: return l1l2_penalty(handle, array.dtype, array.x, array.n, wanted);
        }
    });
    faults.check_status(status);
    check(to_bits(penalty) == to_bits(wants_penalty ? expected : untouched),
          "a penalty is the same as alone, or untouched");
    keep_memory(status == L1L2_OK);
}

/// A tensor in the memory, or nothing if it cannot lie there.
struct Tensor {
    Descriptor descriptor;
    std::optional<Meaning> meaning;

    explicit Tensor(Descriptor of) : descriptor(std::move(of)) {
        meaning = make_meaning(descriptor);
    }
};

void compute_tensor(Input& input, State& state, Function function) {
    TensorCall call = {};
    call.regularizer = state.regularizer(input).handle;
    call.parameter = input.parameter();
    call.penalty_wanted = input.byte() % 8 != 7;
    call.environment = decode_environment(input);
    Tensor x(decode(input));
    Tensor y(decode_like(input, x.descriptor));
    if (!x.meaning || !y.meaning) {
        return;
    }
    if (function == Function::penalty) {
        check_tensor_penalty(call, x.descriptor, *x.meaning);
    } else {
        check_tensor_written(function == Function::gradient ? Writes::gradient
                             : function == Function::prox   ? Writes::prox
                                                            : Writes::step,
                             call, x.descriptor, *x.meaning, y.descriptor, *y.meaning);
    }
    std::memcpy(memory_before, memory, memory_bytes);
}

// Accumulators ------------------------------------------------------------------------------------

/// Adds elements that have been added to zeros, if there can be so many.
void add_part(const Accumulator& sums, Accumulator& part, Faults& faults) {
    faults.add(faults_of(sums));
    if (faults.none() && sums[exact::count_index] > INT64_MAX - part[exact::count_index]) {
        faults.add(L1L2_ERROR_COUNT_OVERFLOW);
    }
    if (faults.none()) {
        check(l1l2_exact_sums_merge(part.data(), sums.data()) == L1L2_OK,
              "exact sums can be merged");
    }
}

/// Checks sums after a call, which are `expected` without faults, else as they were.
void keep_sums(const Faults& faults, l1l2_status status, const Accumulator& before,
               const Accumulator& expected, const Accumulator& sums) {
    faults.check_status(status);
    check(sums == (faults.none() ? expected : before), "exact sums are those alone, or untouched");
    keep_memory(false);
}

void add(Input& input, State& state) {
    Accumulator& sums = state.accumulator(input);
    const Array array = decode_array(input, &state.regularizers[0]);
    const bool has_sums = input.byte() != 0xFF;
    Faults faults = faults_of_arguments(Function::sums, {}, array, false);
    if (!has_sums && is_dtype(array.dtype)) {
        faults.add(L1L2_ERROR_INVALID_ARGUMENT);
    }
    Accumulator expected = {};
    if (faults.none()) {
        check(l1l2_exact_sums_add(expected.data(), array.dtype, array.x, array.n) == L1L2_OK,
              "an array can be added to zeros");
        add_part(sums, expected, faults);
    }
    const Accumulator before = sums;
    const l1l2_status status = compute(decode_environment(input), [&] {
        return l1l2_exact_sums_add(has_sums ? sums.data() : nullptr, array.dtype, array.x, array.n);
    });
    keep_sums(faults, status, before, expected, sums);
}

void add_tensor(Input& input, State& state) {
    static Elements elements;
    Accumulator& sums = state.accumulator(input);
    Tensor x(decode(input));
    if (!x.meaning) {
        return;
    }
    Faults faults = x.meaning->faults;
    Accumulator expected = {};
    if (faults.none()) {
        gather(memory, x.meaning->addresses, x.meaning->element, elements);
        check(l1l2_exact_sums_add(expected.data(), x.meaning->dtype, elements.data(),
                                  x.meaning->count) == L1L2_OK,
              "the elements of a tensor can be added to zeros");
        add_part(sums, expected, faults);
    }
    const Accumulator before = sums;
    const void* const tensor = x.descriptor.get();
    const l1l2_status status = compute(
        decode_environment(input), [&] { return l1l2_exact_sums_add_dlpack(sums.data(), tensor); });
    keep_sums(faults, status, before, expected, sums);
}

void merge(Input& input, State& state) {
    Accumulator& sums = state.accumulator(input);
    const Accumulator& other = state.accumulator(input);
    const bool has_other = input.byte() != 0xFF;
    Faults faults;
    Accumulator expected = other;
    if (has_other) {
        faults = faults_of(sums);
        if (faults.none()) {
            faults = faults_of(other); // after those of sums
        }
        if (faults.none()) {
            add_part(sums, expected, faults);
        }
    } else {
        faults.add(L1L2_ERROR_INVALID_ARGUMENT);
    }
    const Accumulator before = sums;
    const l1l2_status status = compute(decode_environment(input), [&] {
        return l1l2_exact_sums_merge(sums.data(), has_other ? other.data() : nullptr);
    });
    keep_sums(faults, status, before, expected, sums);
}

void subtract(Input& input, State& state) {
    Accumulator& sums = state.accumulator(input);
    const Accumulator& other = state.accumulator(input);
    const Accumulator before = sums;
    const Accumulator subtracted = other;
    const l1l2_status status = compute(decode_environment(input), [&] {
        return l1l2_exact_sums_subtract(sums.data(), other.data());
    });
    check_difference(status, before, subtracted, sums);
}

void read_sums(Input& input, State& state) {
    const Accumulator& sums = state.accumulator(input);
    const Owned& owned = state.regularizer(input);
    const std::uint8_t choice = input.byte();
    const Environment environment = decode_environment(input);
    const Faults faults = faults_of(sums);
    const auto call = [&](auto function) {
        const l1l2_status status = compute(environment, function);
        faults.check_status(status);
        return status == L1L2_OK;
    };
    double absolute = untouched;
    double square = untouched;
    double norm = untouched;
    std::int64_t count = -1;
    call([&] { return l1l2_exact_sums_check(sums.data()); });
    call([&] { return l1l2_exact_sums_norm(sums.data(), &norm); });
    const bool is_read = call([&] {
        return l1l2_exact_sums_read(sums.data(), choice % 2 != 0 ? &absolute : nullptr,
                                    choice % 4 < 2 ? &square : nullptr,
                                    choice % 8 < 4 ? &count : nullptr);
    });
    const Truth truth = is_read ? meaning_of(sums) : Truth();
    check(is_read && choice % 2 != 0 ? truth.absolute_is(absolute) : is_untouched(absolute),
          "sum |x| is the true one, rounded once, or untouched");
    check(is_read && choice % 4 < 2 ? truth.square_is(square) : is_untouched(square),
          "sum x^2 is the true one, rounded once, or untouched");
    check(count == (is_read && choice % 8 < 4 ? truth.count : -1), "the count is the true one");
    check(is_read ? truth.norm_is(norm) : is_untouched(norm), "the norm is the true one");
    double penalty = untouched;
    Faults of_penalty = faults;
    if (owned.handle == nullptr) {
        of_penalty.add(L1L2_ERROR_INVALID_ARGUMENT);
    }
    of_penalty.check_status(compute(
        environment, [&] { return l1l2_penalty_exact_sums(owned.handle, sums.data(), &penalty); }));
    check(of_penalty.none()
              ? truth.penalty_is(owned.coefficients.l1, owned.coefficients.l2, penalty)
              : is_untouched(penalty),
          "the penalty is the true one, rounded once, or untouched");
}

/// What a caller does with the numbers: starts again, reduces or damages them.
void change_sums(Input& input, State& state) {
    Accumulator& sums = state.accumulator(input);
    const std::uint8_t choice = input.byte();
    switch (choice % 4) {
    case 0: sums = {}; break;
    case 1: sums = sums + state.accumulator(input); break;
    case 2: sums = std::int64_t{input.byte()} * sums; break;
    default: sums[input.byte() % sums.size()] ^= std::int64_t{1} << input.byte() % 63; break;
    }
    if (choice >= 0xC0) {
        sums = exact::with_checksum(sums);
    }
}

// Lists -------------------------------------------------------------------------------------------

void compute_list(Input& input, State& state, Function function) {
    std::vector<Array> arrays = decode_list(input, state.regularizers);
    List list = decode_list_of(input, function, arrays);
    Accumulator& sums = state.accumulator(input);
    const Environment environment = decode_environment(input);
    Runner runner = decode_runner(input, environment);
    std::memcpy(memory_expected, memory_before, memory_bytes);
    const Accumulator before = sums;
    Accumulator part = {};
    Expected expected = expect(list, arrays, part);
    if (function == Function::sums && expected.faults.none()) {
        add_part(sums, part, expected.faults);
    }
    const std::vector<std::uint8_t> terms = list.terms;
    const l1l2_status status = compute(environment, [&] { return list.call(runner, sums.data()); });
    check(list.terms == terms, "terms are only read");
    check(is_untouched(list.penalties.back()), "nothing is written behind the penalties");
    const bool is_added = function == Function::sums && status == L1L2_OK;
    check(sums == (is_added ? part : before), "exact sums are those alone, or untouched");
    if (runner.has_failed) {
        check(status == L1L2_ERROR_RUNNER_FAILED, "a runner's failure is reported");
        check_failed_run(list, expected);
        return;
    }
    expected.faults.check_status(status);
    check_list(list, expected);
}

// All of them -------------------------------------------------------------------------------------

/// What is the same for ever.
void check_constants(Input& input) {
    const auto status = input.take<l1l2_status>();
    const std::string unknown = l1l2_status_string(-1);
    check(unknown == "unknown status" && !std::string(l1l2_status_string(status)).empty(),
          "every status has a text");
    static const std::string isa = l1l2_isa();
    check(l1l2_isa() == isa, "the instruction set is the same for the life of the process");
    check(l1l2_version_number() == L1L2_VERSION_NUMBER &&
              l1l2_version_string() == std::to_string(L1L2_VERSION_MAJOR) + "." +
                                           std::to_string(L1L2_VERSION_MINOR) + "." +
                                           std::to_string(L1L2_VERSION_PATCH),
          "the version is the header's");
    check(l1l2_exact_sums_length() == L1L2_EXACT_SUMS_LENGTH, "the length is the header's");
}

void call_any(Input& input, State& state) {
    constexpr Function of_arrays[] = {Function::penalty, Function::gradient, Function::prox,
                                      Function::step};
    constexpr Function of_lists[] = {Function::penalty, Function::gradient, Function::prox,
                                     Function::step,    Function::clip,     Function::sums};
    const std::uint8_t choice = input.byte();
    switch (choice % 16) {
    case 0: create(input, state); break;
    case 1: destroy(input, state); break;
    case 2: get_config(input, state); break;
    case 3: to_json(input, state); break;
    case 4: from_json(input, state); break;
    case 5: check_constants(input); break;
    case 6: add(input, state); break;
    case 7: add_tensor(input, state); break;
    case 8: merge(input, state); break;
    case 9: subtract(input, state); break;
    case 10: read_sums(input, state); break;
    case 11: change_sums(input, state); break;
    case 12: compute_tensor(input, state, of_arrays[choice / 16 % 4]); break;
    case 13: compute_array(input, state, of_arrays[choice / 16 % 4]); break;
    default: compute_list(input, state, of_lists[choice / 16 % 6]); break;
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    for (std::size_t i = 0; i < memory_bytes; ++i) {
        memory[i] = ordinary_byte(i);
    }
    input.fill(memory, std::min(input.left(), memory_bytes / 8));
    std::memcpy(memory_before, memory, memory_bytes);
    State state;
    for (int i = 0; i < most_calls && input.left() > 0; ++i) {
        call_any(input, state);
        for (const Owned& owned : state.regularizers) {
            check_config(owned);
        }
    }
    return 0;
}
