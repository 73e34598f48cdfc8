#include "benchmarks.hpp"
#include "kernels/dispatch.hpp"
#include "measure.hpp"
#include "peers.hpp"
#include "reduction.hpp"
#include "roofs.hpp"

#include <memory>

namespace {

using l1l2::core::Dtype;
using l1l2::kernels::Sums;
using l1l2::kernels::WantedSums;

struct PenaltyCase {
    const char* name;
    WantedSums wanted;
    double l1;
    double l2;
};
constexpr PenaltyCase penalty_cases[] = {{"penalty", WantedSums::both, l1, l2},
                                         {"penalty of l1", WantedSums::absolute, l1, 0.0},
                                         {"penalty of l2", WantedSums::square, 0.0, l2}};

double relative_error(const Truth& truth, const Operation& operation, double penalty) {
    ExactSum exact;
    if (operation.l1 != 0.0) {
        exact.add_product(operation.l1, truth.absolute);
    }
    if (operation.l2 != 0.0) {
        exact.add_product(operation.l2, truth.square);
    }
    return exact.relative_error(penalty);
}

void add_kernels(const Operation& operation, WantedSums wanted) {
    const l1l2::kernels::Tables tables = l1l2::kernels::runnable_tables();
    const Dtype dtype = dtype_of(operation.type);
    for (std::size_t i = 0; i < tables.count; ++i) {
        const l1l2::kernels::KernelTable* const table = tables.table[i];
        add(operation, std::string("kernel ") + table->name, [=](const Job& job) {
            const l1l2::core::Operation sum(l1l2::core::Operation::Sum{
                table->sums[static_cast<std::size_t>(dtype)][static_cast<std::size_t>(wanted)]});
            const Sums sums = apply(sum, {dtype, job.x, nullptr, job.n});
            return job.l1 * sums.absolute + job.l2 * sums.square;
        });
    }
}

void add_size(const ElementType& type, std::size_t n) {
    for (const PenaltyCase& penalty : penalty_cases) {
        Operation operation = {penalty.name, type, n, n * type.bytes, penalty.l1, penalty.l2};
        if (penalty.wanted == WantedSums::both) {
            for (const roofs::Loop& loop : roofs::read()) {
                add(operation, std::string("roof ") + loop.name,
                    [=](const Job& job) { return loop.run(job.x, nullptr, operation.bytes); });
            }
        }
        const Operation bare = operation;
        operation.error = [bare](double result) {
            return relative_error(exact_sums(bare.type.dtype, bare.n), bare, result);
        };
        add(operation, "l1l2", [](const Job& job) { return call_penalty(job); });
        if (penalty.wanted == WantedSums::both) {
            add(operation, "l1l2, exact sums", call_exact_sums);
        }
        add_kernels(operation, penalty.wanted);
        for (const peers::Peer& peer : peers::all(type.dtype)) {
            if (peer.penalty != nullptr && n <= peer.largest) {
                add(operation, peer.name, peer.penalty);
            }
        }
    }
}

/// Subnormal elements, for the ratio to the ordinary ones' time.
void add_subnormal(const ElementType& type) {
    const double scale = type.dtype == L1L2_FLOAT64   ? 0x1p-1030
                         : type.dtype == L1L2_FLOAT16 ? 0x1p-15
                                                      : 0x1p-130;
    for (const std::size_t n : {8 * kibi, 4 * mebi}) {
        if (n > largest_size()) {
            continue;
        }
        const Operation operation = {"penalty of subnormals", type, n, n * type.bytes};
        const auto x = std::make_shared<const Memory>(operation.bytes);
        fill(type.dtype, scale, x->data(), n);
        add(operation, "l1l2", [x](Job job) {
            job.x = x->data();
            return call_penalty(job);
        });
    }
}

} // namespace

void add_penalties(const ElementType& type) {
    for (const std::size_t n : sizes()) {
        add_size(type, n);
    }
    add_subnormal(type);
}
