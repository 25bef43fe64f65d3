// What nnc's exit code says. Programs made by nnc use the same numbers.
#ifndef NNC_DRIVER_EXIT_CODES_H
#define NNC_DRIVER_EXIT_CODES_H

enum {
  EXIT_DONE = 0,
  EXIT_SOURCE = 1, // what is inside a source file is wrong
  EXIT_USAGE = 2,  // the command line is wrong
  EXIT_SYSTEM = 3, // a file can't be opened, read or written, a tool is missing or fails, memory runs out
  EXIT_FAILED = 4, // a check the user asked for failed
  EXIT_BUG = 70    // a bug of nnc
};

#endif
