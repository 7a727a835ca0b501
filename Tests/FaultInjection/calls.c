/*
 * The kernel's place: each call fails if its time has come, and is handed on else. Where a failure promises
 * something, the promise is kept: a close releases its descriptor, a connect goes on behind EINTR, and what
 * said EAGAIN to a reader or writer is announced again.
 */
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { DESCRIPTORS = 1024, TURNS_MAX = 20000 };

#define DUE(fd, other) fault_due((uintptr_t)__builtin_return_address(0), fd, other)

/* A call that returns -1: with a descriptor, or without. */
#define FAULTY(result, name, fd, parameters, arguments)                                                      \
	result faulty_##name parameters;                                                                     \
	result faulty_##name parameters                                                                      \
	{                                                                                                    \
		return DUE(fd, -1) ? (result)-1 : name arguments;                                            \
	}

/* clang-format off */
FAULTY(int, accept4, fd, (int fd, struct sockaddr *from, socklen_t *length, int flags), (fd, from, length, flags))
FAULTY(int, bind, fd, (int fd, const struct sockaddr *to, socklen_t length), (fd, to, length))
FAULTY(int, chmod, -1, (const char *path, mode_t mode), (path, mode))
FAULTY(int, close_range, -1, (unsigned first, unsigned last, int flags), (first, last, flags))
FAULTY(int, epoll_create1, -1, (int flags), (flags))
FAULTY(int, eventfd, -1, (unsigned count, int flags), (count, flags))
FAULTY(int, fstat, fd, (int fd, struct stat *status), (fd, status))
FAULTY(int, ftruncate, fd, (int fd, off_t bytes), (fd, bytes))
FAULTY(int, getpeername, fd, (int fd, struct sockaddr *name, socklen_t *length), (fd, name, length))
FAULTY(int, getsockname, fd, (int fd, struct sockaddr *name, socklen_t *length), (fd, name, length))
FAULTY(int, getsockopt, fd, (int fd, int level, int option, void *value, socklen_t *length), (fd, level, option, value, length))
FAULTY(int, listen, fd, (int fd, int backlog), (fd, backlog))
FAULTY(int, lstat, -1, (const char *path, struct stat *status), (path, status))
FAULTY(int, memfd_create, -1, (const char *name, unsigned flags), (name, flags))
FAULTY(void *, mmap, fd, (void *at, size_t bytes, int access, int flags, int fd, off_t from), (at, bytes, access, flags, fd, from))
FAULTY(int, munmap, -1, (void *at, size_t bytes), (at, bytes))
FAULTY(int, pipe2, -1, (int ends[2], int flags), (ends, flags))
FAULTY(ssize_t, pread, fd, (int fd, void *bytes, size_t count, off_t from), (fd, bytes, count, from))
FAULTY(ssize_t, pwrite, fd, (int fd, const void *bytes, size_t count, off_t to), (fd, bytes, count, to))
FAULTY(ssize_t, recvmsg, fd, (int fd, struct msghdr *message, int flags), (fd, message, flags))
FAULTY(ssize_t, sendmsg, fd, (int fd, const struct msghdr *message, int flags), (fd, message, flags))
FAULTY(int, setsockopt, fd, (int fd, int level, int option, const void *value, socklen_t length), (fd, level, option, value, length))
FAULTY(int, shutdown, fd, (int fd, int how), (fd, how))
FAULTY(int, socket, -1, (int family, int type, int protocol), (family, type, protocol))
FAULTY(int, unlink, -1, (const char *path), (path))
FAULTY(ssize_t, write, fd, (int fd, const void *bytes, size_t count), (fd, bytes, count))
/* clang-format on */

/* ---- what is registered in an epoll set is told again after a false EAGAIN ---- */

static struct {
	int epoll; /* 0: none */
	struct epoll_event event;
} registrations[DESCRIPTORS];

int faulty_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event);
int faulty_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
	int result;

	if (DUE(epoll, fd))
		return -1;
	result = epoll_ctl(epoll, operation, fd, event);
	if (result == 0 && fd < DESCRIPTORS) {
		registrations[fd].epoll = operation == EPOLL_CTL_DEL ? 0 : epoll;
		if (operation != EPOLL_CTL_DEL)
			registrations[fd].event = *event;
	}
	return result;
}

static void announce_again(int fd)
{
	int saved = errno;

	if (saved == EAGAIN && fd >= 0 && fd < DESCRIPTORS && registrations[fd].epoll != 0)
		must(epoll_ctl(registrations[fd].epoll, EPOLL_CTL_MOD, fd, &registrations[fd].event) == 0,
		        "announce");
	errno = saved;
}

ssize_t faulty_recv(int fd, void *bytes, size_t count, int flags);
ssize_t faulty_recv(int fd, void *bytes, size_t count, int flags)
{
	if (!DUE(fd, -1))
		return recv(fd, bytes, count, flags);
	announce_again(fd);
	return -1;
}

ssize_t faulty_send(int fd, const void *bytes, size_t count, int flags);
ssize_t faulty_send(int fd, const void *bytes, size_t count, int flags)
{
	if (!DUE(fd, -1))
		return send(fd, bytes, count, flags);
	announce_again(fd);
	return -1;
}

