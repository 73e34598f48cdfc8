// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "options.hpp"

#include <vector>

namespace program {

const char usage[] =
    R"(usage: l1l2-keras [OPTION...] MODEL [WEIGHTS]

Prints the L1/L2 regularization loss of a Keras model: its total and the part of each variable.

MODEL is a .keras archive, an HDF5 file of a whole model (.h5), the JSON of an architecture, or the
model.json of TensorFlow.js. WEIGHTS, with an architecture, is an HDF5 file (.weights.h5, .h5), an
.npz, a .safetensors, or a folder of LAYER.VARIABLE.npy; by default the folder "weights" beside MODEL.

  --json              prints JSON
  --csv               prints a line of CSV for each regularizer
  --gradient-norms    also prints the Euclidean norm of each variable's gradient
  --plot FILE.svg     draws the shares of the total, and how the weights lie around zero
  --check LOSSES.json compares with Keras's own penalties; they must agree to a millionth
  --version, --help

Exit status: 0 if the total is all that Keras adds to the loss; 1 if --check finds a difference;
2 if the command line is wrong or a file cannot be read; 3 if the total is partial, as some
regularizers act on outputs, are of another class, or are not in the file.
)";

namespace {

/// The argument of an option, as --plot FILE or --plot=FILE.
bool takes(const std::string& option, const std::string& word, int& i, int argc, char** argv,
           std::string& value) {
    if (word.rfind(option + "=", 0) == 0) {
        value = word.substr(option.size() + 1);
    } else if (word == option && i + 1 < argc) {
        value = argv[++i];
    } else {
        return false;
    }
    if (value.empty()) {
        throw WrongUsage(option + " needs a file");
    }
    return true;
}

} // namespace

Options parse(int argc, char** argv) {
    Options options;
    std::vector<std::string> files;
    bool only_files = false;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (only_files || word.empty() || word[0] != '-') {
            files.push_back(word);
        } else if (word == "--") {
            only_files = true;
        } else if (word == "--json") {
            options.output = Output::json;
        } else if (word == "--csv") {
            options.output = Output::csv;
        } else if (word == "--gradient-norms") {
            options.gradient_norms = true;
        } else if (word == "--help") {
            options.help = true;
        } else if (word == "--version") {
            options.version = true;
        } else if (!takes("--plot", word, i, argc, argv, options.plot) &&
                   !takes("--check", word, i, argc, argv, options.losses)) {
            throw WrongUsage("unknown option, or one without its file: " + word);
        }
    }
    if (options.help || options.version) {
        return options;
    }
    if (files.empty() || files.size() > 2) {
        throw WrongUsage(files.empty() ? "no model" : "more than a model and its weights");
    }
    options.model = files[0];
    options.weights = files.size() > 1 ? files[1] : "";
    return options;
}

} // namespace program
