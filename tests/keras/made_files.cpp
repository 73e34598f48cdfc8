#include "made_files.hpp"

#include "catch.hpp"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <zip.h>

namespace made {
namespace {

const fs::path work = L1L2_WORK;

hid_t create_file(const fs::path& path) {
    const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    REQUIRE(file >= 0);
    return file;
}

/// An array in a file, with properties of its creation and, if wanted, elements of one value.
void add_zeros(hid_t file, const std::string& name, const std::vector<hsize_t>& shape,
               hid_t creation, bool write, float value = 0.0F) {
    const hid_t links = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(links, 1);
    const hid_t space = H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr);
    const hid_t array =
        H5Dcreate2(file, name.c_str(), H5T_IEEE_F32LE, space, links, creation, H5P_DEFAULT);
    REQUIRE(array >= 0);
    if (write) {
        hsize_t n = 1;
        for (const hsize_t extent : shape) {
            n *= extent;
        }
        const std::vector<float> elements(n, value);
        H5Dwrite(array, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, elements.data());
    }
    H5Dclose(array);
    H5Sclose(space);
    H5Pclose(links);
}

/// A list of texts, or one text, at an object.
void add_texts(hid_t object, const std::string& name, const std::vector<std::string>& texts,
               bool list) {
    std::size_t width = 1;
    for (const std::string& text : texts) {
        width = std::max(width, text.size());
    }
    std::string bytes;
    for (const std::string& text : texts) {
        bytes += text + std::string(width - text.size(), '\0');
    }
    const hsize_t count = texts.size();
    const hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, width);
    const hid_t space = list ? H5Screate_simple(1, &count, nullptr) : H5Screate(H5S_SCALAR);
    const hid_t attribute = H5Acreate2(object, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT);
    REQUIRE(attribute >= 0);
    H5Awrite(attribute, type, bytes.data());
    H5Aclose(attribute);
    H5Sclose(space);
    H5Tclose(type);
}

void add_kernel(hid_t file, const std::vector<hsize_t>& shape, hid_t creation, bool write) {
    add_zeros(file, "layers/dense/vars/0", shape, creation, write);
}

} // namespace

fs::path folder(const std::string& name) {
    fs::remove_all(work / name);
    fs::create_directories(work / name);
    return work / name;
}

fs::path file(const std::string& name, const std::string& bytes) {
    fs::create_directories((work / name).parent_path());
    std::ofstream(work / name, std::ios::binary) << bytes;
    return work / name;
}

fs::path zip(const std::string& name,
             const std::vector<std::pair<std::string, std::string>>& members) {
    const fs::path path = work / name;
    zip_t* archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, nullptr);
    REQUIRE(archive != nullptr);
    for (const auto& [member, bytes] : members) {
        zip_source_t* source = zip_source_buffer(archive, bytes.data(), bytes.size(), 0);
        REQUIRE(zip_file_add(archive, member.c_str(), source, 0) >= 0);
    }
    REQUIRE(zip_close(archive) == 0);
    return path;
}

fs::path zip_of_zeros(const std::string& name, const std::string& member, std::size_t n) {
    const fs::path zeros = file(name + ".zeros", "");
    fs::resize_file(zeros, n); // a hole: it takes no room
    const fs::path path = work / name;
    zip_t* archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, nullptr);
    REQUIRE(archive != nullptr);
    zip_source_t* source = zip_source_file(archive, zeros.c_str(), 0, -1);
    REQUIRE(zip_file_add(archive, member.c_str(), source, 0) >= 0);
    REQUIRE(zip_close(archive) == 0);
    return path;
}

std::string dense_json() {
    return R"({"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": [
        {"module": "keras.layers", "class_name": "Dense", "config": {"name": "d", "units": 3,
         "use_bias": false, "kernel_regularizer": {"module": "keras.regularizers",
         "class_name": "L2", "config": {"l2": 0.5}, "registered_name": null}},
         "registered_name": null}]}, "registered_name": null})";
}

fs::path weights(const std::string& name, const std::vector<hsize_t>& shape) {
    const hid_t file = create_file(work / name);
    add_kernel(file, shape, H5P_DEFAULT, true);
    H5Fclose(file);
    return work / name;
}

void add_array(const fs::path& path, const std::string& name) {
    const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    REQUIRE(file >= 0);
    add_zeros(file, name, {4}, H5P_DEFAULT, true);
    H5Fclose(file);
}

fs::path unwritten_weights(const std::string& name, const std::vector<hsize_t>& shape) {
    const hid_t file = create_file(work / name);
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    const std::vector<hsize_t> chunk(shape.size(), 3);
    H5Pset_chunk(creation, static_cast<int>(chunk.size()), chunk.data());
    add_kernel(file, shape, creation, false);
    H5Pclose(creation);
    H5Fclose(file);
    return work / name;
}

