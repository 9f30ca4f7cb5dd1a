# How every target of this project is built: one interface target with the flags, two functions.

add_library(mosb_flags INTERFACE)
target_compile_features(mosb_flags INTERFACE cxx_std_20)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)

set(MOSB_WARNINGS
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wundef -Wformat=2 -Wimplicit-fallthrough)
set(MOSB_CXX_WARNINGS
    -Wsign-conversion -Wold-style-cast -Wnon-virtual-dtor -Woverloaded-virtual -Wextra-semi)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  list(APPEND MOSB_WARNINGS -Wduplicated-cond -Wlogical-op)
  if(CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # g++ 12 sees overlaps in `std::string + "text"` that are none (GCC bugs 105329, 105651).
    list(APPEND MOSB_CXX_WARNINGS -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow
         -Wno-stringop-overread)
  endif()
  list(APPEND MOSB_CXX_WARNINGS -Wsuggest-override)
else()
  # MOSB_TRY is a statement expression; clang warns about each use of one under -Wpedantic.
  list(APPEND MOSB_WARNINGS -Wno-gnu-statement-expression)
endif()
# -iquote, not -I: a file of ours named lxc/container.h must never stand in for one of liblxc's.
target_compile_options(
  mosb_flags
  INTERFACE ${MOSB_WARNINGS} $<$<COMPILE_LANGUAGE:CXX>:${MOSB_CXX_WARNINGS}>
            "SHELL:-iquote ${PROJECT_SOURCE_DIR}" $<$<BOOL:${MOSB_WERROR}>:-Werror>
            -ffile-prefix-map=${PROJECT_SOURCE_DIR}=.)
target_compile_definitions(mosb_flags INTERFACE _GNU_SOURCE _FILE_OFFSET_BITS=64)

if(MOSB_SANITIZE)
  target_compile_options(mosb_flags INTERFACE -fsanitize=${MOSB_SANITIZE}
                                              -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(mosb_flags INTERFACE -fsanitize=${MOSB_SANITIZE})
elseif(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  target_compile_options(
    mosb_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong
                         -fstack-clash-protection)
  target_compile_definitions(mosb_flags INTERFACE _GLIBCXX_ASSERTIONS)
  target_link_options(mosb_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
  if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
    target_compile_options(mosb_flags INTERFACE -fcf-protection)
  endif()
endif()

# Parsing the standard library, nlohmann/json and Catch2 again in every file would be half of a build.
# Without them (clang-tidy) each file must include by itself what it uses.
option(MOSB_PRECOMPILE "Use precompiled headers" ON)

# mosb_precompile(target HEADER…) makes them, mosb_reuse_precompiled(target from) uses them: all
# code is position independent in the same way, because both compilers insist on that.
function(mosb_precompile target)
  if(MOSB_PRECOMPILE)
    target_precompile_headers(${target} PRIVATE ${ARGN})
  endif()
endfunction()
function(mosb_reuse_precompiled target from)
  if(MOSB_PRECOMPILE)
    target_precompile_headers(${target} REUSE_FROM ${from})
  endif()
endfunction()

# mosb_add_library(verity SOURCES a.cpp … PUBLIC mosb::base PRIVATE PkgConfig::x)
# makes the static library mosb_verity and its alias mosb::verity.
function(mosb_add_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(mosb_${name} STATIC ${ARG_SOURCES})
  add_library(mosb::${name} ALIAS mosb_${name})
  target_link_libraries(mosb_${name} PUBLIC ${ARG_PUBLIC} PRIVATE mosb_flags ${ARG_PRIVATE})
  if(NOT name STREQUAL "base")
    mosb_reuse_precompiled(mosb_${name} mosb_base)
  endif()
endfunction()

# mosb_add_program(mosb-init SOURCES … LINK … DESTINATION dir)
function(mosb_add_program name)
  cmake_parse_arguments(ARG "" "DESTINATION" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE mosb_flags ${ARG_LINK})
  install(TARGETS ${name} RUNTIME DESTINATION ${ARG_DESTINATION})
endfunction()
