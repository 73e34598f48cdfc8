# What consumers find: the headers, the libraries, a CMake package and a pkg-config file.
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/l1l2)

set(libraries "")
foreach(target l1l2_shared l1l2_static)
  if(TARGET ${target})
    list(APPEND libraries ${target})
  endif()
endforeach()

install(TARGETS ${libraries} EXPORT l1l2_targets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES include/l1l2.h include/l1l2.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES LICENSE NOTICE CHANGELOG.md docs/numerics.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(EXPORT l1l2_targets NAMESPACE l1l2:: FILE l1l2Targets.cmake DESTINATION ${package_dir})

# The component `threads`, in files of its own: without it nobody needs oneTBB.
set(threads_libraries "")
foreach(target l1l2_threads_shared l1l2_threads_static)
  if(TARGET ${target})
    list(APPEND threads_libraries ${target})
  endif()
endforeach()
if(threads_libraries)
  install(TARGETS ${threads_libraries} EXPORT l1l2_threads_targets
          LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
          ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
          RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(FILES include/l1l2_threads.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  install(EXPORT l1l2_threads_targets NAMESPACE l1l2:: FILE l1l2ThreadsTargets.cmake
          DESTINATION ${package_dir})
endif()

configure_package_config_file(cmake/l1l2Config.cmake.in l1l2Config.cmake
                              INSTALL_DESTINATION ${package_dir}
                              NO_SET_AND_CHECK_MACRO)
# Until 1.0 a minor version may break the ABI.
write_basic_package_version_file(l1l2ConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/l1l2Config.cmake ${PROJECT_BINARY_DIR}/l1l2ConfigVersion.cmake
        DESTINATION ${package_dir})

# Paths are relative to the file itself, so that a prefix can be moved.
set(pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}" OR IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
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
# A static library alone needs the C++ runtime, and that of threads oneTBB, from whoever links it.
set(pc_runtime "-lstdc++ -lm")
if(TARGET l1l2_shared)
  set(pc_libs "")
  set(pc_libs_private "${pc_runtime}")
  # By name rather than in Requires.private: who links the shared library needs no oneTBB to compile.
  set(pc_threads_requires "")
  set(pc_threads_libs_private "-ltbb ${pc_runtime}")
else()
  set(pc_libs " ${pc_runtime}")
  set(pc_libs_private "")
  set(pc_threads_requires " tbb")
  set(pc_threads_libs_private "")
endif()
configure_file(pkgconfig/l1l2.pc.in l1l2.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/l1l2.pc DESTINATION ${pkgconfig_dir})
if(threads_libraries)
  configure_file(pkgconfig/l1l2_threads.pc.in l1l2_threads.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/l1l2_threads.pc DESTINATION ${pkgconfig_dir})
endif()
