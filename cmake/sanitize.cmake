# Compiles the library and its tests with sanitizers. The first error ends the program.
set(L1L2_SANITIZE "" CACHE STRING
    "Sanitizers, as -fsanitize= takes them: address,undefined; thread; memory; fuzzer-no-link,...")
if(L1L2_SANITIZE)
  add_compile_options(-fsanitize=${L1L2_SANITIZE} -fno-sanitize-recover=all
                      -fno-omit-frame-pointer -g1)
  add_link_options(-fsanitize=${L1L2_SANITIZE})
endif()
