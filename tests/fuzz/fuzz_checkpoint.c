// libFuzzer: any bytes as the checkpoint of a model are refused, or the run goes on from there to its end.
//   cmake -S . -B build/fuzz -DNNC_FUZZ=ON -DCMAKE_C_COMPILER=clang
//     -DCMAKE_C_FLAGS=-fsanitize=fuzzer-no-link,address,undefined
//   cmake --build build/fuzz --target fuzz_checkpoint
//   build/fuzz/tests/fuzz_checkpoint -max_len=8192 FOLDER
// FOLDER holds a checkpoint of the model of host_checkpoint.h, without which no input gets past the header.
#include "tests/host_checkpoint.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  nn_bytes b = {malloc(size ? size : 1), size};
  nn_err e = {0};
  if (size) memcpy(b.p, data, size);
  host_checkpoint_seal(b.p, size);
  host_checkpoint_run(&b, &e);
  nn_err_free(&e);
  return 0;
}
