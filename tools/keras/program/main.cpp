// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/// l1l2-keras: the regularization loss of a Keras model, without Python.
#include "check.hpp"
#include "options.hpp"
#include "plot.hpp"
#include "report.hpp"

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using program::Options;
using program::Output;
using program::Report;

enum Exit { complete = 0, different = 1, failed = 2, partial = 3 };

void print(const std::string& text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() ||
        std::fflush(stdout) != 0) {
        throw std::runtime_error("the output cannot be written");
    }
}

void write(const std::string& path, const std::string& text) {
    std::ofstream file(path, std::ios::binary);
    if (!(file << text) || !file.flush()) {
        throw std::runtime_error(path + ": cannot be written");
    }
}

Exit run(const Options& options) {
    const l1l2::keras::Model model = l1l2::keras::load(options.model, options.weights);
    Report report = program::make_report(model, options.gradient_norms);
    if (!options.losses.empty()) {
        program::read_losses(options.losses, report);
    }
    if (!options.plot.empty()) {
        write(options.plot,
              program::plot(report, std::filesystem::path(options.model).filename().string()));
    }
    const bool agreed = !report.compared || program::agrees(report);
    switch (options.output) {
    case Output::json: print(program::json(report, options.model)); break;
    case Output::csv: print(program::csv(report)); break;
    case Output::table:
        print(program::table(report));
        if (report.compared) {
            print(agreed ? "Every penalty agrees with Keras's to a millionth.\n"
                         : "A penalty differs from Keras's by more than a millionth.\n");
        }
    }
    return !agreed ? different : model.complete() ? complete : partial;
}

/// The bytes of a file, or of the files in a folder; 0 of what cannot be read.
std::uintmax_t size_of(const std::filesystem::path& path) {
    std::error_code error;
    std::uintmax_t size = 0;
    if (std::filesystem::is_directory(path, error)) {
        for (std::filesystem::directory_iterator file(path, error), end; !error && file != end;
             file.increment(error)) {
            const std::uintmax_t bytes = file->is_regular_file(error) ? file->file_size(error) : 0;
            size += error ? 0 : bytes;
        }
        return size;
    }
    size = std::filesystem::file_size(path, error);
    return error ? 0 : size;
}

/// Limits the memory of this process. A chunk of an HDF5 file that was made for it unpacks to a
/// thousand times its size, whatever the file says of it.
void limit_memory(const Options& options) {
    constexpr std::uintmax_t base = std::uintmax_t{4} << 30;
    // Weights may be beside the model, or in a folder there.
    const std::filesystem::path folder = std::filesystem::path(options.model).parent_path();
    const std::uintmax_t files = size_of(options.model) + size_of(options.weights) +
                                 size_of(folder.empty() ? "." : folder) +
                                 size_of(folder / "weights");
    rlimit limit = {};
    if (getrlimit(RLIMIT_AS, &limit) == 0) {
        limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, static_cast<rlim_t>(base + 4 * files));
        setrlimit(RLIMIT_AS, &limit);
    }
}

int run_and_report(int argc, char** argv) {
    try {
        const Options options = program::parse(argc, argv);
        if (options.help) {
            print(program::usage);
            return complete;
        }
        if (options.version) {
            print(std::string("l1l2-keras ") + l1l2_version_string() + "\n");
            return complete;
        }
        limit_memory(options);
        return run(options);
    } catch (const program::WrongUsage& error) {
        std::fprintf(stderr, "l1l2-keras: %s\n\n%s", error.what(), program::usage);
    } catch (const std::bad_alloc&) {
        std::fprintf(stderr, "l1l2-keras: not enough memory for this file\n");
    } catch (const std::exception& error) {
        std::fprintf(stderr, "l1l2-keras: %s\n", program::printable(error.what()).c_str());
    }
    return failed;
}

/// Runs in a process of its own: on a damaged file libhdf5 can crash, which is to end in a
/// sentence.
int run_apart(int argc, char** argv) {
    const pid_t child = fork();
    if (child == 0) {
#ifdef __linux__
        prctl(PR_SET_PDEATHSIG, SIGKILL); // whoever ends the program ends both processes
#endif
        std::_Exit(run_and_report(argc, argv));
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) < 0) {
        std::fprintf(stderr, "l1l2-keras: no process can be started\n");
        return failed;
    }
    if (WIFEXITED(status)) {
        return WEXITSTATUS(status);
    }
    const int signal = WTERMSIG(status);
    if (signal == SIGPIPE || signal == SIGINT || signal == SIGTERM || signal == SIGHUP) {
        std::raise(signal); // from outside; it says nothing of the file
    }
    std::fprintf(stderr,
                 "l1l2-keras: reading the file was ended by signal %d: it is damaged, or too "
                 "large for the memory\n",
                 signal);
    return failed;
}

} // namespace

int main(int argc, char** argv) {
    return run_apart(argc, argv);
}
