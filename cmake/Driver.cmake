# The nnc command.
file(GLOB driver_sources CONFIGURE_DEPENDS driver/*.c)
if(driver_sources)
  add_executable(nnc ${driver_sources})
  target_link_libraries(nnc PRIVATE nnc_frontend nnc_passes nnc_codegen nnc_ir nnc_runtime)
endif()
