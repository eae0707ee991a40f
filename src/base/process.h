#pragma once

#include <cstdint>

#include "include/hoglet/env.h"

namespace hoglet {

// Memory of this process that is in RAM, in bytes; 0 if the kernel does not say.
uint64_t ResidentBytes();
// The most it has been.
uint64_t PeakResidentBytes();
// Memory this process may use: the smaller of the machine's and its control group's.
uint64_t MemoryLimitBytes();
// The least limit on memory of this process's control group (version 2 or 1) and of those around
// it, in bytes; 0: none.
uint64_t ControlGroupMemoryBytes(Env* env);
// Lets each of the allocator's heaps keep up to `bytes` of free memory at its end, and take pieces
// of up to `bytes` from there: by default buffers of large requests go back to the system again and
// again, and every page of them comes back as a page fault. At most 32 MiB.
void KeepFreeMemory(uint64_t bytes);
// Gives memory that is free, but lies between what is not, back to the system. Milliseconds; for
// after work that took much at once.
void ReleaseFreeMemory();
// Processors this process may run on, at least 1.
unsigned CpuCount();
// Lets this process open as many files as the system allows it at all, and says how many that is.
uint64_t RaiseOpenFilesMax();
// File descriptor 2.
bool IsStderrTerminal();
// File descriptor 1.
bool IsStdoutTerminal();

}  // namespace hoglet
