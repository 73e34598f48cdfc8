/// Which kernels run.
#include "catch.hpp"
#include "kernels/dispatch.hpp"
#include "l1l2.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <initializer_list>
#include <sstream>
#include <string>
#include <vector>

using l1l2::kernels::choose;
using l1l2::kernels::KernelTable;
using l1l2::kernels::Tables;

TEST_CASE("generic runs everywhere and is the last choice", "[dispatch]") {
    const Tables tables = l1l2::kernels::runnable_tables();
    REQUIRE(tables.count >= 1);
    REQUIRE(tables.count <= Tables::capacity);
    CHECK(std::string(tables.table[tables.count - 1]->isa) == "generic");
}

TEST_CASE("the names of the tables are unique", "[dispatch]") {
    const Tables tables = l1l2::kernels::runnable_tables();
    for (std::size_t i = 0; i < tables.count; ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            CHECK(std::string(tables.table[i]->name) != tables.table[j]->name);
        }
    }
}

TEST_CASE("a wish is followed if the CPU can, else the best table is taken", "[dispatch]") {
    KernelTable best = {};
    best.isa = "best";
    KernelTable lesser = {};
    lesser.isa = "lesser";
    Tables tables = {};
    tables.table[0] = &best;
    tables.table[1] = &lesser;
    tables.count = 2;
    CHECK(&choose(tables, nullptr) == &best);
    CHECK(&choose(tables, "lesser") == &lesser);
    CHECK(&choose(tables, "best") == &best);
    CHECK(&choose(tables, "") == &best);
    CHECK(&choose(tables, "less") == &best);
    CHECK(&choose(tables, "lesser still") == &best);
    CHECK(&choose(tables, "of another CPU") == &best);
}

TEST_CASE("every table has every kernel", "[dispatch]") {
    const Tables tables = l1l2::kernels::runnable_tables();
    for (std::size_t i = 0; i < tables.count; ++i) {
        const KernelTable& table = *tables.table[i];
        for (std::size_t dtype = 0; dtype < l1l2::kernels::dtype_count; ++dtype) {
            CHECK(table.prox[dtype] != nullptr);
            for (std::size_t terms = 0; terms < l1l2::kernels::terms_count; ++terms) {
                CHECK(table.sums[dtype][terms] != nullptr);
                CHECK(table.add_gradient[dtype][terms] != nullptr);
                CHECK(table.add_gradient_and_sum[dtype][terms] != nullptr);
            }
        }
    }
}

TEST_CASE("l1l2_isa tells the table in use, always the same", "[dispatch]") {
    CHECK(std::string(l1l2_isa()) == l1l2::kernels::chosen_table().isa);
    CHECK(l1l2_isa() == l1l2_isa());
}

#if defined(__linux__) && defined(__x86_64__)
TEST_CASE("the instruction sets are those that Linux says the CPU has, the best first", "[isa]") {
    std::ifstream cpuinfo("/proc/cpuinfo");
    std::string line;
    while (line.compare(0, 5, "flags") != 0 && std::getline(cpuinfo, line)) {
    }
    const auto has = [&](std::initializer_list<const char*> flags) {
        return std::all_of(flags.begin(), flags.end(), [&](const char* flag) {
            return (line + " ").find(" " + std::string(flag) + " ") != std::string::npos;
        });
    };
    REQUIRE(has({"sse2"}));
    std::vector<std::string> expected;
    if (has({"avx512f", "avx512cd", "avx512dq", "avx512bw", "avx512vl"})) {
        expected.emplace_back("avx512bw");
    }
    if (has({"avx2", "fma", "f16c"})) {
        expected.emplace_back("avx2");
    }
    expected.insert(expected.end(), {"sse2", "generic"});
    const Tables tables = l1l2::kernels::runnable_tables();
    std::vector<std::string> found;
    for (std::size_t i = 0; i < tables.count; ++i) {
        found.emplace_back(tables.table[i]->isa);
    }
    // Of one there may be tables of two widths.
    found.erase(std::unique(found.begin(), found.end()), found.end());
    CHECK(found == expected);
}
#endif

TEST_CASE("L1L2_ISA names the kernels, and is read once", "[isa]") {
    // A test of its own for each name, in a process of its own: tests/CMakeLists.txt.
    const char* const wanted = std::getenv("L1L2_ISA");
    REQUIRE(wanted != nullptr);
    const Tables tables = l1l2::kernels::runnable_tables();
    std::string expected = tables.table[0]->isa;
    bool runnable = false;
    for (std::size_t i = 0; i < tables.count; ++i) {
        runnable = runnable || std::string(tables.table[i]->isa) == wanted;
    }
    if (runnable) {
        expected = wanted;
    } else {
        WARN("this CPU does not have it"); // and so ignores the wish
    }
    CHECK(std::string(l1l2_isa()) == expected);
    setenv("L1L2_ISA", "generic", 1);
    CHECK(std::string(l1l2_isa()) == expected);
}
