/**
 * Memory in which an access beyond an array shows.
 */
#pragma once

#include "guarded_pages.hpp"

#include <algorithm>
#include <cstddef>

/// An array between NaNs, in memory between two unreadable pages.
class Surrounded {
  public:
    explicit Surrounded(std::size_t pages = 9) : pages_(pages) {}

    /// Copies an array to `offset` bytes after the begin of the pages, or so that it ends as many
    /// bytes before their end.
    unsigned char* place(const void* array, std::size_t bytes, std::size_t offset, bool at_end) {
        bytes_ = bytes;
        at_ = at_end ? pages_.end() - offset - bytes : pages_.begin() + offset;
        std::fill(from(), at_, nan);
        std::fill(at_ + bytes, to(), nan);
        std::copy_n(static_cast<const unsigned char*>(array), bytes, at_);
        return at_;
    }

    bool surroundings_intact() const {
        const auto is_nan = [](unsigned char byte) { return byte == nan; };
        return std::all_of(from(), at_, is_nan) && std::all_of(at_ + bytes_, to(), is_nan);
    }

  private:
    static constexpr unsigned char nan = 0xFF; ///< all of the bytes of a NaN, in every type
    static constexpr std::ptrdiff_t margin = 300;

    unsigned char* from() const { return at_ - std::min(margin, at_ - pages_.begin()); }
    unsigned char* to() const {
        unsigned char* const end = at_ + bytes_;
        return end + std::min(margin, pages_.end() - end);
    }

    GuardedPages pages_;
    unsigned char* at_ = nullptr;
    std::size_t bytes_ = 0;
};