fs::path linked_weights(const std::string& name, const std::string& target,
                        const std::string& other_file) {
    const hid_t file = create_file(work / name);
    if (other_file.empty()) {
        H5Lcreate_soft(target.c_str(), file, "layers", H5P_DEFAULT, H5P_DEFAULT);
    } else {
        H5Lcreate_external(other_file.c_str(), target.c_str(), file, "layers", H5P_DEFAULT,
                           H5P_DEFAULT);
    }
    H5Fclose(file);
    return work / name;
}

fs::path external_weights(const std::string& name, const fs::path& raw) {
    const hid_t file = create_file(work / name);
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_external(creation, raw.c_str(), 0, 48);
    add_kernel(file, {4, 3}, creation, false);
    H5Pclose(creation);
    H5Fclose(file);
    return work / name;
}

fs::path virtual_weights(const std::string& name, const fs::path& other) {
    const hid_t file = create_file(work / name);
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    const hsize_t shape[] = {4, 3};
    const hid_t space = H5Screate_simple(2, shape, nullptr);
    REQUIRE(H5Pset_virtual(creation, space, other.c_str(), "layers/dense/vars/0", space) >= 0);
    add_kernel(file, {4, 3}, creation, false);
    H5Sclose(space);
    H5Pclose(creation);
    H5Fclose(file);
    return work / name;
}

fs::path filtered_weights(const std::string& name, const std::vector<hsize_t>& shape,
                          H5Z_filter_t filter) {
    const hid_t file = create_file(work / name);
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(creation, static_cast<int>(shape.size()), shape.data());
    const unsigned level = 9;
    REQUIRE(H5Pset_filter(creation, filter, H5Z_FLAG_MANDATORY,
                          filter == H5Z_FILTER_DEFLATE ? 1 : 0, &level) >= 0);
    add_kernel(file, shape, creation, true);
    H5Pclose(creation);
    H5Fclose(file);
    return work / name;
}

fs::path cyclic_weights(const std::string& name) {
    const hid_t file = create_file(work / name);
    H5Lcreate_hard(file, "/", file, "layers", H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(file);
    return work / name;
}

fs::path model(const std::string& name, const std::string& config, const std::string& version,
               const std::vector<Group>& groups) {
    const hid_t file = create_file(work / name);
    add_texts(file, "model_config", {config}, false);
    add_texts(file, "keras_version", {version}, false);
    const hid_t root = H5Gcreate2(file, "model_weights", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    std::vector<std::string> layers;
    for (const Group& group : groups) {
        layers.push_back(group.layer);
        const hid_t at =
            H5Gcreate2(root, group.layer.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        std::vector<std::string> names;
        for (const Array& array : group.arrays) {
            names.push_back(array.name);
            add_zeros(at, array.name, array.shape, H5P_DEFAULT, true, array.value);
        }
        add_texts(at, "weight_names", names, true);
        H5Gclose(at);
    }
    add_texts(root, "layer_names", layers, true);
    H5Gclose(root);
    H5Fclose(file);
    return work / name;
}

void set_texts(const fs::path& path, const std::string& group, const std::string& name,
               const std::vector<std::string>& texts) {
    const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    const hid_t at = H5Gopen2(file, group.c_str(), H5P_DEFAULT);
    if (H5Aexists(at, name.c_str()) > 0) {
        H5Adelete(at, name.c_str());
    }
    add_texts(at, name, texts, true);
    H5Gclose(at);
    H5Fclose(file);
}

fs::path doubling_weights(const std::string& name, int groups) {
    const hid_t file = create_file(work / name);
    hid_t at = H5Gopen2(file, "/", H5P_DEFAULT);
    for (int i = 0; i < groups; ++i) {
        const hid_t next = H5Gcreate2(at, "a", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        H5Lcreate_hard(at, "a", at, "b", H5P_DEFAULT, H5P_DEFAULT);
        H5Gclose(at);
        at = next;
    }
    H5Gclose(at);
    H5Fclose(file);
    return work / name;
}

void npy(const fs::path& path, const std::string& header, std::size_t bytes) {
    std::string text = "\x93NUMPY";
    text += '\x01';
    text += '\0';
    text += static_cast<char>(header.size() & 255);
    text += static_cast<char>(header.size() >> 8);
    std::ofstream(path, std::ios::binary) << text << header << std::string(bytes, '\0');
}

fs::path safetensors(const std::string& name, const std::string& header, std::size_t bytes) {
    std::string text;
    for (int i = 0; i < 8; ++i) {
        text += static_cast<char>(std::uint64_t{header.size()} >> (8 * i) & 255);
    }
    return file(name, text + header + std::string(bytes, '\0'));
}

} // namespace made
