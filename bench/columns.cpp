#include "benchmarks.hpp"
#include "measure.hpp"
#include "roofs.hpp"

#ifdef L1L2_BENCH_DLPACK
#include <dlpack/dlpack.h>
#endif

namespace {

constexpr std::size_t line_bytes = 64;
constexpr std::size_t line_elements = line_bytes / sizeof(float);

/// A column of a matrix with `rows` rows of `row` elements: each of its elements has a cache line
/// of its own. So that it comes from memory, the call after takes a column in another line, of as
/// many as `columns`.
struct Column {
    std::size_t row;
    std::size_t rows;
    std::size_t columns;
};

/// From L2, L3 and memory. Lines that are 4 KiB apart share few of a cache's sets, so fewer of them
/// fit in it.
constexpr Column all_columns[] = {{16, 8 * kibi, 1}, {16, 128 * kibi, 1}, {16, 16 * mebi, 1},
                                  {1024, 256, 1},    {1024, 8 * kibi, 1}, {1024, 256 * kibi, 64}};

/// call(first, column) is timed, where `first` is the first element of the column.
template <class Call>
void add_column(const Column& column, const std::string& who, const Call& call) {
    const ElementType& type = element_types[0];
    const Operation operation = {"penalty of a column, rows of " + std::to_string(column.row), type,
                                 column.rows, column.rows * line_bytes};
    benchmark::RegisterBenchmark(name_of(operation, who).c_str(), [=](benchmark::State& state) {
        const Arrays arrays = shared_arrays(type.dtype, column.row * column.rows);
        const auto* const matrix = static_cast<const float*>(arrays.x);
        std::size_t next = 0;
        for (auto _ : state) {
            const double result = call(matrix + next * line_elements, column);
            benchmark::DoNotOptimize(result);
            next = next + 1 < column.columns ? next + 1 : 0;
        }
        set_bytes(state, operation.bytes);
    });
}

#ifdef L1L2_BENCH_DLPACK

void add_library(const Column& column) {
    add_column(column, "l1l2", [](const float* first, const Column& of) {
        static const Regularizer regularizer(l1, l2);
        std::int64_t shape[] = {static_cast<std::int64_t>(of.rows)};
        std::int64_t strides[] = {static_cast<std::int64_t>(of.row)};
        DLTensor tensor = {};
        tensor.data = const_cast<float*>(first);
        tensor.device.device_type = kDLCPU;
        tensor.ndim = 1;
        tensor.dtype.code = kDLFloat;
        tensor.dtype.bits = 32;
        tensor.dtype.lanes = 1;
        tensor.shape = shape;
        tensor.strides = strides;
        double penalty = 0.0;
        expect_ok(l1l2_penalty_dlpack(regularizer.get(), &tensor, &penalty));
        return penalty;
    });
}

#else

void add_library(const Column& /*column*/) {}

#endif

} // namespace

void add_columns() {
    for (const Column& column : all_columns) {
        if (column.row * column.rows > largest_size()) {
            continue;
        }
        for (const roofs::StridedLoop& loop : roofs::strided()) {
            add_column(column, std::string("roof ") + loop.name,
                       [run = loop.run](const float* first, const Column& of) {
                           return run(first, of.row * sizeof(float), of.rows);
                       });
        }
        add_library(column);
    }
}
