/* A clock that jumps: at each call the time of day is years ahead, correct or years behind, and the monotonic clock a minute further
   ahead. Preloaded by tests/faults.rs. */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static atomic_long calls;

int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = syscall(SYS_clock_gettime, clock, time);
    long call = atomic_fetch_add(&calls, 1);
    if (clock == CLOCK_REALTIME) time->tv_sec += (call % 3 - 1) * 100000000L;
    if (clock == CLOCK_MONOTONIC) time->tv_sec += call * 60L;
    return result;
}
