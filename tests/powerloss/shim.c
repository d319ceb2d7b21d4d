/* Records, in order, every operation of a process on the files of one folder, and makes some of them fail on request.
 *
 *   cc -O2 -fPIC -shared -o shim.so shim.c -ldl -lpthread
 *   POWERLOSS_FOLDER=/data POWERLOSS_LOG=/ops.log POWERLOSS_RULES=/rules LD_PRELOAD=./shim.so program …
 *
 * The log: a `struct record`, the path and the data of each operation, appended with one call. An operation is done and
 * logged under one lock, so the log has the order in which the system saw them. A sync is two records, BEGIN and END:
 * everything that was logged before BEGIN is durable when END is there; other threads go on meanwhile. An answer
 * "HTTP/1.1 2.." is a record too (ACK, with the peer's port), logged BEFORE it is sent: what it acknowledges must survive
 * any later cut.
 *
 * The rules: a file that holds a `struct control`, mapped; the test writes to it while the program runs. A process whose
 * id is in `killed` is killed between two operations: a signal from outside could come when one is done and not yet logged.
 *
 * Calls that change files and are not understood are logged as OTHER; the test refuses a log that has any.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* The numbers below are repeated in log.rs and shim.rs. */
enum { CREATE = 1, OPEN, WRITE, TRUNCATE, SYNC_BEGIN, SYNC_END, RENAME, UNLINK, MKDIR, RMDIR, LINK, ACK, START, OTHER };
enum { DATABASE = 1, WAL = 2, SHM = 4, SEGMENT = 8, FOLDER = 16, REST = 32 };
enum { ON_OPEN = 1, ON_WRITE = 2, ON_SYNC = 4, ON_TRUNCATE = 8, ON_UNLINK = 16, ON_MKDIR = 32, ON_RENAME = 64 };
enum { FAIL = 0, SHORT = 1, DELAY = 2, LIE = 3 };

#define MAGIC 0x504c4f53u
#define RULES 8
#define FILES 65536

struct __attribute__((packed)) record {
    uint32_t magic;
    uint8_t op, class;
    uint16_t path_length;
    uint32_t pid, tid, data_length;
    int32_t result, error;
    uint64_t inode;
    int64_t offset, length;
};

struct rule {
    volatile int32_t active, on, classes, skip, count, error, mode, delay_ms, fired, unused;
};

struct control {
    volatile int64_t monotonic_offset_ns;
    volatile int32_t killed, unused;
    struct rule rules[RULES];
};

struct file {
    uint8_t tracked, class, append;
    uint64_t inode;
};

static struct file files[FILES];
static char folder[PATH_MAX];
static size_t folder_length;
static int log_fd = -1;
static struct control *control;
static int started;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int (*real_clock)(clockid_t, struct timespec *);

static void put(int op, int class, const char *path, uint64_t inode, int64_t offset, int64_t length, int result, int error,
                const void *data, size_t data_length) {
    if (log_fd < 0) return;
    struct record head = { MAGIC, op, class, path ? strlen(path) : 0, getpid(), syscall(SYS_gettid), data_length,
                           result, error, inode, offset, length };
    struct iovec parts[3] = { { &head, sizeof head }, { (void *)path, head.path_length }, { (void *)data, data_length } };
    size_t whole = sizeof head + head.path_length + data_length;
    if (syscall(SYS_writev, log_fd, parts, 3) != (ssize_t)whole) {
        static const char said[] = "powerloss shim: the log could not be written\n";
        syscall(SYS_write, 2, said, sizeof said - 1);
        syscall(SYS_exit_group, 99);
    }
}

static void note(int op, int class, const char *path, uint64_t inode, int64_t offset, int64_t length, int result, int error) {
    pthread_mutex_lock(&lock);
    put(op, class, path, inode, offset, length, result, error, 0, 0);
    pthread_mutex_unlock(&lock);
}

static void *wait_for_killed(void *nothing) {
    struct timespec pause = { 0, 1000000 };
    while (control->killed != getpid()) syscall(SYS_nanosleep, &pause, 0);
    pthread_mutex_lock(&lock);
    syscall(SYS_kill, getpid(), SIGKILL);
    return nothing;
}

/* A thread of its own, which no signal interrupts. */
static void start_waiting(void) {
    sigset_t all, before;
    pthread_t thread;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (!pthread_create(&thread, 0, wait_for_killed, 0)) pthread_detach(thread);
    pthread_sigmask(SIG_SETMASK, &before, 0);
}

