/*
 * A service manager as small as the gateway needs one: it opens the socket, starts the program, keeps the
 * descriptors that it is given (FDSTORE=1, FDSTOREREMOVE=1), and starts the program again with all of them as
 * soon as it has ended, in whatever way.
 *
 *   StandInManager PORT NOTIFY_PATH PROGRAM ARGUMENT...
 *
 * It says, each in a line: "started PID", "ready PID", "died PID STATUS" (as waitpid gives it), "stored
 * COUNT" whenever that has changed, and "late PID" when the watchdog was not fed in time. SIGTERM: the
 * program is stopped and not started again.
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
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What the package's unit says: FileDescriptorStoreMax=, WatchdogSec= (here only told of, for the machine may
 * be busy). */
enum { STORE_MAX = 2100, NAME_MAX_BYTES = 64, MESSAGE_BYTES = 4096, PASSED_MAX = 253, FIRST_PASSED = 3 };
enum { WATCHDOG_MS = 30000 };

static struct {
	int descriptor;
	char name[NAME_MAX_BYTES];
} store[STORE_MAX];
static int stored, told_stored = -1;

static int listener, notify;
static const char *notify_path;
static pid_t child;
static bool is_stopping;
static long long fed_ms;

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "StandInManager: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void must(int result, const char *what)
{
	if (result == -1)
		die(what);
}

