// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
#include "zip_archive.hpp"

#include <algorithm>
#include <limits>
#include <zip.h>

namespace l1l2::keras {
namespace {

struct CloseFile {
    void operator()(zip_file_t* file) const noexcept { zip_fclose(file); }
};

/// More members than this are refused: libzip keeps a record of each.
constexpr zip_int64_t most_members = 1 << 20;

zip_t* opened(zip_t* archive, zip_error_t& error) {
    const std::string reason = zip_error_strerror(&error);
    zip_error_fini(&error);
    if (archive == nullptr) {
        throw LoadError("broken zip archive: " + reason);
    }
    if (zip_get_num_entries(archive, 0) > most_members) {
        zip_discard(archive);
        throw LoadError("a zip archive of more than a million members");
    }
    return archive;
}

zip_t* from_source(zip_source_t* source, zip_error_t& error) {
    zip_t* archive = nullptr;
    if (source != nullptr) {
        archive = zip_open_from_source(source, ZIP_RDONLY, &error);
        if (archive == nullptr) {
            zip_source_free(source);
        }
    }
    return opened(archive, error);
}

zip_t* open_path(const std::filesystem::path& path) {
    zip_error_t error;
    zip_error_init(&error);
    return from_source(zip_source_file_create(path.c_str(), 0, -1, &error), error);
}

zip_t* open_bytes(const void* bytes, std::size_t n) {
    zip_error_t error;
    zip_error_init(&error);
    return from_source(zip_source_buffer_create(bytes, n, 0, &error), error);
}

} // namespace

void ZipArchive::Discard::operator()(zip* archive) const noexcept {
    zip_discard(archive);
}

ZipArchive::ZipArchive(const std::filesystem::path& path, const Limits& limits)
    : archive_(open_path(path)), size_(std::filesystem::file_size(path)), limits_(limits) {
    check_names();
}

ZipArchive::ZipArchive(const void* bytes, std::size_t n, const Limits& limits)
    : archive_(open_bytes(bytes, n)), size_(n), limits_(limits) {
    check_names();
}

void ZipArchive::check_names() const {
    std::vector<std::string> sorted = names();
    std::sort(sorted.begin(), sorted.end());
    const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
    if (twice != sorted.end()) {
        throw LoadError("has two members " + *twice);
    }
}

bool ZipArchive::contains(const std::string& name) const {
    return zip_name_locate(archive_.get(), name.c_str(), 0) >= 0;
}

std::vector<std::string> ZipArchive::names() const {
    std::vector<std::string> names;
    for (zip_int64_t i = 0; i < zip_get_num_entries(archive_.get(), 0); ++i) {
        if (const char* name = zip_get_name(archive_.get(), static_cast<zip_uint64_t>(i), 0)) {
            names.emplace_back(name);
        }
    }
    return names;
}

Bytes ZipArchive::read(const std::string& name) const {
    return read(name, std::numeric_limits<std::uint64_t>::max());
}

Bytes ZipArchive::read(const std::string& name, std::uint64_t most) const {
    zip_stat_t stat;
    if (zip_stat(archive_.get(), name.c_str(), 0, &stat) != 0) {
        throw LoadError("has no member " + name);
    }
    if (stat.encryption_method != ZIP_EM_NONE) {
        throw LoadError("its member " + name + " is encrypted");
    }
    most = std::min(most, stat.comp_method == ZIP_CM_STORE ? size_ : limits_.unpacked);
    const std::unique_ptr<zip_file_t, CloseFile> file(zip_fopen(archive_.get(), name.c_str(), 0));
    if (!file) {
        throw LoadError("its member " + name + " cannot be read");
    }
    constexpr std::size_t step = std::size_t{1} << 20;
    Bytes bytes;
    // Of a stored member the size is known to be true, as it is no larger than the archive.
    if (stat.comp_method == ZIP_CM_STORE && stat.size <= size_) {
        bytes.reserve(static_cast<std::size_t>(stat.size) + step);
    }
    for (;;) {
        const std::size_t had = bytes.size();
        bytes.resize(had + step);
        const zip_int64_t got = zip_fread(file.get(), bytes.data() + had, step);
        if (got < 0) {
            throw LoadError("its member " + name + " is damaged");
        }
        bytes.resize(had + static_cast<std::size_t>(got));
        if (bytes.size() > most) {
            throw LoadError("its member " + name + " unpacks to more than " + std::to_string(most) +
                            " bytes");
        }
        if (got == 0) {
            return bytes;
        }
    }
}

} // namespace l1l2::keras
