/**
 * Every case of vectors.txt through the C++ interface, to the bit.
 *
 *     conformance vectors FILE     on four threads at once
 *     conformance memory           that an array of 1 GiB is not copied
 *     conformance lifetimes        that what leaves its scope is gone
 *     conformance overhead         what a call costs
 */
#include <l1l2.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <fstream>
#include <functional>
#include <future>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using l1l2::ExactSums;
using l1l2::JsonStyle;
using l1l2::Regularizer;

/// A case that is not as vectors.txt says it is written.
struct Malformed : std::runtime_error {
    using runtime_error::runtime_error;
};

/// What the library does is not what the case says.
struct Differs : std::runtime_error {
    using runtime_error::runtime_error;
};

struct Case {
    std::string operation;
    std::vector<std::string> inputs;
    l1l2_status status;
    std::vector<std::string> outputs;
};

template <class T>
using Bits = std::conditional_t<
    sizeof(T) == 8, std::uint64_t,
    std::conditional_t<sizeof(T) == 4, std::uint32_t,
                       std::conditional_t<sizeof(T) == 2, std::uint16_t, std::uint8_t>>>;

template <class T>
constexpr int digits_of = 2 * sizeof(T);

template <class T>
Bits<T> bits_of(T value) {
    Bits<T> bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

template <class Integer>
Integer parse_integer(std::string_view text, int base = 10) {
    Integer value{};
    const char* const end = text.data() + text.size();
    const auto [parsed, error] = std::from_chars(text.data(), end, value, base);
    if (error != std::errc() || parsed != end) {
        throw Malformed("no number: \"" + std::string(text) + "\"");
    }
    return value;
}

/// A value from the digits of its bits.
template <class T>
T parse(std::string_view digits) {
    if (digits.size() != digits_of<T>) {
        throw Malformed("another number of digits: \"" + std::string(digits) + "\"");
    }
    const auto bits = parse_integer<Bits<T>>(digits, 16);
    T value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

template <class T>
std::vector<T> parse_elements(std::string_view digits) {
    std::vector<T> elements;
    while (!digits.empty()) {
        const std::string_view element = digits.substr(0, digits_of<T>);
        elements.push_back(parse<T>(element));
        digits.remove_prefix(element.size());
    }
    return elements;
}

/// An array of the form N:ELEMENTS.
template <class T>
std::vector<T> parse_array(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) {
        throw Malformed("an array without a colon");
    }
    const auto n = parse_integer<std::size_t>(text.substr(0, colon));
    std::vector<T> array = parse_elements<T>(text.substr(colon + 1));
    const std::size_t period = array.size();
    if (period > n || (period == 0 && n > 0)) {
        throw Malformed("an array of another number of elements");
    }
    array.resize(n);
    for (std::size_t i = period; i < n; ++i) {
        array[i] = array[i - period];
    }
    return array;
}

/// The empty text is written as "-".
std::string parse_text(const std::string& text) {
    const std::vector<char> bytes = parse_elements<char>(text == "-" ? "" : text);
    return {bytes.begin(), bytes.end()};
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> pieces;
    for (std::size_t end = 0; end != std::string_view::npos;) {
        end = text.find(separator);
        pieces.push_back(text.substr(0, end));
        text.remove_prefix(std::min(text.size(), pieces.back().size() + 1));
    }
    return pieces;
}

using Numbers = std::vector<std::int64_t>;

Numbers numbers_of(const ExactSums& sums) {
    return {sums.data(), sums.data() + ExactSums::size()};
}

Numbers parse_sums(std::string_view text) {
    Numbers numbers(ExactSums::size());
    if (text == "-") {
        return numbers;
    }
    for (const std::string_view item : split(text, ',')) {
        const auto pair = split(item, ':');
        if (pair.size() != 2) {
            throw Malformed("no number of exact sums: \"" + std::string(item) + "\"");
        }
        const auto bits = parse_integer<std::uint64_t>(pair[1], 16);
        numbers.at(parse_integer<std::size_t>(pair[0])) = static_cast<std::int64_t>(bits);
    }
    return numbers;
}

JsonStyle parse_style(const std::string& text) {
    for (const JsonStyle style : {JsonStyle::config, JsonStyle::keras2, JsonStyle::keras3}) {
        if (text == std::to_string(static_cast<l1l2_json_style>(style))) {
            return style;
        }
    }
    throw Malformed("no style: \"" + text + "\"");
}

Regularizer parse_regularizer(const std::string& l1, const std::string& l2) {
    return Regularizer(parse<double>(l1), parse<double>(l2));
}

/// Calls check with an element of the type that dtype names.
template <class Check>
void with_dtype(std::string_view dtype, Check&& check) {
    if (dtype == "float32") {
        check(float());
    } else if (dtype == "float64") {
        check(double());
    } else if (dtype == "float16") {
        check(l1l2::Float16());
    } else if (dtype == "bfloat16") {
        check(l1l2::BFloat16());
    } else {
        throw Malformed("no dtype: \"" + std::string(dtype) + "\"");
    }
}

/// Makes sure that call throws the case's status or, if that is 0, returns.
template <class Call>
void expect_status(const Case& c, Call&& call) {
    l1l2_status status = L1L2_OK;
    std::string message = "no error";
    try {
        call();
    } catch (const l1l2::Error& error) {
        status = error.status();
        message = error.what();
    }
    if (status != c.status) {
        throw Differs("status " + std::to_string(status) + " (" + message + ")");
    }
    if (message.empty()) {
        throw Differs("an error without a message");
    }
}

template <class T>
void expect_equal(const std::string& name, T value, T expected) {
    if (bits_of(value) != bits_of(expected)) {
        std::ostringstream what;
        what << name << " is " << std::hex << std::setfill('0') << std::setw(digits_of<T>)
             << bits_of(value) << ", not " << std::setw(digits_of<T>) << bits_of(expected);
        throw Differs(what.str());
    }
}

template <class T>
void expect_equal(const std::string& name, const std::vector<T>& array,
                  const std::vector<T>& expected) {
    if (array.size() != expected.size()) {
        throw Differs(name + " has " + std::to_string(array.size()) + " elements");
    }
    const auto same = [](T a, T b) { return bits_of(a) == bits_of(b); };
    const auto [element, other] = std::mismatch(array.begin(), array.end(), expected.begin(), same);
    if (element != array.end()) {
        const auto index = std::to_string(element - array.begin());
        expect_equal(name + "[" + index + "]", *element, *other);
    }
}

/// Makes sure that make() returns a regularizer of the case's coefficients, or fails as it must.
template <class Make>
void expect_config(const Case& c, Make&& make) {
    Regularizer regularizer;
    expect_status(c, [&] { regularizer = make(); });
    if (c.status == L1L2_OK) {
        expect_equal("l1", regularizer.l1(), parse<double>(c.outputs[0]));
        expect_equal("l2", regularizer.l2(), parse<double>(c.outputs[1]));
    }
}

void check_create(const Case& c) {
    expect_config(c, [&] { return parse_regularizer(c.inputs[0], c.inputs[1]); });
}

void check_penalty(const Case& c) {
    with_dtype(c.inputs[0], [&](auto element) {
        const Regularizer regularizer = parse_regularizer(c.inputs[1], c.inputs[2]);
        const auto x = parse_array<decltype(element)>(c.inputs[3]);
        double penalty = 0.0;
        expect_status(c, [&] { penalty = regularizer(x); });
        if (c.status == L1L2_OK) {
            expect_equal("penalty", penalty, parse<double>(c.outputs[0]));
        }
    });
}

void check_add_gradient(const Case& c) {
    with_dtype(c.inputs[0], [&](auto element) {
        using T = decltype(element);
        const Regularizer regularizer = parse_regularizer(c.inputs[1], c.inputs[2]);
        const auto scale = parse<double>(c.inputs[3]);
        const auto x = parse_array<T>(c.inputs[4]);
        const auto before = parse_array<T>(c.inputs[5]);
        const auto after = c.status == L1L2_OK ? parse_array<T>(c.outputs[0]) : before;

        auto gradient = before;
        double penalty = 0.0;
        expect_status(c,
                      [&] { penalty = regularizer.penalty_and_add_gradient(x, gradient, scale); });
        expect_equal("gradient", gradient, after);
        if (c.status == L1L2_OK) {
            expect_equal("penalty", penalty, parse<double>(c.outputs[1]));
        }

        gradient = before;
        expect_status(c, [&] { regularizer.add_gradient(x, gradient, scale); });
        expect_equal("gradient without penalty", gradient, after);
    });
}

void check_prox(const Case& c) {
    with_dtype(c.inputs[0], [&](auto element) {
        using T = decltype(element);
        const Regularizer regularizer = parse_regularizer(c.inputs[1], c.inputs[2]);
        const auto step = parse<double>(c.inputs[3]);
        const auto x = parse_array<T>(c.inputs[4]);

        // Other bits than those of x, so that it shows whether they are written.
        const std::vector<T> before(x.size(), parse<T>(std::string(digits_of<T>, 'a')));
        auto out = before;
        expect_status(c, [&] { regularizer.prox(x, step, out); });
        expect_equal("out", out, c.status == L1L2_OK ? parse_array<T>(c.outputs[0]) : before);

        auto in_place = x;
        expect_status(c, [&] { regularizer.prox(in_place, step); });
        expect_equal("x in place", in_place,
                     c.status == L1L2_OK ? parse_array<T>(c.outputs[0]) : x);
    });
}

void check_to_json(const Case& c) {
    const JsonStyle style = parse_style(c.inputs[0]);
    const Regularizer regularizer = parse_regularizer(c.inputs[1], c.inputs[2]);
    std::string text;
    expect_status(c, [&] { text = regularizer.to_json(style); });
    if (c.status == L1L2_OK && text != parse_text(c.outputs[0])) {
        throw Differs("text " + text);
    }
}

void check_from_json(const Case& c) {
    const std::string text = parse_text(c.inputs[0]);
    expect_config(c, [&] { return Regularizer::from_json(text); });
}

/// One of the parts of exact sums: an array or a vector.
struct Part {
    std::string_view type;
    std::string_view content;

    bool is_vector() const { return type == "sums"; }
};

Part parse_part(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) {
        throw Malformed("no part: \"" + std::string(text) + "\"");
    }
    return {text.substr(0, colon), text.substr(colon + 1)};
}