__attribute__((constructor)) static void start(void) {
    real_clock = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    const char *where = getenv("POWERLOSS_FOLDER"), *log = getenv("POWERLOSS_LOG"), *rules = getenv("POWERLOSS_RULES");
    if (!where) return;
    strncpy(folder, where, sizeof folder - 1);
    folder_length = strlen(folder);
    if (log) {
        int fd = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        /* Does not collide with the program's own descriptors. */
        if (fd >= 0) log_fd = syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 900), syscall(SYS_close, fd);
    }
    if (rules) {
        int fd = syscall(SYS_openat, AT_FDCWD, rules, O_RDWR | O_CLOEXEC, 0);
        if (fd >= 0) {
            void *at = (void *)syscall(SYS_mmap, 0, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
            if (at != MAP_FAILED) control = at;
            syscall(SYS_close, fd);
        }
    }
    started = 1;
    note(START, 0, folder, 0, 0, 0, getpid(), 0);
    if (control) start_waiting();
}

/* A process that ends by itself does so between two operations too: its other threads wait for the lock. */
__attribute__((destructor)) static void end(void) {
    if (started) pthread_mutex_lock(&lock);
}

/* The absolute path, in `buffer`, if it is in the folder; else 0. */
static const char *ours(const char *path, char *buffer) {
    if (!started || !path) return 0;
    if (path[0] == '/') {
        strncpy(buffer, path, PATH_MAX - 1);
        buffer[PATH_MAX - 1] = 0;
    } else {
        if (!getcwd(buffer, PATH_MAX)) return 0;
        size_t n = strlen(buffer);
        snprintf(buffer + n, PATH_MAX - n, "/%s", path);
    }
    size_t n = strlen(buffer);
    while (n > 1 && buffer[n - 1] == '/') buffer[--n] = 0;
    if (strncmp(buffer, folder, folder_length) || (buffer[folder_length] && buffer[folder_length] != '/')) return 0;
    return buffer;
}

static int class_of(const char *path, int is_folder) {
    size_t n = strlen(path);
    if (is_folder) return FOLDER;
    if (strstr(path, "/segments/")) return SEGMENT;
    if (n > 4 && !strcmp(path + n - 4, "-wal")) return WAL;
    if (n > 4 && !strcmp(path + n - 4, "-shm")) return SHM;
    if (strstr(path, ".sqlite3")) return DATABASE;
    return REST;
}

/* The fault of the first rule that applies: FAIL, SHORT or LIE; -1: none. Called without the lock, since it may wait. */
static int asked(int on, int class, int *error) {
    for (int i = 0; control && i < RULES; i++) {
        struct rule *rule = &control->rules[i];
        if (!rule->active || !(rule->on & on) || !(rule->classes & class)) continue;
        if (__atomic_fetch_sub(&rule->skip, 1, __ATOMIC_SEQ_CST) > 0) continue;
        if (rule->count >= 0 && __atomic_fetch_sub(&rule->count, 1, __ATOMIC_SEQ_CST) <= 0) {
            rule->active = 0;
            continue;
        }
        __atomic_fetch_add(&rule->fired, 1, __ATOMIC_SEQ_CST);
        if (rule->delay_ms) {
            struct timespec pause = { rule->delay_ms / 1000, (rule->delay_ms % 1000) * 1000000L };
            syscall(SYS_nanosleep, &pause, 0);
        }
        if (rule->mode == DELAY) continue;
        *error = rule->error;
        return rule->mode;
    }
    return -1;
}

static int fails(int on, int class) {
    int error = 0;
    if (asked(on, class, &error) != FAIL) return 0;
    errno = error;
    return 1;
}

/* --- Opening and closing ------------------------------------------------------------------------------------------ */

static int do_open(const char *given, int flags, mode_t mode) {
    char buffer[PATH_MAX];
    const char *path = ours(given, buffer);
    if (!path) return syscall(SYS_openat, AT_FDCWD, given, flags, mode);
    if (fails(ON_OPEN, class_of(path, (flags & O_DIRECTORY) != 0))) return -1;
    pthread_mutex_lock(&lock);
    struct stat st;
    int existed = !lstat(path, &st);
    int64_t before = existed ? st.st_size : 0;
    int fd = syscall(SYS_openat, AT_FDCWD, given, flags, mode), error = errno;
    if (fd >= 0 && fd < FILES && !fstat(fd, &st)) {
        int is_folder = S_ISDIR(st.st_mode), class = class_of(path, is_folder);
        files[fd] = (struct file){ 1, class, (flags & O_APPEND) != 0, st.st_ino };
        put(existed ? OPEN : CREATE, class, path, st.st_ino, flags, before, fd, 0, 0, 0);
        if (existed && !is_folder && (flags & O_TRUNC) && before) put(TRUNCATE, class, path, st.st_ino, 0, 0, 0, 0, 0, 0);
    }
    pthread_mutex_unlock(&lock);
    errno = error;
    return fd;
}

