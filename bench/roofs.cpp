#include "roofs.hpp"

#include <cstdint>
#include <cstring>

#ifdef __AVX2__
#include <immintrin.h>
#endif

namespace roofs {

namespace {

constexpr std::size_t line_bytes = 64;
constexpr std::size_t page = 4096;

template <std::size_t bytes>
struct Vector {
    typedef std::uint64_t type __attribute__((vector_size(bytes), aligned(1), may_alias));
};

/// 0, which the compiler does not know: so what is written is what was there.
const volatile std::uint64_t nothing = 0;

// Each loop moves `streams` vectors of `width` bytes at a time; what remains, byte by byte. With
// `ahead` it fetches what is so many bytes ahead.

template <std::size_t width, std::size_t streams>
double read_bytes(const void* x, void* /*y*/, std::size_t bytes) {
    using V = typename Vector<width>::type;
    const char* p = static_cast<const char*>(x);
    V seen[streams] = {};
    std::size_t i = 0;
    for (; i + width * streams <= bytes; i += width * streams) {
        for (std::size_t j = 0; j < streams; ++j) {
            seen[j] |= *reinterpret_cast<const V*>(p + i + j * width);
        }
    }
    std::uint64_t all = 0;
    for (const V& v : seen) {
        for (std::size_t j = 0; j < width / 8; ++j) {
            all |= v[j];
        }
    }
    for (; i < bytes; ++i) {
        all |= static_cast<unsigned char>(p[i]);
    }
    return static_cast<double>(all);
}

template <std::size_t width, std::size_t streams, std::size_t ahead = 0>
double read_and_update_bytes(const void* x, void* y, std::size_t bytes) {
    using V = typename Vector<width>::type;
    const char* p = static_cast<const char*>(x);
    char* q = static_cast<char*>(y);
    const std::uint64_t mask = nothing;
    std::size_t i = 0;
    for (; i + width * streams <= bytes; i += width * streams) {
        V changed[streams];
        for (std::size_t j = 0; j < streams; ++j) {
            if (ahead > 0) {
                __builtin_prefetch(p + i + j * width + ahead);
                __builtin_prefetch(q + i + j * width + ahead, 1);
            }
            changed[j] = *reinterpret_cast<const V*>(q + i + j * width) ^
                         (*reinterpret_cast<const V*>(p + i + j * width) & mask);
        }
        for (std::size_t j = 0; j < streams; ++j) {
            *reinterpret_cast<V*>(q + i + j * width) = changed[j];
        }
    }
    for (; i < bytes; ++i) {
        q[i] = static_cast<char>(q[i] ^ (p[i] & static_cast<char>(mask)));
    }
    return 0.0;
}

/// step_bytes is 1 or 2.
template <std::size_t ahead>
double read_steps_and_update_bytes(const void* x, const void* steps, std::size_t step_bytes,
                                   void* y, std::size_t bytes) {
    constexpr std::size_t width = 64;
    using V = typename Vector<width>::type;
    const char* p = static_cast<const char*>(x);
    const char* w = static_cast<const char*>(steps);
    char* q = static_cast<char*>(y);
    const std::uint64_t mask = nothing;
    std::size_t i = 0;
    for (; i + width <= bytes; i += width, w += width * step_bytes) {
        if (ahead > 0) {
            __builtin_prefetch(p + i + ahead);
            __builtin_prefetch(q + i + ahead, 1);
            __builtin_prefetch(w + ahead * step_bytes);
        }
        V seen = *reinterpret_cast<const V*>(p + i) | *reinterpret_cast<const V*>(w);
        if (step_bytes == 2) {
            seen |= *reinterpret_cast<const V*>(w + width);
        }
        *reinterpret_cast<V*>(q + i) = *reinterpret_cast<const V*>(q + i) ^ (seen & mask);
    }
    return 0.0;
}

template <std::size_t width, std::size_t streams, std::size_t ahead = 0>
double update_bytes(const void* /*x*/, void* y, std::size_t bytes) {
    using V = typename Vector<width>::type;
    char* q = static_cast<char*>(y);
    const std::uint64_t mask = nothing;
    std::size_t i = 0;
    for (; i + width * streams <= bytes; i += width * streams) {
        V changed[streams];
        for (std::size_t j = 0; j < streams; ++j) {
            if (ahead > 0) {
                __builtin_prefetch(q + i + j * width + ahead, 1);
            }
            changed[j] = *reinterpret_cast<const V*>(q + i + j * width) ^ mask;
        }
        for (std::size_t j = 0; j < streams; ++j) {
            *reinterpret_cast<V*>(q + i + j * width) = changed[j];
        }
    }
    for (; i < bytes; ++i) {
        q[i] = static_cast<char>(q[i] ^ static_cast<char>(mask));
    }
    return 0.0;
}

template <std::size_t width, std::size_t streams>
double copy_bytes(const void* x, void* y, std::size_t bytes) {
    using V = typename Vector<width>::type;
    const char* p = static_cast<const char*>(x);
    char* q = static_cast<char*>(y);
    std::size_t i = 0;
    for (; i + width * streams <= bytes; i += width * streams) {
        V copied[streams];
        for (std::size_t j = 0; j < streams; ++j) {
            copied[j] = *reinterpret_cast<const V*>(p + i + j * width);
        }
        for (std::size_t j = 0; j < streams; ++j) {
            *reinterpret_cast<V*>(q + i + j * width) = copied[j];
        }
    }
    for (; i < bytes; ++i) {
        q[i] = p[i];
    }
    return 0.0;
}

double copy_by_memcpy(const void* x, void* y, std::size_t bytes) {
    std::memcpy(y, x, bytes);
    return 0.0;
}

#ifdef __AVX2__
/// Past the caches. y is aligned to 64 bytes.
double copy_streaming(const void* x, void* y, std::size_t bytes) {
    const char* p = static_cast<const char*>(x);
    char* q = static_cast<char*>(y);
    const std::size_t whole = bytes / line_bytes * line_bytes;
    for (std::size_t i = 0; i < whole; i += line_bytes) {
        const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + i));
        const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + i + 32));
        _mm256_stream_si256(reinterpret_cast<__m256i*>(q + i), low);
        _mm256_stream_si256(reinterpret_cast<__m256i*>(q + i + 32), high);
    }
    _mm_sfence();
    return copy_bytes<32, 1>(p + whole, q + whole, bytes - whole);
}
#endif

