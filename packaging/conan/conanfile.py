# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0
"""The recipe of Conan 2: downloads the source tarball that conandata.yml names, and builds it."""

import os

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.build import stdcpp_library
from conan.tools.cmake import CMake, CMakeToolchain, cmake_layout
from conan.tools.files import copy, get, rmdir


class L1L2(ConanFile):
    name = "l1l2"
    version = "@VERSION@"
    description = "L1/L2 (elastic-net) regularization as tf.keras.regularizers.L1L2 defines it"
    license = "Apache-2.0 AND BSD-3-Clause AND MIT"
    homepage = "https://example.invalid/l1l2"
    topics = ("regularization", "elastic-net", "keras", "proximal-operator")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False], "fPIC": [True, False]}
    default_options = {"shared": False, "fPIC": True}
    implements = ["auto_shared_fpic"]

    def validate(self):
        if self.settings.compiler == "msvc":
            raise ConanInvalidConfiguration("l1l2 is built by GCC or clang")

    def layout(self):
        cmake_layout(self, src_folder="src")

    def source(self):
        get(self, **self.conan_data["sources"][self.version], strip_root=True)

    def generate(self):
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["L1L2_BUILD_SHARED"] = bool(self.options.shared)
        toolchain.cache_variables["L1L2_BUILD_STATIC"] = not self.options.shared
        for part in "TESTS", "THREADS", "TOOLS":
            toolchain.cache_variables[f"L1L2_BUILD_{part}"] = False
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        for file in "LICENSE", "NOTICE":
            copy(self, file, self.source_folder, os.path.join(self.package_folder, "licenses"))
        CMake(self).install()
        # Conan writes what other builds find the package by.
        for folder in "cmake", "pkgconfig":
            rmdir(self, os.path.join(self.package_folder, "lib", folder))
        rmdir(self, os.path.join(self.package_folder, "share"))

    def package_info(self):
        linked = "shared" if self.options.shared else "static"
        self.cpp_info.set_property("cmake_file_name", "l1l2")
        self.cpp_info.set_property("cmake_target_name", "l1l2::l1l2")
        self.cpp_info.set_property("cmake_target_aliases", [f"l1l2::l1l2_{linked}"])
        self.cpp_info.set_property("pkg_config_name", "l1l2")
        self.cpp_info.libs = ["l1l2"]
        if not self.options.shared:
            self.cpp_info.system_libs = [stdcpp_library(self)]
            if self.settings.os in ("Linux", "FreeBSD"):
                self.cpp_info.system_libs.append("m")
