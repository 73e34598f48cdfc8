/// Tensors that are refused, and memory that is accepted.
#include "catch.hpp"
#include "pair.hpp"

using namespace training;
using namespace tensor_tests;

TEST_CASE("memory that the CPU can read is accepted on any device", "[dlpack]") {
    for (const DLDeviceType device : {kDLCPU, kDLCUDAHost, kDLROCMHost, kDLCUDAManaged}) {
        for (const int id : {0, 1, 7, -1, INT32_MAX}) {
            Pair pair;
            pair.x.dl.device = {device, id};
            CHECK(pair.is_accepted());
            pair.written.dl.device = {device, id};
            CHECK(pair.is_accepted());
        }
    }
}

TEST_CASE("memory that the CPU cannot read is refused", "[dlpack]") {
    for (const DLDeviceType device :
         {kDLCUDA, kDLOpenCL, kDLVulkan, kDLMetal, kDLVPI, kDLROCM, kDLExtDev,
          static_cast<DLDeviceType>(0), static_cast<DLDeviceType>(14)}) {
        INFO("device type " << device);
        Pair first;
        first.x.dl.device.device_type = device;
        CHECK(first.x_is_refused(L1L2_ERROR_UNSUPPORTED_DEVICE));
        Pair second;
        second.written.dl.device.device_type = device;
        CHECK(second.written_is_refused(L1L2_ERROR_UNSUPPORTED_DEVICE));
    }
}

TEST_CASE("other type codes, sizes and numbers of lanes are refused", "[dlpack]") {
    const DLDataType others[] = {
        {kDLFloat, 8, 1},        {kDLFloat, 80, 1},   {kDLFloat, 128, 1}, {kDLFloat, 0, 1},
        {kDLFloat, 31, 1},       {kDLBfloat, 32, 1},  {kDLBfloat, 64, 1}, {kDLBfloat, 8, 1},
        {kDLInt, 32, 1},         {kDLUInt, 32, 1},    {kDLInt, 16, 1},    {kDLOpaqueHandle, 64, 1},
        {kDLComplex, 64, 1},     {kDLFloat, 32, 0},   {kDLFloat, 32, 2},  {kDLFloat, 16, 4},
        {kDLBfloat, 16, 2},      {kDLFloat, 64, 257}, {6, 32, 1},         {255, 32, 1},
        {kDLBfloat, 16, 0x0100},
    };
    for (const DLDataType& dtype : others) {
        INFO("code " << +dtype.code << ", " << +dtype.bits << " bits, " << dtype.lanes << " lanes");
        Pair pair;
        pair.x.dl.dtype = dtype;
        pair.written.dl.dtype = dtype;
        CHECK(pair.x_is_refused(L1L2_ERROR_UNSUPPORTED_DTYPE));
    }
}

TEST_CASE("tensors of different dtypes are refused", "[dlpack]") {
    const DLDataType dtypes[] = {dl_dtype<Float16>(), dl_dtype<Bfloat16>(), dl_dtype<float>(),
                                 dl_dtype<double>()};
    for (const DLDataType& first : dtypes) {
        for (const DLDataType& second : dtypes) {
            if (&first != &second) {
                Pair pair;
                pair.x.dl.dtype = first;
                pair.written.dl.dtype = second;
                CHECK(pair.written_is_refused(L1L2_ERROR_INVALID_TENSOR));
            }
        }
    }
}

TEST_CASE("tensors of different shapes are refused", "[dlpack]") {
    for (const Axes& shape : {Axes{3, 2}, Axes{2, 2}, Axes{6}, Axes{2, 3, 1}, Axes{1, 2, 3},
                              Axes{1, 3}, Axes{0, 3}, Axes{2, 4}, Axes{}}) {
        Pair pair;
        const Tensor other(dl_dtype<float>(), shape, {}, pair.written_memory.data());
        CHECK(
            pair.written_alone_is_refused_as(L1L2_ERROR_INVALID_TENSOR, pair.x.get(), other.get()));
        const Tensor other_x(dl_dtype<float>(), shape, {}, pair.x_memory.data());
        CHECK(pair.written_alone_is_refused_as(L1L2_ERROR_INVALID_TENSOR, other_x.get(),
                                               pair.written.get()));
    }
}

TEST_CASE("a tensor has 0 to 64 axes", "[dlpack]") {
    Axes ones(70, 1);
    ones[0] = 6;
    for (const int axes : {1, 2, 63, 64}) {
        Pair pair;
        for (Tensor* const tensor : {&pair.x, &pair.written}) {
            tensor->dl.ndim = axes;
            tensor->dl.shape = ones.data();
            tensor->dl.strides = nullptr;
        }
        CHECK(pair.is_accepted());
    }
    for (const int axes : {65, 70, -1, INT32_MAX, INT32_MIN}) {
        INFO(axes << " axes");
        Pair first;
        first.x.dl.ndim = axes;
        first.x.dl.shape = ones.data();
        first.x.dl.strides = nullptr;
        CHECK(first.x_is_refused(L1L2_ERROR_INVALID_TENSOR));
        Pair second;
        second.written.dl.ndim = axes;
        second.written.dl.shape = ones.data();
        second.written.dl.strides = nullptr;
        CHECK(second.written_is_refused(L1L2_ERROR_INVALID_TENSOR));
    }
}

