# libclang, for codegen/validate.c: NNC_LIBCLANG (the library's file) and NNC_LIBCLANG_INCLUDE (where clang-c/ is). nnc
# loads the library when it has a text to validate, so nothing is linked, and the headers that a text includes are in nnc
# (codegen/libc.c). Without both nnc is built without validation, and `nnc --version` says so.
# -DNNC_WITH_LIBCLANG=OFF builds without it; -DNNC_LLVM=/usr/lib/llvm-17 looks there first.
option(NNC_WITH_LIBCLANG "validate what nnc emits with libclang, where it is installed" ON)
set(NNC_LLVM "" CACHE PATH "the folder of an LLVM (14 or newer) to look for libclang in")
set(NNC_LIBCLANG "")

# Sets the two when both are below `prefix`.
function(nnc_try_llvm prefix)
  file(GLOB library ${prefix}/lib/libclang.so ${prefix}/lib64/libclang.so ${prefix}/lib/libclang-[0-9]*.so.[0-9]*
       ${prefix}/lib/libclang.dylib)
  if(NOT library OR NOT EXISTS ${prefix}/include/clang-c/Index.h)
    return()
  endif()
  list(GET library 0 library)
  set(NNC_LIBCLANG ${library} PARENT_SCOPE)
  set(NNC_LIBCLANG_INCLUDE ${prefix}/include PARENT_SCOPE)
endfunction()

if(NNC_WITH_LIBCLANG)
  file(GLOB folders /usr/lib/llvm-[0-9]* /usr/lib64/llvm[0-9]* /usr/local/opt/llvm /opt/homebrew/opt/llvm)
  list(SORT folders COMPARE NATURAL ORDER DESCENDING)
  find_program(NNC_LLVM_CONFIG llvm-config)
  mark_as_advanced(NNC_LLVM_CONFIG)
  if(NNC_LLVM_CONFIG)
    execute_process(COMMAND ${NNC_LLVM_CONFIG} --prefix OUTPUT_VARIABLE prefix OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    list(PREPEND folders ${prefix})
  endif()
  foreach(folder ${NNC_LLVM} ${folders} /usr /usr/local)
    if(NOT NNC_LIBCLANG)
      nnc_try_llvm(${folder})
    endif()
  endforeach()
endif()
if(NNC_LIBCLANG)
  message(STATUS "validation: ${NNC_LIBCLANG}")
elseif(NOT NNC_WITH_LIBCLANG)
  message(STATUS "validation: none, NNC_WITH_LIBCLANG is OFF")
else()
  message(STATUS "validation: none, no libclang (apt-get install libclang-14-dev)")
endif()