/// Adds a part to sums, which stay as they are if it cannot be added.
void add_part(ExactSums& sums, const Part& part) {
    const ExactSums before = sums;
    try {
        if (part.is_vector()) {
            sums += ExactSums(parse_sums(part.content).data());
        } else {
            with_dtype(part.type, [&](auto element) {
                sums.add(parse_array<decltype(element)>(part.content));
            });
        }
    } catch (const l1l2::Error&) {
        if (sums != before) {
            throw Differs("sums that fail have changed");
        }
        throw;
    }
}

/// The vector that a part is or makes, as it is.
Numbers numbers_of(const Part& part) {
    if (part.is_vector()) {
        return parse_sums(part.content);
    }
    ExactSums sums;
    add_part(sums, part);
    return numbers_of(sums);
}

ExactSums add_in_order(const std::vector<Part>& parts) {
    ExactSums sums;
    for (const Part& part : parts) {
        add_part(sums, part);
    }
    return sums;
}

/// Each part in a vector of its own, and these merged, the last one first.
ExactSums merge_backwards(const std::vector<Part>& parts) {
    ExactSums sums;
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
        ExactSums one;
        add_part(one, *part);
        sums += one;
    }
    return sums;
}

/// The vectors of all parts as they are, added element by element.
ExactSums add_elements(const std::vector<Part>& parts) {
    ExactSums sums;
    for (const Part& part : parts) {
        const Numbers numbers = numbers_of(part);
        // Unsigned, which may overflow.
        const auto add = [](std::int64_t a, std::int64_t b) {
            return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) +
                                             static_cast<std::uint64_t>(b));
        };
        std::transform(numbers.begin(), numbers.end(), sums.data(), sums.data(), add);
    }
    return sums;
}

