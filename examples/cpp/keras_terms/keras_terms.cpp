// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * Loads a Keras model and takes a step down its regularization loss.
 *
 *     keras_terms MODEL [WEIGHTS]
 */
#include <l1l2_keras.hpp>

#include <cstdio>
#include <cstring>
#include <vector>

namespace keras = l1l2::keras;

int main(int argc, char** argv) {
    if (argc < 2 || argc > 3) {
        std::fprintf(stderr, "usage: keras_terms MODEL [WEIGHTS]\n");
        return 2;
    }
    try {
        const keras::Model model = keras::load(argv[1], argc > 2 ? argv[2] : "");
        std::vector<l1l2_term> terms = keras::counted_terms(model);

        // A gradient for each term. A network would add those of its own loss here.
        std::vector<std::vector<std::byte>> gradients;
        for (const keras::Term& term : model.terms) {
            if (term.status == keras::Status::counted) {
                gradients.emplace_back(term.data.size());
                terms[gradients.size() - 1].gradient = gradients.back().data();
            }
        }
        const double loss = l1l2::penalty_and_add_gradient_terms(terms);

        // The next weights: a step against the gradients, into copies of the model's.
        std::vector<std::vector<std::byte>> next;
        for (l1l2_term& term : terms) {
            const auto* x = static_cast<const std::byte*>(term.x);
            next.emplace_back(x, x + gradients[next.size()].size());
            term.gradient = next.back().data();
        }
        l1l2::add_gradient_terms(terms, -0.1);
        for (std::size_t i = 0; i < terms.size(); ++i) {
            terms[i].x = next[i].data();
            terms[i].gradient = nullptr;
        }
        std::printf("%s: %zu terms, loss %.17g, after a step %.17g%s\n", model.writer.c_str(),
                    terms.size(), loss, l1l2::penalty_terms(terms),
                    model.complete() ? "" : " (partial)");
    } catch (const std::exception& error) {
        std::fprintf(stderr, "keras_terms: %s\n", error.what());
        return 1;
    }
}
