# Lets the loader find the installed libraries, or says how it will. Runs at the end of cmake --install.
find_program(LDCONFIG ldconfig HINTS /sbin /usr/sbin)
if(NOT IS_ABSOLUTE "${libdir}")
  set(libdir "${CMAKE_INSTALL_PREFIX}/${libdir}")
endif()
# Files below DESTDIR are moved elsewhere, and a system without ldconfig needs nothing.
if(LDCONFIG AND "$ENV{DESTDIR}" STREQUAL "")
  # -v prints the folders that the loader searches, -N and -X leave the system as it is.
  execute_process(COMMAND ${LDCONFIG} -v -N -X OUTPUT_VARIABLE folders ERROR_QUIET)
  if("\n${folders}" MATCHES "\n${libdir}:")
    execute_process(COMMAND ${LDCONFIG} RESULT_VARIABLE failed ERROR_QUIET)
    if(failed)
      message(STATUS "Run ldconfig as root, so that programs find libl1l2.so.0 in ${libdir}")
    endif()
  else()
    message(STATUS "The loader does not search ${libdir}: link programs with -Wl,-rpath,${libdir} or set "
                   "LD_LIBRARY_PATH")
  endif()
endif()
