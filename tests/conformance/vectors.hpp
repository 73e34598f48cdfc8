/// The cases of vectors.txt in C++.
#pragma once

#include "vectors.h"

#include <l1l2.hpp>

#include <string>
#include <vector>

/// Whether the call throws the case's status or, if that is 0, returns.
template <class Call>
bool has_status(const Case& c, Call&& call) {
    try {
        call();
        return c.status == L1L2_OK;
    } catch (const l1l2::Error& error) {
        return error.status() == c.status && std::string(error.what()) != "";
    }
}

inline l1l2::Regularizer make(const Case& c, int field) {
    return l1l2::Regularizer(number(c.field[field]), number(c.field[field + 1]));
}

template <class T>
std::vector<T> elements(Case& c, const char* dtype, const char* text) {
    const Array a = array(&c, dtype, text);
    const T* const data = static_cast<const T*>(a.data);
    return {data, data + a.n};
}

template <class T>
bool equal(const std::vector<T>& a, const std::vector<T>& b) {
    return a.size() == b.size() && same(a.data(), b.data(), a.size() * sizeof(T));
}
