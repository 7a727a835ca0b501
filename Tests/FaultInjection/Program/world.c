#include "world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE = 4096, RECORD_A = 1, RECORD_SRV = 33, HEADER = 12, DESCRIPTORS = 8 };

uint64_t now_ms(void)
{
	struct timespec now;

	must(clock_gettime(CLOCK_MONOTONIC, &now) == 0, "a clock");
	return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

/* ---- opening and closing ---- */

static int bound(int kind, uint16_t *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	int fd = socket(AF_INET, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	must(fd >= 0 && bind(fd, (const struct sockaddr *)&address, length) == 0 &&
	                getsockname(fd, (struct sockaddr *)&address, &length) == 0,
	        "a port");
	*port = ntohs(address.sin_port);
	return fd;
}

void world_open(struct world *world)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	*world = (struct world){.said_by = -1};
	strcpy(world->folder, "/tmp/faultinject.XXXXXX");
	must(mkdtemp(world->folder) != NULL, "a folder");
	for (int i = 0; i < CONNECTIONS; i++)
		world->connections[i] = -1;
	world->member = bound(SOCK_STREAM, &world->member_port);
	must(listen(world->member, CONNECTIONS) == 0, "listen");
	world->names = bound(SOCK_DGRAM, &world->names_port);
	snprintf(address.sun_path, sizeof address.sun_path, "%s/notify", world->folder);
	world->manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	must(bind(world->manager, (const struct sockaddr *)&address, sizeof address) == 0, "a notify socket");
}

void world_close(struct world *world)
{
	char command[128];

	for (int i = 0; i < CONNECTIONS; i++)
		if (world->connections[i] >= 0)
			close(world->connections[i]);
	for (uint32_t i = 0; i < world->kept_count; i++)
		close(world->kept[i].fd);
	close(world->member);
	close(world->names);
	close(world->manager);
	if (world->said_by >= 0)
		close(world->said_by);
	snprintf(command, sizeof command, "rm -rf %s", world->folder);
	must(system(command) == 0, "the folder is removed");
}

/* ---- the member ---- */

static const char health[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n"
                             "{\"health\":\"true\"}";

static void serve(struct world *world, int index)
{
	static char bytes[MESSAGE];
	int fd = world->connections[index];
	ssize_t got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);

	if (got > 3 && memcmp(bytes, "GET", 3) == 0)
		(void)send(fd, health, sizeof health - 1, MSG_NOSIGNAL); /* who has left needs none */
	else if (got > 0)
		(void)send(fd, bytes, (size_t)got, MSG_NOSIGNAL); /* as above */
	else if (got == 0 || errno != EAGAIN) {
		close(fd);
		world->connections[index] = -1;
	}
}

static void take_in(struct world *world)
{
	int fd = accept4(world->member, NULL, NULL, SOCK_CLOEXEC);

	for (int i = 0; i < CONNECTIONS && fd >= 0; i++)
		if (world->connections[i] < 0) {
			world->connections[i] = fd;
			fd = -1;
		}
	if (fd >= 0)
		close(fd);
}

/* ---- the name server: example.test has one member ---- */

static size_t put_u16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
	return 2;
}

static size_t answer(const struct world *world, uint8_t *at, uint32_t type)
{
	static const uint8_t host[] = "\6member\7example\4test";
	size_t length = 0;

	length += put_u16(at, 0xc000 | HEADER); /* the name that was asked for */
	length += put_u16(at + length, type);
	length += put_u16(at + length, 1);
	length += put_u16(at + length, 0);
	length += put_u16(at + length, 1); /* second to live */
	if (type == RECORD_A) {
		length += put_u16(at + length, 4);
		memcpy(at + length, "\177\0\0\1", 4);
		return length + 4;
	}
	length += put_u16(at + length, 6 + sizeof host);
	length += put_u16(at + length, 0);
	length += put_u16(at + length, 0);
	length += put_u16(at + length, world->member_port);
	memcpy(at + length, host, sizeof host);
	return length + sizeof host;
}

