# HDF5 and libzip, which the static library l1l2_keras needs. Also installed, for programs that link it.
#
# l1l2_find_keras_dependencies(MISSING): makes the target l1l2_keras_dependencies; sets MISSING to what was not
# found, or to nothing. (CMake's FindHDF5 needs a C compiler, and libzip's own package its programs.)
function(l1l2_find_keras_dependencies missing)
  find_path(L1L2_HDF5_INCLUDE_DIR hdf5.h PATH_SUFFIXES hdf5/serial)
  find_library(L1L2_HDF5_LIBRARY NAMES hdf5_serial hdf5)
  find_path(L1L2_ZIP_INCLUDE_DIR zip.h)
  find_library(L1L2_ZIP_LIBRARY NAMES zip)
  mark_as_advanced(L1L2_HDF5_INCLUDE_DIR L1L2_HDF5_LIBRARY L1L2_ZIP_INCLUDE_DIR L1L2_ZIP_LIBRARY)
  if(NOT L1L2_HDF5_INCLUDE_DIR OR NOT L1L2_HDF5_LIBRARY)
    set(${missing} "HDF5" PARENT_SCOPE)
  elseif(NOT L1L2_ZIP_INCLUDE_DIR OR NOT L1L2_ZIP_LIBRARY)
    set(${missing} "libzip" PARENT_SCOPE)
  else()
    set(${missing} "" PARENT_SCOPE)
    if(NOT TARGET l1l2_keras_dependencies)
      add_library(l1l2_keras_dependencies INTERFACE IMPORTED GLOBAL)
      set_target_properties(
        l1l2_keras_dependencies PROPERTIES
        INTERFACE_INCLUDE_DIRECTORIES "${L1L2_HDF5_INCLUDE_DIR};${L1L2_ZIP_INCLUDE_DIR}"
        INTERFACE_LINK_LIBRARIES "${L1L2_HDF5_LIBRARY};${L1L2_ZIP_LIBRARY}")
    endif()
  endif()
endfunction()
