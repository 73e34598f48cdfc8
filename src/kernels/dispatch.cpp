#include "dispatch.hpp"

#include "cpu.hpp"

#include <cstdlib>
#include <cstring>

namespace l1l2::kernels {

Tables runnable_tables() {
    return tables_of(classify(ask_cpu()));
}

Tables tables_of([[maybe_unused]] const Cpu& cpu) {
    Tables tables = {};
    const auto add = [&tables](const KernelTable& table) { tables.table[tables.count++] = &table; };
#if defined(L1L2_X86_64_KERNELS)
    if (cpu.avx512bw) {
        add(cpu.splits_512_bits ? avx512bw_256 : avx512bw);
        add(cpu.splits_512_bits ? avx512bw : avx512bw_256);
    }
    if (cpu.avx2) {
        add(avx2);
    }
    add(sse2);
#elif defined(L1L2_AARCH64_KERNELS)
    add(neon64);
#endif
    add(generic);
    return tables;
}

const KernelTable& choose(const Tables& tables, const char* wanted) {
    for (std::size_t i = 0; wanted != nullptr && i < tables.count; ++i) {
        if (std::strcmp(tables.table[i]->isa, wanted) == 0) {
            return *tables.table[i];
        }
    }
    return *tables.table[0];
}

std::atomic<const KernelTable*> chosen{nullptr};

[[gnu::cold]] const KernelTable& choose_once() {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): a host that sets variables meanwhile must know that.
    const char* const wanted = std::getenv("L1L2_ISA");
    const KernelTable* const table = &choose(runnable_tables(), wanted);
    // Threads that come first together find the same table, unless the host changes the environment
    // meanwhile; then the first answer counts for all.
    const KernelTable* expected = nullptr;
    return chosen.compare_exchange_strong(expected, table, std::memory_order_relaxed) ? *table
                                                                                      : *expected;
}

} // namespace l1l2::kernels
