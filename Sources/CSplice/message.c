#include "store.h"

#include <string.h>

/* Messages in the queues of unix sockets: sent whole, peeked at without being received. */

union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(2 * sizeof(int))];
};

uint32_t shelf_message_check(const struct shelf_message *message)
{
	return table_check(message, offsetof(struct shelf_message, check));
}

bool shelf_message_is_ours(const struct shelf_message *message, ssize_t length)
{
	return length == (ssize_t)sizeof *message && message->check == shelf_message_check(message) &&
	       message->ref != 0 && message->descriptors >= 1 && message->descriptors <= 2;
}

int shelf_send(const struct shelf *shelf, const struct shelf_message *message, const int *fds)
{
	struct iovec part = {.iov_base = (void *)(uintptr_t)message, .iov_len = sizeof *message};
	union control control = {0};
	struct msghdr header = {
	        .msg_iov = &part,
	        .msg_iovlen = 1,
	        .msg_control = control.bytes,
	        .msg_controllen = CMSG_SPACE(message->descriptors * sizeof(int)),
	};
	struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
	ssize_t sent;

	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(message->descriptors * sizeof(int));
	memcpy(CMSG_DATA(rights), fds, message->descriptors * sizeof(int));
	sent = SYS_RETRY(ssize_t, sendmsg(shelf->ends[0], &header, MSG_DONTWAIT | MSG_NOSIGNAL));
	if (sent < 0)
		return (int)sent;
	return sent == (ssize_t)sizeof *message ? 0 : -EIO; /* SEQPACKET: whole or not at all */
}

int shelf_receive(int end, int flags, struct shelf_message *message, int fds[static 2])
{
	struct iovec part = {.iov_base = message, .iov_len = sizeof *message};
	union control control;
	struct msghdr header = {.msg_iov = &part,
	        .msg_iovlen = 1,
	        .msg_control = control.bytes,
	        .msg_controllen = sizeof control};
	struct cmsghdr *rights;
	ssize_t got;
	size_t count = 0;

	fds[0] = fds[1] = -1;
	got = SYS_RETRY(ssize_t, recvmsg(end, &header, flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC));
	if (got == -EAGAIN)
		return FOUND_NONE;
	if (got < 0)
		return (int)got;
	rights = CMSG_FIRSTHDR(&header);
	if (rights != NULL && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS)
		count = (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	if (count > 0)
		memcpy(fds, CMSG_DATA(rights), (count < 2 ? count : 2) * sizeof(int));
	/* Of a message that is none of ours nothing is used; one cut short is for want of descriptors. */
	if (!shelf_message_is_ours(message, got))
		message->ref = 0;
	else if (header.msg_flags & MSG_CTRUNC || count != message->descriptors)
		goto cut;
	return FOUND_MESSAGE;

cut:
	sys_close(fds[0]);
	sys_close(fds[1]);
	fds[0] = fds[1] = -1;
	return FOUND_CUT;
}

int shelf_peek(int end, struct shelf_message *message)
{
	ssize_t got = sys_recv(end, message, sizeof *message, MSG_PEEK | MSG_DONTWAIT);

	if (got == -EAGAIN)
		return FOUND_NONE;
	if (got < 0)
		return (int)got;
	if (!shelf_message_is_ours(message, got))
		message->ref = 0;
	return FOUND_MESSAGE;
}
