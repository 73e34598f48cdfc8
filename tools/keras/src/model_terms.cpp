// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "model_terms.hpp"

#include <algorithm>
#include <numeric>

namespace l1l2::keras {
namespace {

using nlohmann::json;

/// The class of a regularizer as the file has it: a name, a function, an object with class_name.
std::string class_of(const json& regularizer) {
    if (regularizer.is_string()) {
        return regularizer;
    }
    const json* name = &regularizer;
    if (regularizer.is_object() && regularizer.contains("class_name")) {
        name = &regularizer["class_name"];
        // Keras 3 writes a function as one of a class "function", with its name as config.
        if (*name == "function" && regularizer.contains("config")) {
            name = &regularizer["config"];
        }
    }
    return name->is_string() ? name->get<std::string>() : "";
}

/// Sets the regularizer of a term, or why it has none.
void set_regularizer(Term& term, const json& regularizer) {
    term.class_name = class_of(regularizer);
    try {
        term.regularizer = Regularizer::from_json(regularizer.dump());
        return;
    } catch (const Error& error) {
        if (term.status == Status::counted || term.status == Status::frozen) {
            const bool other = error.status() == L1L2_ERROR_UNKNOWN_CONFIG;
            term.status = term.status == Status::frozen ? Status::frozen
                          : other                       ? Status::not_l1l2
                                                        : Status::unknown;
        }
        term.reason = error.what();
    }
}

bool fits(const std::vector<std::size_t>& shape, const std::optional<Pattern>& pattern) {
    return !pattern || std::equal(shape.begin(), shape.end(), pattern->begin(), pattern->end(),
                                  [](std::size_t extent, std::int64_t expected) {
                                      return expected < 0 ||
                                             extent == static_cast<std::size_t>(expected);
                                  });
}

std::string text_of(const std::vector<std::size_t>& shape) {
    std::string text;
    for (const std::size_t extent : shape) {
        text += (text.empty() ? "" : "x") + std::to_string(extent);
    }
    return text.empty() ? "scalar" : text;
}

std::string text_of(const Pattern& pattern) {
    std::string text;
    for (const std::int64_t extent : pattern) {
        text += (text.empty() ? "" : "x") + (extent < 0 ? "?" : std::to_string(extent));
    }
    return text;
}

class Terms {
  public:
    explicit Terms(const Weights& weights) : weights_(weights) {}

    void add(const Layer& layer, const std::string& path) {
        for (const Variable& variable : layer.variables) {
            if (!variable.regularizer.is_null()) {
                add_variable(layer, variable, path);
            }
        }
        for (const Remark& remark : layer.remarks) {
            add_remark(remark, path);
        }
        if (layer.custom && !layer.known) {
            add_remark({"", Status::unknown, json(), layer.class_name,
                        "what a class of the program's own regularizes is not in the file"},
                       path);
        }
        for (const Layer& part : layer.parts) {
            const std::string inner =
                path.empty() || part.name.empty() ? path + part.name : path + "/" + part.name;
            add(part, inner);
        }
    }

    std::vector<Term> take() { return std::move(terms_); }

  private:
    void add_variable(const Layer& layer, const Variable& variable, const std::string& path) {
        Term term;
        term.layer = path;
        term.variable = variable.name;
        // Keras 2 leaves nothing out; LoRA, of which a frozen kernel is part, is of Keras 3.
        term.status = layer.trains && variable.trains ? Status::counted : Status::frozen;
        set_regularizer(term, variable.regularizer);
        term.stored_as = variable.stored_as;
        if (variable.stored_as.empty()) {
            term.status = Status::unknown;
            term.reason = "Keras merges the factors of LoRA into the kernel when it saves";
        } else {
            try {
                read(variable, term);
            } catch (const LoadError& error) {
                throw LoadError("the variable " + path + "/" + variable.name + ", stored as " +
                                variable.stored_as + ": " + error.what());
            }
        }
        terms_.push_back(std::move(term));
    }

    void read(const Variable& variable, Term& term) {
        const Check check = [&](const ArrayInfo& info) {
            if (!fits(info.shape, variable.pattern)) {
                throw LoadError("its shape is " + text_of(info.shape) +
                                ", where the architecture says " + text_of(*variable.pattern));
            }
            if (term.regularizer) {
                take_bytes(byte_count(info));
            }
        };
        Array array;
        if (term.regularizer) {
            array = weights_.read(variable.group, variable.stored_as, check);
        } else {
            array.info = weights_.info(variable.group, variable.stored_as);
            check(array.info);
        }
        term.shape = array.info.shape;
        term.dtype = array.info.dtype;
        term.data = std::move(array.elements);
    }

    void take_bytes(std::uint64_t bytes) {
        if (bytes > weights_.most_bytes() - taken_) {
            throw LoadError("the variables take more than " +
                            std::to_string(weights_.most_bytes()) + " bytes together");
        }
        taken_ += bytes;
    }

    void add_remark(const Remark& remark, const std::string& path) {
        Term term;
        term.layer = path;
        term.variable = remark.variable;
        term.status = remark.status;
        term.class_name = remark.class_name;
        if (!remark.regularizer.is_null()) {
            set_regularizer(term, remark.regularizer);
        }
        if (!remark.reason.empty()) {
            term.reason = remark.reason;
        }
        terms_.push_back(std::move(term));
    }

    const Weights& weights_;
    std::uint64_t taken_ = 0; ///< bytes of the elements read so far
    std::vector<Term> terms_;
};

} // namespace

std::vector<Term> terms_of(const Layer& model, const Weights& weights) {
    Terms terms(weights);
    terms.add(model, "");
    return terms.take();
}

const char* status_name(Status status) noexcept {
    switch (status) {
    case Status::counted: return "counted";
    case Status::frozen: return "frozen";
    case Status::activity: return "activity";
    case Status::not_l1l2: return "not L1L2";
    case Status::no_variable: return "no variable";
    case Status::unknown: return "unknown";
    }
    return "unknown";
}

std::size_t Term::count() const noexcept {
    const std::size_t item = dtype == L1L2_FLOAT64 ? 8 : dtype == L1L2_FLOAT32 ? 4 : 2;
    return data.size() / item;
}

bool Model::complete() const noexcept {
    return std::all_of(terms.begin(), terms.end(), [](const Term& term) {
        return term.status == Status::counted || term.status == Status::frozen ||
               term.status == Status::no_variable;
    });
}

double penalty(const Term& term) {
    if (!term.regularizer || term.dtype == 0) {
        return 0.0;
    }
    ExactSums sums;
    detail::check(l1l2_exact_sums_add(sums.data(), term.dtype, term.data.data(), term.count()));
    return (*term.regularizer)(sums);
}

double total(const Model& model) {
    ExactSums sums;
    for (const Term& term : model.terms) {
        if (term.status == Status::counted) {
            const double one = penalty(term);
            sums.add(&one, 1);
        }
    }
    return sums.absolute();
}

std::vector<l1l2_term> counted_terms(const Model& model) {
    std::vector<l1l2_term> terms;
    for (const Term& term : model.terms) {
        if (term.status == Status::counted) {
            l1l2_term one = {};
            one.regularizer = term.regularizer->get();
            one.x = term.data.data();
            one.n = term.count();
            one.dtype = term.dtype;
            terms.push_back(one);
        }
    }
    return terms;
}

} // namespace l1l2::keras
