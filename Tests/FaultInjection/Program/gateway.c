#include "gateway.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <unistd.h>

enum {
	IDLE_MS = 300,
	IDLE_CPU_MS = 200, /* of a debug build, names looked up once a second included */
	WORD = 64,
	WORDS = 20,
	VARIABLES = 8,
	PASSED_FROM = 400,
	PASSED_NAMES = 8192,
};

static uint16_t free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(bind(fd, (const struct sockaddr *)&address, length) == 0 &&
	                getsockname(fd, (struct sockaddr *)&address, &length) == 0,
	        "a free port");
	close(fd);
	return ntohs(address.sin_port);
}

/* What the manager keeps becomes descriptors 3 and on (sd_listen_fds(3)); returns the words that say so. */
static void pass_on(const struct world *world, char *names, size_t bytes)
{
	size_t length = 0;

	names[0] = 0;
	for (uint32_t i = 0; i < world->kept_count; i++) /* first out of the way of each other */
		must(fcntl(world->kept[i].fd, F_DUPFD, PASSED_FROM + (int)i) == PASSED_FROM + (int)i,
		        "F_DUPFD");
	for (uint32_t i = 0; i < world->kept_count; i++) {
		must(dup2(PASSED_FROM + (int)i, 3 + (int)i) == 3 + (int)i, "dup2");
		close(PASSED_FROM + (int)i);
		length += (size_t)snprintf(
		        names + length, bytes - length, "%s%s", i == 0 ? "" : ":", world->kept[i].name);
	}
}

static void become_gateway(const struct program *program, const struct world *world, uint16_t port, int said)
{
	static char words[WORDS][2 * WORD];
	static char texts[VARIABLES][PASSED_NAMES];
	static char names[PASSED_NAMES - WORD];
	char *list[WORDS + 1] = {0};
	char *variables[VARIABLES + 1] = {0};
	int count = 0;
	int texts_count = 4;

	snprintf(words[count++], sizeof words[0], "etcd-gateway");
	snprintf(words[count++], sizeof words[0], "--discovery-srv=example.test");
	snprintf(words[count++], sizeof words[0], "--insecure-discovery");
	snprintf(words[count++], sizeof words[0], "--dns-server=127.0.0.1:%u", world->names_port);
	snprintf(words[count++], sizeof words[0], "--listen-addr=127.0.0.1:%u", port);
	snprintf(words[count++], sizeof words[0], "--health-check=auto");
	snprintf(words[count++], sizeof words[0], "--health-interval=1s");
	snprintf(words[count++], sizeof words[0], "--drain-timeout=1s");
	snprintf(words[count++], sizeof words[0], "--loops=2");
	snprintf(words[count++], sizeof words[0], "--state-dir=%s", world->folder);
	snprintf(words[count++], sizeof words[0], "--admin-socket=%s/admin", world->folder);
	for (int i = 0; i < count; i++)
		list[i] = words[i];
	snprintf(texts[0], sizeof texts[0], "LD_PRELOAD=%s", program->preload);
	snprintf(texts[1], sizeof texts[1], CONTROL_VARIABLE "=%s", program->control_path);
	snprintf(texts[2], sizeof texts[2], "NOTIFY_SOCKET=%s/notify", world->folder);
	snprintf(texts[3], sizeof texts[3], "PATH=/usr/bin:/bin");
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* it must not outlive the test */
	must(dup2(said, STDERR_FILENO) == STDERR_FILENO, "dup2");
	if (world->kept_count > 0) {
		pass_on(world, names, sizeof names);
		snprintf(texts[texts_count++], sizeof texts[0], "LISTEN_PID=%d", getpid());
		snprintf(texts[texts_count++], sizeof texts[0], "LISTEN_FDS=%u", world->kept_count);
		snprintf(texts[texts_count++], sizeof texts[0], "LISTEN_FDNAMES=%s", names);
	}
	for (int i = 0; i < texts_count; i++)
		variables[i] = texts[i];
	execve(program->path, list, variables);
	_exit(126);
}

