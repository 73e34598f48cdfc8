/// Which kernels run.
#include "catch.hpp"
#include "kernels/dispatch.hpp"
#include "l1l2.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <initializer_list>
#include <set>
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
    lesser.isa = "best"; // of several tables of one instruction set the first one
    CHECK(&choose(tables, "best") == &best);
}

TEST_CASE("every table has every kernel", "[dispatch]") {
    const Tables tables = l1l2::kernels::runnable_tables();
    for (std::size_t i = 0; i < tables.count; ++i) {
        const KernelTable& table = *tables.table[i];
        for (std::size_t dtype = 0; dtype < l1l2::kernels::dtype_count; ++dtype) {
            CHECK(table.prox[dtype] != nullptr);
            for (std::size_t wanted = 0; wanted < l1l2::kernels::wanted_sums_count; ++wanted) {
                CHECK(table.sums[dtype][wanted] != nullptr);
                CHECK(table.add_gradient[dtype][wanted] != nullptr);
                CHECK(table.add_gradient_and_sum[dtype][wanted] != nullptr);
            }
        }
    }
}

TEST_CASE("l1l2_isa names the table in use, always the same", "[dispatch]") {
    CHECK(std::string(l1l2_isa()) == l1l2::kernels::chosen_table().isa);
    CHECK(l1l2_isa() == l1l2_isa());
}

#if defined(__x86_64__)
TEST_CASE("each instruction set needs all of its features", "[dispatch]") {
    using l1l2::kernels::classify;
    using l1l2::kernels::CpuFeatures;
    struct Bit {
        std::uint32_t CpuFeatures::*in;
        int number;
    };
    // FMA, AVX and F16C; AVX2; the registers of SSE and AVX. Then F, DQ, CD, BW and VL; the masks,
    // the upper halves of the first 16 registers, and the other 16.
    const std::vector<Bit> of_avx2 = {{&CpuFeatures::leaf1_ecx, 12}, {&CpuFeatures::leaf1_ecx, 28},
                                      {&CpuFeatures::leaf1_ecx, 29}, {&CpuFeatures::leaf7_ebx, 5},
                                      {&CpuFeatures::xcr0, 1},       {&CpuFeatures::xcr0, 2}};
    const std::vector<Bit> of_avx512bw = {
        {&CpuFeatures::leaf7_ebx, 16}, {&CpuFeatures::leaf7_ebx, 17}, {&CpuFeatures::leaf7_ebx, 28},
        {&CpuFeatures::leaf7_ebx, 30}, {&CpuFeatures::leaf7_ebx, 31}, {&CpuFeatures::xcr0, 5},
        {&CpuFeatures::xcr0, 6},       {&CpuFeatures::xcr0, 7}};
    CpuFeatures all;
    const auto flip = [&](const Bit& bit) { all.*bit.in ^= std::uint32_t{1} << bit.number; };
    std::for_each(of_avx2.begin(), of_avx2.end(), flip);
    CHECK(classify(all).avx2);
    CHECK_FALSE(classify(all).avx512bw);
    std::for_each(of_avx512bw.begin(), of_avx512bw.end(), flip);
    CHECK(classify(all).avx2);
    CHECK(classify(all).avx512bw);
    CHECK_FALSE(classify(all).splits_512_bits);
    for (const Bit& bit : of_avx2) {
        flip(bit);
        CHECK_FALSE(classify(all).avx2);
        CHECK_FALSE(classify(all).avx512bw);
        flip(bit);
    }
    for (const Bit& bit : of_avx512bw) {
        flip(bit);
        CHECK(classify(all).avx2);
        CHECK_FALSE(classify(all).avx512bw);
        flip(bit);
    }
    const auto made_by = [&](const char* vendor) {
        std::memcpy(all.vendor, vendor, sizeof all.vendor);
    };
    made_by("AuthenticAMD");
    // EAX of CPUID's leaf 1 of a Zen 4 and a Zen 3, a Zen 5, a Zen 2, and one without extended
    // family.
    struct Signature {
        std::uint32_t eax;
        bool splits;
    };
    for (const Signature& signature :
         {Signature{0x00A10F11, true}, Signature{0x00A20F10, true}, Signature{0x00B10F00, false},
          Signature{0x00830F10, false}, Signature{0x00A00E11, false}}) {
        all.signature = signature.eax;
        CHECK(classify(all).splits_512_bits == signature.splits);
    }
    all.signature = 0x00A10F11;
    CHECK(classify(all).splits_512_bits);
    CHECK_FALSE(classify(all).needs_prefetches);
    for (std::size_t i = 0; i < 12; ++i) {
        std::string other = "AuthenticAMD";
        other[i] = '?';
        made_by(other.c_str());
        CHECK_FALSE(classify(all).splits_512_bits);
    }
    made_by("GenuineIntel");
    CHECK_FALSE(classify(all).splits_512_bits);
    // EAX of Emerald Rapids of two steppings, an Ice Lake of servers, a Skylake of servers, and a
    // Sapphire Rapids.
    struct Intel {
        std::uint32_t eax;
        bool needs_prefetches;
    };
    for (const Intel& intel :
         {Intel{0x000C06F1, true}, Intel{0x000C06F2, true}, Intel{0x000606A6, false},
          Intel{0x00050654, false}, Intel{0x000806F8, true}}) {
        all.signature = intel.eax;
        CHECK(classify(all).needs_prefetches == intel.needs_prefetches);
    }
    flip(of_avx512bw.front());
    CHECK_FALSE(classify(all).needs_prefetches);
    flip(of_avx512bw.front());
    made_by("AuthenticAMD");
    CHECK_FALSE(classify(all).needs_prefetches);
    all.signature = 0x00A10F11;
    flip(of_avx512bw.front());
    CHECK_FALSE(classify(all).splits_512_bits);
}

