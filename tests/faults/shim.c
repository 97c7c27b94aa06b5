/* Stands between a program and the C library, and makes the files under one folder misbehave on demand.

   Loaded with LD_PRELOAD. DEPOT_FAULT_ROOT names the folder. DEPOT_FAULT_CONTROL names a file of one page that this maps
   and the test writes, so that a running program can be told something else at any time; `struct control` is its form,
   and tests/it/faults/shim.rs writes it. DEPOT_FAULT_LOG, where it is set, names a file that every change is written
   down in, in the order in which it happened: from it the disk can be rebuilt as a power cut would have left it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum op { OPEN = 1, CREATE = 2, READ = 4, WRITE = 8, TRUNCATE = 16, SYNC = 32, LINK = 64, RENAME = 128, UNLINK = 256,
          MKDIR = 512, SEND = 1024 };

enum { FAILED = 8 }; /* in the flags of a sync */

enum action { NOTHING, KILL_BEFORE, KILL_AFTER, KILL_HALFWAY, FAIL, SHORT, LIE };

struct control {
    _Atomic uint64_t count; /* operations seen that match */
    uint64_t action;        /* what happens to those from `first` to `last`, counted from 1 */
    uint64_t first, last;
    uint64_t error; /* the errno of FAIL */
    uint64_t ops;   /* which kinds match */
    int64_t clock;  /* nanoseconds that the wall clock is ahead of the real one */
    _Atomic uint64_t hits;     /* how often something happened */
    _Atomic uint64_t resynced; /* syncs that succeeded on a file that an earlier one failed on */
    uint64_t unused[7];
    char only[256];   /* a part of the path; empty for any */
    char except[256]; /* a part of paths that do not match; empty for none */
};

static struct control *control;
static char root[PATH_MAX];
static size_t root_length;
static int log_fd = -1;
static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
static ino_t unsynced[256]; /* files that a sync failed on */

#define REAL(name, result, ...) static result (*real_##name)(__VA_ARGS__)
REAL(open, int, const char *, int, ...);
REAL(openat, int, int, const char *, int, ...);
REAL(read, ssize_t, int, void *, size_t);
REAL(pread, ssize_t, int, void *, size_t, off_t);
REAL(write, ssize_t, int, const void *, size_t);
REAL(pwrite, ssize_t, int, const void *, size_t, off_t);
REAL(writev, ssize_t, int, const struct iovec *, int);
REAL(send, ssize_t, int, const void *, size_t, int);
REAL(fsync, int, int);
REAL(fdatasync, int, int);
REAL(sync_file_range, int, int, off_t, off_t, unsigned);
REAL(linkat, int, int, const char *, int, const char *, int);
REAL(renameat2, int, int, const char *, int, const char *, unsigned);
REAL(unlinkat, int, int, const char *, int);
REAL(mkdirat, int, int, const char *, mode_t);
REAL(ftruncate, int, int, off_t);
REAL(clock_gettime, int, clockid_t, struct timespec *);

__attribute__((constructor)) static void start(void) {
    if (real_open) return;
#define FIND(name) *(void **)&real_##name = dlsym(RTLD_NEXT, #name)
    FIND(openat), FIND(read), FIND(pread), FIND(write), FIND(pwrite), FIND(writev), FIND(send), FIND(fsync);
    FIND(fdatasync), FIND(sync_file_range), FIND(linkat), FIND(renameat2), FIND(unlinkat), FIND(mkdirat);
    FIND(ftruncate), FIND(clock_gettime), FIND(open);
    const char *folder = getenv("DEPOT_FAULT_ROOT"), *page = getenv("DEPOT_FAULT_CONTROL"), *log = getenv("DEPOT_FAULT_LOG");
    if (!folder || !page) return;
    root_length = strlen(strncpy(root, folder, sizeof root - 1));
    int fd = real_open(page, O_RDWR | O_CLOEXEC);
    void *map = fd < 0 ? MAP_FAILED : mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0) close(fd);
    if (map == MAP_FAILED) abort();
    if (log && (log_fd = real_open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600)) < 0) abort();
    control = map;
}

static int watching(unsigned op) {
    if (!real_open) start();
    return control && (log_fd >= 0 || (control->ops & op));
}

static int under_root(const char *path) {
    return !strncmp(path, root, root_length) && (path[root_length] == '/' || !path[root_length]);
}

