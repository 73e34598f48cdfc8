/**
 * Penalties, gradients and proxes of arrays, tensors and terms.
 */
#pragma once

#include "../support/run_tasks.hpp"
#include "golden.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bits {

/// Norms to clip by: to a third, and to less than the smallest normal number.
struct Clip {
    const char* name;
    double norm;
    double max_norm;
};
constexpr Clip clips[] = {{"clip", 3.0, 1.0}, {"clip_far", 0x1p+900, 0x1p-170}};

/// fused: the penalty together with the gradient, the prox into another array. in_place: without
/// the penalty, the prox in place, at an odd address.
enum class Manner { fused, in_place };

const char* describe(Manner manner) {
    return manner == Manner::fused ? ", the gradient with the penalty" : ", the prox in place";
}

/// The results of one array or tensor after another.
struct Hashes {
    Hash penalties;
    Hash fused_penalties;
    Hash gradients;
    Hash proxes;

    void compare(Golden& golden, const Case& c, Manner manner, const std::string& way) const {
        golden.compare(c, "penalty", penalties, way);
        if (manner == Manner::fused) golden.compare(c, "penalty", fused_penalties, way);
        golden.compare(c, "add_gradient", gradients, way);
        golden.compare(c, "prox", proxes, way);
    }
};

inline void check_arrays(Golden& golden, const Case& c, Manner manner) {
    const std::string way = std::string("arrays") + describe(manner);
    const bool fused = manner == Manner::fused;
    Memory x_memory;
    Memory y_memory;
    Hashes hashes;
    for (const Handle& handle : c.handles) {
        for (const std::size_t n : c.sizes.n) {
            const Place place = contiguous(n);
            const std::size_t size = n * c.element_size();
            unsigned char* const x = x_memory.fresh(size, fused ? 0 : 1);
            unsigned char* y = y_memory.fresh(size, fused ? 32 : 3);
            c.copy_x(x, n, place);
            c.copy_gradient(y, place);
            double penalty = -1.0;
            double fused_penalty = -1.0;
            golden.expect_ok(l1l2_penalty(handle.get(), c.format.dtype, x, n, &penalty), way);
            golden.expect_ok(l1l2_add_gradient(handle.get(), c.format.dtype, x, n, scale, y,
                                               fused ? &fused_penalty : nullptr),
                             way);
            hashes.penalties.add(penalty);
            hashes.fused_penalties.add(fused_penalty);
            add_elements(hashes.gradients, c.format, y, place);
            y = fused ? y_memory.fresh(size, 32) : x;
            golden.expect_ok(l1l2_prox(handle.get(), c.format.dtype, x, n, step, y), way);
            add_elements(hashes.proxes, c.format, y, place);
        }
    }
    hashes.compare(golden, c, manner, way);
}

/// Proximal gradient steps, with one step for all elements or one for each.
inline void check_steps(Golden& golden, const Case& c, Manner manner) {
    const std::string way = std::string("arrays") + describe(manner);
    const bool fused = manner == Manner::fused;
    Memory x_memory;
    Memory gradient_memory;
    Memory steps_memory;
    Memory out_memory;
    Hash of_all;
    Hash of_each;
    for (const Handle& handle : c.handles) {
        for (const std::size_t n : c.sizes.n) {
            const Place place = contiguous(n);
            const std::size_t size = n * c.element_size();
            unsigned char* const gradient = gradient_memory.fresh(size, fused ? 32 : 5);
            unsigned char* const steps = steps_memory.fresh(n * c.step_size(), fused ? 0 : 7);
            c.copy_gradient(gradient, place);
            c.copy_steps(steps, n);
            for (const bool each : {false, true}) {
                unsigned char* const x = x_memory.fresh(size, fused ? 0 : 1);
                unsigned char* const out = fused ? out_memory.fresh(size, 32) : x;
                c.copy_x(x, n, place);
                golden.expect_ok(l1l2_prox_step(handle.get(), c.format.dtype, x, n, gradient, step,
                                                each ? steps : nullptr, out),
                                 way);
                add_elements(each ? of_each : of_all, c.format, out, place);
            }
        }
    }
    golden.compare(c, "prox_step", of_all, way);
    golden.compare(c, "prox_step_of_each", of_each, way);
}

/// The struct DLTensor of dlpack.h, which not every system has.
struct DLTensor {
    void* data;
    std::int32_t device_type;
    std::int32_t device_id;
    std::int32_t ndim;
    std::uint8_t dtype_code;
    std::uint8_t dtype_bits;
    std::uint16_t dtype_lanes;
    std::int64_t* shape;
    std::int64_t* strides;
    std::uint64_t byte_offset;
};

