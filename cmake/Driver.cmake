# The nnc command, with the runtime's text inside: the licence first, then core, host and cuda.
file(GLOB driver_sources CONFIGURE_DEPENDS driver/*.c)
file(GLOB runtime_core CONFIGURE_DEPENDS runtime/core/*.h runtime/core/*.inc runtime/core/*.c)
file(GLOB runtime_host CONFIGURE_DEPENDS runtime/host/*.h runtime/host/*.inc runtime/host/*.c)
file(GLOB runtime_cuda CONFIGURE_DEPENDS runtime/cuda/*.h runtime/cuda/*.inc runtime/cuda/*.c)
set(embedded ${CMAKE_BINARY_DIR}/driver/embedded_runtime.c)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/driver)
nnc_embed(embedded_runtime ${embedded} ${CMAKE_SOURCE_DIR}/runtime
          ${CMAKE_SOURCE_DIR}/runtime/LICENSE ${runtime_core} ${runtime_host} ${runtime_cuda})
add_library(nnc_embedded_runtime STATIC ${embedded})
add_executable(nnc ${driver_sources})
target_link_libraries(nnc PRIVATE nnc_embedded_runtime nnc_frontend nnc_passes nnc_codegen nnc_ir nnc_runtime)
target_compile_definitions(nnc PRIVATE NNC_VERSION="${PROJECT_VERSION}" NNC_RUNTIME_DIR="${CMAKE_SOURCE_DIR}/runtime"
                           NNC_PROGRAM_RUNTIME="$<TARGET_FILE:nnc_program_runtime>"
                           NNC_PROGRAM_PICTURES="$<TARGET_OBJECTS:nnc_program_pictures>"
                           $<$<BOOL:${NNC_TESTS}>:NNC_TEST_HOOKS>)
add_dependencies(nnc nnc_program_runtime nnc_program_pictures)
