#include "CLinux.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>
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
	struct timeval limit = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};

	return setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

int clinux_set_send_timeout(int socket, int milliseconds)
{
	struct timeval limit = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};

	return setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}
