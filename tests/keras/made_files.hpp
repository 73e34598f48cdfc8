/// Files that are made for the tests, each with one fault.
#pragma once

#include <filesystem>
#include <hdf5.h>
#include <string>
#include <utility>
#include <vector>

namespace made {

namespace fs = std::filesystem;

/// An empty folder.
fs::path folder(const std::string& name);
fs::path file(const std::string& name, const std::string& bytes);

/// A zip archive of members.
fs::path zip(const std::string& name,
             const std::vector<std::pair<std::string, std::string>>& members);
/// Of one member, n bytes of zero.
fs::path zip_of_zeros(const std::string& name, const std::string& member, std::size_t n);

/// A model of one layer "d", Dense(3) without bias, with L2.
std::string dense_json();

/// Its weights as Keras 3 stores them, of zeros.
fs::path weights(const std::string& name, const std::vector<hsize_t>& shape);
/// The same in chunks of which none is written.
fs::path unwritten_weights(const std::string& name, const std::vector<hsize_t>& shape);
/// Adds an array of four zeros to a file.
void add_array(const fs::path& file, const std::string& name);
/// The group "layers" is a link, within the file or to another one.
fs::path linked_weights(const std::string& name, const std::string& target,
                        const std::string& other_file);
/// The elements are those of another file.
fs::path external_weights(const std::string& name, const fs::path& raw);
/// The elements are those of an array in another file, by a virtual dataset.
fs::path virtual_weights(const std::string& name, const fs::path& other);
/// In one chunk, with a filter of HDF5.
fs::path filtered_weights(const std::string& name, const std::vector<hsize_t>& shape,
                          H5Z_filter_t filter);
/// The group "layers" leads back to the root.
fs::path cyclic_weights(const std::string& name);

/// An array whose elements are all one value.
struct Array {
    std::string name;
    std::vector<hsize_t> shape;
    float value;
};
struct Group {
    std::string layer;
    std::vector<Array> arrays;
};
/// A whole model as Keras 2 writes it, an HDF5 file of groups.
fs::path model(const std::string& name, const std::string& config, const std::string& version,
               const std::vector<Group>& groups);

/// Sets a list of texts of a group in it.
void set_texts(const fs::path& file, const std::string& group, const std::string& name,
               const std::vector<std::string>& texts);
/// A chain of groups that each have two links to the next.
fs::path doubling_weights(const std::string& name, int groups);

void npy(const fs::path& path, const std::string& header, std::size_t bytes);
fs::path safetensors(const std::string& name, const std::string& header, std::size_t bytes);

} // namespace made