TEST_CASE("a shape that is NULL or negative is refused, and so is data that is NULL", "[dlpack]") {
    Axes negative = {2, -3};
    Axes both_negative = {-2, -3};
    Axes negative_and_empty = {-2, 0};
    Axes most_negative = {INT64_MIN, 1};
    for (std::int64_t* const shape :
         {static_cast<std::int64_t*>(nullptr), negative.data(), both_negative.data(),
          negative_and_empty.data(), most_negative.data()}) {
        Pair first;
        first.x.dl.shape = shape;
        CHECK(first.x_is_refused(L1L2_ERROR_INVALID_TENSOR));
        Pair second;
        second.written.dl.shape = shape;
        CHECK(second.written_is_refused(L1L2_ERROR_INVALID_TENSOR));
    }
    Pair one_axis;
    one_axis.x.dl.ndim = 1;
    one_axis.x.dl.shape = nullptr;
    CHECK(one_axis.x_is_refused(L1L2_ERROR_INVALID_TENSOR));
    Pair first;
    first.x.dl.data = nullptr;
    CHECK(first.x_is_refused(L1L2_ERROR_INVALID_TENSOR));
    Pair second;
    second.written.dl.data = nullptr;
    CHECK(second.written_is_refused(L1L2_ERROR_INVALID_TENSOR));
}

TEST_CASE("sizes, strides and offsets that leave the address space are refused", "[dlpack]") {
    struct Case {
        Axes shape;
        Axes strides;
        std::uint64_t byte_offset;
    };
    constexpr std::int64_t huge = INT64_MAX;
    const Case cases[] = {
        {{huge}, {}, 0},
        {{huge / 4 + 1}, {}, 0},
        {{huge, 2}, {}, 0},
        {{huge, huge}, {}, 0},
        {{std::int64_t{1} << 32, std::int64_t{1} << 32}, {}, 0},
        {{std::int64_t{1} << 31, std::int64_t{1} << 31, 4}, {}, 0},
        {{2}, {huge}, 0},
        {{2}, {huge / 4 + 1}, 0},
        {{2}, {-huge}, 0},
        {{2}, {INT64_MIN}, 0},
        {{2}, {-(std::int64_t{1} << 60)}, 0},
        {{2}, {std::int64_t{1} << 62}, 0},
        {{3}, {std::int64_t{1} << 61}, 0},
        {{5}, {std::int64_t{1} << 60}, 0},
        {{5, 2}, {1, INT64_MIN}, 0},
        {{2, 2}, {huge, -huge}, 0},
        {{2, 2}, {std::int64_t{1} << 60, std::int64_t{1} << 60}, 0},
        {{2, 2}, {std::int64_t{1} << 60, -(std::int64_t{1} << 60)}, std::uint64_t{3} << 61U},
        {{2, 2}, {std::int64_t{1} << 60, -(std::int64_t{1} << 60)}, std::uint64_t{1} << 63U},
        // The product of the sizes is too large; the first and the last element are near enough.
        {{std::int64_t{1} << 31, std::int64_t{1} << 30}, {1, 0}, 0},
        {{2}, {}, UINT64_MAX},
        {{2}, {}, UINT64_MAX - 100},
        {{1}, {}, UINT64_MAX},
    };
    for (const Case& c : cases) {
        Pair pair;
        const Tensor broken(dl_dtype<float>(), c.shape, c.strides, pair.x_memory.data(),
                            c.byte_offset);
        const Tensor broken_too(dl_dtype<float>(), c.shape, c.strides, pair.written_memory.data(),
                                c.byte_offset);
        INFO("case " << &c - cases);
        CHECK(pair.refused_as(L1L2_ERROR_INVALID_TENSOR, broken.get(), broken_too.get()));
        // With an x of the same shape that is valid.
        if (c.shape.size() == 1 && c.shape[0] <= 3) {
            const Tensor x(dl_dtype<float>(), c.shape, {}, pair.x_memory.data());
            CHECK(pair.written_alone_is_refused_as(L1L2_ERROR_INVALID_TENSOR, x.get(),
                                                   broken_too.get()));
        }
    }
}

