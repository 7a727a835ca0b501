/*
 * A service manager in little, for one gateway: it has the listening socket and the descriptor store, and
 * starts the gateway again when it ends. So that thousands of deaths can be tried without a booted machine.
 *
 *   keeper PORT ROOM PROGRAM WORD…
 *
 * It listens on 127.0.0.1:PORT and says so, keeps ROOM descriptors, and says "ready PID MILLISECONDS" when
 * the gateway has told READY=1, that long after its start; "lost NAME" for what found no room. Orders come by
 * standard input, one a line: kill, stop (SIGTERM; it is started again), usr2, segv, end; limit N: the next
 * ones may open so many descriptors. The end of input is end.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STORE_MAX = 4096, NAME_MAX_BYTES = 64, FIRST = 3, HIGH = 6000, MESSAGE_MAX = 4096 };

struct kept {
	int fd;
	char name[NAME_MAX_BYTES];
};

static struct kept store[STORE_MAX];
static size_t kept_count, room;
static int listener = -1, ear = -1;
static char ear_path[] = "/tmp/keeper-XXXXXX";
static char ear_socket[sizeof ear_path + 8];
static char **program;
static pid_t gateway;
static double started_ms;
static bool is_ending;
static struct rlimit limit; /* of the gateway; 0: as ours */

static void must(bool is_true, const char *what)
{
	if (is_true)
		return;
	fprintf(stderr, "keeper: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock and a valid pointer */
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void open_listener(const char *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	        .sin_port = htons((uint16_t)atoi(port))};
	int one = 1;

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	must(listener >= 0 && setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0,
	        "socket");
	must(bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 4096) == 0,
	        "listen");
}

static void open_ear(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	must(mkdtemp(ear_path) != NULL, "mkdtemp");
	(void)snprintf(ear_socket, sizeof ear_socket, "%s/ear", ear_path);
	(void)snprintf(address.sun_path, sizeof address.sun_path, "%s", ear_socket);
	ear = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	must(ear >= 0 && bind(ear, (struct sockaddr *)&address, sizeof address) == 0, "the ear");
}

/* ---- the gateway ---- */

static void name_descriptors(void)
{
	static char names[STORE_MAX * NAME_MAX_BYTES];
	char text[32];
	size_t length = (size_t)snprintf(names, sizeof names, "keeper.socket");

	for (size_t i = 0; i < kept_count; i++)
		length += (size_t)snprintf(names + length, sizeof names - length, ":%s", store[i].name);
	setenv("LISTEN_FDNAMES", names, 1);
	(void)snprintf(text, sizeof text, "%zu", kept_count + 1);
	setenv("LISTEN_FDS", text, 1);
	(void)snprintf(text, sizeof text, "%d", getpid());
	setenv("LISTEN_PID", text, 1);
	setenv("NOTIFY_SOCKET", ear_socket, 1);
}

/* First out of the way of each other, then into their places. */
static void place_descriptors(void)
{
	must(dup2(listener, HIGH) >= 0, "dup2");
	for (size_t i = 0; i < kept_count; i++)
		must(dup2(store[i].fd, HIGH + 1 + (int)i) >= 0, "dup2");
	for (size_t i = 0; i <= kept_count; i++)
		must(dup2(HIGH + (int)i, FIRST + (int)i) >= 0, "dup2");
	must(close_range(FIRST + (unsigned)kept_count + 1, ~0u, 0) == 0, "close_range");
}

