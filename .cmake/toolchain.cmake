# Flags for every target of the project. Third-party sources get them without the warnings.

add_compile_options(-fno-omit-frame-pointer -march=x86-64-v2)
set(CMAKE_CXX_FLAGS_RELEASE "-O2")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g1 -D_GLIBCXX_ASSERTIONS")
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g1")

if(HOGLET_SANITIZE)
  add_compile_options(-fsanitize=${HOGLET_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${HOGLET_SANITIZE})
else()
  # The shipped binary runs on a bare Debian 12: only glibc is taken from there.
  add_link_options(-static-libstdc++ -static-libgcc)
endif()

find_program(LLD ld.lld)
if(LLD)
  add_link_options(-fuse-ld=lld)
endif()
add_link_options(-Wl,--gc-sections)
add_compile_options(-ffunction-sections -fdata-sections)