/* The path that a name means beside a folder's descriptor. */
static const char *absolute(int folder, const char *name, char *space) {
    if (name[0] == '/' || folder == AT_FDCWD) return name;
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    ssize_t length = readlink(link, space, PATH_MAX - 1 - strlen(name) - 1);
    if (length < 0) return name;
    snprintf(space + length, PATH_MAX - length, "/%s", name);
    return space;
}

/* The path of an open file; what it is if it is none, as `socket:[7]`. */
static const char *path_of(int fd, char *space) {
    int saved = errno;
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, space, PATH_MAX - 1);
    space[length < 0 ? 0 : length] = 0;
    errno = saved;
    return space;
}

static ino_t inode_of(int fd) {
    struct stat stat;
    return fstat(fd, &stat) ? 0 : stat.st_ino;
}

static ino_t inode_at(const char *path) {
    struct stat stat;
    return lstat(path, &stat) ? 0 : stat.st_ino;
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

/* What is to happen to this operation. Dying before it happens here, and so does setting errno. */
static enum action judge(unsigned op, const char *path) {
    if (!(control->ops & op)) return NOTHING;
    if (op != SEND && control->only[0] && !strstr(path, control->only)) return NOTHING;
    if (op != SEND && control->except[0] && strstr(path, control->except)) return NOTHING;
    uint64_t number = atomic_fetch_add(&control->count, 1) + 1;
    if (control->action == NOTHING || number < control->first || number > control->last) return NOTHING;
    atomic_fetch_add(&control->hits, 1);
    if (control->action == KILL_BEFORE) die();
    if (control->action == FAIL) errno = control->error;
    return control->action;
}

struct entry {
    uint32_t op, path, path2, data;
    uint64_t inode, offset, flags;
};

static void begin(void) {
    if (log_fd >= 0) pthread_mutex_lock(&order);
}

static void end(enum action action) {
    if (log_fd >= 0) pthread_mutex_unlock(&order);
    if (action == KILL_AFTER || action == KILL_HALFWAY) die();
}

/* Writes a change down that has happened; the caller has begun. */
static void note(enum op op, const char *path, const char *path2, ino_t inode, uint64_t offset, uint64_t flags, const void *data,
                 size_t length) {
    if (log_fd < 0) return;
    int saved = errno;
    struct entry entry = {op, strlen(path), strlen(path2), length, inode, offset, flags};
    struct iovec parts[] = {{&entry, sizeof entry}, {(void *)path, entry.path}, {(void *)path2, entry.path2}, {(void *)data, length}};
    if (real_writev(log_fd, parts, 4) != (ssize_t)(sizeof entry + entry.path + entry.path2 + length)) abort();
    errno = saved;
}

/* A new file or folder, whose number one had that is gone. */
static void forget(ino_t inode) {
    for (int i = 0; i < 256; i++)
        if (unsynced[i] == inode) unsynced[i] = 0;
}

static int opening(int folder, const char *name, int flags, mode_t mode) {
    unsigned op = flags & (O_CREAT | O_TRUNC) ? CREATE : OPEN;
    char space[PATH_MAX];
    const char *path = name;
    if (!watching(op) || !under_root(path = absolute(folder, name, space))) return real_openat(folder, name, flags, mode);
    enum action action = judge(op, path);
    if (action == FAIL) return -1;
    begin();
    int existed = op == CREATE && inode_at(path) != 0;
    int fd = real_openat(folder, name, flags, mode);
    if (fd >= 0 && op == CREATE) {
        ino_t inode = inode_of(fd);
        if (!existed) forget(inode);
        note(CREATE, path, "", inode, 0, (existed ? 0 : 1) + (flags & O_TRUNC ? 2 : 0), "", 0);
    }
    end(action);
    return fd;
}

#define MODE(flags) \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); }

int open(const char *name, int flags, ...) { MODE(flags) return opening(AT_FDCWD, name, flags, mode); }
int open64(const char *name, int flags, ...) { MODE(flags) return opening(AT_FDCWD, name, flags, mode); }
int openat(int folder, const char *name, int flags, ...) { MODE(flags) return opening(folder, name, flags, mode); }
int openat64(int folder, const char *name, int flags, ...) { MODE(flags) return opening(folder, name, flags, mode); }

static ssize_t reading(int fd, void *bytes, size_t length, off_t at, int positioned) {
    char space[PATH_MAX];
    if (real_open && control && (control->ops & READ) && under_root(path_of(fd, space)))
        switch (judge(READ, space)) {
        case FAIL: return -1;
        case SHORT: length = length > 1 ? length / 2 : length;
        default: break;
        }
    if (!real_open) start();
    return positioned ? real_pread(fd, bytes, length, at) : real_read(fd, bytes, length);
}

ssize_t read(int fd, void *bytes, size_t length) { return reading(fd, bytes, length, 0, 0); }
ssize_t pread(int fd, void *bytes, size_t length, off_t at) { return reading(fd, bytes, length, at, 1); }
ssize_t pread64(int fd, void *bytes, size_t length, off_t at) { return reading(fd, bytes, length, at, 1); }

/* `at` is -1 where the descriptor's own position counts. */
static ssize_t writing(int fd, const void *bytes, size_t length, off_t at) {
    char space[PATH_MAX];
    if (!watching(WRITE) || !under_root(path_of(fd, space)))
        return at < 0 ? real_write(fd, bytes, length) : real_pwrite(fd, bytes, length, at);
    enum action action = judge(WRITE, space);
    if (action == FAIL) return -1;
    int partly = action == SHORT || action == LIE || action == KILL_HALFWAY;
    size_t part = partly && length > 1 ? length / 2 : length;
    begin();
    off_t offset = at < 0 ? lseek(fd, 0, SEEK_CUR) : at;
    ssize_t written = at < 0 ? real_write(fd, bytes, part) : real_pwrite(fd, bytes, part, at);
    if (written > 0) note(WRITE, space, "", inode_of(fd), offset, 0, bytes, written);
    end(action);
    return action == LIE && written > 0 ? (ssize_t)length : written;
}

static ssize_t sending(int fd, const void *bytes, size_t length, int flags) {
    char space[PATH_MAX];
    enum action action = NOTHING;
    if (watching(SEND) && !strncmp(path_of(fd, space), "socket:", 7)) {
        action = judge(SEND, space);
        begin();
        note(SEND, "", "", 0, 0, 0, bytes, length < 64 ? length : 64);
        end(NOTHING);
    }
    ssize_t sent = real_send(fd, bytes, length, flags);
    if (action == KILL_AFTER) die();
    return sent;
}

ssize_t write(int fd, const void *bytes, size_t length) { return writing(fd, bytes, length, -1); }
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return writing(fd, bytes, length, at); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t at) { return writing(fd, bytes, length, at); }
ssize_t send(int fd, const void *bytes, size_t length, int flags) { return sending(fd, bytes, length, flags); }

