/* A clock that jumps: with every look at it, the time of day is years ahead or behind, and the monotonic one hours ahead.
   Preloaded by tests/faults.rs. */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static atomic_long looks;

int clock_gettime(clockid_t clock, struct timespec *time) {
    int answer = syscall(SYS_clock_gettime, clock, time);
    long look = atomic_fetch_add(&looks, 1);
    if (clock == CLOCK_REALTIME) time->tv_sec += (look % 3 - 1) * 100000000L;
    if (clock == CLOCK_MONOTONIC) time->tv_sec += look * 60L;
    return answer;
}
