// Races: two threads touch a byte, one of them writes, and no barrier of their block stands between; or the
// threads are of two blocks of one launch. They are found in any order, and whether or not the numbers
// suffer.
//
// The text is compiled with -fsanitize=thread and linked without it: the compiler has every access to memory
// preceded by a call, and what is called is here, not in the sanitizer's library. So what goes through plain
// pointers is seen, too. An interval is what a block does between two barriers; of every byte it is known in
// which one it was last written and read, and by whom. That is enough: a race is with the same interval or
// with another block of the launch. Without the option nothing of it is compiled; with it,
// NN_HARNESS_RACES=off in the environment looks for none, and NN_HARNESS_TRACE=on says at the end which
// accesses there were, as one number.
#ifndef NN_HARNESS_RACE_H
#define NN_HARNESS_RACE_H

#ifndef __SANITIZE_THREAD__

inline void nn_harness_race_watch(bool) {}
inline void nn_harness_race_launch() {}
inline void nn_harness_race_interval(bool) {}

#else

#include <unordered_map>

extern "C" char __start_nn_shared[], __stop_nn_shared[]; // harness_shared.h

enum { NN_HARNESS_RACE_PAGE = 4096, NN_HARNESS_SEVERAL = 0xFFFF, NN_HARNESS_HOST_STACK = 4 << 20 };

struct nn_harness_byte {
  uint32_t written, read;  // the last interval that did
  uint32_t several;        // the launch in which more than one block read it
  uint16_t writer, reader; // the thread of that interval; NN_HARNESS_SEVERAL readers
};

struct nn_harness_race {
  bool watching = false; // threads of a kernel are at work, and not the harness itself
  bool wanted = true;
  uintptr_t host = 0; // the host's stack: from here
  bool traced = false;
  uint64_t trace = 14695981039346656037u; // of all accesses
  uint32_t launch = 0, block = 0,
           interval = 0; // which one runs; a launch and a block by their first interval
  std::unordered_map<uintptr_t, nn_harness_byte *> pages;
  uintptr_t page = 0; // the one that was looked for last
  nn_harness_byte *bytes = nullptr;
};
inline nn_harness_race nn_harness_r;

NN_HARNESS_OWN inline void nn_harness_race_watch(bool on) {
  nn_harness_r.watching = on && nn_harness_r.wanted;
}
inline void nn_harness_race_launch() {
  const char *text = getenv("NN_HARNESS_RACES");
  nn_harness_r.wanted = !text || strcmp(text, "off") != 0;
  nn_harness_r.launch = nn_harness_r.interval + 1;
  nn_harness_r.host = (uintptr_t)__builtin_frame_address(0);
  if (nn_harness_r.traced || !getenv("NN_HARNESS_TRACE")) return;
  nn_harness_r.traced = true;
  atexit([] { fprintf(stderr, "harness: trace %016llx\n", (unsigned long long)nn_harness_r.trace); });
}
NN_HARNESS_OWN inline void nn_harness_race_interval(bool new_block) {
  nn_harness_r.interval++;
  if (new_block) nn_harness_r.block = nn_harness_r.interval;
}

NN_HARNESS_OWN inline nn_harness_byte *nn_harness_byte_at(uintptr_t at) {
  nn_harness_race &r = nn_harness_r;
  const uintptr_t page = at / NN_HARNESS_RACE_PAGE;
  if (page != r.page || !r.bytes) {
    r.watching = false;
    nn_harness_byte *&bytes = r.pages[page];
    if (!bytes) bytes = (nn_harness_byte *)calloc(NN_HARNESS_RACE_PAGE, sizeof *bytes);
    r.page = page;
    r.bytes = bytes;
    r.watching = true;
  }
  return r.bytes + at % NN_HARNESS_RACE_PAGE;
}

