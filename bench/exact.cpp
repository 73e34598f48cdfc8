#include "benchmarks.hpp"
#include "exact_sums.hpp"
#include "kernels/dispatch.hpp"
#include "measure.hpp"
#include "roofs.hpp"

#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>

namespace {

using l1l2::core::Dtype;
using l1l2::core::ExactSums;

Dtype dtype_of(const ElementType& type) {
    switch (type.dtype) {
    case L1L2_FLOAT64: return Dtype::float64;
    case L1L2_FLOAT16: return Dtype::float16;
    case L1L2_BFLOAT16: return Dtype::bfloat16;
    default: return Dtype::float32;
    }
}

double call_library(const Job& job) {
    std::int64_t sums[L1L2_EXACT_SUMS_LENGTH] = {};
    expect_ok(l1l2_exact_sums_add(sums, job.dtype, job.x, job.n));
    double penalty = 0.0;
    expect_ok(l1l2_penalty_exact_sums(job.regularizer, sums, &penalty));
    return penalty;
}

double call_core(const l1l2::kernels::KernelTable& table, Dtype dtype, const Job& job) {
    ExactSums sums;
    const std::int64_t zeros[ExactSums::length] = {};
    static_cast<void>(sums.load(zeros));
    static_cast<void>(sums.count(job.n));
    sums.add(table, dtype, job.x, job.n);
    return static_cast<double>(sums.absolute());
}

} // namespace

void add_exact_sums(const ElementType& type) {
    const Dtype dtype = dtype_of(type);
    for (const DataKind& kind : data_kinds) {
        for (const std::size_t n : {128 * kibi, 64 * mebi}) {
            if (n > largest_size()) {
                continue;
            }
            Operation operation = {std::string("exact sums of ") + kind.name, type, n,
                                   n * type.bytes};
            operation.kind = &kind;
            for (const roofs::Loop& loop : roofs::read()) {
                add(operation, std::string("roof ") + loop.name,
                    [=](const Job& job) { return loop.run(job.x, nullptr, operation.bytes); });
            }
            add(operation, "l1l2, rounded", [](const Job& job) {
                double penalty = 0.0;
                expect_ok(l1l2_penalty(job.regularizer, job.dtype, job.x, job.n, &penalty));
                return penalty;
            });
            add(operation, "l1l2", call_library);
            const l1l2::kernels::Tables tables = l1l2::kernels::runnable_tables();
            for (std::size_t i = 0; i < tables.count; ++i) {
                const l1l2::kernels::KernelTable* const table = tables.table[i];
                add(operation, std::string("kernel ") + table->name,
                    [=](const Job& job) {
                    return call_core(*table, dtype, job); });
            }
        }
    }
}