/// What is read from sums, and what they are when nothing is added to them or they to nothing.
void expect_sums(const Case& c, const Regularizer& regularizer, const ExactSums& sums) {
    double penalty = 0.0;
    double absolute = 0.0;
    double square = 0.0;
    std::int64_t count = 0;
    ExactSums taken;
    ExactSums merged = sums;
    ExactSums added = sums;
    expect_status(c, [&] { penalty = regularizer(sums); });
    expect_status(c, [&] { absolute = sums.absolute(); });
    expect_status(c, [&] { square = sums.square(); });
    expect_status(c, [&] { count = sums.count(); });
    expect_status(c, [&] { taken = ExactSums(sums.data()); });
    expect_status(c, [&] { merged += ExactSums(); });
    expect_status(c, [&] { added.add(std::vector<float>()); });
    if (c.status == L1L2_OK) {
        expect_equal("penalty", penalty, parse<double>(c.outputs[0]));
        expect_equal("absolute", absolute, parse<double>(c.outputs[1]));
        expect_equal("square", square, parse<double>(c.outputs[2]));
        expect_equal("count", count, parse_integer<std::int64_t>(c.outputs[3]));
        for (const ExactSums& form : {taken, merged, added}) {
            expect_equal("sums", numbers_of(form), parse_sums(c.outputs[4]));
        }
    }
}

