/* Thin wrappers of the system: EINTR retried, -1 becomes -errno, errno saved before anything can touch it. */
#ifndef CSPLICE_SYS_H
#define CSPLICE_SYS_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SYS_RETRY(result_type, call)                                                                         \
	({                                                                                                   \
		result_type sys_result_;                                                                     \
		do                                                                                           \
			sys_result_ = (call);                                                                \
		while (sys_result_ == -1 && errno == EINTR);                                                 \
		sys_result_ == -1 ? (result_type)-errno : sys_result_;                                       \
	})

static inline ssize_t sys_recv(int fd, void *buffer, size_t length, int flags)
{
	return SYS_RETRY(ssize_t, recv(fd, buffer, length, flags));
}

static inline ssize_t sys_send(int fd, const void *buffer, size_t length, int flags)
{
	return SYS_RETRY(ssize_t, send(fd, buffer, length, flags | MSG_NOSIGNAL));
}

static inline ssize_t sys_splice(int from, int to, size_t length)
{
	return SYS_RETRY(ssize_t, splice(from, NULL, to, NULL, length, SPLICE_F_MOVE | SPLICE_F_NONBLOCK));
}

static inline int sys_epoll_ctl(int epoll, int operation, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event event = {.events = events, .data.u64 = data};

	return SYS_RETRY(int, epoll_ctl(epoll, operation, fd, &event));
}

static inline int sys_set_int(int fd, int level, int option, int value)
{
	return SYS_RETRY(int, setsockopt(fd, level, option, &value, sizeof value));
}

/* An option as the kernel says it, or a negative errno. */
static inline int sys_get_int(int fd, int level, int option)
{
	int value = 0;
	socklen_t length = sizeof value;
	int result = SYS_RETRY(int, getsockopt(fd, level, option, &value, &length));

	return result < 0 ? result : value;
}

/* What the kernel calls a socket as long as it lives, whoever has it; 0: it does not say. */
static inline uint64_t sys_cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t length = sizeof cookie;

	return SYS_RETRY(int, getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length)) < 0 ? 0 : cookie;
}

/* close(2) releases the descriptor even when it reports EINTR or EIO (Linux), so there is nothing to retry.
 */
static inline void sys_close(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}

static inline uint64_t sys_now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock and a valid pointer */
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#endif