/// A tensor of two axes, and the places of its elements in the order in which they are summed.
struct Layout {
    Place place;
    std::int64_t shape[2];
    std::int64_t strides[2];
    std::size_t first; ///< the place of the element of index (0, 0)

    std::size_t extent() const {
        return place.rows * place.columns == 0
                   ? 0
                   : (place.rows - 1) * place.row + (place.columns - 1) * place.column + 1;
    }

    DLTensor tensor(const Format& format, unsigned char* memory) {
        constexpr std::int32_t cpu = 1;
        return {memory,
                cpu,
                0,
                2,
                format.dlpack_code,
                static_cast<std::uint8_t>(format.bits),
                1,
                shape,
                strides,
                std::uint64_t{first} * format.bits / 8};
    }
};

enum class View { transposed, flipped, strided, broadcast };
constexpr const char* view_names[] = {"transposed", "flipped", "strided", "broadcast"};

struct Layouts {
    Layout x;
    Layout y; ///< of what is written
};

/// Views of n elements that the library has to walk in the order of an array.
inline Layouts layouts(View view, const Case& c, std::size_t n) {
    std::size_t rows = 1;
    for (const std::size_t divisor : {2U, 3U, 5U, 7U}) {
        if (n % divisor == 0) rows = divisor;
    }
    if (view == View::broadcast) rows = c.repetitions(n);
    const std::size_t columns = n / rows;
    const auto r = static_cast<std::int64_t>(rows);
    const auto k = static_cast<std::int64_t>(columns);
    const Layout compact = {{rows, columns, columns, 1}, {r, k}, {k, 1}, 0};
    switch (view) {
    case View::transposed: {
        const Layout layout = {compact.place, {k, r}, {1, k}, 0};
        return {layout, layout};
    }
    case View::flipped: {
        const Layout layout = {compact.place, {r, k}, {-k, -1}, n > 0 ? n - 1 : 0};
        return {layout, layout};
    }
    case View::strided:
        return {{{rows, columns, 3 * columns + 5, 3}, {r, k}, {3 * k + 5, 3}, 0},
                {{rows, columns, 1, rows}, {r, k}, {1, r}, 0}};
    default: return {{{rows, columns, 0, 1}, {r, k}, {0, 1}, 0}, compact};
    }
}

inline void check_tensors(Golden& golden, const Case& c, View view, Manner manner) {
    const std::string way =
        std::string(view_names[static_cast<int>(view)]) + " tensors" + describe(manner);
    const bool fused = manner == Manner::fused;
    Memory x_memory;
    Memory y_memory;
    Hashes hashes;
    for (const Handle& handle : c.handles) {
        for (const std::size_t n : c.sizes.n) {
            Layouts at = layouts(view, c, n);
            unsigned char* const x = x_memory.fresh(at.x.extent() * c.element_size(), 1);
            unsigned char* y = y_memory.fresh(at.y.extent() * c.element_size(), 0);
            c.copy_x(x, n, at.x.place);
            c.copy_gradient(y, at.y.place);
            const DLTensor x_tensor = at.x.tensor(c.format, x);
            DLTensor y_tensor = at.y.tensor(c.format, y);
            double penalty = -1.0;
            double fused_penalty = -1.0;
            golden.expect_ok(l1l2_penalty_dlpack(handle.get(), &x_tensor, &penalty), way);
            golden.expect_ok(l1l2_add_gradient_dlpack(handle.get(), &x_tensor, scale, &y_tensor,
                                                      fused ? &fused_penalty : nullptr),
                             way);
            hashes.penalties.add(penalty);
            hashes.fused_penalties.add(fused_penalty);
            add_elements(hashes.gradients, c.format, y, at.y.place);
            y = fused ? y_memory.fresh(at.y.extent() * c.element_size(), 0) : x;
            y_tensor = fused ? at.y.tensor(c.format, y) : x_tensor;
            golden.expect_ok(l1l2_prox_dlpack(handle.get(), &x_tensor, step, &y_tensor), way);
            add_elements(hashes.proxes, c.format, y, fused ? at.y.place : at.x.place);
        }
    }
    hashes.compare(golden, c, manner, way);
}

