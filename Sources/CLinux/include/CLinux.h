/*
 * What Linux offers and Swift's Glibc module leaves out or cannot express. Thin: no state, no decisions.
 * All functions may be called from any thread.
 */
#ifndef CLINUX_H
#define CLINUX_H

#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>

/* Nanoseconds of CLOCK_MONOTONIC. */
int64_t clinux_monotonic_ns(void);

/* The time of day in whole seconds since 1970. */
int64_t clinux_utc_seconds(void);

/* The name of an error number, ECONNREFUSED; NULL for a number that has none. */
const char *_Nullable clinux_errno_name(int number);

/* Names the calling thread, for ps and perf; longer than 15 bytes is cut. */
void clinux_set_thread_name(const char *_Nonnull name);

/* How many processors this process may use; at least 1. */
int32_t clinux_processors(void);

/* Tells one state of a file from another. exists is 0 where it is not to be seen. */
struct clinux_file_stamp {
	uint64_t exists, inode, bytes, changed_ns;
};
struct clinux_file_stamp clinux_stamp(const char *_Nonnull path);

/* How long a send, or a receive, may wait. 0, or -1 with errno set (setsockopt(2)). Swift does not know for
 * certain whose struct timeval is. */
int clinux_set_send_timeout(int socket, int milliseconds);
int clinux_set_receive_timeout(int socket, int milliseconds);

/* Sends one datagram with descriptors (SCM_RIGHTS), at most CLINUX_DESCRIPTORS_MAX. 0, or -1 with errno set
 * (sendmsg(2)). */
#define CLINUX_DESCRIPTORS_MAX 128
struct sockaddr;
int clinux_send_descriptors(int socket, const struct sockaddr *_Nonnull address, uint32_t address_bytes,
        const void *_Nonnull text, uint64_t text_bytes, const int *_Nonnull descriptors, uint32_t count);

/* Whether a descriptor survives execve(2). 0, or -1 with errno set (fcntl(2)). */
int clinux_set_inherited(int descriptor, int is_inherited);

/*
 * Gives back what the start has used: free memory of the heap, and the pages of this program's code. Most of
 * what has run until it is ready does not run again, and what does comes back from the page cache when it is
 * needed (malloc_trim(3); madvise(2), MADV_DONTNEED). 0, or -1 with errno set: nothing is lost then.
 */
int clinux_give_back_memory(void);

/* Takes a signal of the set that waits for this process, without waiting for one (sigtimedwait(2)). Its
 * number; 0: none waits, or it cannot be taken now. */
int clinux_take_signal(const sigset_t *_Nonnull set);

/* No descriptor but the standard three survives execve(2), whoever has opened it and however. */
void clinux_inherit_none(void);

#endif
