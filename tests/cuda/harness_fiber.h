// Fibers: a block's threads run on stacks of their own and hand the processor over at barriers.
//
// A fiber is a loop: run threads of the block until one of them is left to another fiber, give itself back,
// and be resumed for the next block. So kernels without barriers run all their threads on one fiber, with no
// switch between them, and no stack is ever prepared twice.
//
// A switch is six registers and the stack pointer on x86-64; other machines take ucontext, which is slower
// (a system call). The floating-point control registers are not switched: kernels do not change them.
// AddressSanitizer is told of every switch, else it would take a fiber's stack for a wild pointer; the frames
// of a fiber always return before the fiber is used again, so no poison of theirs stays on its stack.
#ifndef NN_HARNESS_FIBER_H
#define NN_HARNESS_FIBER_H

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define NN_HARNESS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NN_HARNESS_ASAN 1
#endif
#endif
#ifdef NN_HARNESS_ASAN
#pragma GCC visibility push(default)
extern "C" void __sanitizer_start_switch_fiber(void **fake_stack, const void *bottom, size_t size);
extern "C" void __sanitizer_finish_switch_fiber(void *fake_stack, const void **bottom, size_t *size);
#pragma GCC visibility pop
#endif

#if !defined(__x86_64__) && !defined(NN_HARNESS_UCONTEXT)
#define NN_HARNESS_UCONTEXT 1
#endif
#ifdef NN_HARNESS_UCONTEXT
#include <ucontext.h>
#endif

// Functions of the harness that work while threads of a kernel do: what they touch is not the kernel's
// (harness_race.h).
#define NN_HARNESS_OWN __attribute__((no_sanitize("thread")))

struct nn_harness_fiber {
  const void *stack = nullptr; // its lowest address; of the main fiber known to AddressSanitizer only
  size_t size = 0;
  void *fake_stack = nullptr; // AddressSanitizer's
#ifdef NN_HARNESS_UCONTEXT
  ucontext_t context;
#else
  void *sp = nullptr;
#endif
};

// Where the harness was called from, and whose stack is in use.
inline nn_harness_fiber nn_harness_main;
inline nn_harness_fiber *nn_harness_current = &nn_harness_main;

#ifndef NN_HARNESS_UCONTEXT
extern "C" void nn_harness_swap(void **save, void *sp);
__asm__(".pushsection .text.nn_harness_swap,\"axG\",@progbits,nn_harness_swap,comdat\n"
        ".weak nn_harness_swap\n"
        ".type nn_harness_swap,@function\n"
        "nn_harness_swap:\n"
        "  pushq %rbp\n  pushq %rbx\n  pushq %r12\n  pushq %r13\n  pushq %r14\n  pushq %r15\n"
        "  movq %rsp, (%rdi)\n"
        "  movq %rsi, %rsp\n"
        "  popq %r15\n  popq %r14\n  popq %r13\n  popq %r12\n  popq %rbx\n  popq %rbp\n"
        "  popq %rcx\n  jmpq *%rcx\n" // not ret: its prediction is of the stack left behind
        ".size nn_harness_swap,.-nn_harness_swap\n"
        ".popsection\n");
#endif

NN_HARNESS_OWN __attribute__((no_sanitize("address"))) inline void nn_harness_switch(nn_harness_fiber *to) {
  nn_harness_fiber *from = nn_harness_current;
  nn_harness_current = to;
#ifdef NN_HARNESS_ASAN
  __sanitizer_start_switch_fiber(&from->fake_stack, to->stack, to->size);
#endif
#ifdef NN_HARNESS_UCONTEXT
  swapcontext(&from->context, &to->context);
#else
  nn_harness_swap(&from->sp, to->sp);
#endif
#ifdef NN_HARNESS_ASAN
  __sanitizer_finish_switch_fiber(from->fake_stack, nullptr, nullptr);
#endif
}

void nn_harness_fiber_loop(); // harness.h

__attribute__((no_sanitize("address"))) inline void nn_harness_fiber_start() {
#ifdef NN_HARNESS_ASAN
  const void *bottom;
  size_t size;
  __sanitizer_finish_switch_fiber(nullptr, &bottom, &size);
  if (!nn_harness_main.stack) { // the first fiber is started from the main one
    nn_harness_main.stack = bottom;
    nn_harness_main.size = size;
  }
#endif
  nn_harness_fiber_loop();
}

// A fiber that begins with nn_harness_fiber_start when it is first switched to.
NN_HARNESS_OWN inline nn_harness_fiber *nn_harness_fiber_new() {
  // Memory that is never touched costs nothing; sanitized frames are large.
  const size_t size = 256 << 10, page = (size_t)sysconf(_SC_PAGESIZE);
  static size_t number;
  char *stack = (char *)mmap(nullptr, page + size, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (stack == MAP_FAILED || mprotect(stack, page, PROT_NONE) != 0) {
    perror("harness: a fiber's stack");
    _exit(99);
  }
  nn_harness_fiber *f = new nn_harness_fiber;
  f->stack = stack + page;
  // Tops of stacks lie apart modulo the cache's sets: all at one offset, 1024 fibers share a few lines.
  f->size = size - (number++ % 60) * 128;
#ifdef NN_HARNESS_UCONTEXT
  getcontext(&f->context);
  f->context.uc_stack.ss_sp = stack + page;
  f->context.uc_stack.ss_size = f->size;
  f->context.uc_link = nullptr;
  makecontext(&f->context, nn_harness_fiber_start, 0);
#else
  void **top = (void **)(stack + page + f->size);
  *--top = nullptr; // what would be start's return address: it never returns
  *--top = (void *)nn_harness_fiber_start;
  f->sp = top - 6; // six registers, all zero
#endif
  return f;
}

#endif
