/*
 * SPDX-FileCopyrightText: 2026 The l1l2 authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * l1l2_keras: the regularized variables of a model file that Keras wrote. A static library for
 * C++17; it needs libhdf5 and libzip.
 *
 *     const l1l2::keras::Model model = l1l2::keras::load("model.keras");
 *     const std::vector<l1l2_term> terms = l1l2::keras::counted_terms(model);
 *     const double loss = l1l2::penalty_terms(terms);
 *
 * docs/keras_models.md says which files are read and which regularizers count.
 */
#ifndef L1L2_KERAS_HPP
#define L1L2_KERAS_HPP

#include <l1l2.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace l1l2::keras {

/** A file that cannot be read, or that does not fit its architecture. what() is a sentence. */
class LoadError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/** What a regularizer means for the loss of the model. */
enum class Status {
    counted,     /**< its penalty is part of the loss */
    frozen,      /**< of a variable that is not trained: this Keras leaves it out */
    activity,    /**< of a layer's outputs, divided by the batch size: not known from the file */
    not_l1l2,    /**< of another class than Keras's L1L2, L1 and L2: its loss is not computed */
    no_variable, /**< its variable does not exist, such as the bias of a layer without one */
    unknown      /**< what it adds is not in the file; `reason` says why */
};

/** The word for a status: "counted", "frozen" and so on. Static. */
const char* status_name(Status status) noexcept;

/** A regularizer of the model, and the variable that it acts on. Owns its elements. */
struct Term {
    std::string layer;    /**< names of the layers that lead to it, "encoder/dense" */
    std::string variable; /**< "kernel"; without a variable what the regularizer is for; or "" */
    Status status = Status::counted;
    std::string class_name; /**< of the regularizer, as the file has it; or of the layer */
    std::string reason;     /**< a sentence, where the status alone says too little; else "" */
    /** Present if it is Keras's L1L2, L1 or L2 with valid coefficients. */
    std::optional<Regularizer> regularizer;
    std::string stored_as;          /**< where the variable is in the file; "" without a variable */
    std::vector<std::size_t> shape; /**< in elements */
    l1l2_dtype dtype = 0;           /**< one of the four of l1l2.h; 0 without elements */
    /** The elements of the variable in C order and this machine's byte order; read for counted and
     * frozen terms of L1L2 alone. */
    std::vector<std::byte> data;

    /** Number of elements of `data`. */
    std::size_t count() const noexcept;
};

/** What load() found. */
struct Model {
    std::string writer;      /**< "Keras 3.15.1", "Keras or tf_keras 2.15.0", "TensorFlow.js ..." */
    std::string format;      /**< "a .keras archive" */
    std::vector<Term> terms; /**< in the order of the layers */

    /** Whether the counted terms are all that Keras adds to the loss: no term is activity, not_l1l2
     * or unknown. */
    bool complete() const noexcept;
};

/** Bounds for files that nobody vouches for. */
struct Limits {
    /** The most bytes that one compressed member of an archive, or compressed array, may unpack to.
     * What is stored as it is takes no more memory than the file is long. The elements of all
     * variables take no more than the file is long and this. */
    std::uint64_t unpacked = std::uint64_t{1} << 30;
};

/**
 * Reads a model. The format is recognised by content.
 *
 * model    a .keras archive; an HDF5 file of a whole model; the JSON of an architecture; the
 *          model.json of TensorFlow.js, whose shards are read from its folder.
 * weights  with an architecture (or to replace the weights of an HDF5 file): a .weights.h5, a
 *          legacy HDF5 file of weights, an .npz, a .safetensors or a folder of LAYER.VARIABLE.npy.
 *          Empty: the folder "weights" beside an architecture.
 *
 * Throws LoadError (the sentence begins with the file's name) or std::bad_alloc. Links in HDF5
 * files are not followed. Calls take turns: HDF5 is used by one thread at a time, and no other
 * thread may use HDF5 meanwhile.
 */
Model load(const std::filesystem::path& model, const std::filesystem::path& weights = {},
           const Limits& limits = {});

/** Reads a .keras archive or an HDF5 file of n bytes in memory, which are only borrowed. */
Model load(const void* bytes, std::size_t n, const Limits& limits = {});

/**
 * The penalty of a term with elements, counted or frozen: of the exact sums, so rounded once. Other
 * terms give 0.
 */
double penalty(const Term& term);

/** The sum of the penalties of the counted terms, rounded once. */
double total(const Model& model);

/**
 * The counted terms for the functions of l1l2.h. They borrow the elements and regularizers of
 * `model`, which must outlive them. The fields gradient and out are NULL, for the caller to set.
 */
std::vector<l1l2_term> counted_terms(const Model& model);

} // namespace l1l2::keras

#endif /* L1L2_KERAS_HPP */
