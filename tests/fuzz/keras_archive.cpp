/// Fuzzes l1l2::keras::load with archives in memory. HDF5 files of their own are left out: libhdf5
/// crashes on damaged ones. In an archive a CRC keeps damage from it.
#include "input.hpp"

#include <l1l2_keras.hpp>

namespace {

using fuzz::check;
namespace keras = l1l2::keras;

constexpr keras::Limits limits = {std::uint64_t{1} << 20};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > 0 && data[0] == 0x89) {
        return 0;
    }
    try {
        const keras::Model model = keras::load(data, size, limits);
        check(!(keras::total(model) < 0.0), "a total is not negative");
        for (const l1l2_term& term : keras::counted_terms(model)) {
            double penalty = 0.0;
            check(l1l2_penalty(term.regularizer, term.dtype, term.x, term.n, &penalty) == L1L2_OK,
                  "a counted term can be computed");
        }
    } catch (const keras::LoadError& error) {
        check(error.what()[0] != '\0', "a refusal has a sentence");
    }
    return 0;
}
