/*
 * Stands before the C library of a gateway under test (LD_PRELOAD), and fails the calls that control.h tells
 * of. Only calls of the program itself and of libcares are looked at; what they do not call by these names,
 * nobody fails.
 */
#include "control.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct control *control;

/* The program and libcares, once; before main, so that no other thread is there. */
__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv(CONTROL_VARIABLE);
	int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
	void *memory;

	if (fd < 0)
		return;
	memory = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (memory != MAP_FAILED)
		control = memory;
}

static uint64_t name_of(const void *address)
{
	Dl_info info;
	uint64_t module;

	if (dladdr(address, &info) == 0 || info.dli_fname == NULL)
		return 0;
	if (strstr(info.dli_fname, "libcares") != NULL)
		module = 1;
	else if (strstr(info.dli_fname, ".so") == NULL)
		module = 0;
	else
		return 0;
	return module << 56 | (uint64_t)((uintptr_t)address - (uintptr_t)info.dli_fbase);
}

/* A slot of the table, taken by whoever comes first. */
static struct place *place_at(uint64_t name, const char *call)
{
	for (uint64_t i = name * 0x9e3779b97f4a7c15u >> 52, tries = 0; tries < PLACES_MAX; i++, tries++) {
		struct place *place = &control->places[i % PLACES_MAX];
		uint64_t none = 0;

		if (atomic_compare_exchange_strong(&place->name, &none, name))
			strncpy(place->call, call, CONTROL_CALL - 1);
		if (atomic_load(&place->name) == name)
			return place;
	}
	return NULL;
}

static bool is_due(const void *address, const char *call)
{
	uint64_t name;
	uint32_t visit;
	struct place *place;

	if (control == NULL || (name = name_of(address)) == 0)
		return false;
	place = place_at(name, call);
	if (place != NULL)
		atomic_fetch_add(&place->visits, 1);
	if (!atomic_load(&control->is_armed))
		return false;
	if (control->place != 0 ? control->place != name : strcmp(control->call, call) != 0)
		return false;
	visit = atomic_fetch_add(&control->visits, 1) + 1;
	if (visit < control->first || visit - control->first >= control->times)
		return false;
	atomic_fetch_add(&control->fired, 1);
	errno = control->error;
	return true;
}

/* An errno of an earlier call must not be lost by looking. */
static bool due(const void *address, const char *call)
{
	int saved = errno;
	bool result = is_due(address, call);

	if (!result)
		errno = saved;
	return result;
}

#define DUE(call) due(__builtin_return_address(0), call)

#define REAL(type, name)                                                                                     \
	static type *real;                                                                                   \
	if (real == NULL)                                                                                    \
	real = (type *)dlsym(RTLD_NEXT, name)

