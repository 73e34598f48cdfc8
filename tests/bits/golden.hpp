/**
 * Compares hashes with golden.txt.
 */
#pragma once

#include "elements.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

namespace bits {

class Golden {
  public:
    explicit Golden(const char* path) {
        std::FILE* const file = std::fopen(path, "r");
        if (file == nullptr) {
            std::fprintf(stderr, "%s cannot be opened\n", path);
            std::exit(2);
        }
        char line[256];
        while (std::fgets(line, sizeof line, file) != nullptr) {
            char* const hash = std::strrchr(line, ' ');
            if (line[0] == '#' || hash == nullptr) continue;
            *hash = '\0';
            expected_[line] = {std::strtoull(hash + 1, nullptr, 16), 0};
        }
        std::fclose(file);
    }

    void compare(const Case& c, const char* operation, const Hash& hash, const std::string& way) {
        const std::string key = std::string(operation) + ' ' + c.format.name + ' ' +
                                kind_names[static_cast<int>(c.kind)] + ' ' + c.sizes.name;
        ++compared_;
        const auto found = expected_.find(key);
        if (found == expected_.end()) {
            fail(key + ": no such line");
        } else {
            ++found->second.compared;
            if (found->second.hash != hash.value()) fail(key + ": another hash for " + way);
        }
    }
    void expect_ok(l1l2_status status, const std::string& way) {
        if (status != L1L2_OK) fail(way + ": " + l1l2_status_string(status));
    }
    void fail(const std::string& what) {
        std::fprintf(stderr, "%s%s\n", what.c_str(), environment.c_str());
        failed_ = true;
    }

    /// Returns how many hashes were compared, 0 if one differed or was never computed.
    std::size_t finish() {
        for (const auto& [key, line] : expected_) {
            if (line.compared == 0) fail(key + ": never computed");
        }
        return failed_ ? 0 : compared_;
    }

    std::string environment; ///< where the failure was

  private:
    struct Line {
        std::uint64_t hash;
        std::size_t compared;
    };
    std::map<std::string, Line> expected_;
    std::size_t compared_ = 0;
    bool failed_ = false;
};

} // namespace bits
