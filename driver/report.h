// `nnc report`: what a program's functions need and do, as tables or JSON. --function picks one, --depth says
// how far down layers are told apart, --n gives the dynamic size, --cost lists the kernels.
#ifndef NNC_DRIVER_REPORT_H
#define NNC_DRIVER_REPORT_H

#include "codegen/report.h"
#include "driver/options.h"

int report_print(const Report *r, const Options *o, Arena *a);

#endif
