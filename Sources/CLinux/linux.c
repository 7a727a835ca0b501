#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/close_range.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

int64_t clinux_monotonic_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock and a valid pointer */
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clinux_utc_seconds(void)
{
	return (int64_t)time(NULL);
}

const char *clinux_errno_name(int number)
{
	return strerrorname_np(number);
}

void clinux_set_thread_name(const char *name)
{
	char cut[16] = "";

	strncpy(cut, name, sizeof cut - 1);
	(void)pthread_setname_np(pthread_self(), cut); /* only for people */
}

int32_t clinux_processors(void)
{
	cpu_set_t set;
	int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 0;

	if (count < 1) /* more than 1,024 processors, or forbidden */
		count = (int)sysconf(_SC_NPROCESSORS_ONLN);
	return count < 1 ? 1 : count;
}

struct clinux_file_stamp clinux_stamp(const char *path)
{
	struct stat status;

	if (stat(path, &status) == -1)
		return (struct clinux_file_stamp){0};
	return (struct clinux_file_stamp){
	        .exists = 1,
	        .inode = status.st_ino,
	        .bytes = (uint64_t)status.st_size,
	        .changed_ns =
	                (uint64_t)status.st_mtim.tv_sec * 1000000000u + (uint64_t)status.st_mtim.tv_nsec,
	};
}

int clinux_set_receive_timeout(int socket, int milliseconds)
{
	struct timeval limit = {
	        .tv_sec = milliseconds / 1000, .tv_usec = (suseconds_t)(milliseconds % 1000) * 1000};

	return setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

int clinux_set_send_timeout(int socket, int milliseconds)
{
	struct timeval limit = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000L};

	return setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

int clinux_send_descriptors(int socket, const struct sockaddr *address, uint32_t address_bytes,
        const void *text, uint64_t text_bytes, const int *descriptors, uint32_t count)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(CLINUX_DESCRIPTORS_MAX * sizeof(int))];
	} control = {0};
	struct iovec part = {.iov_base = (void *)(uintptr_t)text, .iov_len = text_bytes};
	struct msghdr message = {
	        .msg_name = (void *)(uintptr_t)address,
	        .msg_namelen = address_bytes,
	        .msg_iov = &part,
	        .msg_iovlen = 1,
	};
	ssize_t sent;

	if (count > CLINUX_DESCRIPTORS_MAX) {
		errno = EINVAL;
		return -1;
	}
	if (count > 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(&control.header), descriptors, count * sizeof(int));
	}
	do
		sent = sendmsg(socket, &message, MSG_NOSIGNAL);
	while (sent == -1 && errno == EINTR);
	return sent == -1 ? -1 : 0; /* a datagram goes whole or not at all */
}

void clinux_inherit_none(void)
{
	struct rlimit limit;

	if (close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	/* Before Linux 5.11: one after the other. It fails for those that are not open. */
	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return;
	for (int descriptor = STDERR_FILENO + 1; (rlim_t)descriptor < limit.rlim_cur; descriptor++)
		(void)fcntl(descriptor, F_SETFD, FD_CLOEXEC);
}

int clinux_set_inherited(int descriptor, int is_inherited)
{
	return fcntl(descriptor, F_SETFD, is_inherited ? 0 : FD_CLOEXEC);
}

/* The first object is the program itself. Its code is mapped from a file and never written: to drop a page
 * loses nothing. */
static int give_back_code_of(struct dl_phdr_info *object, size_t size, void *result)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)size;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &object->dlpi_phdr[i];
		uintptr_t begin = (object->dlpi_addr + part->p_vaddr) & ~(page - 1);
		uintptr_t end = object->dlpi_addr + part->p_vaddr + part->p_filesz;

		if (part->p_type != PT_LOAD || !(part->p_flags & PF_X) || (part->p_flags & PF_W))
			continue;
		if (madvise((void *)begin, end - begin, MADV_DONTNEED) == -1)
			*(int *)result = -1;
	}
	return 1; /* no other object */
}

int clinux_give_back_memory(void)
{
	int result = 0;

	(void)malloc_trim(0); /* 0 or 1: whether there was anything that was free */
	(void)dl_iterate_phdr(give_back_code_of, &result); /* what we return ourselves */
	return result;
}

int clinux_take_signal(const sigset_t *set)
{
	const struct timespec now = {0};
	int number = sigtimedwait(set, NULL, &now);

	return number > 0 ? number : 0;
}
