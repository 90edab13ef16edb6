/* Sends a process the signal FAULT_SIGNAL at one of its file operations, or lets the operation fail with the error FAULT_ERROR: number
   FAULT_AT, from 1, of those on paths that contain FAULT_PATH. An operation creates, writes, truncates, syncs, renames or removes, and
   with FAULT_READS it reads. The signal comes before it, or in the middle of a write. The error 0 is none: the operation reads or writes
   half of what was asked for. Without FAULT_AT there is no fault; instead of signal 0 the thread's next reading of the monotonic clock
   fails, which makes Rust's standard library panic. At its end the process writes the number of operations into the file FAULT_COUNT.
   Preloaded by tests/kill.rs and tests/faults.rs. */
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

/* Whether the operation fails; otherwise it is to be done now. */
static int before(const char *path, int fd) {
    if (!is_due(path, fd)) return 0;
    const char *error = getenv("FAULT_ERROR");
    if (error == NULL) {
        send_signal();
        return 0;
    }
    errno = atoi(error);
    return errno != 0;
}

static int open_watched(const char *path, int flags, mode_t mode) {
    if ((flags & O_CREAT) && before(path, -1)) return -1;
    return syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

static size_t half(size_t size) {
    return (size + 1) / 2;
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
    const char *error = getenv("FAULT_ERROR");
    if (error != NULL && atoi(error) != 0) {
        errno = atoi(error);
        return -1;
    }
    ssize_t written = syscall(SYS_write, fd, data, half(size));
    if (error == NULL) send_signal();
    return written;
}

/* The bytes to read, or 0 if reading fails. */
static size_t readable(int fd, size_t size) {
    if (getenv("FAULT_READS") == NULL || !is_due(NULL, fd)) return size;
    errno = atoi(getenv("FAULT_ERROR"));
    return errno == 0 ? half(size) : 0;
}

ssize_t read(int fd, void *data, size_t size) {
    size_t count = readable(fd, size);
    return count == 0 && size > 0 ? -1 : syscall(SYS_read, fd, data, count);
}

ssize_t pread64(int fd, void *data, size_t size, off64_t offset) {
    size_t count = readable(fd, size);
    return count == 0 && size > 0 ? -1 : syscall(SYS_pread64, fd, data, count, offset);
}

int ftruncate64(int fd, off64_t length) {
    return before(NULL, fd) ? -1 : syscall(SYS_ftruncate, fd, length);
}

int fsync(int fd) {
    return before(NULL, fd) ? -1 : syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
    return before(NULL, fd) ? -1 : syscall(SYS_fdatasync, fd);
}

int rename(const char *from, const char *to) {
    return before(to, -1) ? -1 : syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlink(const char *path) {
    return before(path, -1) ? -1 : syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int mkdir(const char *path, mode_t mode) {
    return before(path, -1) ? -1 : syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

__attribute__((destructor)) static void write_count(void) {
    const char *name = getenv("FAULT_COUNT");
    FILE *file = name == NULL ? NULL : fopen(name, "w");
    if (file == NULL) return;
    fprintf(file, "%ld", atomic_load(&operations));
    fclose(file);
}