/// All sizes with all coefficients, over copies of the elements.
inline std::vector<l1l2_term> make_terms(const Case& c, Memory& x_memory, Memory& y_memory) {
    std::size_t size = 0;
    for (const std::size_t n : c.sizes.n) {
        size += n * c.element_size() + 1; // the next one is at an odd address
    }
    unsigned char* y = y_memory.fresh(size * c.handles.size(), 0);
    unsigned char* const all_x = x_memory.fresh(size, 0);
    std::vector<l1l2_term> terms;
    for (const auto& handle : c.handles) {
        unsigned char* x = all_x;
        for (const std::size_t n : c.sizes.n) {
            l1l2_term term = {};
            term.regularizer = handle.get();
            term.x = x;
            term.n = n;
            term.gradient = y;
            term.out = y;
            term.dtype = c.format.dtype;
            terms.push_back(term);
            c.copy_x(x, n, contiguous(n));
            c.copy_gradient(y, contiguous(n));
            x += n * c.element_size() + 1;
            y += n * c.element_size() + 1;
        }
    }
    return terms;
}

inline void compare_penalties(Golden& golden, const Case& c, const std::string& way,
                              const std::vector<double>& penalties, const double& total) {
    Hash hash;
    for (const double& penalty : penalties) {
        hash.add(penalty);
    }
    golden.compare(c, "penalty", hash, way);
    Hash total_hash;
    total_hash.add(total);
    golden.compare(c, "total", total_hash, way);
}

inline void compare_written(Golden& golden, const Case& c, const std::string& way,
                            const char* operation, const std::vector<l1l2_term>& terms) {
    Hash hash;
    for (const l1l2_term& term : terms) {
        add_elements(hash, c.format, static_cast<const unsigned char*>(term.out),
                     contiguous(term.n));
    }
    golden.compare(c, operation, hash, way);
}

/// Steps of all terms, into their gradients, and their clips.
inline void check_terms_steps(Golden& golden, const Case& c, std::size_t threads) {
    const std::string way = "terms on " + std::to_string(threads) + " threads";
    const l1l2_runner runner = threads > 0 ? run_on_threads : nullptr;
    Memory x_memory;
    Memory y_memory;
    Memory steps_memory;
    unsigned char* const steps = steps_memory.fresh(c.sizes.n.back() * c.step_size(), 0);
    c.copy_steps(steps, c.sizes.n.back());
    for (const bool each : {false, true}) {
        std::vector<l1l2_term> terms = make_terms(c, x_memory, y_memory);
        for (l1l2_term& term : terms) {
            term.steps = each ? steps : nullptr;
        }
        golden.expect_ok(l1l2_prox_step_terms(terms.data(), sizeof(l1l2_term), terms.size(), step,
                                              runner, &threads, nullptr),
                         way);
        compare_written(golden, c, way, each ? "prox_step_of_each" : "prox_step", terms);
    }
    const std::vector<l1l2_term> terms = make_terms(c, x_memory, y_memory);
    for (const Clip& clip : clips) {
        golden.expect_ok(l1l2_clip_by_norm_terms(terms.data(), sizeof(l1l2_term), terms.size(),
                                                 clip.norm, clip.max_norm, runner, &threads,
                                                 nullptr),
                         way);
        compare_written(golden, c, way, clip.name, terms);
    }
}

/// All terms in one call; 0 threads means the calling one.
inline void check_terms(Golden& golden, const Case& c, std::size_t threads) {
    const std::string way = "terms on " + std::to_string(threads) + " threads";
    const l1l2_runner runner = threads > 0 ? run_on_threads : nullptr;
    Memory x_memory;
    Memory y_memory;
    const std::vector<l1l2_term> terms = make_terms(c, x_memory, y_memory);
    std::vector<double> penalties(terms.size(), -1.0);
    double total = -1.0;
    golden.expect_ok(l1l2_penalty_terms(terms.data(), sizeof(l1l2_term), terms.size(), runner,
                                        &threads, penalties.data(), &total, nullptr),
                     way);
    compare_penalties(golden, c, way, penalties, total);
    std::fill(penalties.begin(), penalties.end(), -1.0);
    golden.expect_ok(l1l2_add_gradient_terms(terms.data(), sizeof(l1l2_term), terms.size(), scale,
                                             runner, &threads, penalties.data(), &total, nullptr),
                     way);
    compare_penalties(golden, c, way, penalties, total);
    compare_written(golden, c, way, "add_gradient", terms);
    golden.expect_ok(l1l2_prox_terms(terms.data(), sizeof(l1l2_term), terms.size(), step, runner,
                                     &threads, nullptr),
                     way);
    compare_written(golden, c, way, "prox", terms);
    check_terms_steps(golden, c, threads);
}

} // namespace bits
