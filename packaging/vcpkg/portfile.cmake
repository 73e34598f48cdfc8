# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
vcpkg_download_distfile(ARCHIVE
    URLS "https://example.invalid/l1l2/releases/download/v${VERSION}/l1l2-${VERSION}.tar.gz"
    FILENAME "l1l2-${VERSION}.tar.gz"
    SHA512 @SHA512@)
vcpkg_extract_source_archive(SOURCE_PATH ARCHIVE "${ARCHIVE}")

string(COMPARE EQUAL "${VCPKG_LIBRARY_LINKAGE}" dynamic L1L2_SHARED)
string(COMPARE EQUAL "${VCPKG_LIBRARY_LINKAGE}" static L1L2_STATIC)
string(COMPARE EQUAL "${VCPKG_CRT_LINKAGE}" static L1L2_STATIC_RUNTIME)
vcpkg_cmake_configure(
    SOURCE_PATH "${SOURCE_PATH}"
    OPTIONS
        -DL1L2_BUILD_SHARED=${L1L2_SHARED}
        -DL1L2_BUILD_STATIC=${L1L2_STATIC}
        -DL1L2_STATIC_CXX_RUNTIME=${L1L2_STATIC_RUNTIME}
        -DL1L2_BUILD_TESTS=OFF
        -DL1L2_BUILD_THREADS=OFF
        -DL1L2_BUILD_TOOLS=OFF
    MAYBE_UNUSED_VARIABLES
        L1L2_STATIC_CXX_RUNTIME)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/l1l2)
vcpkg_fixup_pkgconfig()
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug/include" "${CURRENT_PACKAGES_DIR}/debug/share")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE" "${SOURCE_PATH}/NOTICE")
file(INSTALL "${CURRENT_PORT_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
