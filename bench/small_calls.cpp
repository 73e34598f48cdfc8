#include "benchmarks.hpp"
#include "measure.hpp"

namespace {

Operation operation_of(std::size_t n) {
    const ElementType& type = element_types[0];
    return {"small call", type, n, n * type.bytes};
}

} // namespace

void add_small_calls() {
    for (const std::size_t n : {0, 16}) {
        add(operation_of(n), "l1l2", [](const Job& job) { return call_penalty(job); });
        add(operation_of(n), "empty call",
            [](const Job& /*job*/) { return static_cast<double>(l1l2_version_number()); });
    }
}
