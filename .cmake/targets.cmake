# hoglet_library(NAME SOURCES file... [LIBS public...] [PRIVATE_LIBS private...])
# hoglet_hot(NAME): compiled for speed rather than size in the release preset.
# hoglet_test(NAME SOURCES file... LIBS lib...): a GoogleTest program, registered with CTest under its name.
# hoglet_bench(NAME SOURCES file... LIBS lib...): a Google Benchmark program; under CTest it runs a moment only.
# hoglet_fuzzer(NAME SOURCES file... LIBS lib...): a libFuzzer program, built only with HOGLET_FUZZ.

set(HOGLET_WARNINGS -Wall -Wextra -Werror -Wno-missing-field-initializers)

function(hoglet_defaults target)
  target_compile_options(${target} PRIVATE ${HOGLET_WARNINGS})
  target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
endfunction()

function(hoglet_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS;PRIVATE_LIBS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  hoglet_defaults(${name})
  if(HOGLET_FUZZ)
    target_compile_options(${name} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
  target_link_libraries(${name} PUBLIC ${ARG_LIBS} PRIVATE ${ARG_PRIVATE_LIBS})
endfunction()

# What takes events in: -O3 saves 4 % of its processor time over -O2, which the other folders' code
# would only be longer for.
function(hoglet_hot name)
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O3>)
endfunction()

function(hoglet_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} EXCLUDE_FROM_ALL ${ARG_SOURCES})
  hoglet_defaults(${name})
  # What is tested is optimised; the tests' own code is not worth the wait.
  target_compile_options(${name} PRIVATE -O0)
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} GTest::gtest GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE HOGLET_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  add_test(NAME ${name} COMMAND ${name})
  set_property(GLOBAL APPEND PROPERTY HOGLET_TESTS ${name})
endfunction()

function(hoglet_bench name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} EXCLUDE_FROM_ALL ${ARG_SOURCES})
  hoglet_defaults(${name})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} benchmark::benchmark benchmark::benchmark_main)
  add_test(NAME ${name} COMMAND ${name} --benchmark_min_time=0.001)
  set_property(GLOBAL APPEND PROPERTY HOGLET_TESTS ${name})
endfunction()

function(hoglet_fuzzer name)
  if(NOT HOGLET_FUZZ)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  hoglet_defaults(${name})
  target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  target_link_libraries(${name} PRIVATE ${ARG_LIBS})
endfunction()
