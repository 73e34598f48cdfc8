# The flags that Debian and Fedora harden their packages with. A flag that the user or the parent project sets in
# another form is left as it is.
option(L1L2_HARDENING "Protect the stack, check buffers and mark targets of jumps, where the compiler can" ON)

get_directory_property(given_options COMPILE_OPTIONS)
get_directory_property(given_definitions COMPILE_DEFINITIONS)
set(given_flags "${CMAKE_CXX_FLAGS} ${given_options} ${given_definitions}")
set(L1L2_HARDENING_FLAGS "")
check_cxx_symbol_exists(__wasm__ "stddef.h" L1L2_WASM)
# What a sanitizer watches must not be checked before it. On Windows the checks are in libraries of their own.
if(L1L2_HARDENING AND NOT L1L2_SANITIZE AND NOT WIN32 AND NOT L1L2_WASM)
  include(CheckCXXCompilerFlag)
  foreach(flag -fstack-protector-strong -fstack-clash-protection -fcf-protection -mbranch-protection=standard)
    string(REGEX REPLACE "^-[fm]([a-z]+-(clash-)?[a-z]+).*" "\\1" name "${flag}")
    string(MAKE_C_IDENTIFIER "L1L2_HAS_${name}" has)
    check_cxx_compiler_flag(${flag} ${has})
    if(${has} AND NOT given_flags MATCHES "${name}")
      list(APPEND L1L2_HARDENING_FLAGS ${flag})
    endif()
  endforeach()
  # Some compilers define it themselves. It needs optimisation.
  set(CMAKE_REQUIRED_FLAGS -O2)
  check_cxx_source_compiles("#ifdef _FORTIFY_SOURCE\n#error\n#endif\nint main() {}" L1L2_FORTIFY_SOURCE_IS_FREE)
  unset(CMAKE_REQUIRED_FLAGS)
  if(L1L2_FORTIFY_SOURCE_IS_FREE AND NOT given_flags MATCHES "_FORTIFY_SOURCE")
    # $<CONFIG> with several names needs CMake 3.19.
    set(optimised $<CONFIG:Release>,$<CONFIG:RelWithDebInfo>,$<CONFIG:MinSizeRel>)
    list(APPEND L1L2_HARDENING_FLAGS $<$<OR:${optimised}>:-D_FORTIFY_SOURCE=2>)
  endif()
endif()