void gateway_start(struct gateway *gateway, const struct program *program, struct world *world, uint16_t port)
{
	int ends[2];

	must(pipe2(ends, O_CLOEXEC) == 0, "a pipe");
	must(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0, "O_NONBLOCK");
	*gateway = (struct gateway){.port = port != 0 ? port : free_port()};
	gateway->pid = fork();
	must(gateway->pid >= 0, "fork");
	if (gateway->pid == 0)
		become_gateway(program, world, gateway->port, ends[1]);
	close(ends[1]);
	if (world->said_by >= 0)
		close(world->said_by);
	world->said_by = ends[0];
	world->said_bytes = 0;
	world->said[0] = 0;
}

bool gateway_has_ended(struct gateway *gateway)
{
	if (!gateway->has_ended && waitpid(gateway->pid, &gateway->status, WNOHANG) == gateway->pid)
		gateway->has_ended = true;
	return gateway->has_ended;
}

bool gateway_await_end(struct gateway *gateway, struct world *world, uint64_t milliseconds)
{
	for (uint64_t until = now_ms() + milliseconds; now_ms() < until && !gateway_has_ended(gateway);)
		world_turn(world, MOMENT_MS);
	world_turn(world, 0);
	return gateway->has_ended;
}

bool gateway_await_ready(struct gateway *gateway, struct world *world, uint64_t milliseconds)
{
	for (uint64_t until = now_ms() + milliseconds; strstr(world->said, "ready to proxy") == NULL &&
	                                               now_ms() < until && !gateway_has_ended(gateway);)
		world_turn(world, MOMENT_MS);
	world_turn(world, MOMENT_MS);
	return !gateway->has_ended && strstr(world->said, "ready to proxy") != NULL;
}

void gateway_kill(struct gateway *gateway)
{
	if (gateway->has_ended)
		return;
	(void)kill(gateway->pid, SIGKILL); /* it is there: nobody has waited for it */
	must(waitpid(gateway->pid, &gateway->status, 0) == gateway->pid, "waitpid");
	gateway->has_ended = true;
}

/* ---- its clients ---- */

int client_come(const struct gateway *gateway)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	        .sin_port = htons(gateway->port),
	        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	close(fd);
	return -1;
}

bool is_answered(struct world *world, int fd, uint32_t number, uint64_t milliseconds)
{
	char word[WORD];
	char heard[WORD] = "";
	size_t length = (size_t)snprintf(word, sizeof word, "word %u", number);
	size_t got = 0;

	if (fd < 0 || send(fd, word, length, MSG_NOSIGNAL) != (ssize_t)length)
		return false;
	for (uint64_t until = now_ms() + milliseconds; got < length && now_ms() < until;) {
		ssize_t more = recv(fd, heard + got, length - got, MSG_DONTWAIT);

		if (more == 0 || (more < 0 && errno != EAGAIN))
			return false;
		got += more > 0 ? (size_t)more : 0;
		world_turn(world, 1);
	}
	return got == length && memcmp(word, heard, length) == 0;
}

bool is_new_client_served(struct world *world, const struct gateway *gateway, uint64_t milliseconds)
{
	for (uint64_t until = now_ms() + milliseconds; now_ms() < until; world_turn(world, MOMENT_MS)) {
		int fd = client_come(gateway);
		bool is_served = is_answered(world, fd, 7, until - now_ms());

		if (fd >= 0)
			close(fd);
		if (is_served)
			return true;
	}
	return false;
}

void ask_admin(struct world *world)
{
	static const char question[] = "GET /status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s/admin", world->folder);
	if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
		(void)send(fd, question, sizeof question - 1, MSG_NOSIGNAL); /* it may have given up */
	world_turn(world, 2 * MOMENT_MS);
	close(fd);
}

/* ---- what it costs ---- */

static uint64_t cpu_ms(const struct gateway *gateway)
{
	char path[WORD];
	unsigned long user = 0, system = 0;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/stat", gateway->pid);
	file = fopen(path, "re");
	if (file == NULL)
		return 0;
	if (fscanf(file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
	            &system) != 2)
		user = system = 0;
	(void)fclose(file); /* it was read only */
	return (user + system) * 1000u / (uint64_t)sysconf(_SC_CLK_TCK);
}

bool is_idle(struct world *world, const struct gateway *gateway)
{
	uint64_t before = cpu_ms(gateway);

	world_turn(world, IDLE_MS);
	return cpu_ms(gateway) - before <= IDLE_CPU_MS;
}
