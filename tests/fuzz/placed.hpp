/**
 * Arrays where a sanitizer sees each byte too far.
 */
#pragma once

#include "input.hpp"

#include <algorithm>

namespace fuzz {

/// An array at an offset from a cache line that ends where its memory ends, so that the sanitizer
/// sees a byte too far. The bytes before it must not change.
class Placed {
  public:
    Placed(std::size_t offset, std::size_t bytes) : offset_(offset), bytes_(bytes) {
        constexpr std::size_t line = 64;
        check(posix_memalign(&memory_, line, offset + bytes + 1) == 0, "there is memory");
        std::memset(memory_, canary, offset);
        // One more byte gives an array of no elements an address of its own.
        end_ = start() + bytes;
        *end_ = canary;
    }
    ~Placed() { std::free(memory_); }
    Placed(const Placed&) = delete;
    Placed& operator=(const Placed&) = delete;

    std::uint8_t* start() const { return static_cast<std::uint8_t*>(memory_) + offset_; }
    void set(const void* from) {
        if (bytes_ > 0) {
            std::memcpy(start(), from, bytes_);
        }
    }
    bool holds(const void* expected) const {
        return bytes_ == 0 || std::memcmp(start(), expected, bytes_) == 0;
    }
    bool surroundings_intact() const {
        const auto* const from = static_cast<const std::uint8_t*>(memory_);
        return *end_ == canary &&
               std::all_of(from, from + offset_, [](std::uint8_t byte) { return byte == canary; });
    }

  private:
    static constexpr std::uint8_t canary = 0xa5;

    void* memory_ = nullptr;
    std::size_t offset_;
    std::size_t bytes_;
    std::uint8_t* end_;
};

} // namespace fuzz
