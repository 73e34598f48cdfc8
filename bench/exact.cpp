#include "benchmarks.hpp"
#include "exact_sums.hpp"
#include "fixed_point.hpp"
#include "kernels/dispatch.hpp"
#include "measure.hpp"
#include "roofs.hpp"

#include <cstdint>
#include <cstring>
#include <string>

namespace {

using l1l2::core::Dtype;
using l1l2::core::ExactSums;
using l1l2::core::FixedPoint;

double call_kernel(const l1l2::kernels::KernelTable& table, Dtype dtype, const Job& job) {
    constexpr std::int64_t zeros[ExactSums::length] = {};
    ExactSums sums;
    static_cast<void>(sums.load(zeros));
    static_cast<void>(sums.add_to_count(job.n));
    sums.add(table, dtype, job.x, job.n);
    return static_cast<double>(sums.absolute());
}

/// In the manner of Neal's small superaccumulator, by the library's own deposit(): each |x| and x^2
/// of float32 goes to the limbs by itself.
double call_superaccumulator(const Job& job) {
    std::int64_t absolute_limbs[16] = {};
    std::int64_t square_limbs[32] = {};
    const FixedPoint absolute = {absolute_limbs, 16, -160};
    const FixedPoint square = {square_limbs, 32, -320};
    for (std::size_t i = 0; i < job.n; ++i) {
        std::uint32_t bits;
        std::memcpy(&bits, static_cast<const char*>(job.x) + i * sizeof bits, sizeof bits);
        const auto field = static_cast<int>(bits >> 23U) & 255;
        const std::int64_t mantissa = (bits & 0x7FFFFFU) | (field != 0 ? 0x800000U : 0U);
        const int exponent = (field != 0 ? field : 1) - 150;
        l1l2::core::deposit(absolute, mantissa, exponent);
        l1l2::core::deposit(square, mantissa * mantissa, 2 * exponent);
    }
    static_cast<void>(l1l2::core::carry(absolute));
    static_cast<void>(l1l2::core::carry(square));
    return static_cast<double>(absolute.limb[0] + square.limb[0]);
}

void add_data(const ElementType& type, const DataKind& kind, std::size_t n) {
    Operation operation = {std::string("exact sums of ") + kind.name, type, n, n * type.bytes};
    operation.kind = &kind;
    const Dtype dtype = dtype_of(type);
    for (const roofs::Loop& loop : roofs::read()) {
        add(operation, std::string("roof ") + loop.name,
            [=](const Job& job) { return loop.run(job.x, nullptr, operation.bytes); });
    }
    add(operation, "l1l2", call_exact_sums);
    add(operation, "l1l2, rounded", call_penalty);
    if (type.dtype == L1L2_FLOAT32) {
        add(operation, "superaccumulator", call_superaccumulator);
    }
    const l1l2::kernels::Tables tables = l1l2::kernels::runnable_tables();
    for (std::size_t i = 0; i < tables.count; ++i) {
        const l1l2::kernels::KernelTable* const table = tables.table[i];
        add(operation, std::string("kernel ") + table->name,
            [=](const Job& job) { return call_kernel(*table, dtype, job); });
    }
}

/// Benchmarks call(sums, job), where sums is the accumulator of some elements.
template <class Call>
void add_accumulator(const ElementType& type, const std::string& name, Call call) {
    constexpr std::size_t n = 8 * kibi;
    const Operation operation = {"exact sums: " + name, type, n,
                                 L1L2_EXACT_SUMS_LENGTH * sizeof(std::int64_t)};
    const auto run = [=](benchmark::State& state) {
        const Regularizer regularizer(operation.l1, operation.l2);
        Job job = {};
        job.regularizer = regularizer.get();
        job.dtype = type.dtype;
        job.x = shared_arrays(type.dtype, n).x;
        std::int64_t sums[L1L2_EXACT_SUMS_LENGTH] = {};
        expect_ok(l1l2_exact_sums_add(sums, job.dtype, job.x, n));
        for (auto _ : state) {
            call(static_cast<std::int64_t*>(sums), job);
        }
        set_bytes(state, operation.bytes);
    };
    benchmark::RegisterBenchmark(name_of(operation, "l1l2").c_str(), run);
}

void add_accumulators() {
    const ElementType& float32 = element_types[0];
    add_accumulator(float32, "merge", [](std::int64_t* sums, const Job& job) {
        // With an accumulator of one element, so that the count does not double each time.
        static std::int64_t other[L1L2_EXACT_SUMS_LENGTH] = {};
        if (other[0] == 0) {
            expect_ok(l1l2_exact_sums_add(other, job.dtype, job.x, 1));
        }
        expect_ok(l1l2_exact_sums_merge(sums, other));
    });
    add_accumulator(float32, "read", [](const std::int64_t* sums, const Job& /*job*/) {
        double absolute = 0.0;
        double square = 0.0;
        std::int64_t count = 0;
        expect_ok(l1l2_exact_sums_read(sums, &absolute, &square, &count));
        benchmark::DoNotOptimize(absolute + square);
    });
    add_accumulator(float32, "penalty", [](const std::int64_t* sums, const Job& job) {
        double penalty = 0.0;
        expect_ok(l1l2_penalty_exact_sums(job.regularizer, sums, &penalty));
        benchmark::DoNotOptimize(penalty);
    });
    add_accumulator(float32, "check", [](const std::int64_t* sums, const Job& /*job*/) {
        expect_ok(l1l2_exact_sums_check(sums));
    });
    for (const ElementType& type : element_types) {
        for (const std::size_t n : {1, 31, 256}) {
            add_accumulator(type, "add " + std::to_string(n) + " of " + type.name,
                            [n](std::int64_t* sums, const Job& job) {
                                expect_ok(l1l2_exact_sums_add(sums, job.dtype, job.x, n));
                            });
        }
    }
}

} // namespace

void add_exact_sums() {
    for (const ElementType& type : element_types) {
        if (type.dtype != L1L2_FLOAT32 && type.dtype != L1L2_FLOAT64) {
            continue;
        }
        for (const DataKind& kind : data_kinds) {
            for (const std::size_t n : {128 * kibi, 64 * mebi}) {
                if (n <= largest_size()) {
                    add_data(type, kind, n);
                }
            }
        }
    }
    add_accumulators();
}
