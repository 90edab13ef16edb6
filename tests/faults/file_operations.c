/* Sends a process the signal FAULT_SIGNAL at one of its file operations: number FAULT_AT, from 1, of those on paths that contain
   FAULT_PATH. An operation creates, writes, truncates, syncs, renames or removes; the signal comes before it, or in the middle of a
   write. Without FAULT_AT there is no signal; instead of signal 0 the thread's next reading of the monotonic clock fails, which makes
   Rust's standard library panic. At its end the process writes the number of operations into the file FAULT_COUNT.
   Preloaded by tests/kill.rs. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static atomic_long operations;
static _Thread_local int clock_fails;

static int is_watched(const char *path, int fd) {
    static const char *part;
    char link[32], name[4096];
    if (part == NULL && (part = getenv("FAULT_PATH")) == NULL) return 0;
    if (path == NULL) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(link, name, sizeof name - 1);
        if (length < 0) return 0;
        name[length] = 0;
        path = name;
    }
    return strstr(path, part) != NULL;
}

static int is_due(const char *path, int fd) {
    const char *at = getenv("FAULT_AT");
    return is_watched(path, fd) && atomic_fetch_add(&operations, 1) + 1 == (at == NULL ? 0 : atol(at));
}

static void send_signal(void) {
    const char *text = getenv("FAULT_SIGNAL");
    int number = text == NULL ? SIGKILL : atoi(text);
    if (number == 0) clock_fails = 1;
    else raise(number);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    if (clock != CLOCK_MONOTONIC || !clock_fails) return syscall(SYS_clock_gettime, clock, time);
    clock_fails = 0;
    errno = EINVAL;
    return -1;
}

static void before(const char *path, int fd) {
    if (is_due(path, fd)) send_signal();
}

static int open_watched(const char *path, int flags, mode_t mode) {
    if (flags & O_CREAT) before(path, -1);
    return syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

static mode_t mode_of(int flags, va_list rest) {
    return flags & O_CREAT ? va_arg(rest, mode_t) : 0;
}

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = mode_of(flags, rest);
    va_end(rest);
    return open_watched(path, flags, mode);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));

ssize_t write(int fd, const void *data, size_t size) {
    if (!is_due(NULL, fd)) return syscall(SYS_write, fd, data, size);
    ssize_t written = syscall(SYS_write, fd, data, (size + 1) / 2);
    send_signal();
    return written;
}

int ftruncate64(int fd, off64_t length) {
    before(NULL, fd);
    return syscall(SYS_ftruncate, fd, length);
}

int fsync(int fd) {
    before(NULL, fd);
    return syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
    before(NULL, fd);
    return syscall(SYS_fdatasync, fd);
}

int rename(const char *from, const char *to) {
    before(to, -1);
    return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlink(const char *path) {
    before(path, -1);
    return syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int mkdir(const char *path, mode_t mode) {
    before(path, -1);
    return syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

__attribute__((destructor)) static void write_count(void) {
    const char *name = getenv("FAULT_COUNT");
    FILE *file = name == NULL ? NULL : fopen(name, "w");
    if (file == NULL) return;
    fprintf(file, "%ld", atomic_load(&operations));
    fclose(file);
}
