/// Fuzzes the readers of .npy, .safetensors and TensorFlow.js's lists of weights. The first byte of
/// the input chooses one.
#include "input.hpp"
#include "json_text.hpp"
#include "npy.hpp"

#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace {

using fuzz::check;
namespace keras = l1l2::keras;
namespace fs = std::filesystem;

/// A folder of this process, with two files that a list of weights can name.
const fs::path& folder() {
    static const fs::path made = [] {
        fs::path path = fs::temp_directory_path() / ("l1l2_fuzz_" + std::to_string(getpid()));
        fs::create_directories(path);
        std::ofstream(path / "a", std::ios::binary) << std::string(40, '\x3f');
        std::ofstream(path / "b", std::ios::binary) << std::string(24, '\x40');
        return path;
    }();
    return made;
}

struct RemoveFolder {
    ~RemoveFolder() { fs::remove_all(folder()); }
};

void check_array(const keras::Array& array) {
    check(array.elements.size() == keras::byte_count(array.info), "an array has all its elements");
}

void read_all(const keras::Weights& weights) {
    for (const keras::Group& group : weights.groups()) {
        for (const std::string& name : group.names) {
            try {
                check_array(weights.read(group.layer, name, [](const keras::ArrayInfo&) {}));
            } catch (const keras::LoadError& error) {
                check(error.what()[0] != '\0', "a refusal has a sentence");
            }
        }
    }
}

void read(std::uint8_t choice, const keras::Bytes& bytes) {
    const std::string text(bytes.begin(), bytes.end());
    switch (choice % 3) {
    case 0: check_array(keras::npy_array(bytes, [](const keras::ArrayInfo&) {})); break;
    case 1: {
        const fs::path path = folder() / "w.safetensors";
        std::ofstream(path, std::ios::binary) << text;
        read_all(*keras::open_safetensors(path));
        break;
    }
    default: read_all(*keras::open_manifest(keras::parse_json(text), folder()));
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const RemoveFolder remove_at_the_end;
    if (size == 0) {
        return 0;
    }
    try {
        read(data[0], keras::Bytes(data + 1, data + size));
    } catch (const keras::LoadError& error) {
        check(error.what()[0] != '\0', "a refusal has a sentence");
    } catch (const nlohmann::json::exception&) { // which load() turns into a sentence
    } catch (const fs::filesystem_error&) {      // likewise: a file that is not there
    }
    return 0;
}