TEST_CASE("the last-level cache is the one of the highest level that holds data", "[dispatch]") {
    using l1l2::kernels::classify;
    using l1l2::kernels::CpuFeatures;
    CpuFeatures none;
    CHECK(classify(none).last_level_cache == 0);
    // Of a Zen 4: 32 KiB of data, 32 KiB of instructions, 1 MiB, 32 MiB.
    CpuFeatures zen4;
    zen4.cache[0] = {0x00000121, 0x01C0003F, 0x3F};
    zen4.cache[1] = {0x00000122, 0x01C0003F, 0x3F};
    zen4.cache[2] = {0x00000143, 0x01C0003F, 0x7FF};
    CHECK(classify(zen4).last_level_cache == 1U << 20U);
    zen4.cache[3] = {0x0003C163, 0x03C0003F, 0x7FFF};
    CHECK(classify(zen4).last_level_cache == 32U << 20U);
    // In any order, with as many partitions as fit, and beside a larger one of instructions.
    CpuFeatures made_up;
    made_up.cache[0] = {0x00000163, 0x03C0303F, 0xFFFFF};
    made_up.cache[1] = {0x00000121, 0x01C0003F, 0x3F};
    made_up.cache[2] = {0x00000182, 0x01C0003F, 0x3F};
    CHECK(classify(made_up).last_level_cache == std::size_t{1} << 32U);
    // Each number has its own bits, whatever those beside them are: all are set where none counts.
    const auto bytes = [](std::uint32_t type, std::uint32_t level, std::uint32_t sizes) {
        CpuFeatures one;
        one.cache[0] = {0xFFFFFF00U | level << 5U | type, sizes, 0};
        return classify(one).last_level_cache;
    };
    CHECK(bytes(1, 1, 0x3F) == 64);
    CHECK(bytes(1, 4, 0x3F) == 64);
    CHECK(bytes(18, 1, 0x3F) == 64); // no type yet; 2 is instructions
    CHECK(bytes(2, 1, 0x3F) == 0);
    CHECK(bytes(3, 7, UINT32_MAX) == std::size_t{1} << 32U);
    CpuFeatures two;
    two.cache[0] = {0x00000041, 0x3F, 1};
    two.cache[1] = {0xFFFFFF21, 0x3F, 0};
    CHECK(classify(two).last_level_cache == 128);
}

TEST_CASE("a CPU runs the kernels that it can, the best first", "[dispatch]") {
    using l1l2::kernels::Cpu;
    const auto names = [](const Cpu& cpu) {
        const Tables tables = l1l2::kernels::tables_of(cpu);
        std::string text;
        for (std::size_t i = 0; i < tables.count; ++i) {
            text += std::string(tables.table[i]->name) + ' ';
        }
        return text;
    };
    Cpu cpu;
    CHECK(names(cpu) == "sse2 generic ");
    cpu.avx2 = true;
    CHECK(names(cpu) == "avx2 sse2 generic ");
    cpu.avx512bw = true;
    const std::string others = "avx2 sse2 generic ";
    CHECK(names(cpu) == "avx512bw-512 avx512bw-256 avx512bw-fetching " + others);
    cpu.splits_512_bits = true;
    CHECK(names(cpu) == "avx512bw-256 avx512bw-512 avx512bw-fetching " + others);
    cpu.splits_512_bits = false;
    cpu.needs_prefetches = true;
    CHECK(names(cpu) == "avx512bw-fetching avx512bw-512 avx512bw-256 " + others);
}
#endif

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
    if (!has({"sse2"})) {
        WARN("no /proc/cpuinfo of this CPU");
        return;
    }
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

TEST_CASE("the last-level cache is the one that Linux reports", "[isa]") {
    std::set<std::size_t> reported; // parts of a CPU may have different ones
    for (int cpu = 0; cpu < 1024; ++cpu) {
        std::size_t largest = 0;
        for (int i = 0; i < 8; ++i) {
            std::ifstream file("/sys/devices/system/cpu/cpu" + std::to_string(cpu) +
                               "/cache/index" + std::to_string(i) + "/size");
            std::size_t kibibytes = 0;
            if (file >> kibibytes) {
                largest = std::max(largest, kibibytes << 10U);
            }
        }
        reported.insert(largest);
    }
    reported.erase(0); // where there is no processor of that number
    if (reported.empty()) {
        WARN("Linux reports no caches of this CPU");
        return;
    }
    CHECK(reported.count(l1l2::kernels::classify(l1l2::kernels::detect_cpu()).last_level_cache) ==
          1);
    l1l2::kernels::chosen_table();
    CHECK(reported.count(l1l2::kernels::last_level_cache) == 1);
}

TEST_CASE("the maker and the signature of the CPU are those that Linux reports", "[isa]") {
    std::ifstream cpuinfo("/proc/cpuinfo");
    std::string line;
    std::string maker;
    unsigned family = 0;
    while (std::getline(cpuinfo, line) && !line.empty()) { // the first processor
        if (line.compare(0, 9, "vendor_id") == 0) {
            maker = line.substr(line.find(": ") + 2);
        } else if (line.compare(0, 10, "cpu family") == 0) {
            family = static_cast<unsigned>(std::stoul(line.substr(line.find(": ") + 2)));
        }
    }
    if (family == 0) {
        WARN("no /proc/cpuinfo of this CPU");
        return;
    }
    const l1l2::kernels::CpuFeatures found = l1l2::kernels::detect_cpu();
    CHECK(std::string(found.vendor, sizeof found.vendor) == maker);
    CHECK(((found.signature >> 8U) & 0xFU) + ((found.signature >> 20U) & 0xFFU) == family);
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