#define MODE_OF(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | __O_TMPFILE)) { va_list list; va_start(list, flags); mode = va_arg(list, int); va_end(list); }

int open(const char *path, int flags, ...) { MODE_OF(flags) return do_open(path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE_OF(flags) return do_open(path, flags | O_LARGEFILE, mode); }
int creat(const char *path, mode_t mode) { return do_open(path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

int openat(int dir, const char *path, int flags, ...) {
    MODE_OF(flags)
    if (dir == AT_FDCWD || path[0] == '/') return do_open(path, flags, mode);
    return syscall(SYS_openat, dir, path, flags, mode);
}

int openat64(int dir, const char *path, int flags, ...) {
    MODE_OF(flags)
    if (dir == AT_FDCWD || path[0] == '/') return do_open(path, flags, mode);
    return syscall(SYS_openat, dir, path, flags, mode);
}

int close(int fd) {
    if (fd >= 0 && fd == log_fd) return 0;
    if (fd >= 0 && fd < FILES) files[fd] = (struct file){ 0 };
    return syscall(SYS_close, fd);
}

static int duplicated(int from, int to) {
    if (from >= 0 && from < FILES && to >= 0 && to < FILES && from != to) files[to] = files[from];
    return to;
}

static int do_fcntl(int fd, int command, void *argument) {
    int result = syscall(SYS_fcntl, fd, command, argument);
    return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? duplicated(fd, result) : result;
}

int dup(int fd) { return duplicated(fd, syscall(SYS_dup, fd)); }
int dup2(int from, int to) { return from == to ? from : duplicated(from, syscall(SYS_dup3, from, to, 0)); }
int dup3(int from, int to, int flags) { return duplicated(from, syscall(SYS_dup3, from, to, flags)); }
int fcntl(int fd, int command, ...) { va_list list; va_start(list, command); void *it = va_arg(list, void *); va_end(list); return do_fcntl(fd, command, it); }
int fcntl64(int fd, int command, ...) { va_list list; va_start(list, command); void *it = va_arg(list, void *); va_end(list); return do_fcntl(fd, command, it); }

static int tracked(int fd) { return started && fd >= 0 && fd < FILES && files[fd].tracked; }

/* --- Writing, cutting, syncing ------------------------------------------------------------------------------------ */

/* `at` < 0: at the position of the file. */
static ssize_t do_write(int fd, const void *bytes, size_t n, int64_t at) {
    struct file file = files[fd];
    int error = 0, mode = asked(ON_WRITE, file.class, &error);
    if (mode == FAIL || (mode == SHORT && n < 2)) {
        errno = error;
        return -1;
    }
    if (mode == LIE) return n;
    if (mode == SHORT) n /= 2;
    pthread_mutex_lock(&lock);
    struct stat st;
    int64_t offset = at;
    if (at < 0) offset = file.append && !fstat(fd, &st) ? st.st_size : syscall(SYS_lseek, fd, 0, SEEK_CUR);
    ssize_t done = at < 0 ? syscall(SYS_write, fd, bytes, n) : syscall(SYS_pwrite64, fd, bytes, n, at);
    error = errno;
    if (done > 0) put(WRITE, file.class, 0, file.inode, offset, n, 0, 0, bytes, done);
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

static void acknowledge(int fd, const void *bytes, size_t n) {
    if (!started || n < 12 || memcmp(bytes, "HTTP/1.1 2", 10)) return;
    struct sockaddr_in peer;
    socklen_t length = sizeof peer;
    if (getpeername(fd, (struct sockaddr *)&peer, &length) || peer.sin_family != AF_INET) return;
    note(ACK, 0, 0, ntohs(peer.sin_port), 0, n, 0, 0);
}

static void acknowledge_first(int fd, const struct iovec *parts, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!parts[i].iov_len) continue;
        acknowledge(fd, parts[i].iov_base, parts[i].iov_len);
        return;
    }
}

ssize_t write(int fd, const void *bytes, size_t n) {
    if (tracked(fd)) return do_write(fd, bytes, n, -1);
    acknowledge(fd, bytes, n);
    return syscall(SYS_write, fd, bytes, n);
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at) {
    return tracked(fd) ? do_write(fd, bytes, n, at) : syscall(SYS_pwrite64, fd, bytes, n, at);
}
ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at) { return pwrite64(fd, bytes, n, at); }

static ssize_t do_writev(int fd, const struct iovec *parts, int count, int64_t at) {
    ssize_t sum = 0;
    for (int i = 0; i < count; i++) {
        if (!parts[i].iov_len) continue;
        ssize_t done = do_write(fd, parts[i].iov_base, parts[i].iov_len, at < 0 ? at : at + sum);
        if (done < 0) return sum ? sum : done;
        sum += done;
        if ((size_t)done < parts[i].iov_len) break;
    }
    return sum;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (tracked(fd)) return do_writev(fd, parts, count, -1);
    acknowledge_first(fd, parts, count);
    return syscall(SYS_writev, fd, parts, count);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) {
    return tracked(fd) ? do_writev(fd, parts, count, at) : syscall(SYS_pwritev, fd, parts, count, at, 0);
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) { return pwritev64(fd, parts, count, at); }

/* The kernel's copies between files would not show their bytes: without them the program reads and writes. */
ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t n, unsigned flags) {
    (void)from, (void)from_at, (void)to, (void)to_at, (void)n, (void)flags;
    errno = ENOSYS;
    return -1;
}
ssize_t sendfile64(int to, int from, off64_t *at, size_t n) {
    (void)to, (void)from, (void)at, (void)n;
    errno = ENOSYS;
    return -1;
}
ssize_t sendfile(int to, int from, off_t *at, size_t n) { return sendfile64(to, from, at, n); }
ssize_t splice(int from, off64_t *from_at, int to, off64_t *to_at, size_t n, unsigned flags) {
    (void)from, (void)from_at, (void)to, (void)to_at, (void)n, (void)flags;
    errno = ENOSYS;
    return -1;
}

