/**
 * Replaces operator new, by which the library allocates, with one that counts and can fail. Works
 * under sanitizers, which have a malloc of their own.
 */
#pragma once

namespace failing_new {

inline bool watching = false;
inline long allocations = 0; ///< since the last Watch began
inline long fail_at = -1;    ///< the first allocation that fails, as all later ones do; -1 for none

/// Counts allocations until the end of the scope.
class Watch {
  public:
    explicit Watch(long failing = -1) {
        allocations = 0;
        fail_at = failing;
        watching = true;
    }
    ~Watch() { watching = false; }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    static bool has_failed() { return fail_at >= 0 && allocations > fail_at; }
};

} // namespace failing_new
