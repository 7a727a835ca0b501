/* How harnesses connect. */
#ifndef FUZZ_CONNECT_H
#define FUZZ_CONNECT_H

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

/* libFuzzer's alarm interrupts it: it goes on, and to ask again is to wait for it. */
static inline bool has_connected(int fd, const struct sockaddr_in *to)
{
	int result;

	do
		result = connect(fd, (const struct sockaddr *)to, sizeof *to);
	while (result == -1 && errno == EINTR);
	return result == 0 || errno == EISCONN;
}

#endif
