/**
 * Times the library for every element type, operation and size, beside the loops that are its limit
 * and the peers. bench/run.sh runs it and bench/report.py makes the tables and the plot of what it
 * writes; measure.hpp says how a benchmark is named.
 */
#include "arrays.hpp"
#include "benchmarks.hpp"
#include "l1l2.h"

#include <benchmark/benchmark.h>

#ifdef __clang__
constexpr char compiler[] = __VERSION__;
#else
constexpr char compiler[] = "GCC " __VERSION__;
#endif

int main(int argc, char** argv) {
    for (const ElementType& type : element_types) {
        add_penalties(type);
        add_training(type);
    }
    add_exact_sums();
    add_two_threads();
    add_lists();
    add_columns();
    add_small_calls();
    benchmark::AddCustomContext("l1l2_isa", l1l2_isa());
    benchmark::AddCustomContext("l1l2_version", l1l2_version_string());
    benchmark::AddCustomContext("l1l2_compiler", compiler);
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
