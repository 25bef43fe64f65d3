// Types and limits are clang's own macros, of the target that it was built for.
#include "codegen/libc.h"

#define SIZES                                                                                                \
  "typedef __SIZE_TYPE__ size_t;\n#undef NULL\n"                                                             \
  "#ifdef __cplusplus\n#define NULL __null\n#else\n#define NULL ((void *)0)\n#endif\n"
#define REAL_FN1(f) "double " #f "(double);\nfloat " #f "f(float);\n"
#define REAL_FN2(f) "double " #f "(double, double);\nfloat " #f "f(float, float);\n"
#define INT_TYPE(n) "typedef __INT" #n "_TYPE__ int" #n "_t;\ntypedef __UINT" #n "_TYPE__ uint" #n "_t;\n"
#define INT_LIMITS(n)                                                                                        \
  "#define INT" #n "_MAX __INT" #n "_MAX__\n#define INT" #n "_MIN (-INT" #n "_MAX - 1)\n"                    \
  "#define UINT" #n "_MAX __UINT" #n "_MAX__\n"
#define INT_LITERAL(n)                                                                                       \
  "#define INT" #n "_C(x) NN_JOIN(x, __INT" #n "_C_SUFFIX__)\n"                                              \
  "#define UINT" #n "_C(x) NN_JOIN(x, __UINT" #n "_C_SUFFIX__)\n"
#define FILE_OF(name, text)                                                                                  \
  { name, text, sizeof text - 1 }

static const char stddef[] = SIZES "typedef __PTRDIFF_TYPE__ ptrdiff_t;\n"
                                   "#define offsetof(type, member) __builtin_offsetof(type, member)\n";

static const char stdint[] = INT_TYPE(8) INT_TYPE(16) INT_TYPE(32)
    INT_TYPE(64) "typedef __INTPTR_TYPE__ intptr_t;\ntypedef __UINTPTR_TYPE__ uintptr_t;\n" INT_LIMITS(8)
        INT_LIMITS(16) INT_LIMITS(32) INT_LIMITS(
            64) "#define SIZE_MAX __SIZE_MAX__\n#define PTRDIFF_MAX __PTRDIFF_MAX__\n"
                "#define NN_JOIN_(x, y) x##y\n#define NN_JOIN(x, y) NN_JOIN_(x, y)\n" INT_LITERAL(32)
                    INT_LITERAL(64);

static const char string[] = SIZES "void *memcpy(void *, const void *, size_t);\n"
                                   "void *memmove(void *, const void *, size_t);\n"
                                   "void *memset(void *, int, size_t);\n"
                                   "int memcmp(const void *, const void *, size_t);\n"
                                   "size_t strlen(const char *);\n"
                                   "int strcmp(const char *, const char *);\n";

static const char math[] =
    "#define INFINITY __builtin_inff()\n#define NAN __builtin_nanf(\"\")\n"
    "#define isnan(x) __builtin_isnan(x)\n#define isinf(x) __builtin_isinf_sign(x)\n"
    "#define isfinite(x) __builtin_isfinite(x)\n" REAL_FN1(fabs) REAL_FN1(sqrt) REAL_FN1(floor) REAL_FN2(fmod)
        REAL_FN2(copysign) "double fma(double, double, double);\nfloat fmaf(float, float, float);\n";

// The words of CUDA that docs/CUDA.md allows, and a launch as the call that it is.
static const char cuda_stub[] =
    "#define __global__\n#define __device__\n#define __host__\n#define __constant__\n"
    "#define __shared__ static\n#define __forceinline__ inline\n#define __launch_bounds__(...)\n"
    "struct nn_stub_index {\n  unsigned x, y, z;\n};\n"
    "extern const nn_stub_index threadIdx, blockIdx, blockDim, gridDim;\n"
    "void __syncthreads();\nint atomicCAS(int *, int, int);\n"
    "typedef struct CUstream_st *cudaStream_t;\n"
    "enum cudaError_t {\n"
    "  cudaSuccess, cudaErrorInsufficientDriver, cudaErrorInvalidDeviceFunction, cudaErrorNoDevice,\n"
    "  cudaErrorNoKernelImageForDevice, cudaErrorUnsupportedPtxVersion, cudaErrorNotReady\n};\n"
    "enum cudaMemcpyKind { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice };\n"
    "cudaError_t cudaGetLastError(), cudaPeekAtLastError(), cudaStreamSynchronize(cudaStream_t);\n"
    "cudaError_t cudaMemcpyAsync(void *, const void *, __SIZE_TYPE__, cudaMemcpyKind, cudaStream_t);\n"
    "cudaError_t cudaMemsetAsync(void *, int, __SIZE_TYPE__, cudaStream_t);\n"
    "const char *cudaGetErrorString(cudaError_t);\n"
    "#define NN_UNROLL\n"
    "inline void nn_stub_launch(unsigned, unsigned, cudaStream_t) {}\n"
    "#define NN_LAUNCH(kernel, grid, block, stream, ...) \\\n"
    "  (nn_stub_launch((unsigned)(grid), (unsigned)(block), (stream)), kernel(__VA_ARGS__))\n";

static const EmbeddedFile files[] = {
    FILE_OF("libc/cuda_stub.h", cuda_stub), FILE_OF("libc/math.h", math),
    FILE_OF("libc/stddef.h", stddef),       FILE_OF("libc/stdint.h", stdint),
    FILE_OF("libc/string.h", string),
};

const EmbeddedFiles libc_headers = {files, sizeof files / sizeof *files};