ssize_t send(int fd, const void *bytes, size_t n, int flags) {
    acknowledge(fd, bytes, n);
    return syscall(SYS_sendto, fd, bytes, n, flags, 0, 0);
}

ssize_t sendto(int fd, const void *bytes, size_t n, int flags, const struct sockaddr *to, socklen_t length) {
    acknowledge(fd, bytes, n);
    return syscall(SYS_sendto, fd, bytes, n, flags, to, length);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    acknowledge_first(fd, message->msg_iov, message->msg_iovlen);
    return syscall(SYS_sendmsg, fd, message, flags);
}

static int do_sync(int fd, int number) {
    if (!tracked(fd)) return syscall(number, fd);
    struct file file = files[fd];
    note(SYNC_BEGIN, file.class, 0, file.inode, 0, 0, 0, 0);
    int error = 0, mode = asked(ON_SYNC, file.class, &error), result = 0;
    if (mode == FAIL) result = -1;
    else if (mode != LIE) result = syscall(number, fd), error = errno;
    /* A lie is told to the program, not to the log. */
    note(SYNC_END, file.class, 0, file.inode, 0, 0, mode == LIE ? -2 : result, error);
    if (result) errno = error;
    return result;
}

int fsync(int fd) { return do_sync(fd, SYS_fsync); }
int fdatasync(int fd) { return do_sync(fd, SYS_fdatasync); }