void check_exact_sums(const Case& c) {
    const Regularizer regularizer = parse_regularizer(c.inputs[0], c.inputs[1]);
    std::vector<Part> parts;
    for (const std::string_view part : split(c.inputs[2], '+')) {
        parts.push_back(parse_part(part));
    }
    ExactSums in_order;
    ExactSums merged;
    expect_status(c, [&] { in_order = add_in_order(parts); });
    expect_status(c, [&] { merged = merge_backwards(parts); });
    if (c.status == L1L2_OK) {
        expect_sums(c, regularizer, in_order);
        expect_equal("merged sums", numbers_of(merged), numbers_of(in_order));
    }
    expect_sums(c, regularizer, add_elements(parts));
}

struct Operation {
    std::string_view name;
    std::size_t inputs;
    std::size_t outputs;
    void (*check)(const Case&);
};

constexpr Operation operations[] = {
    {"create", 2, 2, check_create},
    {"penalty", 4, 1, check_penalty},
    {"add_gradient", 6, 2, check_add_gradient},
    {"prox", 5, 1, check_prox},
    {"to_json", 3, 1, check_to_json},
    {"from_json", 1, 2, check_from_json},
    {"exact_sums", 3, 5, check_exact_sums},
};

void check(const Case& c) {
    const auto* const operation =
        std::find_if(std::begin(operations), std::end(operations),
                     [&](const Operation& candidate) { return candidate.name == c.operation; });
    if (operation == std::end(operations)) {
        throw Malformed("an unknown operation: \"" + c.operation + "\"");
    }
    const std::size_t outputs = c.status == L1L2_OK ? operation->outputs : 0;
    if (c.inputs.size() != operation->inputs || c.outputs.size() != outputs) {
        throw Malformed("another number of inputs or outputs");
    }
    operation->check(c);
}

Case parse_case(const std::string& line) {
    std::istringstream words(line);
    const std::vector<std::string> fields(std::istream_iterator<std::string>(words), {});
    const auto arrow = std::find(fields.begin(), fields.end(), "->");
    if (arrow == fields.begin() || fields.end() - arrow < 2) {
        throw Malformed("no case");
    }
    return {fields.front(),
            {fields.begin() + 1, arrow},
            parse_integer<l1l2_status>(arrow[1]),
            {arrow + 2, fields.end()}};
}

struct Line {
    std::size_t number;
    std::string text;
};

/// The lines that hold a case.
std::vector<Line> read_lines(const std::string& path) {
    std::vector<Line> lines;
    std::ifstream file(path);
    std::size_t number = 0;
    for (std::string text; std::getline(file, text);) {
        ++number;
        if (text.rfind('#', 0) != 0) {
            lines.push_back({number, text});
        }
    }
    if (!file.eof()) {
        throw std::runtime_error(path + ": cannot be read");
    }
    return lines;
}

/// What was wrong, by the number of the line.
using Failures = std::set<std::pair<std::size_t, std::string>>;

Failures check_lines(const std::vector<Line>& lines) {
    Failures failures;
    for (const Line& line : lines) {
        try {
            check(parse_case(line.text));
        } catch (const std::exception& error) {
            failures.emplace(line.number, error.what());
        }
    }
    return failures;
}