ssize_t writev(int fd, const struct iovec *parts, int count) {
    char space[PATH_MAX];
    if (!watching(WRITE | SEND)) return real_writev(fd, parts, count);
    if (under_root(path_of(fd, space))) {
        for (int i = 0; i < count; i++)
            if (parts[i].iov_len) return writing(fd, parts[i].iov_base, parts[i].iov_len, -1);
        return 0;
    }
    enum action action = NOTHING;
    if (count > 0 && !strncmp(space, "socket:", 7)) {
        action = judge(SEND, space);
        begin();
        note(SEND, "", "", 0, 0, 0, parts[0].iov_base, parts[0].iov_len < 64 ? parts[0].iov_len : 64);
        end(NOTHING);
    }
    ssize_t sent = real_writev(fd, parts, count);
    if (action == KILL_AFTER) die();
    return sent;
}

/* Whoever copies so writes instead. */
ssize_t copy_file_range(int from, off_t *at, int to, off_t *at_to, size_t length, unsigned flags) {
    (void)from, (void)at, (void)to, (void)at_to, (void)length, (void)flags;
    errno = EXDEV;
    return -1;
}

static int syncing(int fd, int kind, off_t offset, off_t length, unsigned how) {
    char space[PATH_MAX];
    enum action action = NOTHING;
    int seen = watching(SYNC) && under_root(path_of(fd, space));
    ino_t inode = seen ? inode_of(fd) : 0;
    if (seen && (action = judge(SYNC, space)) == FAIL) {
        if (kind != 2)
            for (int i = 0; i < 256; i++)
                if (!unsynced[i] || unsynced[i] == inode) {
                    unsynced[i] = inode;
                    break;
                }
        begin();
        note(SYNC, space, "", inode, 0, FAILED, "", 0);
        end(NOTHING);
        errno = control->error;
        return -1;
    }
    if (action == LIE) return 0;
    if (seen) begin();
    int failed = kind == 0 ? real_fsync(fd) : kind == 1 ? real_fdatasync(fd) : real_sync_file_range(fd, offset, length, how);
    if (seen && !failed && kind != 2) {
        for (int i = 0; i < 256 && inode; i++)
            if (unsynced[i] == inode) atomic_fetch_add(&control->resynced, 1);
        note(SYNC, space, "", inode, 0, kind, "", 0);
    }
    if (seen) end(action);
    return failed;
}

