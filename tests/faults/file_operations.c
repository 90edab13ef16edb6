/* Sends a process the signal FAULT_SIGNAL at one of its file operations, or lets the operation fail with the error FAULT_ERROR: number
   FAULT_AT, from 1, of those on paths that contain FAULT_PATH. An operation creates, writes, truncates, syncs, renames or removes, and
   with FAULT_READS it reads. The signal comes before it, or in the middle of a write. The error 0 is none: the operation reads or writes
   half of what was asked for. Without FAULT_AT there is no fault; instead of signal 0 the thread's next reading of the monotonic clock
   fails, which makes Rust's standard library panic. At its end the process writes the number of operations into the file FAULT_COUNT.
   In the folder FAULT_TRACE the file `trace` gets a line for each change of names or contents and for each sync: its number, what it is,
   and the paths. The file of that number is what a rename or an unlink took away, or what a sync has made safe.
   Preloaded by tests/kill.rs, tests/faults.rs and tests/power.rs. */
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

static void path_of(int fd, char *path, size_t size) {
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, size - 1);
    path[length < 0 ? 0 : length] = 0;
}

static int is_watched(const char *path, int fd) {
    static const char *part;
    char name[4096];
    if (part == NULL && (part = getenv("FAULT_PATH")) == NULL) return 0;
    if (path == NULL) {
        path_of(fd, name, sizeof name);
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

static void copy(const char *from, const char *to) {
    char bytes[65536];
    int in = syscall(SYS_openat, AT_FDCWD, from, O_RDONLY, 0), out = syscall(SYS_openat, AT_FDCWD, to, O_CREAT | O_WRONLY, 0600);
    for (ssize_t count; (count = syscall(SYS_read, in, bytes, sizeof bytes)) > 0;) syscall(SYS_write, out, bytes, count);
    close(in);
    close(out);
}

/* Called after the operation is due and before it is done; `from` is the earlier name of a rename. */
static void trace(const char *what, const char *path, const char *from) {
    static atomic_int number;
    const char *folder = getenv("FAULT_TRACE");
    if (folder == NULL || !is_watched(path, -1) || strstr(path, folder) != NULL) return;
    char file[4096], line[16384];
    int here = atomic_fetch_add(&number, 1);
    snprintf(file, sizeof file, "%s/%d", folder, here);
    if (what[0] == 's') copy(path, file);
    else if (what[0] == 'r' || what[0] == 'u') syscall(SYS_linkat, AT_FDCWD, path, AT_FDCWD, file, 0);
    int length = snprintf(line, sizeof line, "%d\t%s\t%s\t%s\n", here, what, path, from == NULL ? "" : from);
    snprintf(file, sizeof file, "%s/trace", folder);
    int fd = syscall(SYS_openat, AT_FDCWD, file, O_CREAT | O_WRONLY | O_APPEND, 0600);
    syscall(SYS_write, fd, line, length);
    close(fd);
}

static void trace_of(const char *what, int fd) {
    if (getenv("FAULT_TRACE") == NULL) return;
    char path[4096];
    path_of(fd, path, sizeof path);
    trace(what, path, NULL);
}

static void trace_sync(int fd) {
    struct stat found;
    trace_of(fstat(fd, &found) == 0 && S_ISDIR(found.st_mode) ? "folder" : "sync", fd);
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
    if (flags & O_CREAT) trace(syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0 ? "write" : "create", path, NULL);
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
    int due = is_due(NULL, fd);
    trace_of("write", fd);
    if (!due) return syscall(SYS_write, fd, data, size);
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
    if (before(NULL, fd)) return -1;
    trace_of("write", fd);
    return syscall(SYS_ftruncate, fd, length);
}

int fsync(int fd) {
    if (before(NULL, fd)) return -1;
    trace_sync(fd);
    return syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
    if (before(NULL, fd)) return -1;
    trace_sync(fd);
    return syscall(SYS_fdatasync, fd);
}

int rename(const char *from, const char *to) {
    if (before(to, -1)) return -1;
    trace("rename", to, from);
    return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlink(const char *path) {
    if (before(path, -1)) return -1;
    trace("unlink", path, NULL);
    return syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int mkdir(const char *path, mode_t mode) {
    if (before(path, -1)) return -1;
    // What exists already is no new name.
    if (syscall(SYS_faccessat, AT_FDCWD, path, F_OK) != 0) trace("mkdir", path, NULL);
    return syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

__attribute__((destructor)) static void write_count(void) {
    const char *name = getenv("FAULT_COUNT");
    FILE *file = name == NULL ? NULL : fopen(name, "w");
    if (file == NULL) return;
    fprintf(file, "%ld", atomic_load(&operations));
    fclose(file);
}
