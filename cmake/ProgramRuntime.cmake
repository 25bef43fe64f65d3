# The host runtime as programs get it: compiled once here, without the sanitizers and warnings of nnc's own build, so that
# `nnc model.nn` leaves only the model's text to the C compiler.
file(GLOB program_runtime CONFIGURE_DEPENDS runtime/host/*.c)
add_library(nnc_program_runtime STATIC ${program_runtime})
target_include_directories(nnc_program_runtime PRIVATE runtime/core runtime/host)
target_compile_options(nnc_program_runtime PRIVATE -O2 -ffp-contract=off)
set_target_properties(nnc_program_runtime PROPERTIES POSITION_INDEPENDENT_CODE ON)
if(ZLIB_FOUND)
  target_compile_definitions(nnc_program_runtime PRIVATE NN_ZLIB)
  target_include_directories(nnc_program_runtime PRIVATE ${ZLIB_INCLUDE_DIRS})
endif()

# The decoders of pictures stand before it where a model reads pictures, so that no other program needs their libraries.
add_library(nnc_program_pictures OBJECT runtime/host/nn_picture.c)
target_include_directories(nnc_program_pictures PRIVATE runtime/core runtime/host)
target_compile_options(nnc_program_pictures PRIVATE -O2)
set_target_properties(nnc_program_pictures PROPERTIES POSITION_INDEPENDENT_CODE ON)
foreach(library PNG JPEG)
  if(${library}_FOUND)
    target_compile_definitions(nnc_program_pictures PRIVATE NN_${library})
    target_include_directories(nnc_program_pictures PRIVATE ${${library}_INCLUDE_DIRS})
  endif()
endforeach()