static void name(struct world *world)
{
	uint8_t bytes[MESSAGE];
	struct sockaddr_in from;
	socklen_t length = sizeof from;
	ssize_t got = recvfrom(
	        world->names, bytes, sizeof bytes / 2, MSG_DONTWAIT, (struct sockaddr *)&from, &length);
	const char *question = (const char *)bytes + HEADER;
	size_t end;
	uint32_t type;
	bool is_plain, is_host, has_answer;

	if (got < HEADER + 6)
		return;
	end = HEADER + strnlen(question, (size_t)got - HEADER - 5) + 1;
	type = (uint32_t)bytes[end] << 8 | bytes[end + 1];
	is_plain = strcmp(question, "\14_etcd-client\4_tcp\7example\4test") == 0;
	is_host = strcmp(question, "\6member\7example\4test") == 0;
	has_answer = (is_plain && type == RECORD_SRV) || (is_host && type == RECORD_A);
	put_u16(bytes + 2, is_plain || is_host ? 0x8580 : 0x8583); /* there is no such name */
	put_u16(bytes + 6, has_answer);
	put_u16(bytes + 8, 0);
	put_u16(bytes + 10, 0);
	end += 4;
	if (has_answer)
		end += answer(world, bytes + end, type);
	(void)sendto(world->names, bytes, end, 0, (const struct sockaddr *)&from, length); /* as above */
}

/* ---- the manager ---- */

static void keep(struct world *world, const char *text, int fd)
{
	const char *name = strstr(text, "FDNAME=");

	if (strstr(text, "FDSTORE=1") == NULL || name == NULL || world->kept_count == KEPT) {
		close(fd); /* of a barrier, or too many */
		return;
	}
	world->kept[world->kept_count].fd = fd;
	snprintf(world->kept[world->kept_count].name, sizeof world->kept[0].name, "%.*s",
	        (int)strcspn(name + 7, "\n"), name + 7);
	world->kept_count++;
}

static void drop(struct world *world, const char *name)
{
	uint32_t left = 0;

	for (uint32_t i = 0; i < world->kept_count; i++)
		if (strncmp(world->kept[i].name, name, strlen(world->kept[i].name)) == 0)
			close(world->kept[i].fd);
		else
			world->kept[left++] = world->kept[i];
	world->kept_count = left;
}

static void manage(struct world *world)
{
	char text[MESSAGE];
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(DESCRIPTORS * sizeof(int))];
	} control;
	struct iovec part = {.iov_base = text, .iov_len = sizeof text - 1};
	struct msghdr message = {.msg_iov = &part,
	        .msg_iovlen = 1,
	        .msg_control = control.bytes,
	        .msg_controllen = sizeof control};
	ssize_t got = recvmsg(world->manager, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *rights;

	if (got < 0)
		return;
	text[got] = 0;
	rights = CMSG_FIRSTHDR(&message);
	for (size_t i = 0; rights != NULL && i < (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(rights) + i * sizeof fd, sizeof fd);
		keep(world, text, fd);
	}
	if (strstr(text, "FDSTOREREMOVE=1") != NULL && strstr(text, "FDNAME=") != NULL)
		drop(world, strstr(text, "FDNAME=") + 7);
}

/* ---- all of them ---- */

static void listen_to_gateway(struct world *world)
{
	ssize_t got = read(world->said_by, world->said + world->said_bytes, SAID - 1 - world->said_bytes);

	if (got > 0)
		world->said_bytes += (size_t)got;
	if (got == 0 || world->said_bytes == SAID - 1) {
		close(world->said_by);
		world->said_by = -1;
	}
	world->said[world->said_bytes] = 0;
}

void world_turn(struct world *world, int milliseconds)
{
	uint64_t until = now_ms() + (uint64_t)milliseconds;
	struct pollfd all[CONNECTIONS + 4];

	do {
		uint64_t now = now_ms();

		for (int i = 0; i < CONNECTIONS; i++)
			all[i] = (struct pollfd){.fd = world->connections[i], .events = POLLIN};
		all[CONNECTIONS] = (struct pollfd){.fd = world->member, .events = POLLIN};
		all[CONNECTIONS + 1] = (struct pollfd){.fd = world->names, .events = POLLIN};
		all[CONNECTIONS + 2] = (struct pollfd){.fd = world->manager, .events = POLLIN};
		all[CONNECTIONS + 3] = (struct pollfd){.fd = world->said_by, .events = POLLIN};
		must(poll(all, CONNECTIONS + 4, now < until ? (int)(until - now) : 0) >= 0, "poll");
		for (int i = 0; i < CONNECTIONS; i++)
			if (all[i].revents != 0)
				serve(world, i);
		if (all[CONNECTIONS].revents != 0)
			take_in(world);
		if (all[CONNECTIONS + 1].revents != 0)
			name(world);
		if (all[CONNECTIONS + 2].revents != 0)
			manage(world);
		if (all[CONNECTIONS + 3].revents != 0)
			listen_to_gateway(world);
	} while (now_ms() < until);
}
