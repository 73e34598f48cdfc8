/// Runs a fuzz target over files and folders of files, without libFuzzer.
#include "input.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

/// Sorted by name, so that two runs do the same.
std::vector<fs::path> files_of(const fs::path& path) {
    if (!fs::is_directory(path)) {
        return {path};
    }
    std::vector<fs::path> files;
    for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
        files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    return files;
}

void run(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    fuzz::check(stream.is_open(), file.string().c_str());
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    // In memory of exactly its size, so that a sanitizer sees a byte too far.
    const std::vector<std::uint8_t> bytes(text.begin(), text.end());
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

} // namespace

int main(int argc, char** argv) {
    std::size_t count = 0;
    for (int i = 1; i < argc; ++i) {
        for (const fs::path& file : files_of(argv[i])) {
            // If the target crashes, this line names the file.
            std::printf("%s\n", file.filename().string().c_str());
            std::fflush(stdout);
            run(file);
            ++count;
        }
    }
    std::printf("%zu inputs\n", count);
    return count > 0 ? 0 : 1;
}
