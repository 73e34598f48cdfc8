#include "benchmarks.hpp"
#include "measure.hpp"
#include "peers.hpp"

#include <array>
#include <memory>
#include <vector>

namespace {

constexpr std::size_t tensors = 2000;
constexpr std::size_t tensor_elements = 64;
constexpr std::size_t all_elements = tensors * tensor_elements;
constexpr const ElementType& type = element_types[0];

/// A model of many small tensors, each with memory of its own, and its gradients.
class Model {
  public:
    Model() : regularizer_(l1, l2) {
        for (std::size_t i = 0; i < tensors; ++i) {
            weights_.emplace_back(tensor_elements);
            gradients_.emplace_back(tensor_elements);
            fill(type.dtype, 0.1, weights_.back().data(), tensor_elements);
            fill(type.dtype, 0.1, gradients_.back().data(), tensor_elements);
            l1l2_term term = {};
            term.regularizer = regularizer_.get();
            term.x = weights_.back().data();
            term.n = tensor_elements;
            term.gradient = gradients_.back().data();
            term.dtype = type.dtype;
            terms_.push_back(term);
        }
    }

    const std::vector<l1l2_term>& terms() const { return terms_; }

    Job job(std::size_t i, double scale) const {
        const l1l2_term& term = terms_[i];
        return {term.regularizer, l1, l2, term.dtype, term.x, term.n, term.gradient, scale};
    }

  private:
    Regularizer regularizer_;
    std::vector<std::vector<float>> weights_;
    std::vector<std::vector<float>> gradients_;
    std::vector<l1l2_term> terms_;
};

template <class Call>
double sum_over(const Model& model, double scale, const Call& call) {
    double total = 0.0;
    for (std::size_t i = 0; i < tensors; ++i) {
        total += call(model.job(i, scale));
    }
    return total;
}

double penalty(const Job& job) {
    double penalty = 0.0;
    expect_ok(l1l2_penalty(job.regularizer, job.dtype, job.x, job.n, &penalty));
    return penalty;
}

double fused(const Job& job) {
    double penalty = 0.0;
    expect_ok(
        l1l2_add_gradient(job.regularizer, job.dtype, job.x, job.n, job.scale, job.y, &penalty));
    return penalty;
}

void add_penalty(const std::shared_ptr<const Model>& model) {
    const Operation operation = {"penalty of a list", type, all_elements,
                                 all_elements * type.bytes};
    add(operation, "l1l2", [=](const Job& /*job*/) {
        double total = 0.0;
        expect_ok(l1l2_penalty_terms(model->terms().data(), sizeof(l1l2_term), tensors, nullptr,
                                     nullptr, nullptr, &total, nullptr));
        return total;
    });
    add(operation, "l1l2, a call for each",
        [=](const Job& job) { return sum_over(*model, job.scale, penalty); });
    add(operation, "l1l2, one tensor", penalty);
    for (const peers::Peer& peer : peers::eigen(type.dtype)) {
        if (peer.penalty != nullptr) {
            add(operation, peer.name,
                [=](const Job& job) { return sum_over(*model, job.scale, peer.penalty); });
        }
    }
}

void add_fused(const std::shared_ptr<const Model>& model) {
    const Operation operation = {"fused of a list", type, all_elements,
                                 3 * all_elements * type.bytes};
    add(operation, "l1l2", [=](const Job& job) {
        double total = 0.0;
        expect_ok(l1l2_add_gradient_terms(model->terms().data(), sizeof(l1l2_term), tensors,
                                          job.scale, nullptr, nullptr, nullptr, &total, nullptr));
        return total;
    });
    add(operation, "l1l2, a call for each",
        [=](const Job& job) { return sum_over(*model, job.scale, fused); });
    add(operation, "l1l2, one tensor", fused);
    for (const peers::Peer& peer : peers::eigen(type.dtype)) {
        if (peer.fused != nullptr) {
            add(operation, peer.name,
                [=](const Job& job) { return sum_over(*model, job.scale, peer.fused); });
        }
    }
}

constexpr std::size_t large_tensors = 20;
constexpr std::size_t large_tensor_elements = std::size_t{1} << 20;

/// The job's arrays as a list of large tensors.
std::array<l1l2_term, large_tensors> large_terms(const Job& job) {
    std::array<l1l2_term, large_tensors> terms = {};
    for (std::size_t i = 0; i < large_tensors; ++i) {
        const std::size_t first = i * large_tensor_elements;
        terms[i].regularizer = job.regularizer;
        terms[i].x = static_cast<const float*>(job.x) + first;
        terms[i].n = large_tensor_elements;
        terms[i].gradient = static_cast<float*>(job.y) + first;
        terms[i].dtype = job.dtype;
    }
    return terms;
}

void add_large_tensors() {
    constexpr std::size_t n = large_tensors * large_tensor_elements;
    const Operation of_penalty = {"penalty of a list of 20", type, n, n * type.bytes};
    add(of_penalty, "l1l2", [](const Job& job) {
        const auto terms = large_terms(job);
        double total = 0.0;
        expect_ok(l1l2_penalty_terms(terms.data(), sizeof(l1l2_term), terms.size(), nullptr,
                                     nullptr, nullptr, &total, nullptr));
        return total;
    });
    add(of_penalty, "l1l2, one tensor", penalty);
    const Operation with_gradients = {"fused of a list of 20", type, n, 3 * n * type.bytes};
    add(with_gradients, "l1l2", [](const Job& job) {
        const auto terms = large_terms(job);
        double total = 0.0;
        expect_ok(l1l2_add_gradient_terms(terms.data(), sizeof(l1l2_term), terms.size(), job.scale,
                                          nullptr, nullptr, nullptr, &total, nullptr));
        return total;
    });
    add(with_gradients, "l1l2, one tensor", fused);
}

} // namespace

void add_lists() {
    if (large_tensors * large_tensor_elements <= largest_size()) {
        add_large_tensors();
    }
    if (all_elements > largest_size()) {
        return;
    }
    const auto model = std::make_shared<const Model>();
    add_penalty(model);
    add_fused(model);
}
