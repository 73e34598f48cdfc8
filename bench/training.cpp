#include "benchmarks.hpp"
#include "measure.hpp"
#include "peers.hpp"
#include "roofs.hpp"

namespace {

void add_roofs(const Operation& operation, const std::vector<roofs::Loop>& loops) {
    const std::size_t bytes = operation.n * operation.type.bytes;
    for (const roofs::Loop& loop : loops) {
        add(operation, std::string("roof ") + loop.name,
            [=](const Job& job) { return loop.run(job.x, job.y, bytes); });
    }
}

using PeerOperation = double (*peers::Peer::*)(const Job&);

void add_peers(const Operation& operation, PeerOperation run) {
    for (const peers::Peer& peer : peers::all(operation.type.dtype)) {
        if (peer.*run != nullptr && operation.n <= peer.largest) {
            add(operation, peer.name, peer.*run);
        }
    }
}

double gradient(const Job& job) {
    expect_ok(
        l1l2_add_gradient(job.regularizer, job.dtype, job.x, job.n, job.scale, job.y, nullptr));
    return 0.0;
}

double fused(const Job& job) {
    double penalty = 0.0;
    expect_ok(
        l1l2_add_gradient(job.regularizer, job.dtype, job.x, job.n, job.scale, job.y, &penalty));
    return penalty;
}

double prox(const Job& job) {
    expect_ok(l1l2_prox(job.regularizer, job.dtype, job.x, job.n, prox_step, job.y));
    return 0.0;
}

double step(const Job& job) {
    expect_ok(l1l2_prox_step(job.regularizer, job.dtype, job.y, job.n, job.x, prox_step, job.steps,
                             job.y));
    return 0.0;
}

double clip(const Job& job) {
    l1l2_term term = {};
    term.x = job.x;
    term.n = job.n;
    term.out = job.y;
    term.dtype = job.dtype;
    expect_ok(l1l2_clip_by_norm_terms(&term, sizeof term, 1, clipped_norm, max_norm, nullptr,
                                      nullptr, nullptr));
    return 0.0;
}

void add_clips(const ElementType& type, std::size_t n) {
    const std::size_t bytes = n * type.bytes;
    Operation in_place = {"clip", type, n, 2 * bytes};
    in_place.in_place = true;
    add_roofs(in_place, roofs::update());
    add(in_place, "l1l2", [](const Job& job) { return clip(job); });

    const Operation elsewhere = {"clip to another array", type, n, 2 * bytes};
    add_roofs(elsewhere, roofs::copy());
    add(elsewhere, "l1l2", [](const Job& job) { return clip(job); });
}

/// A step reads x and the gradient and writes x, as a gradient does: job.y is x, job.x the
/// gradient.
void add_steps(const ElementType& type, std::size_t n) {
    const std::size_t bytes = n * type.bytes;
    const Operation one = {"prox step", type, n, 3 * bytes};
    add_roofs(one, roofs::read_and_update());
    add(one, "l1l2", [](const Job& job) { return step(job); });
    add_peers(one, &peers::Peer::step);

    const std::size_t ratio = step_bytes(type) / type.bytes;
    Operation each = {"prox step of each element", type, n, (3 + ratio) * bytes};
    each.with_steps = true;
    for (const roofs::SteppedLoop& loop : roofs::read_steps_and_update()) {
        add(each, std::string("roof ") + loop.name,
            [=](const Job& job) { return loop.run(job.x, job.steps, ratio, job.y, bytes); });
    }
    add(each, "l1l2", [](const Job& job) { return step(job); });
}

} // namespace

void add_training(const ElementType& type) {
    for (const std::size_t n : sizes()) {
        const std::size_t bytes = n * type.bytes;

        // Reads x and the gradient and writes the gradient; the penalty adds nothing to that.
        const Operation gradient_only = {"gradient", type, n, 3 * bytes};
        add_roofs(gradient_only, roofs::read_and_update());
        add(gradient_only, "l1l2", [](const Job& job) { return gradient(job); });
        add_peers(gradient_only, &peers::Peer::gradient);

        const Operation with_penalty = {"fused", type, n, 3 * bytes};
        add(with_penalty, "l1l2", [](const Job& job) { return fused(job); });
        add_peers(with_penalty, &peers::Peer::fused);

        Operation in_place = {"prox", type, n, 2 * bytes};
        in_place.in_place = true;
        add_roofs(in_place, roofs::update());
        add(in_place, "l1l2", [](const Job& job) { return prox(job); });
        add_peers(in_place, &peers::Peer::prox);

        const Operation elsewhere = {"prox to another array", type, n, 2 * bytes};
        add_roofs(elsewhere, roofs::copy());
        add(elsewhere, "l1l2", [](const Job& job) { return prox(job); });
        add_peers(elsewhere, &peers::Peer::prox);

        add_steps(type, n);
        add_clips(type, n);
    }
}