int ftruncate64(int fd, off64_t size) {
    if (!tracked(fd)) return syscall(SYS_ftruncate, fd, size);
    struct file file = files[fd];
    if (fails(ON_TRUNCATE, file.class)) return -1;
    pthread_mutex_lock(&lock);
    int result = syscall(SYS_ftruncate, fd, size), error = errno;
    if (!result) put(TRUNCATE, file.class, 0, file.inode, size, 0, 0, 0, 0, 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

/* --- Names -------------------------------------------------------------------------------------------------------- */

int unlink(const char *given) {
    char buffer[PATH_MAX];
    const char *path = ours(given, buffer);
    if (!path) return syscall(SYS_unlinkat, AT_FDCWD, given, 0);
    if (fails(ON_UNLINK, class_of(path, 0))) return -1;
    pthread_mutex_lock(&lock);
    int result = syscall(SYS_unlinkat, AT_FDCWD, given, 0), error = errno;
    if (!result) put(UNLINK, class_of(path, 0), path, 0, 0, 0, 0, 0, 0, 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

int rmdir(const char *given) {
    char buffer[PATH_MAX];
    const char *path = ours(given, buffer);
    if (!path) return syscall(SYS_unlinkat, AT_FDCWD, given, AT_REMOVEDIR);
    pthread_mutex_lock(&lock);
    int result = syscall(SYS_unlinkat, AT_FDCWD, given, AT_REMOVEDIR), error = errno;
    if (!result) put(RMDIR, FOLDER, path, 0, 0, 0, 0, 0, 0, 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

int unlinkat(int dir, const char *path, int flags) {
    if (dir == AT_FDCWD || path[0] == '/') return flags & AT_REMOVEDIR ? rmdir(path) : unlink(path);
    if (started) note(OTHER, 0, "unlinkat", 0, 0, 0, 0, 0);
    return syscall(SYS_unlinkat, dir, path, flags);
}

int mkdir(const char *given, mode_t mode) {
    char buffer[PATH_MAX];
    const char *path = ours(given, buffer);
    if (!path) return syscall(SYS_mkdirat, AT_FDCWD, given, mode);
    if (fails(ON_MKDIR, FOLDER)) return -1;
    pthread_mutex_lock(&lock);
    int result = syscall(SYS_mkdirat, AT_FDCWD, given, mode), error = errno;
    struct stat st = { 0 };
    if (!result && !lstat(path, &st)) put(MKDIR, FOLDER, path, st.st_ino, 0, 0, 0, 0, 0, 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

/* The data of RENAME and LINK is the new name. */
static int two_names(int op, const char *from, const char *to) {
    char first[PATH_MAX], second[PATH_MAX];
    const char *old = ours(from, first), *new = ours(to, second);
    int number = op == RENAME ? SYS_renameat : SYS_linkat;
    if (!old && !new) return syscall(number, AT_FDCWD, from, AT_FDCWD, to, 0);
    int class = class_of(new ? new : old, 0);
    if (op == RENAME && fails(ON_RENAME, class)) return -1;
    pthread_mutex_lock(&lock);
    int result = syscall(number, AT_FDCWD, from, AT_FDCWD, to, 0), error = errno;
    if (!result && old && new) put(op, class, old, 0, 0, 0, 0, 0, new, strlen(new));
    else if (!result) put(OTHER, class, "a name from or to another folder", 0, 0, 0, 0, 0, 0, 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

int rename(const char *from, const char *to) { return two_names(RENAME, from, to); }
int link(const char *from, const char *to) { return two_names(LINK, from, to); }
int linkat(int old_dir, const char *from, int new_dir, const char *to, int flags) {
    if (old_dir == AT_FDCWD && new_dir == AT_FDCWD && !flags) return link(from, to);
    if (started) note(OTHER, 0, "linkat", 0, 0, 0, 0, 0);
    return syscall(SYS_linkat, old_dir, from, new_dir, to, flags);
}

/* --- Changes of files that the test does not model ------------------------------------------------------ */

int fallocate(int fd, int mode, off_t at, off_t n) {
    if (tracked(fd)) note(OTHER, files[fd].class, "fallocate", files[fd].inode, at, n, 0, 0);
    return syscall(SYS_fallocate, fd, mode, at, n);
}
int posix_fallocate(int fd, off_t at, off_t n) { return fallocate(fd, 0, at, n) ? errno : 0; }

static void *do_mmap(void *at, size_t n, int protection, int flags, int fd, off64_t offset) {
    int writes = (protection & PROT_WRITE) && (flags & MAP_SHARED);
    /* SQLite's index of the write-ahead log is memory: it is built again after a crash. */
    if (fd >= 0 && writes && tracked(fd) && files[fd].class != SHM) note(OTHER, files[fd].class, "mmap", files[fd].inode, offset, n, 0, 0);
    return (void *)syscall(SYS_mmap, at, n, protection, flags, fd, offset);
}
void *mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset) { return do_mmap(at, n, protection, flags, fd, offset); }
void *mmap64(void *at, size_t n, int protection, int flags, int fd, off64_t offset) { return do_mmap(at, n, protection, flags, fd, offset); }

/* --- The clock ---------------------------------------------------------------------------------------------------- */

int clock_gettime(clockid_t clock, struct timespec *out) {
    int result = real_clock ? real_clock(clock, out) : syscall(SYS_clock_gettime, clock, out);
    if (!result && control && control->monotonic_offset_ns && clock == CLOCK_MONOTONIC) {
        int64_t ns = out->tv_sec * 1000000000ll + out->tv_nsec + control->monotonic_offset_ns;
        out->tv_sec = ns / 1000000000ll;
        out->tv_nsec = ns % 1000000000ll;
    }
    return result;
}