static void start(void)
{
	started_ms = now_ms();
	gateway = fork();
	must(gateway >= 0, "fork");
	if (gateway > 0)
		return;
	must(dup2(open("/dev/null", O_RDONLY), 0) == 0, "stdin");
	place_descriptors();
	name_descriptors();
	must(limit.rlim_cur == 0 || setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
	execv(program[0], program);
	must(false, program[0]);
}

static void has_ended(void)
{
	int status;

	if (gateway <= 0 || waitpid(gateway, &status, WNOHANG) != gateway)
		return;
	printf("ended %d\n", status);
	gateway = 0;
	if (!is_ending)
		start();
}

/* ---- what it tells ---- */

static void drop(const char *name)
{
	for (size_t i = kept_count; i-- > 0;)
		if (strcmp(store[i].name, name) == 0) {
			close(store[i].fd);
			memmove(&store[i], &store[i + 1], (kept_count - i - 1) * sizeof store[0]);
			kept_count--;
		}
}

static void keep(int fd, const char *name)
{
	if (kept_count == room) {
		printf("lost %s\n", name);
		close(fd);
		return;
	}
	store[kept_count].fd = fd;
	(void)snprintf(store[kept_count].name, NAME_MAX_BYTES, "%s", name);
	kept_count++;
}

static const char *value_of(const char *text, const char *key, char value[static NAME_MAX_BYTES])
{
	const char *found = strstr(text, key);

	value[0] = 0;
	if (found != NULL)
		(void)snprintf(value, NAME_MAX_BYTES, "%.*s", (int)strcspn(found + strlen(key), "\n"),
		        found + strlen(key));
	return value;
}

static void take(const char *text, const int *fds, size_t count)
{
	char name[NAME_MAX_BYTES];
	bool stores = strstr(text, "FDSTORE=1") != NULL;

	if (strstr(text, "FDSTOREREMOVE=1") != NULL)
		drop(value_of(text, "FDNAME=", name));
	for (size_t i = 0; i < count; i++)
		if (stores)
			keep(fds[i], value_of(text, "FDNAME=", name));
		else
			close(fds[i]); /* BARRIER=1 waits for this */
	if (strncmp(text, "READY=1", 7) == 0 || strstr(text, "\nREADY=1") != NULL)
		printf("ready %d %.1f\n", gateway, now_ms() - started_ms);
}

static void hear(void)
{
	char text[MESSAGE_MAX + 1];
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(253 * sizeof(int))];
	} control;
	struct iovec part = {.iov_base = text, .iov_len = MESSAGE_MAX};
	struct msghdr message = {.msg_iov = &part,
	        .msg_iovlen = 1,
	        .msg_control = control.bytes,
	        .msg_controllen = sizeof control};
	ssize_t got = recvmsg(ear, &message, MSG_CMSG_CLOEXEC);
	int fds[253];
	size_t count = 0;

	if (got < 0)
		return;
	text[got] = 0;
	for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL;
	        header = CMSG_NXTHDR(&message, header))
		if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
			count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
			memcpy(fds, CMSG_DATA(header), count * sizeof(int));
		}
	take(text, fds, count);
}

/* ---- orders ---- */

static void obey(const char *order)
{
	static const struct {
		const char *word;
		int signal;
	} signals[] = {
	        {"kill", SIGKILL}, {"stop", SIGTERM}, {"usr2", SIGUSR2}, {"segv", SIGSEGV}, {"end", SIGTERM}};

	is_ending = is_ending || strcmp(order, "end") == 0;
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		if (strcmp(order, signals[i].word) == 0 && gateway > 0)
			(void)kill(gateway, signals[i].signal); /* it may have ended by itself just now */
	if (strncmp(order, "limit ", 6) == 0)
		limit.rlim_cur = limit.rlim_max = (rlim_t)atoi(order + 6);
	if (strcmp(order, "usr2") == 0)
		started_ms = now_ms();
}

static void read_orders(void)
{
	static char text[256];
	static size_t length;
	ssize_t got = read(0, text + length, sizeof text - 1 - length);
	char *end;

	if (got <= 0) {
		obey("end");
		return;
	}
	length += (size_t)got;
	text[length] = 0;
	while ((end = strchr(text, '\n')) != NULL) {
		*end = 0;
		obey(text);
		length -= (size_t)(end + 1 - text);
		memmove(text, end + 1, length + 1);
	}
}

static void child_has_ended(int signal)
{
	(void)signal; /* poll(2) ends: that is all */
}

int main(int count, char **words)
{
	struct sigaction action = {.sa_handler = child_has_ended};

	if (count < 4) {
		fprintf(stderr, "usage: see the comment at the top of keeper.c\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	open_listener(words[1]);
	printf("listening\n");
	room = (size_t)atoi(words[2]);
	must(room <= STORE_MAX, "that much room");
	program = words + 3;
	must(sigaction(SIGCHLD, &action, NULL) == 0, "sigaction");
	open_ear();
	start();
	while (!is_ending || gateway > 0) {
		struct pollfd polled[] = {
		        {.fd = ear, .events = POLLIN}, {.fd = is_ending ? -1 : 0, .events = POLLIN}};

		/* A child that ends between here and there is seen a moment later. */
		if (poll(polled, 2, 50) > 0 && polled[0].revents != 0)
			hear();
		else if (polled[1].revents != 0)
			read_orders();
		has_ended();
	}
	(void)unlink(ear_socket);
	(void)rmdir(ear_path);
	return 0;
}
