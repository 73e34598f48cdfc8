// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/// The command line of l1l2-keras.
#pragma once

#include <stdexcept>
#include <string>

namespace program {

enum class Output { table, json, csv };

struct Options {
    std::string model, weights;
    Output output = Output::table;
    std::string plot;   ///< an SVG file to write; "" for none
    std::string losses; ///< Keras's own figures to compare with; "" for none
    bool gradient_norms = false;
    bool help = false, version = false;
};

/// A command line that cannot be followed.
class WrongUsage : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

Options parse(int argc, char** argv);

extern const char usage[];

} // namespace program
