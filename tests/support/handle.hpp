/**
 * A regularizer that lives until the end of a scope. Needs only l1l2.h, so that every test can use
 * it.
 */
#pragma once

#include "l1l2.h"

#include <cstdlib>

struct Coefficients {
    double l1;
    double l2;
};

class Handle {
  public:
    explicit Handle(Coefficients c = {0.01, 0.3}) {
        if (l1l2_create(c.l1, c.l2, &regularizer_) != L1L2_OK) {
            std::abort();
        }
    }
    Handle(Handle&& other) noexcept : regularizer_(other.regularizer_) {
        other.regularizer_ = nullptr;
    }
    Handle& operator=(Handle&&) = delete;
    ~Handle() { l1l2_destroy(regularizer_); }

    const l1l2_regularizer* get() const { return regularizer_; }

  private:
    l1l2_regularizer* regularizer_ = nullptr;
};
