# Lets CPack make a tarball of what is installed, and a Debian package of each component. scripts/portable.sh
# and scripts/package.sh call it.
set(CPACK_PACKAGE_VENDOR l1l2)
set(CPACK_PACKAGE_CONTACT "l1l2 maintainers <maintainers@l1l2.invalid>"
    CACHE STRING "Who is named as the packages' maintainer")
string(TOLOWER ${CMAKE_SYSTEM_NAME} system)
set(CPACK_PACKAGE_FILE_NAME l1l2-${PROJECT_VERSION}-${system}-${CMAKE_SYSTEM_PROCESSOR})
set(CPACK_STRIP_FILES ON)
# Each Debian package has its own summary.
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

# The source archive of CPack is of what is here. scripts/release.sh makes the one that is published.
string(REGEX REPLACE "([][+.*^$(){}?|])" "[\\1]" source "${PROJECT_SOURCE_DIR}")
set(CPACK_SOURCE_IGNORE_FILES "^${source}/build" "/[.]git(/|$)" "/node_modules/" "/__pycache__/")

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL "")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

# deb_package(COMPONENT PACKAGE SECTION SUMMARY): a package of the component's files
macro(deb_package component package section summary)
  string(TOUPPER ${component} COMPONENT)
  list(APPEND CPACK_COMPONENTS_ALL ${component})
  set(CPACK_DEBIAN_${COMPONENT}_PACKAGE_NAME ${package})
  # CPack 3.25 has no variable for Multi-Arch, but writes this field unchanged.
  set(CPACK_DEBIAN_${COMPONENT}_PACKAGE_SECTION "${section}\nMulti-Arch: same")
  set(CPACK_COMPONENT_${COMPONENT}_DESCRIPTION
      "${summary}\n\
The L1/L2 (elastic-net) regularization of Keras as a C library: the\n\
penalty, its gradient and its proximal operator, in one pass over memory,\n\
with the same bits on every machine.")
  # Debian wants both in each package's own folder, and its own format of the changelog.
  install(FILES ${PROJECT_BINARY_DIR}/debian/changelog.Debian.gz
                ${PROJECT_BINARY_DIR}/debian/copyright
          DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${package} COMPONENT ${component} EXCLUDE_FROM_ALL)
endmacro()

# symbols_file(MAP LIBRARY PACKAGE FIRST): writes the version in which each symbol was added, for dpkg-shlibdeps.
# It is in the name of the version node: FIRST for L1L2_0, 0.2 for L1L2_0.2.
function(symbols_file map library package first)
  file(READ ${map} text)
  string(REPLACE ";" " " text "${text}")
  set(symbols "${library}.so.0 ${package} #MINVER#\n")
  string(REGEX MATCHALL "[A-Z0-9_.]+ {[^}]*}" nodes "${text}")
  foreach(node IN LISTS nodes)
    string(REGEX MATCH "^[A-Z0-9_.]+" name "${node}")
    string(REGEX REPLACE "^.*_" "" since "${name}")
    if(since EQUAL 0)
      set(since ${first})
    endif()
    string(REGEX MATCHALL "l1l2_[a-z0-9_]+" functions "${node}")
    foreach(symbol ${name} ${functions})
      string(APPEND symbols " ${symbol}@${name} ${since}.0\n")
    endforeach()
  endforeach()
  file(WRITE ${PROJECT_BINARY_DIR}/debian/${package}/symbols "${symbols}")
endfunction()

if(L1L2_DEB_PACKAGES)
  find_program(GZIP gzip REQUIRED)
  file(STRINGS CHANGELOG.md release REGEX "^## .${PROJECT_VERSION}. - " LIMIT_COUNT 1)
  string(REGEX REPLACE "^.* - " "" release "${release}")
  execute_process(COMMAND date --utc --rfc-email --date=${release}
                  OUTPUT_VARIABLE release OUTPUT_STRIP_TRAILING_WHITESPACE)
  file(WRITE ${PROJECT_BINARY_DIR}/debian/changelog.Debian
       "l1l2 (${PROJECT_VERSION}-1) unstable; urgency=medium\n\n"
       "  * CHANGELOG.md in libl1l2-dev lists the changes.\n\n"
       " -- ${CPACK_PACKAGE_CONTACT}  ${release}\n")
  execute_process(COMMAND ${GZIP} -9nf ${PROJECT_BINARY_DIR}/debian/changelog.Debian)
  file(READ NOTICE notice)
  file(WRITE ${PROJECT_BINARY_DIR}/debian/copyright
       "${notice}\nThe Apache License, Version 2.0, is in /usr/share/common-licenses/Apache-2.0.\n")

  deb_package(l1l2_runtime libl1l2-0 libs "L1/L2 regularization, shared library")
  symbols_file(capi/l1l2.map libl1l2 libl1l2-0 0.1)
  file(WRITE ${PROJECT_BINARY_DIR}/debian/triggers "activate-noawait ldconfig\n")
  set(CPACK_DEBIAN_L1L2_RUNTIME_PACKAGE_CONTROL_EXTRA
      ${PROJECT_BINARY_DIR}/debian/libl1l2-0/symbols ${PROJECT_BINARY_DIR}/debian/triggers)
  deb_package(l1l2_development libl1l2-dev libdevel "L1/L2 regularization, headers and static library")
  set(exactly "(= ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})")
  set(CPACK_DEBIAN_L1L2_DEVELOPMENT_PACKAGE_DEPENDS "libl1l2-0 ${exactly}")
  if(L1L2_BUILD_THREADS)
    deb_package(l1l2_threads_runtime libl1l2-threads0 libs
                "L1/L2 regularization, threads, shared library")
    symbols_file(threads/l1l2_threads.map libl1l2_threads libl1l2-threads0 0.2)
    set(CPACK_DEBIAN_L1L2_THREADS_RUNTIME_PACKAGE_CONTROL_EXTRA
        ${PROJECT_BINARY_DIR}/debian/libl1l2-threads0/symbols
        ${PROJECT_BINARY_DIR}/debian/triggers)
    deb_package(l1l2_threads_development libl1l2-threads-dev libdevel
                "L1/L2 regularization, threads, header and static library")
    set(CPACK_DEBIAN_L1L2_THREADS_DEVELOPMENT_PACKAGE_DEPENDS
        "libl1l2-threads0 ${exactly}, libl1l2-dev ${exactly}, libtbb-dev")
  endif()
  if(L1L2_BUILD_TOOLS)
    deb_package(l1l2_keras_runtime l1l2-keras science "regularization loss of a Keras model file")
    set(CPACK_DEBIAN_L1L2_KERAS_RUNTIME_PACKAGE_SECTION "science\nMulti-Arch: foreign") # a program
    deb_package(l1l2_keras_development libl1l2-keras-dev libdevel
                "L1/L2 regularization, reader of Keras's model files")
    set(CPACK_DEBIAN_L1L2_KERAS_DEVELOPMENT_PACKAGE_DEPENDS "libl1l2-dev ${exactly}, libhdf5-dev, libzip-dev")
  endif()
endif()

include(CPack)
