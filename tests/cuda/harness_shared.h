// Shared memory: every __shared__ array is a static one in the section nn_shared. Before each block what the
// kernel may have of it is filled with 0xFF, a NaN in every float type, so that a value nobody wrote shows.
//
// A program has many kernels, and filling the arrays of all of them for each block would be most of the work.
// So the section's pages are closed when another kernel is launched, and open again as the kernel touches
// them: the first touch fills the page, before every later block the kernel's pages are filled. The last page
// may hold other data behind the section's end: it stays open, and what is the section's of it is filled for
// each block.
#ifndef NN_HARNESS_SHARED_H
#define NN_HARNESS_SHARED_H

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

#include "harness_fiber.h"

// used: else an array that is read and never written becomes a constant.
#define __shared__ static __attribute__((section("nn_shared"), used))

// Makes the section begin at a page, of 64 KiB at most.
static char nn_harness_align __attribute__((section("nn_shared"), used, aligned(65536)));
extern "C" char __start_nn_shared[], __stop_nn_shared[];

struct nn_harness_kernel {
  std::vector<uint32_t> pages; // of shared memory that it has touched
};

struct nn_harness_shared {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  size_t pages = (size_t)(__stop_nn_shared - __start_nn_shared) / page; // whole ones
  nn_harness_kernel *kernel = nullptr;                                  // whose pages are open
  struct sigaction next;                                                // who handles other faults
};
inline nn_harness_shared nn_harness_shared_memory;

// Not memset under AddressSanitizer: the arrays have red zones between them.
__attribute__((no_sanitize("address"))) inline void nn_harness_poison(char *p, size_t bytes) {
#ifdef NN_HARNESS_ASAN
  for (volatile char *q = p; bytes > 0; q++, bytes--) *q = (char)0xFF;
#else
  memset(p, 0xFF, bytes);
#endif
}

inline void nn_harness_page_poison(uint32_t i) {
  nn_harness_poison(__start_nn_shared + i * nn_harness_shared_memory.page, nn_harness_shared_memory.page);
}

inline void nn_harness_page_protect(uint32_t i, size_t n, int protection) {
  nn_harness_shared &s = nn_harness_shared_memory;
  if (n > 0 && mprotect(__start_nn_shared + i * s.page, n * s.page, protection) != 0) {
    perror("harness: shared memory");
    _exit(99);
  }
}

// The first touch of a page by a kernel.
NN_HARNESS_OWN inline void nn_harness_on_fault(int number, siginfo_t *info, void *context) {
  nn_harness_shared &s = nn_harness_shared_memory;
  size_t i = ((uintptr_t)info->si_addr - (uintptr_t)__start_nn_shared) / s.page;
  if ((uintptr_t)info->si_addr >= (uintptr_t)__start_nn_shared && i < s.pages && s.kernel) {
    nn_harness_race_watch(false);
    nn_harness_page_protect((uint32_t)i, 1, PROT_READ | PROT_WRITE);
    nn_harness_page_poison((uint32_t)i);
    s.kernel->pages.push_back((uint32_t)i);
    nn_harness_race_watch(true);
  } else if (s.next.sa_flags & SA_SIGINFO) {
    s.next.sa_sigaction(number, info, context);
  } else {
    sigaction(number, &s.next, nullptr); // the access is tried again, and meets it
  }
}

// Before a launch of k.
inline void nn_harness_shared_open(nn_harness_kernel *k) {
  nn_harness_shared &s = nn_harness_shared_memory;
  if (s.kernel == k || s.pages == 0) return;
  if (!s.kernel) {
    static char stack[64 << 10]; // faults of a fiber that has run out of its own
    stack_t now, ours = {};
    ours.ss_sp = stack;
    ours.ss_size = sizeof stack;
    if (sigaltstack(nullptr, &now) == 0 && (now.ss_flags & SS_DISABLE)) sigaltstack(&ours, nullptr);
    struct sigaction action = {};
    action.sa_sigaction = nn_harness_on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigaction(SIGSEGV, &action, &s.next);
    // LeakSanitizer reads all static memory at exit.
    atexit([] { nn_harness_page_protect(0, nn_harness_shared_memory.pages, PROT_READ | PROT_WRITE); });
  }
  s.kernel = k;
  nn_harness_page_protect(0, s.pages, PROT_NONE);
  for (uint32_t i : k->pages) nn_harness_page_protect(i, 1, PROT_READ | PROT_WRITE);
}

// Before each block of k.
inline void nn_harness_shared_poison(const nn_harness_kernel *k) {
  nn_harness_shared &s = nn_harness_shared_memory;
  for (uint32_t i : k->pages) nn_harness_page_poison(i);
  char *tail = __start_nn_shared + s.pages * s.page;
  nn_harness_poison(tail, (size_t)(__stop_nn_shared - tail));
}

#endif
