// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "tasks.hpp"

#include <algorithm>

namespace l1l2::core {

namespace {

/// 64 Ki elements take some ten microseconds, beside which handing a task to a thread is cheap.
constexpr std::size_t task_blocks = 16;
constexpr std::size_t task_terms = 64;

} // namespace

bool Plan::add(std::size_t n) {
    const std::size_t blocks = count_blocks(n);
    const bool added =
        terms() < max_terms && (blocks < 2 * task_blocks ? add_whole(n) : add_pieces(blocks));
    end_term += added ? 1 : 0;
    return added;
}

bool Plan::add_whole(std::size_t n) {
    const bool joins = tasks > 0 && task[tasks - 1].blocks == 0 &&
                       task[tasks - 1].terms < task_terms &&
                       joined_elements_ + n <= task_blocks * kernels::block_elements;
    if (!joins) {
        if (tasks == max_tasks) {
            return false;
        }
        task[tasks++] = {end_term, 0, 0, 0};
        joined_elements_ = 0;
    }
    ++task[tasks - 1].terms;
    joined_elements_ += n;
    return true;
}

bool Plan::add_pieces(std::size_t blocks) {
    // Of a power of two, so that each piece is a node of the tree.
    std::size_t piece = task_blocks;
    while ((blocks - 1) / piece + 1 > max_tasks) {
        piece *= 2;
    }
    const std::size_t pieces = (blocks - 1) / piece + 1;
    if (pieces > max_tasks - tasks) {
        return false;
    }
    for (std::size_t i = 0; i < pieces; ++i) {
        task[tasks++] = {end_term, 1, i * piece, std::min(piece, blocks - i * piece)};
    }
    return true;
}

} // namespace l1l2::core
