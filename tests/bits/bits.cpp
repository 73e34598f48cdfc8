/**
 * Checks that the library computes the same bits here as everywhere:
 *
 *     bits GOLDEN    compares with the hashes of golden.txt
 *     bits isa       prints the instruction set that the library uses here
 *
 * make_golden.py computes golden.txt without the library.
 *
 * The test vectors of tests/conformance are short arrays. This covers longer ones, tensors, terms,
 * threads, exact sums in pieces, and floating-point environments that a host may have set. However
 * elements are passed, the results must have the hashes of the same elements in an array.
 *
 * Nothing here computes in floating point, so that only the library's compiler and environment
 * matter. It includes no header of the library but l1l2.h, as it must compile wherever the library
 * does.
 */
#include "environments.hpp"
#include "exact_sums.hpp"

#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

namespace bits {
namespace {

constexpr std::size_t thread_counts[] = {0, 1, 2, 3, 7};

void check_all(Golden& golden) {
    for (const Format& format : formats) {
        for (const Kind kind : kinds) {
            for (const Sizes* sizes : {&short_sizes, &block_sizes, &task_sizes}) {
                const bool has_tasks = kind == Kind::ordinary || kind == Kind::varied;
                if (sizes == &task_sizes && !has_tasks) continue;
                const Case c(format, kind, *sizes);
                check_all_exact_sums(golden, c);
                if (kind == Kind::varied) continue;
                check_arrays(golden, c, Manner::fused);
                check_arrays(golden, c, Manner::in_place);
                check_steps(golden, c, Manner::fused);
                check_steps(golden, c, Manner::in_place);
                check_tensors(golden, c, View::transposed, Manner::fused);
                check_tensors(golden, c, View::flipped, Manner::in_place);
                check_tensors(golden, c, View::strided, Manner::fused);
                check_tensors(golden, c, View::strided, Manner::in_place);
                if (kind == Kind::repeated) {
                    check_tensors(golden, c, View::broadcast, Manner::fused);
                }
                for (const std::size_t threads : thread_counts) {
                    check_terms(golden, c, threads);
                }
            }
        }
    }
}

/// A shorter check, for each environment.
void check_some(Golden& golden, const std::vector<Case>& cases) {
    for (const Case& c : cases) {
        if (&c.sizes == &task_sizes) {
            check_terms(golden, c, 3);
            continue;
        }
        check_exact_sums(golden, c, 1, 0, Addition::merged);
        check_exact_sums(golden, c, 5, 3, Addition::as_numbers);
        if (c.kind == Kind::varied) continue;
        check_arrays(golden, c, Manner::fused);
        check_arrays(golden, c, Manner::in_place);
        check_steps(golden, c, Manner::fused);
        check_tensors(golden, c, View::strided, Manner::fused);
        check_terms(golden, c, 0);
        check_terms(golden, c, 3);
    }
}

/// Returns the names of the environments that were checked.
std::string check_environments(Golden& golden) {
    std::vector<Case> cases;
    for (const Format& format : formats) {
        for (const Kind kind : kinds) {
            cases.emplace_back(format, kind, short_sizes);
        }
        cases.emplace_back(format, Kind::ordinary, block_sizes);
        cases.emplace_back(format, Kind::varied, block_sizes);
    }
    cases.emplace_back(formats[0], Kind::ordinary, task_sizes);
    std::string names;
    std::fenv_t before;
    std::fegetenv(&before);
#if defined(__SSE2__)
    const unsigned mxcsr_before = _mm_getcsr(); // which fesetenv may not restore on Windows
#endif
    const std::uint64_t default_control = control();
    for (const Environment& environment : environments) {
        environment.set();
        const std::uint64_t hostile = control();
        if (hostile == default_control) {
            if (environment.everywhere) golden.fail("an environment could not be set");
        } else {
            golden.environment = std::string(" in the environment: ") + environment.name;
            check_some(golden, cases);
            if (control() != hostile) golden.fail("the environment was changed");
            names += std::string(names.empty() ? "" : "; ") + environment.name;
        }
        std::fesetenv(&before);
#if defined(__SSE2__)
        _mm_setcsr(mxcsr_before);
#endif
    }
    golden.environment.clear();
    if (control() != default_control) golden.fail("the environment was not restored");
    return names;
}

} // namespace
} // namespace bits

int main(int argc, char** argv) {
    using namespace bits;
    if (argc != 2) {
        std::fputs("usage: bits GOLDEN | isa\n", stderr);
        return 2;
    }
    if (std::strcmp(argv[1], "isa") == 0) return std::puts(l1l2_isa()) == EOF;
    Golden golden(argv[1]);
    check_all(golden);
    const std::string names = check_environments(golden);
    const std::size_t compared = golden.finish();
    if (compared == 0) return 1;
    std::printf(
        "%zu hashes, all bits equal (%s; terms on 0, 1, 2, 3 and 7 threads; environments: %s)\n",
        compared, l1l2_isa(), names.c_str());
    return 0;
}
