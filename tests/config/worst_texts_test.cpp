/// The cost of the worst texts. linear_cost.sh counts their instructions; this is the second net.
#include "catch.hpp"
#include "config.hpp"
#include "worst_texts.hpp"

#include <ctime>

namespace {

/// The CPU time that it takes to read or refuse a text.
double milliseconds(const std::string& json) {
    const std::clock_t start = std::clock();
    (void)l1l2::core::parse_config(json);
    return 1000.0 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

} // namespace

TEST_CASE("no text of the permitted length takes long", "[config]") {
    for (const WorstText& text : worst_texts()) {
        const std::string json = text.of(l1l2::core::max_json_length);
        INFO(text.name);
        CHECK(json.size() <= l1l2::core::max_json_length);
        CHECK(json.size() > l1l2::core::max_json_length - 310);
        // A hundred times what the slowest of them takes.
        CHECK(milliseconds(json) < 300.0);
    }
}
