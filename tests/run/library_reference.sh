#!/bin/bash
# The stored table of the library's reference (tests/reference/library, which test_library.c reads) is what PyTorch computes.
. "$PROJECT_DIR/tests/lib.sh" || exit 1
python=$(for p in python3 /usr/bin/python3; do "$p" -c 'import torch' 2>/dev/null && echo "$p" && break; done)
[ -n "$python" ] || { echo "SKIP library_reference: PyTorch is not installed (python3-torch); the stored table was compared"; exit 77; }
"$python" -B "$PROJECT_DIR/tests/reference/library/make.py" --check || fail "PyTorch has other numbers"
done_testing
