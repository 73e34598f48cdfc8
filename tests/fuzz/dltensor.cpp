/// Fuzzes the functions that take a DLTensor, with any descriptors.
#include "tensor_calls.hpp"

#include <algorithm>
#include <array>
#include <optional>

using namespace fuzz;

namespace {

TensorCall decode_call(Input& input) {
    static const Handle handles[] = {Handle({0.01, 0.3}), Handle({0.01, 0.0}), Handle({0.0, 0.3}),
                                     Handle({0.0, 0.0}), Handle({1e300, 0x1p-140})};
    const std::uint8_t choice = input.byte();
    TensorCall call = {};
    call.regularizer = choice == 0xFF ? nullptr : handles[choice % 5].get();
    call.parameter = input.parameter();
    const std::uint8_t flags = input.byte();
    call.penalty_wanted = flags % 8 != 7;
    call.environment = flags < 0xC0 ? Environment::usual : Environment::hostile;
    return call;
}

void set_memory(const Input& input) {
    static std::array<std::uint8_t, memory_bytes> ordinary = [] {
        std::array<std::uint8_t, memory_bytes> bytes = {};
        for (std::size_t i = 0; i < memory_bytes; ++i) {
            bytes[i] = ordinary_byte(i);
        }
        return bytes;
    }();
    std::memcpy(memory, ordinary.data(), memory_bytes);
    if (input.left() > 0) {
        input.fill(memory, std::min(input.left(), memory_bytes));
    }
    std::memcpy(memory_before, memory, memory_bytes);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    const std::uint8_t choice = input.byte();
    const std::uint8_t function = choice % 4;
    const TensorCall call = decode_call(input);
    Descriptor x = decode(input);
    const std::optional<Meaning> x_meaning = make_meaning(x);
    Descriptor y = decode_like(input, x);
    const std::optional<Meaning> y_meaning = make_meaning(y);
    if (!x_meaning || !y_meaning) {
        return 0;
    }
    set_memory(input);
    if (function == 0) {
        check_tensor_penalty(call, x, *x_meaning);
        check_tensor_sums(call, x, *x_meaning);
    } else {
        const Writes writes = choice >= 0xE0  ? Writes::step
                              : function == 1 ? Writes::gradient
                                              : Writes::prox;
        check_tensor_written(writes, call, x, *x_meaning, y, *y_meaning);
    }
    return 0;
}
