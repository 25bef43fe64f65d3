# The files named on the command line as one text: each #include "x" is replaced by that file, the first time.
# Set DIRS to the folders to look in, separated by spaces.
function put(file, line, i, n, dir, q) {
  if (seen[file]++) return
  n = split(DIRS, dir, " ")
  for (i = 1; i <= n; i++) if ((getline line < (dir[i] "/" file)) >= 0) { close(dir[i] "/" file); break }
  if (i > n) { print "no such file: " file > "/dev/stderr"; exit 1 }
  while ((getline line < (dir[i] "/" file)) > 0)
    if (line ~ /^#include "/) { split(line, q, "\""); put(q[2]) } else print line
  close(dir[i] "/" file)
}
BEGIN { for (a = 1; a < ARGC; a++) put(ARGV[a]) }
