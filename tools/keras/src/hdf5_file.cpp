// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "hdf5_file.hpp"

#include <algorithm>
#include <set>

namespace l1l2::keras {
namespace {

std::recursive_mutex one_thread;

/// No model comes near these.
constexpr int deepest_group = 100;
constexpr std::size_t most_objects = 200'000;
constexpr std::size_t longest_name = 4096;

/// A file that libhdf5 reads in place: its callbacks hand out the caller's bytes and copy nothing.
struct Image {
    const void* bytes;
    std::size_t size;
};

void* image_malloc(size_t /*size*/, H5FD_file_image_op_t /*op*/, void* image) {
    return const_cast<void*>(static_cast<Image*>(image)->bytes);
}
void* image_memcpy(void* to, const void* /*from*/, size_t /*size*/, H5FD_file_image_op_t /*op*/,
                   void* /*image*/) {
    return to;
}
void* image_realloc(void* /*old*/, size_t /*size*/, H5FD_file_image_op_t /*op*/, void* /*image*/) {
    return nullptr; // nothing is written
}
herr_t image_free(void* /*old*/, H5FD_file_image_op_t /*op*/, void* /*image*/) {
    return 0;
}
void* image_copy(void* image) {
    return image;
}
herr_t image_release(void* /*image*/) {
    return 0;
}

/// The callbacks are not called with the address of `image` once the file is open.
Hdf5Id open_image(Image image) {
    const Hdf5Id access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
    H5FD_file_image_callbacks_t callbacks = {image_malloc, image_memcpy,  image_realloc, image_free,
                                             image_copy,   image_release, &image};
    if (!access || H5Pset_fapl_core(access.get(), 1 << 16, hbool_t{}) < 0 ||
        H5Pset_file_image_callbacks(access.get(), &callbacks) < 0 ||
        H5Pset_file_image(access.get(), const_cast<void*>(image.bytes), image.size) < 0) {
        return {};
    }
    return {H5Fopen("in memory", H5F_ACC_RDONLY, access.get()), H5Fclose};
}

/// The object behind one link; none without such a link.
Hdf5Id follow(hid_t from, const std::string& name) {
    H5L_info_t link;
    if (name.empty() || name == "." || H5Lexists(from, name.c_str(), H5P_DEFAULT) <= 0 ||
        H5Lget_info(from, name.c_str(), &link, H5P_DEFAULT) < 0) {
        return {};
    }
    if (link.type != H5L_TYPE_HARD) {
        throw LoadError(name + " is a link to another place; links are not followed");
    }
    return {H5Oopen(from, name.c_str(), H5P_DEFAULT), H5Oclose};
}

std::string joined(const std::string& folder, const std::string& name) {
    return folder.empty() ? name : folder + "/" + name;
}

} // namespace

Hdf5Session::Hdf5Session() : lock_(one_thread) {
    H5Eget_auto2(H5E_DEFAULT, &print_, &print_data_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

Hdf5Session::~Hdf5Session() {
    H5Eset_auto2(H5E_DEFAULT, print_, print_data_);
}

Hdf5File::Hdf5File(const std::filesystem::path& path, const Limits& limits)
    : file_(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose), limits_(limits) {
    check_opened();
}

Hdf5File::Hdf5File(const void* bytes, std::size_t n, const Limits& limits)
    : file_(open_image({bytes, n})), limits_(limits) {
    check_opened();
}

void Hdf5File::check_opened() {
    if (!file_) {
        throw LoadError("broken HDF5 file");
    }
    hsize_t size = 0;
    if (H5Fget_filesize(file_.get(), &size) >= 0) {
        size_ = size;
    }
    const Hdf5Id weights = find("model_weights");
    root_ = weights ? "model_weights" : "";
}

Hdf5Id Hdf5File::find(const std::string& path) const {
    Hdf5Id at(H5Oopen(file_.get(), "/", H5P_DEFAULT), H5Oclose);
    for (std::size_t start = 0; at && start < path.size();) {
        const std::size_t end = std::min(path.find('/', start), path.size());
        if (H5Iget_type(at.get()) != H5I_GROUP) {
            return {};
        }
        at = follow(at.get(), path.substr(start, end - start));
        start = end + 1;
    }
    return at;
}

bool Hdf5File::has_group(const std::string& path) const {
    const Hdf5Id object = find(path);
    return object && H5Iget_type(object.get()) == H5I_GROUP;
}

std::optional<std::string> Hdf5File::attribute(const std::string& name) const {
    const Hdf5Id object = find("");
    const auto texts = object ? read_texts(object.get(), name) : std::nullopt;
    if (!texts || texts->size() != 1) {
        return std::nullopt;
    }
    return texts->front();
}

std::vector<std::string> Hdf5File::list(const std::string& path,
                                        const std::string& attribute) const {
    const Hdf5Id object = find(path);
    if (!object) {
        throw LoadError("has no group " + path);
    }
    if (const auto whole = read_texts(object.get(), attribute)) {
        return *whole;
    }
    // A list that is too long for one attribute is in several, with numbers behind the name.
    std::vector<std::string> texts;
    for (int i = 0;; ++i) {
        const auto part = read_texts(object.get(), attribute + std::to_string(i));
        if (!part) {
            return texts;
        }
        texts.insert(texts.end(), part->begin(), part->end());
    }
}

Naming Hdf5File::naming() const {
    const Hdf5Id root = find(root_);
    const bool by_layer = root && (H5Aexists(root.get(), "layer_names") > 0 ||
                                   H5Aexists(root.get(), "layer_names0") > 0);
    return by_layer ? Naming::layers : Naming::paths;
}

std::vector<Group> Hdf5File::groups() const {
    std::vector<Group> groups;
    std::set<std::string> seen;
    std::size_t bytes = 0;
    for (const std::string& layer : list(root_, "layer_names")) {
        if (!seen.insert(layer).second) {
            throw LoadError("names the layer " + layer + " twice");
        }
        groups.push_back({layer, list(joined(root_, layer), "weight_names")});
        count_name(layer.size(), bytes);
        for (const std::string& name : groups.back().names) {
            count_name(name.size(), bytes);
        }
    }
    return groups;
}

std::optional<std::size_t> Hdf5File::variables_at(const std::string& path) const {
    const Hdf5Id group = find(joined(path, "vars"));
    H5G_info_t info;
    if (!group || H5Iget_type(group.get()) != H5I_GROUP || H5Gget_info(group.get(), &info) < 0) {
        return std::nullopt;
    }
    return static_cast<std::size_t>(info.nlinks);
}

std::vector<std::string> Hdf5File::arrays_below(const std::string& path) const {
    std::vector<std::string> arrays;
    std::size_t bytes = 0;
    list_arrays(find(path), path, 0, arrays, bytes);
    return arrays;
}

void Hdf5File::list_arrays(const Hdf5Id& group, const std::string& path, int depth,
                           std::vector<std::string>& arrays, std::size_t& bytes) const {
    H5G_info_t info;
    if (!group || H5Gget_info(group.get(), &info) < 0) {
        return;
    }
    for (hsize_t i = 0; i < info.nlinks; ++i) {
        // Links can lead back, or lead to one group on many ways.
        if (depth > deepest_group || ++visited_ > most_objects) {
            throw LoadError("its groups have no end");
        }
        char name[longest_name];
        if (H5Lget_name_by_idx(group.get(), ".", H5_INDEX_NAME, H5_ITER_NATIVE, i, name,
                               sizeof name, H5P_DEFAULT) < 0) {
            throw LoadError("a group of it is damaged");
        }
        const std::string inner = joined(path, name);
        const Hdf5Id object = follow(group.get(), name);
        if (object && H5Iget_type(object.get()) == H5I_DATASET) {
            count_name(inner.size(), bytes);
            arrays.push_back(inner);
        } else if (object && H5Iget_type(object.get()) == H5I_GROUP) {
            list_arrays(object, inner, depth + 1, arrays, bytes);
        }
    }
}

Hdf5Id Hdf5File::dataset(const std::string& group, const std::string& name) const {
    const std::string path = group.empty() ? name : joined(root_, joined(group, name));
    Hdf5Id object = find(path);
    if (!object || H5Iget_type(object.get()) != H5I_DATASET) {
        throw LoadError("has no array " + path);
    }
    return object;
}

ArrayInfo Hdf5File::info(const std::string& group, const std::string& name) const {
    return dataset_info(dataset(group, name).get(), size_, limits_);
}

Array Hdf5File::read(const std::string& group, const std::string& name, const Check& check) const {
    const Hdf5Id array = dataset(group, name);
    const ArrayInfo info = dataset_info(array.get(), size_, limits_);
    check(info);
    return {info, read_elements(array.get(), info)};
}

} // namespace l1l2::keras
