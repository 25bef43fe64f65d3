# nnc_embed(VARIABLE OUTPUT PREFIX FILES…) makes OUTPUT, a C file that defines `const EmbeddedFiles VARIABLE`
# (ir/base/embedded.h) with the text of FILES. Each file's name is its path below PREFIX.
# Run as a script (cmake -D… -P Embed.cmake) this same file does the work at build time.
if(NOT CMAKE_SCRIPT_MODE_FILE)
  set(NNC_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})
  function(nnc_embed variable output prefix)
    list(JOIN ARGN "|" files)
    add_custom_command(
      OUTPUT ${output}
      COMMAND ${CMAKE_COMMAND} "-DVARIABLE=${variable}" "-DOUTPUT=${output}" "-DPREFIX=${prefix}" "-DFILES=${files}"
              -P ${NNC_EMBED_SCRIPT}
      DEPENDS ${ARGN} ${NNC_EMBED_SCRIPT}
      COMMENT "Embedding ${variable}"
      VERBATIM)
  endfunction()
  return()
endif()

string(REPLACE "|" ";" files "${FILES}")
set(text "// Made by cmake/Embed.cmake.\n#include \"ir/base/embedded.h\"\n\n")
set(table "")
set(n 0)
foreach(file ${files})
  file(READ ${file} hex HEX)
  string(LENGTH "${hex}" digits)
  math(EXPR len "${digits} / 2")
  string(REGEX REPLACE "(................................................)" "\\1\n" hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
  file(RELATIVE_PATH name ${PREFIX} ${file})
  string(APPEND text "static const unsigned char text_${n}[] = {\n${hex}0};\n")
  string(APPEND table "  {\"${name}\", (const char *)text_${n}, ${len}},\n")
  math(EXPR n "${n} + 1")
endforeach()
# One row more, so that the array is never empty.
string(APPEND text "static const EmbeddedFile files[] = {\n${table}  {0, 0, 0}};\n")
string(APPEND text "const EmbeddedFiles ${VARIABLE} = {files, ${n}};\n")
file(WRITE ${OUTPUT} "${text}")