ssize_t faulty_splice(int from, off_t *at, int to, off_t *behind, size_t count, unsigned flags);
ssize_t faulty_splice(int from, off_t *at, int to, off_t *behind, size_t count, unsigned flags)
{
	if (!DUE(from, to))
		return splice(from, at, to, behind, count, flags);
	announce_again(from);
	announce_again(to);
	return -1;
}

int faulty_connect(int fd, const struct sockaddr *to, socklen_t length);
int faulty_connect(int fd, const struct sockaddr *to, socklen_t length)
{
	int error;

	if (!DUE(fd, -1))
		return connect(fd, to, length);
	error = errno;
	if (error == EINTR || error == EINPROGRESS)
		(void)connect(fd, to, length); /* whose outcome is told by epoll */
	errno = error;
	return -1;
}

int faulty_close(int fd);
int faulty_close(int fd)
{
	bool is_due = DUE(fd, -1);
	int error = errno;

	if (fd >= 0 && fd < DESCRIPTORS)
		registrations[fd].epoll = 0;
	must(close(fd) == 0, "the data plane closes only what is open");
	errno = error;
	return is_due ? -1 : 0;
}

int faulty_fcntl(int fd, int order, ...);
int faulty_fcntl(int fd, int order, ...)
{
	va_list rest;
	int argument;

	va_start(rest, order);
	argument = va_arg(rest, int); /* where there is none, it is not looked at */
	va_end(rest);
	return DUE(fd, -1) ? -1 : fcntl(fd, order, argument);
}

int faulty_ioctl(int fd, unsigned long order, ...);
int faulty_ioctl(int fd, unsigned long order, ...)
{
	va_list rest;
	void *argument;

	va_start(rest, order);
	argument = va_arg(rest, void *);
	va_end(rest);
	return DUE(fd, -1) ? -1 : ioctl(fd, order, argument);
}

int faulty_pthread_create(
        pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument);
int faulty_pthread_create(
        pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument)
{
	int error = fault_due_number((uintptr_t)__builtin_return_address(0), -1, -1);

	return error != 0 ? error : pthread_create(thread, attributes, run, argument);
}

/* ---- time ---- */

static _Atomic uint64_t skew_ns;
static uint64_t cpu_ns;
static uint32_t turns;

void clock_skip_ms(uint64_t milliseconds)
{
	atomic_fetch_add(&skew_ns, milliseconds * 1000000u);
}

uint64_t clock_ms(void)
{
	struct timespec now;

	must(clock_gettime(CLOCK_MONOTONIC, &now) == 0, "a clock");
	return (uint64_t)now.tv_sec * 1000u + ((uint64_t)now.tv_nsec + atomic_load(&skew_ns)) / 1000000u;
}

void cpu_is(uint64_t nanoseconds)
{
	cpu_ns = nanoseconds;
}

void turns_begin(void)
{
	turns = 0;
}

int faulty_clock_gettime(clockid_t clock, struct timespec *now);
int faulty_clock_gettime(clockid_t clock, struct timespec *now)
{
	uint64_t ns = cpu_ns;

	(void)DUE(-1, -1); /* it counts; its page leaves no errno that a right clock and pointer could meet */
	if (clock == CLOCK_MONOTONIC) {
		must(clock_gettime(clock, now) == 0, "a clock");
		ns = (uint64_t)now->tv_sec * 1000000000u + (uint64_t)now->tv_nsec + atomic_load(&skew_ns);
	}
	*now = (struct timespec){.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
	return 0;
}

int faulty_epoll_wait(int epoll, struct epoll_event *events, int capacity, int timeout_ms);
int faulty_epoll_wait(int epoll, struct epoll_event *events, int capacity, int timeout_ms)
{
	int count;

	must(++turns < TURNS_MAX, "a loop that spins");
	if (DUE(epoll, -1))
		return -1;
	count = epoll_wait(epoll, events, capacity, 0);
	must(count != 0 || timeout_ms >= 0, "a wait with an end");
	if (count == 0 && timeout_ms > 0)
		clock_skip_ms((uint64_t)timeout_ms);
	return count;
}

/* ---- memory ---- */

static _Atomic uint32_t blocks;

uint32_t blocks_in_use(void)
{
	return atomic_load(&blocks);
}

static void *counted(void *block)
{
	if (block != NULL)
		atomic_fetch_add(&blocks, 1);
	return block;
}

void *faulty_malloc(size_t bytes);
void *faulty_malloc(size_t bytes)
{
	return DUE(-1, -1) ? NULL : counted(malloc(bytes));
}

void *faulty_calloc(size_t count, size_t bytes);
void *faulty_calloc(size_t count, size_t bytes)
{
	return DUE(-1, -1) ? NULL : counted(calloc(count, bytes));
}

void *faulty_realloc(void *block, size_t bytes);
void *faulty_realloc(void *block, size_t bytes)
{
	void *larger;

	if (DUE(-1, -1))
		return NULL;
	larger = realloc(block, bytes);
	return block == NULL ? counted(larger) : larger;
}

void faulty_free(void *block);
void faulty_free(void *block)
{
	if (block != NULL)
		atomic_fetch_sub(&blocks, 1);
	free(block);
}