// What another thread did to a byte that this one reads, or writes; NULL: nothing that matters.
NN_HARNESS_OWN inline const char *nn_harness_race_at(nn_harness_byte *p, bool shared, bool write) {
  const nn_harness_race &r = nn_harness_r;
  const uint16_t me = (uint16_t)threadIdx.x;
  const char *found = nullptr;
  if (p->written == r.interval && p->writer != me) found = "wrote";
  if (write && p->read == r.interval && p->reader != me) found = "read";
  if (!shared) { // a block has shared memory of its own
    if (p->written >= r.launch && p->written < r.block) found = "of another block wrote";
    if (write && ((p->read >= r.launch && p->read < r.block) || p->several == r.launch))
      found = "of another block read";
  }
  if (write) {
    p->written = r.interval;
    p->writer = me;
  } else {
    if (p->read >= r.launch && p->read < r.block) p->several = r.launch;
    p->reader = p->read == r.interval && p->reader != me ? (uint16_t)NN_HARNESS_SEVERAL : me;
    p->read = r.interval;
  }
  return found;
}

// at: within its page. Pages lie where the system likes, what is in them does not.
NN_HARNESS_OWN inline void nn_harness_trace(uintptr_t at, size_t size, bool write) {
  const uint64_t what[] = {nn_harness_r.interval, threadIdx.x, at, size, write};
  for (uint64_t x : what) nn_harness_r.trace = (nn_harness_r.trace ^ x) * 1099511628211u;
}

NN_HARNESS_OWN __attribute__((noinline)) inline void nn_harness_touch(void *address, size_t size,
                                                                      bool write) {
  const uintptr_t at = (uintptr_t)address;
  const nn_harness_fiber *f = nn_harness_current;
  if (at - (uintptr_t)f->stack < f->size) return;                   // a thread's own
  const bool host = at - nn_harness_r.host < NN_HARNESS_HOST_STACK; // arguments of the launch, the context
  if (nn_harness_r.traced) nn_harness_trace(host ? 0 : at % NN_HARNESS_RACE_PAGE, size, write);
  if (host) return;
  const bool shared = at >= (uintptr_t)__start_nn_shared && at < (uintptr_t)__stop_nn_shared;
  for (uintptr_t i = at; i < at + size; i++) {
    const char *found = nn_harness_race_at(nn_harness_byte_at(i), shared, write);
    if (found)
      nn_harness_fail(
          "a race in %s memory: this thread %s byte %zu, which a thread %s since the last barrier",
          shared ? "shared" : "global", write ? "writes" : "reads",
          i - (shared ? (uintptr_t)__start_nn_shared : 0), found);
  }
}

#define NN_HARNESS_ON_ACCESS(name, size, write)                                                              \
  extern "C" NN_HARNESS_OWN __attribute__((used)) void __tsan_##name##size(void *p) {                        \
    if (nn_harness_r.watching) nn_harness_touch(p, size, write);                                             \
  }
#define NN_HARNESS_ON_SIZE(size)                                                                             \
  NN_HARNESS_ON_ACCESS(read, size, false)                                                                    \
  NN_HARNESS_ON_ACCESS(write, size, true)                                                                    \
  NN_HARNESS_ON_ACCESS(unaligned_read, size, false)                                                          \
  NN_HARNESS_ON_ACCESS(unaligned_write, size, true)
NN_HARNESS_ON_SIZE(1)
NN_HARNESS_ON_SIZE(2)
NN_HARNESS_ON_SIZE(4)
NN_HARNESS_ON_SIZE(8)
NN_HARNESS_ON_SIZE(16)
#undef NN_HARNESS_ON_SIZE
#undef NN_HARNESS_ON_ACCESS
#define NN_HARNESS_ON_RANGE(name, write)                                                                     \
  extern "C" NN_HARNESS_OWN __attribute__((used)) void __tsan_##name##_range(void *p, size_t n) {            \
    if (nn_harness_r.watching) nn_harness_touch(p, n, write);                                                \
  }
NN_HARNESS_ON_RANGE(read, false)
NN_HARNESS_ON_RANGE(write, true)
#undef NN_HARNESS_ON_RANGE
extern "C" NN_HARNESS_OWN __attribute__((used)) void __tsan_init() {}
extern "C" NN_HARNESS_OWN __attribute__((used)) void __tsan_func_entry(void *) {}
extern "C" NN_HARNESS_OWN __attribute__((used)) void __tsan_func_exit() {}

#endif
#endif