#define FAULTY(result, failed, name, parameters, arguments)                                                  \
	result name parameters;                                                                              \
	result name parameters                                                                               \
	{                                                                                                    \
		typedef result type parameters;                                                              \
		REAL(type, #name);                                                                           \
		return DUE(#name) ? failed : real arguments;                                                 \
	}

/* clang-format off */
FAULTY(int, -1, accept4, (int fd, struct sockaddr *from, socklen_t *length, int flags), (fd, from, length, flags))
FAULTY(int, -1, accept, (int fd, struct sockaddr *from, socklen_t *length), (fd, from, length))
FAULTY(int, -1, bind, (int fd, const struct sockaddr *to, socklen_t length), (fd, to, length))
FAULTY(int, -1, chmod, (const char *path, mode_t mode), (path, mode))
FAULTY(int, -1, connect, (int fd, const struct sockaddr *to, socklen_t length), (fd, to, length))
FAULTY(int, -1, dup, (int fd), (fd))
FAULTY(int, -1, epoll_create1, (int flags), (flags))
FAULTY(int, -1, epoll_ctl, (int epoll, int operation, int fd, struct epoll_event *event), (epoll, operation, fd, event))
FAULTY(int, -1, epoll_wait, (int epoll, struct epoll_event *events, int capacity, int timeout), (epoll, events, capacity, timeout))
FAULTY(int, -1, eventfd, (unsigned count, int flags), (count, flags))
FAULTY(int, -1, execv, (const char *path, char *const words[]), (path, words))
FAULTY(int, -1, fstat, (int fd, struct stat *status), (fd, status))
FAULTY(int, -1, fsync, (int fd), (fd))
FAULTY(int, -1, ftruncate, (int fd, off_t bytes), (fd, bytes))
FAULTY(int, -1, getifaddrs, (struct ifaddrs **first), (first))
FAULTY(int, -1, getpeername, (int fd, struct sockaddr *name, socklen_t *length), (fd, name, length))
FAULTY(int, -1, getrlimit, (__rlimit_resource_t resource, struct rlimit *limit), (resource, limit))
FAULTY(int, -1, getsockname, (int fd, struct sockaddr *name, socklen_t *length), (fd, name, length))
FAULTY(int, -1, getsockopt, (int fd, int level, int option, void *value, socklen_t *length), (fd, level, option, value, length))
FAULTY(int, -1, inotify_add_watch, (int fd, const char *path, uint32_t mask), (fd, path, mask))
FAULTY(int, -1, inotify_init1, (int flags), (flags))
FAULTY(int, -1, inotify_rm_watch, (int fd, int watch), (fd, watch))
FAULTY(int, -1, kill, (pid_t process, int signal), (process, signal))
FAULTY(int, -1, listen, (int fd, int backlog), (fd, backlog))
FAULTY(int, -1, lstat, (const char *path, struct stat *status), (path, status))
FAULTY(int, -1, memfd_create, (const char *name, unsigned flags), (name, flags))
FAULTY(int, -1, mkdir, (const char *path, mode_t mode), (path, mode))
FAULTY(void *, MAP_FAILED, mmap, (void *at, size_t bytes, int access, int flags, int fd, off_t from), (at, bytes, access, flags, fd, from))
FAULTY(DIR *, NULL, opendir, (const char *path), (path))
FAULTY(int, -1, pipe, (int ends[2]), (ends))
FAULTY(int, -1, pipe2, (int ends[2], int flags), (ends, flags))
FAULTY(int, -1, poll, (struct pollfd *all, nfds_t count, int timeout), (all, count, timeout))
FAULTY(ssize_t, -1, read, (int fd, void *bytes, size_t count), (fd, bytes, count))
FAULTY(ssize_t, -1, readlink, (const char *path, char *bytes, size_t count), (path, bytes, count))
FAULTY(ssize_t, -1, recv, (int fd, void *bytes, size_t count, int flags), (fd, bytes, count, flags))
FAULTY(ssize_t, -1, recvfrom, (int fd, void *bytes, size_t count, int flags, struct sockaddr *from, socklen_t *length), (fd, bytes, count, flags, from, length))
FAULTY(ssize_t, -1, recvmsg, (int fd, struct msghdr *message, int flags), (fd, message, flags))
FAULTY(int, -1, rename, (const char *from, const char *to), (from, to))
FAULTY(int, -1, sched_getaffinity, (pid_t process, size_t bytes, cpu_set_t *set), (process, bytes, set))
FAULTY(ssize_t, -1, send, (int fd, const void *bytes, size_t count, int flags), (fd, bytes, count, flags))
FAULTY(ssize_t, -1, sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags))
FAULTY(ssize_t, -1, sendto, (int fd, const void *bytes, size_t count, int flags, const struct sockaddr *to, socklen_t length), (fd, bytes, count, flags, to, length))
FAULTY(int, -1, setrlimit, (__rlimit_resource_t resource, const struct rlimit *limit), (resource, limit))
FAULTY(int, -1, setsockopt, (int fd, int level, int option, const void *value, socklen_t length), (fd, level, option, value, length))
FAULTY(int, -1, shutdown, (int fd, int how), (fd, how))
FAULTY(int, -1, signalfd, (int fd, const sigset_t *set, int flags), (fd, set, flags))
FAULTY(int, -1, sigtimedwait, (const sigset_t *set, siginfo_t *about, const struct timespec *limit), (set, about, limit))
FAULTY(int, -1, socketpair, (int family, int kind, int protocol, int ends[2]), (family, kind, protocol, ends))
FAULTY(ssize_t, -1, splice, (int from, off_t *at, int to, off_t *behind, size_t count, unsigned flags), (from, at, to, behind, count, flags))
FAULTY(int, -1, stat, (const char *path, struct stat *status), (path, status))
FAULTY(int, -1, unlink, (const char *path), (path))
FAULTY(pid_t, -1, waitpid, (pid_t process, int *status, int options), (process, status, options))
FAULTY(ssize_t, -1, write, (int fd, const void *bytes, size_t count), (fd, bytes, count))
/* Those that return the errno. */
FAULTY(int, errno, posix_spawn, (pid_t *child, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes, char *const words[], char *const variables[]), (child, path, actions, attributes, words, variables))
FAULTY(int, errno, pthread_create, (pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument), (thread, attributes, run, argument))
/* clang-format on */

/* A machine may have the one and not the other. */
int socket(int family, int kind, int protocol)
{
	typedef int type(int, int, int);
	REAL(type, "socket");
	return DUE("socket") || (family == AF_INET6 && DUE("socket of IPv6")) ? -1
	                                                                      : real(family, kind, protocol);
}

/* A close releases its descriptor whatever it says. */
int close(int fd)
{
	typedef int type(int);
	REAL(type, "close");
	bool is_due = DUE("close");
	int error = errno;
	int result = real(fd);

	if (!is_due)
		return result;
	errno = error;
	return -1;
}

int open(const char *path, int flags, ...)
{
	typedef int type(const char *, int, ...);
	REAL(type, "open");
	mode_t mode;
	va_list rest;

	va_start(rest, flags);
	mode = va_arg(rest, mode_t); /* where there is none, it is not looked at */
	va_end(rest);
	return DUE("open") ? -1 : real(path, flags, mode);
}

int fcntl(int fd, int order, ...)
{
	typedef int type(int, int, ...);
	REAL(type, "fcntl");
	void *argument;
	va_list rest;

	va_start(rest, order);
	argument = va_arg(rest, void *); /* as above */
	va_end(rest);
	return DUE("fcntl") ? -1 : real(fd, order, argument);
}

int ioctl(int fd, unsigned long order, ...)
{
	typedef int type(int, unsigned long, ...);
	REAL(type, "ioctl");
	void *argument;
	va_list rest;

	va_start(rest, order);
	argument = va_arg(rest, void *);
	va_end(rest);
	return DUE("ioctl") ? -1 : real(fd, order, argument);
}

/* ---- a wall clock that is wrong; the monotonic one never is ---- */

int clock_gettime(clockid_t clock, struct timespec *now)
{
	typedef int type(clockid_t, struct timespec *);
	REAL(type, "clock_gettime");
	int result = real(clock, now);

	if (control != NULL && clock == CLOCK_REALTIME)
		now->tv_sec += atomic_load(&control->wall_clock_s);
	return result;
}

time_t time(time_t *seconds)
{
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail with this clock and a valid pointer */
	if (seconds != NULL)
		*seconds = now.tv_sec;
	return now.tv_sec;
}