TEST_CASE("of several errors of a tensor a NULL is reported first, then the device, then the dtype",
          "[dlpack]") {
    const Handle handle(both);
    float element = 1.0F;
    double penalty = untouched;
    Tensor x(dl_dtype<float>(), {-1}, {}, &element);
    const auto status = [&] { return l1l2_penalty_dlpack(handle.get(), x.get(), &penalty); };
    CHECK(status() == L1L2_ERROR_INVALID_TENSOR);
    x.dl.dtype.lanes = 2;
    CHECK(status() == L1L2_ERROR_UNSUPPORTED_DTYPE);
    x.dl.device.device_type = kDLCUDA;
    CHECK(status() == L1L2_ERROR_UNSUPPORTED_DEVICE);
    CHECK(l1l2_penalty_dlpack(nullptr, x.get(), &penalty) == L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(penalty == untouched);
}

TEST_CASE("of two tensors a NULL is reported first, then x, then the one that is written",
          "[dlpack]") {
    Pair pair;
    pair.x.dl.ndim = -1;
    pair.written.dl.device.device_type = kDLCUDA;
    CHECK(pair.written_is_refused(L1L2_ERROR_INVALID_TENSOR));
    pair.x.dl.device.device_type = kDLCUDA;
    CHECK(pair.written_alone_is_refused_as(L1L2_ERROR_INVALID_ARGUMENT, pair.x.get(), nullptr));
    const Tensor sound(dl_dtype<float>(), {2, 3}, {3, 1}, pair.x_memory.data());
    CHECK(l1l2_prox_step_dlpack(pair.handle.get(), pair.x.get(), sound.get(), 1.0, nullptr,
                                nullptr) == L1L2_ERROR_INVALID_ARGUMENT);
}

TEST_CASE("an element that ends beyond the address space is refused", "[dlpack]") {
    const Handle handle(both);
    float element = 1.0F;
    // The element begins 2 bytes before the end of the address space.
    const std::uint64_t offset = UINTPTR_MAX - reinterpret_cast<std::uintptr_t>(&element) - 1;
    double penalty = untouched;
    for (const Axes& shape : {Axes{}, Axes{1}, Axes{1, 1}}) {
        const Tensor x(dl_dtype<float>(), shape, {}, &element, offset);
        CHECK(l1l2_penalty_dlpack(handle.get(), x.get(), &penalty) == L1L2_ERROR_INVALID_TENSOR);
    }
    CHECK(penalty == untouched);
}

TEST_CASE("a tensor, a regularizer or a penalty that is NULL is an invalid argument", "[dlpack]") {
    Pair pair;
    CHECK(pair.refused_as(L1L2_ERROR_INVALID_ARGUMENT, nullptr, pair.written.get()));
    CHECK(pair.written_alone_is_refused_as(L1L2_ERROR_INVALID_ARGUMENT, pair.x.get(), nullptr));
    double penalty = untouched;
    CHECK(l1l2_penalty_dlpack(nullptr, pair.x.get(), &penalty) == L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(l1l2_penalty_dlpack(pair.handle.get(), pair.x.get(), nullptr) ==
          L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(l1l2_add_gradient_dlpack(nullptr, pair.x.get(), 1.0, pair.written.get(), &penalty) ==
          L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(l1l2_prox_dlpack(nullptr, pair.x.get(), 1.0, pair.written.get()) ==
          L1L2_ERROR_INVALID_ARGUMENT);
    CHECK(penalty == untouched);
    CHECK(pair.written_memory[16] == 5.0F);
}

TEST_CASE("a scale or a step that an array's functions refuse is refused for a tensor",
          "[dlpack]") {
    Pair pair;
    double penalty = untouched;
    for (const double scale : {not_a_number, infinity, -infinity}) {
        CHECK(l1l2_add_gradient_dlpack(pair.handle.get(), pair.x.get(), scale, pair.written.get(),
                                       &penalty) == L1L2_ERROR_INVALID_SCALE);
    }
    for (const double step : {-1.0, not_a_number, infinity, -infinity}) {
        CHECK(l1l2_prox_dlpack(pair.handle.get(), pair.x.get(), step, pair.written.get()) ==
              L1L2_ERROR_INVALID_STEP);
    }
    const Handle large({1e30, 1e30});
    Tensor x(dl_dtype<Float16>(), {3}, {}, pair.x_memory.data());
    Tensor written(dl_dtype<Float16>(), {3}, {}, pair.written_memory.data());
    CHECK(l1l2_add_gradient_dlpack(large.get(), x.get(), 1e30, written.get(), &penalty) ==
          L1L2_ERROR_INVALID_SCALE);
    CHECK(l1l2_prox_dlpack(large.get(), x.get(), 1e30, written.get()) == L1L2_ERROR_INVALID_STEP);
    CHECK(penalty == untouched);
    CHECK(std::count(pair.written_memory.begin(), pair.written_memory.end(), 5.0F) == 64);
}
