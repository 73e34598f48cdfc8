/// How terms are cut into tasks, and how the sums of pieces are combined.
#include "catch.hpp"
#include "data.hpp"
#include "tasks.hpp"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

using l1l2::core::combine;
using l1l2::core::count_blocks;
using l1l2::core::cut;
using l1l2::core::Plan;
using l1l2::core::reduce_tree;
using l1l2::core::Task;
using l1l2::kernels::Sums;

namespace {

using Sizes = std::vector<std::size_t>;

constexpr std::size_t block = 4096;
constexpr std::size_t large = 32 * block - 4095; // the least that is cut

std::vector<Plan> plans_of(const Sizes& sizes) {
    std::vector<Plan> plans;
    for (std::size_t first = 0; first < sizes.size(); first = plans.back().end_term) {
        plans.push_back(cut(first, sizes.size(), [&](std::size_t i) { return sizes[i]; }));
        if (plans.back().terms() == 0) {
            FAIL("a plan of no terms");
        }
    }
    return plans;
}

/// Empty if each term is in one task, or all its blocks in some, in their order.
std::string mistake(const Sizes& sizes) {
    std::size_t term = 0;
    std::size_t done = 0; // blocks of the term
    for (const Plan& plan : plans_of(sizes)) {
        if (plan.first_term != term || plan.tasks == 0 || plan.tasks > Plan::max_tasks) {
            return "a plan that begins at " + std::to_string(plan.first_term);
        }
        for (std::size_t i = 0; i < plan.tasks; ++i) {
            const Task& task = plan.task[i];
            if (task.first_term != term || task.first_block != done || task.terms == 0) {
                return "task " + std::to_string(i);
            }
            done += task.blocks;
            const bool whole = task.blocks == 0;
            if (whole || done == count_blocks(sizes[term])) {
                term += task.terms;
                done = 0;
            }
        }
        if (plan.end_term != term || done != 0) {
            return "a plan that ends at " + std::to_string(plan.end_term);
        }
    }
    return term == sizes.size() ? "" : "terms that are left out";
}

Sizes random_sizes(std::mt19937_64& random) {
    Sizes sizes(random() % 3000);
    const std::size_t some[] = {0, 1, 100, block, 65536, large - 1, large, 1000003, 1U << 25U};
    const std::size_t few = 1 + random() % 200;
    for (std::size_t& size : sizes) {
        size = random() % few == 0 ? some[random() % std::size(some)] : random() % 100;
    }
    return sizes;
}

/// Sums that show in which order they were added.
Sums leaf(std::size_t term, std::size_t i) {
    const double x = 1.0 / static_cast<double>(1 + term * 1000 + i);
    return {x, x * x};
}

} // namespace

TEST_CASE("a block that is not full counts as one", "[terms]") {
    CHECK(count_blocks(0) == 0);
    CHECK(count_blocks(1) == 1);
    CHECK(count_blocks(block) == 1);
    CHECK(count_blocks(block + 1) == 2);
    CHECK(count_blocks(2 * block - 1) == 2);
}

TEST_CASE("every term is cut into tasks once, all its blocks in their order", "[terms]") {
    std::mt19937_64 random(1);
    for (int i = 0; i < 300; ++i) {
        const Sizes sizes = random_sizes(random);
        INFO(sizes.size() << " terms, number " << i);
        CHECK(mistake(sizes) == "");
    }
    CHECK(mistake(Sizes(3000, 0)) == "");
    CHECK(mistake(Sizes(300, large)) == "");
    CHECK(mistake({std::size_t{1} << 40U, 1, std::size_t{1} << 40U}) == "");
}

TEST_CASE("no terms are no tasks", "[terms]") {
    const Plan plan = cut(5, 5, [](std::size_t) { return std::size_t{1}; });
    CHECK(plan.tasks == 0);
    CHECK(plan.terms() == 0);
}

TEST_CASE("small terms share a task until that has 64 of them or 65,536 elements", "[terms]") {
    const auto terms_of_tasks = [](const Sizes& sizes) {
        Sizes terms;
        const Plan plan = cut(0, sizes.size(), [&](std::size_t i) { return sizes[i]; });
        for (std::size_t i = 0; i < plan.tasks; ++i) {
            terms.push_back(plan.task[i].terms);
        }
        return terms;
    };
    CHECK(terms_of_tasks(Sizes(130, 10)) == Sizes{64, 64, 2});
    CHECK(terms_of_tasks({30000, 35536, 1, 65536, 65537, 0}) == Sizes{2, 1, 1, 1, 1});
    CHECK(terms_of_tasks({large - 1, 1}) == Sizes{1, 1});
    CHECK(terms_of_tasks({65536, 1, 1}) == Sizes{1, 2});
    CHECK(terms_of_tasks({1, large, 1}) == Sizes{1, 1, 1, 1}); // between them, two pieces
}

TEST_CASE("the pieces of a large term are alike, and no more than fit a plan", "[terms]") {
    for (const std::size_t blocks : {32U, 33U, 4096U, 4097U, 10000U, 1U << 20U, (1U << 20U) + 1U}) {
        INFO(blocks << " blocks");
        const Plan plan = cut(0, 1, [&](std::size_t) { return blocks * block; });
        const std::size_t piece = plan.task[0].blocks;
        CHECK(plan.tasks == (blocks - 1) / piece + 1);
        CHECK(plan.tasks <= Plan::max_tasks);
        CHECK((piece & (piece - 1)) == 0);
        CHECK((piece == 16 || plan.tasks > Plan::max_tasks / 2));
        for (std::size_t i = 0; i < plan.tasks; ++i) {
            CHECK(plan.task[i].blocks == std::min(piece, blocks - i * piece));
        }
    }
}

TEST_CASE("the sums of pieces are combined to those of the whole term", "[terms]") {
    std::mt19937_64 random(2);
    Sizes sizes = {large, 5, 100 * block + 1, 1000 * block, 0, 0, 5000 * block + 7, large};
    for (int i = 0; i < 20; ++i) {
        sizes.push_back(large + random() % (300 * block));
    }
    Sizes combined;
    for (Plan& plan : plans_of(sizes)) {
        // What stands behind the last task is not read.
        std::fill(plan.task + plan.tasks, std::end(plan.task), plan.task[plan.tasks - 1]);
        std::vector<Sums> sums(plan.tasks + 1, Sums{-1.0, -1.0});
        for (std::size_t i = 0; i < plan.tasks; ++i) {
            const Task& task = plan.task[i];
            if (task.blocks != 0) {
                sums[i] = reduce_tree(task.blocks, [&](std::size_t b) {
                    return leaf(task.first_term, task.first_block + b);
                });
            }
        }
        combine(plan, sums.data(), [&](std::size_t term, const Sums& result) {
            combined.push_back(term);
            const Sums expected = reduce_tree(count_blocks(sizes[term]),
                                              [&](std::size_t b) { return leaf(term, b); });
            CHECK(to_bits(result.absolute) == to_bits(expected.absolute));
            CHECK(to_bits(result.square) == to_bits(expected.square));
        });
    }
    Sizes expected;
    for (std::size_t term = 0; term < sizes.size(); ++term) {
        if (sizes[term] >= large) {
            expected.push_back(term);
        }
    }
    CHECK(combined == expected);
}
