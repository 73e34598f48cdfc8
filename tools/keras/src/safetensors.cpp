// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/// The format of safetensors: a length, a JSON of names, shapes and offsets, and the elements.
#include "json_text.hpp"
#include "shape.hpp"
#include "weights.hpp"

#include <cstring>

namespace l1l2::keras {
namespace {

using nlohmann::json;

/// The longest header, as the format's own reader has it.
constexpr std::uint64_t longest_header = 100'000'000;

l1l2_dtype dtype_of(const std::string& name) {
    if (name == "F16") {
        return L1L2_FLOAT16;
    }
    if (name == "BF16") {
        return L1L2_BFLOAT16;
    }
    if (name == "F32") {
        return L1L2_FLOAT32;
    }
    if (name == "F64") {
        return L1L2_FLOAT64;
    }
    refuse_dtype(name);
}

class Safetensors : public Weights {
  public:
    explicit Safetensors(std::filesystem::path path) : path_(std::move(path)) {
        size_ = std::filesystem::file_size(path_);
        if (size_ < 8) {
            throw LoadError("is no .safetensors file");
        }
        std::uint64_t length = 0;
        const Bytes start = read_part(path_, 0, 8);
        for (std::size_t i = 8; i-- > 0;) {
            length = length << 8 | start[i];
        }
        if (length > size_ - 8 || length > longest_header) {
            throw LoadError("its header is cut off or too long");
        }
        const Bytes text = read_part(path_, 8, static_cast<std::size_t>(length));
        header_ = parse_json({reinterpret_cast<const char*>(text.data()), text.size()});
        data_ = 8 + length;
        if (!header_.is_object()) {
            throw LoadError("its header is no JSON object");
        }
    }

    Naming naming() const override { return Naming::names; }
    std::vector<Group> groups() const override {
        Group group;
        for (const auto& [name, entry] : header_.items()) {
            if (name != "__metadata__") {
                group.names.push_back(name);
            }
        }
        return {group};
    }
    ArrayInfo info(const std::string& /*group*/, const std::string& name) const override {
        const json& entry = header_.at(name);
        if (!entry.is_object() || !entry.contains("dtype") || !entry["dtype"].is_string() ||
            !entry.contains("shape")) {
            throw LoadError("has no dtype and shape in the header");
        }
        return {shape_of(entry["shape"]), dtype_of(entry["dtype"])};
    }
    Array read(const std::string& group, const std::string& name,
               const Check& check) const override {
        const ArrayInfo array = info(group, name);
        check(array);
        const std::vector<std::size_t> range =
            shape_of(header_.at(name).value("data_offsets", json()));
        const std::size_t bytes = byte_count(array);
        if (range.size() != 2 || range[1] < range[0] || range[1] - range[0] != bytes ||
            range[1] > size_ - data_) {
            throw LoadError("its offsets do not fit its shape or the file");
        }
        const Bytes part = read_part(path_, data_ + range[0], bytes);
        std::vector<std::byte> elements(bytes);
        if (bytes > 0) {
            std::memcpy(elements.data(), part.data(), bytes);
        }
        to_native_order(elements, array.dtype, true);
        return {array, std::move(elements)};
    }
    std::uint64_t most_bytes() const override { return size_; }

  private:
    std::filesystem::path path_;
    std::uint64_t size_ = 0; ///< of the file
    std::uint64_t data_ = 0; ///< where the elements begin
    json header_;
};

} // namespace

std::unique_ptr<Weights> open_safetensors(const std::filesystem::path& path) {
    return std::make_unique<Safetensors>(path);
}

} // namespace l1l2::keras
