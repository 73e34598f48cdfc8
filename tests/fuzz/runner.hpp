/**
 * Runners that keep their contract or break it.
 */
#pragma once

#include "input.hpp"

#include <cstddef>
#include <cstdint>

namespace fuzz {

struct Runner {
    enum class Kind {
        none,
        in_order,
        reverse,
        rotated,
        twice,
        all_twice,
        refuses,
        stops,
        fails_after_all,
        leaves_out
    };
    Kind kind;
    std::size_t seed;
    std::size_t bad_run; ///< the run that fails, if the kind is one that does
    Environment environment;
    std::size_t runs = 0;
    bool has_failed = false;

    l1l2_runner get() const { return kind == Kind::none ? nullptr : run; }

    static std::int32_t run(void* state, l1l2_task task, void* work, std::size_t count) {
        auto& self = *static_cast<Runner*>(state);
        check(count >= 1, "a run has a task");
        check(!self.has_failed, "after a failure there is no other run");
        check((self.environment == Environment::hostile) == (std::fegetround() == FE_UPWARD),
              "a runner is called in the caller's environment");
        check(is_usable(), "a runner may call the library");
        const bool fails = self.kind >= Kind::refuses && self.runs++ == self.bad_run;
        self.has_failed = fails;
        return self.run_tasks(
            fails, [&](std::size_t i) { task(work, i); }, count);
    }

  private:
    static bool is_usable() {
        constexpr float x[] = {-2.0F, 1.0F};
        double penalty = untouched;
        return l1l2_penalty(handle.get(), L1L2_FLOAT32, x, 2, &penalty) == L1L2_OK &&
               to_bits(penalty) == to_bits(0.5 * 3.0 + 0.25 * 5.0);
    }
    static inline const Handle handle = Handle({0.5, 0.25});

    template <class Task>
    std::int32_t run_tasks(bool fails, Task task, std::size_t count) const {
        const std::size_t left_out = fails && kind == Kind::leaves_out ? seed % count : count;
        const std::size_t last = !fails                  ? count
                                 : kind == Kind::refuses ? 0
                                 : kind == Kind::stops   ? seed % count
                                                         : count;
        for (std::size_t i = 0; i < last; ++i) {
            const std::size_t index = kind == Kind::reverse   ? count - 1 - i
                                      : kind == Kind::rotated ? (i + seed) % count
                                                              : i;
            if (index != left_out) {
                task(index);
            }
            if (kind == Kind::twice) {
                task(index);
            }
        }
        for (std::size_t i = 0; kind == Kind::all_twice && i < count; ++i) {
            task(i);
            task(count + i); // out of range
            task(SIZE_MAX - i);
        }
        if (!fails || kind == Kind::leaves_out) {
            return 0;
        }
        const auto code = static_cast<std::int32_t>(seed);
        return code % 2 == 0 ? code + 1 : -code;
    }
};

inline Runner decode_runner(Input& input, Environment environment) {
    const std::uint8_t kind = input.byte();
    const std::size_t seed = input.byte();
    return {static_cast<Runner::Kind>(kind % 10), seed, kind >= 0xC0 ? 1U : 0U, environment};
}

} // namespace fuzz