static long long now_ms(void)
{
	struct timespec now;

	must(clock_gettime(CLOCK_MONOTONIC, &now), "clock_gettime");
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- the program ---- */

/* Puts the listener and the store where a service looks for them, from descriptor 3 on. In the child. */
static void pass_descriptors(void)
{
	static char names[STORE_MAX * (NAME_MAX_BYTES + 1) + 32] = "etcd-gateway.socket";
	char number[16];
	int high = fcntl(listener, F_DUPFD, STORE_MAX + 64);
	size_t length = strlen(names);

	must(high, "F_DUPFD");
	for (int i = 0; i < stored; i++)
		must(store[i].descriptor = fcntl(store[i].descriptor, F_DUPFD, STORE_MAX + 64), "F_DUPFD");
	must(dup2(high, FIRST_PASSED), "dup2");
	for (int i = 0; i < stored; i++) {
		must(dup2(store[i].descriptor, FIRST_PASSED + 1 + i), "dup2");
		length += (size_t)snprintf(names + length, sizeof names - length, ":%s", store[i].name);
	}
	if (close_range((unsigned)(FIRST_PASSED + 1 + stored), ~0u, 0) == -1)
		die("close_range");
	(void)snprintf(number, sizeof number, "%d", getpid());
	must(setenv("LISTEN_PID", number, 1), "setenv");
	(void)snprintf(number, sizeof number, "%d", 1 + stored);
	must(setenv("LISTEN_FDS", number, 1), "setenv");
	must(setenv("LISTEN_FDNAMES", names, 1), "setenv");
}

static void start(char **command)
{
	char watchdog[24];

	child = fork();
	must(child, "fork");
	if (child > 0) {
		fed_ms = now_ms();
		printf("started %d\n", child);
		return;
	}
	must(prctl(PR_SET_PDEATHSIG, SIGKILL), "PR_SET_PDEATHSIG");
	pass_descriptors();
	must(setenv("NOTIFY_SOCKET", notify_path, 1), "setenv");
	(void)snprintf(watchdog, sizeof watchdog, "%d000", WATCHDOG_MS);
	must(setenv("WATCHDOG_USEC", watchdog, 1), "setenv");

	sigset_t none;

	sigemptyset(&none);
	must(sigprocmask(SIG_SETMASK, &none, NULL), "sigprocmask");
	execv(command[0], command);
	die(command[0]);
}

/* Takes note of an end, and starts the program again unless that was wanted. Whether to go on. */
static bool reap(char **command)
{
	int status;

	if (waitpid(child, &status, WNOHANG) != child)
		return true;
	printf("died %d %d\n", child, status);
	child = 0;
	if (is_stopping)
		return false;
	start(command);
	return true;
}

/* ---- what it tells ---- */

/* Whether a message assigns this value; the value where `value` is asked for. */
static bool says(const char *message, const char *assignment, char *value)
{
	size_t length = strlen(assignment);

	for (const char *line = message; line != NULL; line = strchr(line, '\n')) {
		if (*line == '\n')
			line++;
		if (strncmp(line, assignment, length) != 0)
			continue;
		if (value != NULL)
			(void)snprintf(value, NAME_MAX_BYTES, "%.*s", (int)strcspn(line + length, "\n"),
			        line + length);
		return true;
	}
	return false;
}

static void keep(int descriptor, const char *name)
{
	if (stored == STORE_MAX) {
		(void)close(descriptor); /* as a manager without room does it */
		return;
	}
	store[stored].descriptor = descriptor;
	(void)snprintf(store[stored].name, NAME_MAX_BYTES, "%s", name);
	stored++;
}

static void drop(const char *name)
{
	int left = 0;

	for (int i = 0; i < stored; i++) {
		if (strcmp(store[i].name, name) == 0)
			(void)close(store[i].descriptor); /* it was ours */
		else
			store[left++] = store[i];
	}
	stored = left;
}

static void hear(const char *message, const int *descriptors, int count)
{
	char name[NAME_MAX_BYTES] = "stored";
	bool is_for_store = says(message, "FDSTORE=1", NULL);

	(void)says(message, "FDNAME=", name);
	for (int i = 0; i < count; i++) {
		if (is_for_store)
			keep(descriptors[i], name);
		else
			(void)close(descriptors[i]); /* BARRIER=1: its closing is the answer */
	}
	if (says(message, "FDSTOREREMOVE=1", NULL))
		drop(name);
	if (says(message, "READY=1", NULL))
		printf("ready %d\n", child);
	if (says(message, "WATCHDOG=1", NULL) || says(message, "READY=1", NULL))
		fed_ms = now_ms();
}

static void receive(void)
{
	char message[MESSAGE_BYTES + 1];
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(PASSED_MAX * sizeof(int))];
	} control;
	struct iovec part = {.iov_base = message, .iov_len = MESSAGE_BYTES};
	struct msghdr whole = {
	        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	ssize_t length = recvmsg(notify, &whole, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	int descriptors[PASSED_MAX], count = 0;

	if (length == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	must((int)length, "recvmsg");
	message[length] = 0;
	for (struct cmsghdr *part_of = CMSG_FIRSTHDR(&whole); part_of;
	        part_of = CMSG_NXTHDR(&whole, part_of)) {
		if (part_of->cmsg_level != SOL_SOCKET || part_of->cmsg_type != SCM_RIGHTS)
			continue;
		count = (int)((part_of->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(descriptors, CMSG_DATA(part_of), (size_t)count * sizeof(int));
	}
	hear(message, descriptors, count);
}

/* ---- the manager ---- */

static void open_sockets(const char *port)
{
	struct sockaddr_in where = {.sin_family = AF_INET,
	        .sin_port = htons((uint16_t)atoi(port)),
	        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_un ear = {.sun_family = AF_UNIX};
	int one = 1;

	must(listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
	must(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one), "SO_REUSEADDR");
	must(bind(listener, (struct sockaddr *)&where, sizeof where), "bind");
	must(listen(listener, 4096), "listen");
	must(notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
	if (strlen(notify_path) >= sizeof ear.sun_path) {
		errno = ENAMETOOLONG;
		die(notify_path);
	}
	strcpy(ear.sun_path, notify_path);
	must(bind(notify, (struct sockaddr *)&ear, sizeof ear), notify_path);
}

static void tell(void)
{
	if (stored != told_stored)
		printf("stored %d\n", stored);
	told_stored = stored;
	if (child > 0 && !is_stopping && now_ms() - fed_ms > WATCHDOG_MS) {
		printf("late %d\n", child);
		fed_ms = now_ms();
	}
	if (fflush(stdout) != 0)
		die("standard output");
}

int main(int count, char **words)
{
	struct signalfd_siginfo signal_came;
	struct rlimit limit;
	sigset_t signals;

	if (count < 4)
		return 2;
	must(getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
	limit.rlim_cur = limit.rlim_max;
	must(setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
	notify_path = words[2];
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	must(sigprocmask(SIG_BLOCK, &signals, NULL), "sigprocmask");
	open_sockets(words[1]);

	struct pollfd polled[] = {{.fd = notify, .events = POLLIN},
	        {.fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK), .events = POLLIN}};

	must(polled[1].fd, "signalfd");
	start(words + 3);
	for (;;) {
		tell();
		if (poll(polled, 2, WATCHDOG_MS / 4) == -1 && errno != EINTR)
			die("poll");
		if (polled[0].revents != 0)
			receive();
		if (polled[1].revents == 0)
			continue;
		while (read(polled[1].fd, &signal_came, sizeof signal_came) == sizeof signal_came) {
			if (signal_came.ssi_signo == SIGTERM && child > 0) {
				is_stopping = true;
				must(kill(child, SIGTERM), "kill");
			}
		}
		if (!reap(words + 3))
			break;
	}
	tell();
	return 0;
}
