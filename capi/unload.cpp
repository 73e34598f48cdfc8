// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0

// For the shared library that has a C++ runtime of its own. That runtime allocates 73 KB when it is
// loaded, from which it would take a std::bad_alloc if no memory were left. This frees them when
// the library is closed; libstdc++ itself does not, as it is usually never unloaded. The function
// is libstdc++'s, which declares it in no header.
namespace __gnu_cxx { // NOLINT(bugprone-reserved-identifier)
void __freeres();     // NOLINT(bugprone-reserved-identifier)
} // namespace __gnu_cxx

__attribute__((destructor)) static void free_emergency_pool() {
    __gnu_cxx::__freeres();
}
