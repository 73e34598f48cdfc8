/**
 * Memory between unreadable pages: an access beyond it crashes.
 */
#pragma once

#include "catch.hpp"

#include <cstddef>

#include <sys/mman.h>
#include <unistd.h>

/// Pages between two that can be neither read nor written.
class GuardedPages {
  public:
    explicit GuardedPages(std::size_t pages = 2)
        : page_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))), size_(pages * page_),
          map_(mmap(nullptr, size_ + 2 * page_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
        REQUIRE(map_ != MAP_FAILED);
        REQUIRE(mprotect(begin(), size_, PROT_READ | PROT_WRITE) == 0);
    }
    ~GuardedPages() { munmap(map_, size_ + 2 * page_); }
    GuardedPages(const GuardedPages&) = delete;
    GuardedPages& operator=(const GuardedPages&) = delete;

    unsigned char* begin() const { return static_cast<unsigned char*>(map_) + page_; }
    unsigned char* end() const { return begin() + size_; }
    std::size_t size() const { return size_; }
    unsigned char* forbidden() const { return static_cast<unsigned char*>(map_); }

  private:
    std::size_t page_;
    std::size_t size_;
    void* map_;
};
