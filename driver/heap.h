// How the memory of a run is taken from the system.
#ifndef NNC_DRIVER_HEAP_H
#define NNC_DRIVER_HEAP_H

// Before anything is allocated. Nothing depends on it but time.
void heap_prepare(void);

#endif