int check_vectors(const std::string& path) {
    const std::vector<Line> lines = read_lines(path);
    std::array<std::future<Failures>, 4> threads;
    for (auto& thread : threads) {
        thread = std::async(std::launch::async, check_lines, std::cref(lines));
    }
    // Most failures are the same on every thread; each is told once.
    Failures failures;
    for (auto& thread : threads) {
        failures.merge(thread.get());
    }
    for (const auto& [number, what] : failures) {
        std::cerr << path << ':' << number << ": " << what << '\n';
    }
    if (!failures.empty()) {
        return 1;
    }
    std::cout << lines.size() << " cases, all bits equal\n";
    return 0;
}

/// The most memory that the process has had so far, in KiB.
long peak_memory() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
        long kib = 0;
        if (word == "VmHWM:" && status >> kib) {
            return kib;
        }
    }
    throw std::runtime_error("/proc/self/status has no VmHWM");
}

int check_memory() {
    const Regularizer regularizer(0.01, 0.02);
    std::array<float, 1> one = {1.0F};
    regularizer.prox(one, 1.0);
    std::vector<float> x(std::size_t{1} << 28, 1.0F);

    const long before = peak_memory();
    const double penalty = regularizer(x);
    ExactSums sums;
    sums.add(x);
    regularizer.prox(x, 1.0);
    const long rise = peak_memory() - before;

    const bool shrunk =
        one[0] < 1.0F && std::all_of(x.begin(), x.end(), [&](float e) { return e == one[0]; });
    const auto n = static_cast<double>(x.size());
    if (penalty != (0.01 + 0.02) * n || sums.absolute() != n || !shrunk) {
        throw std::runtime_error("a wrong result");
    }
    std::cout << "an array of 1024 MiB: peak memory rose by " << rise << " KiB\n";
    return 0;
}

int check_lifetimes() {
    constexpr int handles = 1000000;
    constexpr long limit_kib = 8 * 1024;
    long before = 0;
    for (int i = 0; i < handles; ++i) {
        if (i == handles / 100) {
            before = peak_memory();
        }
        Regularizer regularizer(0.01, 0.02);
        Regularizer moved(std::move(regularizer));
        regularizer = std::move(moved);
        if (regularizer.l1() != 0.01) {
            throw std::runtime_error("a moved regularizer is another one");
        }
    }
    if (peak_memory() - before >= limit_kib) {
        throw std::runtime_error("memory is left");
    }
    std::cout << "handles are released\n";
    return 0;
}

template <class Call>
double nanoseconds_per_call(Call&& call) {
    constexpr int calls = 100000;
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < calls; ++i) {
        call();
    }
    const std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - start;
    return time.count() / calls;
}

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

int measure_overhead() {
    const Regularizer regularizer(0.01, 0.02);
    const std::vector<float> x(16, 1.0F);
    std::vector<double> empty;
    std::vector<double> penalty;
    for (int repetition = 0; repetition < 31; ++repetition) {
        empty.push_back(nanoseconds_per_call(l1l2_version_number));
        penalty.push_back(nanoseconds_per_call([&] { return regularizer(x); }));
    }
    std::cout << std::fixed << std::setprecision(1) << "empty call " << median(empty)
              << " ns, penalty of 16 elements " << median(penalty) << " ns\n";
    return 0;
}

int run(const std::vector<std::string>& arguments) {
    if (arguments.size() == 2 && arguments[0] == "vectors") {
        return check_vectors(arguments[1]);
    }
    if (arguments == std::vector<std::string>{"memory"}) {
        return check_memory();
    }
    if (arguments == std::vector<std::string>{"lifetimes"}) {
        return check_lifetimes();
    }
    if (arguments == std::vector<std::string>{"overhead"}) {
        return measure_overhead();
    }
    std::cerr << "usage: conformance vectors FILE | memory | lifetimes | overhead\n";
    return 2;
}

} // namespace

int main(int argc, char** argv) {
    try {
        return run({argv + 1, argv + argc});
    } catch (const std::exception& error) {
        std::cerr << "conformance: " << error.what() << '\n';
        return 1;
    }
}