using Run = double (*)(const void* x, void* y, std::size_t bytes);

/// The same loop page by page, the next page of x being fetched meanwhile.
template <Run run>
double by_pages(const void* x, void* y, std::size_t bytes) {
    const char* p = static_cast<const char*>(x);
    char* q = static_cast<char*>(y);
    double seen = 0.0;
    for (std::size_t done = 0; done < bytes; done += page) {
        for (std::size_t line = 0; line < page; line += line_bytes) {
            __builtin_prefetch(p + done + page + line);
        }
        const std::size_t some = bytes - done < page ? bytes - done : page;
        seen += run(p + done, q != nullptr ? q + done : nullptr, some);
    }
    return seen;
}

/// Fetches `ahead` places ahead, if it is not 0.
template <std::size_t streams, std::size_t ahead>
double read_strided(const void* x, std::size_t stride, std::size_t n) {
    const char* p = static_cast<const char*>(x);
    std::uint32_t seen[streams] = {};
    std::size_t i = 0;
    for (; i + streams <= n; i += streams) {
        for (std::size_t j = 0; j < streams; ++j, p += stride) {
            if (ahead > 0) {
                __builtin_prefetch(p + ahead * stride);
            }
            std::uint32_t value = 0;
            std::memcpy(&value, p, sizeof value);
            seen[j] |= value;
        }
    }
    std::uint32_t all = 0;
    for (const std::uint32_t value : seen) {
        all |= value;
    }
    for (; i < n; ++i, p += stride) {
        std::uint32_t value = 0;
        std::memcpy(&value, p, sizeof value);
        all |= value;
    }
    return static_cast<double>(all);
}

} // namespace

const std::vector<Loop>& read() {
    static const std::vector<Loop> loops = {
        {"64 x 1", read_bytes<64, 1>},
        {"64 x 4", read_bytes<64, 4>},
        {"32 x 2", read_bytes<32, 2>},
        {"32 x 8", read_bytes<32, 8>},
        {"64 x 4, prefetch", by_pages<read_bytes<64, 4>>},
    };
    return loops;
}

const std::vector<Loop>& read_and_update() {
    static const std::vector<Loop> loops = {
        {"64 x 1", read_and_update_bytes<64, 1>},
        {"64 x 4", read_and_update_bytes<64, 4>},
        {"32 x 4", read_and_update_bytes<32, 4>},
        {"64 x 4, prefetch 1 KiB", read_and_update_bytes<64, 4, 1024>},
        {"64 x 4, prefetch 4 KiB", read_and_update_bytes<64, 4, page>},
    };
    return loops;
}

const std::vector<SteppedLoop>& read_steps_and_update() {
    static const std::vector<SteppedLoop> loops = {
        {"64 x 1", read_steps_and_update_bytes<0>},
        {"64 x 1, prefetch 1 KiB", read_steps_and_update_bytes<1024>},
        {"64 x 1, prefetch 4 KiB", read_steps_and_update_bytes<page>},
    };
    return loops;
}

const std::vector<Loop>& update() {
    static const std::vector<Loop> loops = {
        {"64 x 1", update_bytes<64, 1>},
        {"64 x 4", update_bytes<64, 4>},
        {"32 x 4", update_bytes<32, 4>},
        {"64 x 4, prefetch 1 KiB", update_bytes<64, 4, 1024>},
        {"64 x 4, prefetch 4 KiB", update_bytes<64, 4, page>},
    };
    return loops;
}

const std::vector<Loop>& copy() {
    static const std::vector<Loop> loops = {
        {"64 x 4", copy_bytes<64, 4>},
        {"64 x 4, prefetch", by_pages<copy_bytes<64, 4>>},
#ifdef __AVX2__
        {"streaming stores", copy_streaming},
#endif
        {"memcpy", copy_by_memcpy},
    };
    return loops;
}

const std::vector<StridedLoop>& strided() {
    static const std::vector<StridedLoop> loops = {
        {"x 4", read_strided<4, 0>},
        {"x 8", read_strided<8, 0>},
        {"x 8, prefetch 16", read_strided<8, 16>},
        {"x 8, prefetch 64", read_strided<8, 64>},
    };
    return loops;
}

} // namespace roofs
