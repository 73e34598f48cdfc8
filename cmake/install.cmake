# Installs the headers, the libraries, a CMake package and pkg-config files. They are in six components, of
# each of which a package is made: l1l2_runtime and l1l2_development, and the same two for l1l2_threads and
# l1l2_keras.
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/l1l2)

# install_libraries(NAME): installs those of the targets NAME_shared and NAME_static that are built. Each has a file
# of targets of its own, so that one of the libraries may be missing in a package of a distribution.
function(install_libraries name)
  foreach(kind shared static)
    if(TARGET ${name}_${kind})
      install(TARGETS ${name}_${kind} EXPORT ${name}_${kind}_targets
              LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
              COMPONENT ${name}_runtime NAMELINK_COMPONENT ${name}_development
              ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT ${name}_development
              RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT ${name}_runtime)
      install(EXPORT ${name}_${kind}_targets NAMESPACE l1l2:: FILE ${name}_${kind}.cmake
              DESTINATION ${package_dir} COMPONENT ${name}_development)
    endif()
  endforeach()
endfunction()

install_libraries(l1l2)
install(FILES include/l1l2.h include/l1l2.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        COMPONENT l1l2_development)
# install_pages(COMPONENT PAGE...): installs pages into one folder. Their links to each other stay; of those to files that
# are not installed only the text does.
function(install_pages component)
  foreach(page IN LISTS ARGN)
    if(NOT EXISTS ${PROJECT_SOURCE_DIR}/${page}) # the packages of the languages have no pages
      continue()
    endif()
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${page})
    get_filename_component(name ${page} NAME)
    file(READ ${page} text)
    string(REGEX REPLACE "\\]\\((docs/)?((abi|distributed|guarantees|numerics)[.]md[^)]*)\\)" "]{\\2}" text "${text}")
    string(REGEX REPLACE "\\[([^]]*)\\]\\([^:)#][^:)]*\\)" "\\1" text "${text}")
    string(REGEX REPLACE "\\]{([a-z]+[.]md[^}]*)}" "](\\1)" text "${text}")
    file(WRITE ${PROJECT_BINARY_DIR}/pages/${name} "${text}")
    install(FILES ${PROJECT_BINARY_DIR}/pages/${name} DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT ${component})
  endforeach()
endfunction()

# The pages are those that l1l2.h refers to.
install_pages(l1l2_development CHANGELOG.md docs/abi.md docs/distributed.md docs/guarantees.md docs/numerics.md)
# What is compiled into the shared library has to be named beside it. A Debian package has a file of its own for that.
set(notices_component l1l2_runtime)
if(L1L2_DEB_PACKAGES OR NOT L1L2_BUILD_SHARED)
  set(notices_component l1l2_development)
endif()
install(FILES LICENSE NOTICE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT ${notices_component})

# libl1l2_threads has its own files, so that only its users need oneTBB.
if(L1L2_BUILD_THREADS)
  install_libraries(l1l2_threads)
  install(FILES include/l1l2_threads.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
          COMPONENT l1l2_threads_development)
endif()

# So has the reader of Keras's model files, whose users need HDF5 and libzip.
if(L1L2_BUILD_TOOLS)
  install(TARGETS l1l2-keras RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT l1l2_keras_runtime)
  install(TARGETS l1l2_keras EXPORT l1l2_keras_targets
          ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT l1l2_keras_development)
  install(EXPORT l1l2_keras_targets NAMESPACE l1l2:: FILE l1l2_keras.cmake
          DESTINATION ${package_dir} COMPONENT l1l2_keras_development)
  install(FILES cmake/keras_dependencies.cmake DESTINATION ${package_dir} COMPONENT l1l2_keras_development)
  install(FILES tools/keras/include/l1l2_keras.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
          COMPONENT l1l2_keras_development)
  install_pages(l1l2_keras_development docs/keras_models.md)
endif()

configure_package_config_file(cmake/l1l2Config.cmake.in l1l2Config.cmake
                              INSTALL_DESTINATION ${package_dir}
                              PATH_VARS CMAKE_INSTALL_LIBDIR NO_SET_AND_CHECK_MACRO)
# A later library serves programs that were written for an earlier one: docs/abi.md.
write_basic_package_version_file(l1l2ConfigVersion.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${PROJECT_BINARY_DIR}/l1l2Config.cmake ${PROJECT_BINARY_DIR}/l1l2ConfigVersion.cmake
        DESTINATION ${package_dir} COMPONENT l1l2_development)

# Paths are relative to the file itself, so that a prefix can be moved; but not in /usr, whose folders pkg-config
# leaves out only if it sees their names.
set(pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr" OR IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}" OR
   IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
  set(pc_libdir "${CMAKE_INSTALL_FULL_LIBDIR}")
  set(pc_includedir "${CMAKE_INSTALL_FULL_INCLUDEDIR}")
else()
  file(RELATIVE_PATH pc_to_prefix "/${pkgconfig_dir}" "/")
  string(REGEX REPLACE "/$" "" pc_to_prefix "${pc_to_prefix}")
  set(pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
  set(pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
if(DEFINED pc_to_prefix)
  set(pc_prefix "\${pcfiledir}/${pc_to_prefix}")
else()
  set(pc_prefix "${CMAKE_INSTALL_PREFIX}")
endif()
# Whoever links a static library alone also links the C++ runtime and, for that of threads, oneTBB.
list(TRANSFORM L1L2_CXX_RUNTIME PREPEND "-l" OUTPUT_VARIABLE pc_runtime)
list(JOIN pc_runtime " " pc_runtime)
string(APPEND pc_runtime " -lm")
if(EMSCRIPTEN)
  string(APPEND pc_runtime " -fexceptions")
endif()
if(TARGET l1l2_shared)
  set(pc_libs "")
  set(pc_libs_private "${pc_runtime}")
  # Not in Requires.private: compiling against the shared library takes no oneTBB.
  set(pc_threads_requires "")
  set(pc_threads_libs_private "-ltbb ${pc_runtime}")
else()
  set(pc_libs " ${pc_runtime}")
  set(pc_libs_private "")
  set(pc_threads_requires " tbb")
  set(pc_threads_libs_private "")
endif()
configure_file(pkgconfig/l1l2.pc.in l1l2.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/l1l2.pc DESTINATION ${pkgconfig_dir} COMPONENT l1l2_development)
if(L1L2_BUILD_THREADS)
  configure_file(pkgconfig/l1l2_threads.pc.in l1l2_threads.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/l1l2_threads.pc DESTINATION ${pkgconfig_dir}
          COMPONENT l1l2_threads_development)
endif()

# After the libraries, so that the loader finds them.
if(TARGET l1l2_shared AND CMAKE_SYSTEM_NAME STREQUAL "Linux" AND NOT CMAKE_CROSSCOMPILING)
  install(CODE "set(libdir \"${CMAKE_INSTALL_LIBDIR}\")" COMPONENT l1l2_runtime)
  install(SCRIPT cmake/ldconfig.cmake COMPONENT l1l2_runtime)
endif()