int fsync(int fd) { return syncing(fd, 0, 0, 0, 0); }
int fdatasync(int fd) { return syncing(fd, 1, 0, 0, 0); }
int sync_file_range(int fd, off_t offset, off_t length, unsigned how) { return syncing(fd, 2, offset, length, how); }

static int truncating(int fd, off_t length) {
    char space[PATH_MAX];
    if (!watching(TRUNCATE) || !under_root(path_of(fd, space))) return real_ftruncate(fd, length);
    enum action action = judge(TRUNCATE, space);
    if (action == FAIL) return -1;
    begin();
    int failed = real_ftruncate(fd, length);
    if (!failed) note(TRUNCATE, space, "", inode_of(fd), length, 0, "", 0);
    end(action);
    return failed;
}

int ftruncate(int fd, off_t length) { return truncating(fd, length); }
int ftruncate64(int fd, off_t length) { return truncating(fd, length); }

/* Every change of a folder has this shape; `inode` is looked up before, where the name is going to be gone. */
#define CHANGE(op, at, path, path2, flags, call) \
    if (!watching(op) || !under_root(at)) return call; \
    enum action action = judge(op, at); \
    if (action == FAIL) return -1; \
    begin(); \
    ino_t before = inode_at(path); \
    int failed = call; \
    if (!failed && op == MKDIR) forget(inode_at(path)); \
    if (!failed) note(op, path, path2, before ? before : inode_at(path), 0, flags, "", 0); \
    end(action); \
    return failed;

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags) {
    char space[PATH_MAX], space2[PATH_MAX];
    const char *path = absolute(from_folder, from, space), *path2 = absolute(to_folder, to, space2);
    CHANGE(LINK, path2, path, path2, 0, real_linkat(from_folder, from, to_folder, to, flags))
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
    char space[PATH_MAX], space2[PATH_MAX];
    const char *path = absolute(from_folder, from, space), *path2 = absolute(to_folder, to, space2);
    CHANGE(RENAME, path2, path, path2, 0, real_renameat2(from_folder, from, to_folder, to, flags))
}
int renameat(int from_folder, const char *from, int to_folder, const char *to) { return renameat2(from_folder, from, to_folder, to, 0); }
int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlinkat(int folder, const char *name, int flags) {
    char space[PATH_MAX];
    const char *path = absolute(folder, name, space);
    CHANGE(UNLINK, path, path, "", flags, real_unlinkat(folder, name, flags))
}
int unlink(const char *name) { return unlinkat(AT_FDCWD, name, 0); }
int rmdir(const char *name) { return unlinkat(AT_FDCWD, name, AT_REMOVEDIR); }

int mkdirat(int folder, const char *name, mode_t mode) {
    char space[PATH_MAX];
    const char *path = absolute(folder, name, space);
    CHANGE(MKDIR, path, path, "", 0, real_mkdirat(folder, name, mode))
}
int mkdir(const char *name, mode_t mode) { return mkdirat(AT_FDCWD, name, mode); }

/* Only the wall clock jumps: the other one cannot, and the kernel's own timeouts go by it. */
int clock_gettime(clockid_t which, struct timespec *time) {
    if (!real_open) start();
    int failed = real_clock_gettime(which, time);
    if (!failed && control && control->clock && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) {
        int64_t all = time->tv_sec * 1000000000LL + time->tv_nsec + control->clock;
        time->tv_sec = all / 1000000000, time->tv_nsec = all % 1000000000;
    }
    return failed;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    (void)zone;
    struct timespec now;
    int failed = clock_gettime(CLOCK_REALTIME, &now);
    time->tv_sec = now.tv_sec, time->tv_usec = now.tv_nsec / 1000;
    return failed;
}

time_t time(time_t *into) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (into) *into = now.tv_sec;
    return now.tv_sec;
}
