/**
 * Replaces malloc with one that counts and can fail. A shared library with its own C++ runtime
 * calls it too, from its operator new.
 */
#pragma once

#include <atomic>
#include <string>

namespace failing_malloc {

inline std::atomic<bool> watching{false};
inline std::atomic<long> allocations{0}; ///< since the last Watch began
inline std::atomic<long> balance{0};     ///< allocations since then minus frees
inline std::atomic<long> fail_at{-1};    ///< the number of the allocation that fails, -1 for none
inline std::atomic<bool> keep_failing{false};

/// Counts allocations until the end of the scope.
class Watch {
  public:
    explicit Watch(long failing = -1, bool on_and_on = false) {
        allocations = 0;
        balance = 0;
        fail_at = failing;
        keep_failing = on_and_on;
        watching = true;
    }
    ~Watch() { watching = false; }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
};

/**
 * Calls a function repeatedly, each time with another of its allocations failing, alone or with all
 * later ones. Returns "" if the function allocates, frees everything each time, and well(failed) is
 * true, where `failed` says whether an allocation has failed; otherwise returns what went wrong.
 */
template <class Call, class Well>
std::string mistake_without_memory(Call&& call, Well&& well) {
    for (const bool on_and_on : {false, true}) {
        bool failed = true;
        for (long failing = 0; failed; ++failing) {
            {
                const Watch watch(failing, on_and_on);
                call();
            }
            failed = allocations > failing;
            const std::string where = "allocation " + std::to_string(failing) +
                                      (on_and_on ? " and all that follow" : "") + ": ";
            if (balance != 0) {
                return where + std::to_string(balance) + " allocations were not given back";
            }
            if (!well(failed)) {
                return where + "not what was to be expected";
            }
            if (!failed && failing == 0) {
                return "nothing was allocated";
            }
        }
    }
    return "";
}

} // namespace failing_malloc
