#include "trial.h"

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
	START_MS = 60000,
	ANSWER_MS = 30000,
	END_MS = 60000,
	IDLE_MS = 300,
	IDLE_CPU_MS = 200, /* of a debug build, names looked up once a second included */
	MOMENT_MS = 20,
	MOMENTS = 50,
	WORD = 64,
	WORDS = 20,
};

struct gateway {
	pid_t pid;
	uint16_t port;
	int status;
	bool has_ended;
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

static void become_gateway(const char *program, const char *control_path, const char *preload,
        const struct world *world, uint16_t port, int said)
{
	char words[WORDS][2 * WORD];
	char *list[WORDS + 1] = {0};
	char *variables[5] = {0};
	char texts[4][256];
	int count = 0;

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
	snprintf(texts[0], sizeof texts[0], "LD_PRELOAD=%s", preload);
	snprintf(texts[1], sizeof texts[1], CONTROL_VARIABLE "=%s", control_path);
	snprintf(texts[2], sizeof texts[2], "NOTIFY_SOCKET=%s/notify", world->folder);
	snprintf(texts[3], sizeof texts[3], "PATH=/usr/bin:/bin");
	for (int i = 0; i < 4; i++)
		variables[i] = texts[i];
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* it must not outlive the test */
	if (dup2(said, STDERR_FILENO) == STDERR_FILENO)
		execve(program, list, variables);
	_exit(126);
}

static void start(struct gateway *gateway, const char *program, const char *control_path, const char *preload,
        struct world *world)
{
	int ends[2];

	must(pipe2(ends, O_CLOEXEC) == 0, "a pipe");
	must(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0, "O_NONBLOCK");
	*gateway = (struct gateway){.port = free_port()};
	gateway->pid = fork();
	must(gateway->pid >= 0, "fork");
	if (gateway->pid == 0)
		become_gateway(program, control_path, preload, world, gateway->port, ends[1]);
	close(ends[1]);
	world->said_by = ends[0];
}

static bool has_ended(struct gateway *gateway)
{
	if (!gateway->has_ended && waitpid(gateway->pid, &gateway->status, WNOHANG) == gateway->pid)
		gateway->has_ended = true;
	return gateway->has_ended;
}

static bool await_end(struct gateway *gateway, struct world *world, uint64_t milliseconds)
{
	for (uint64_t until = now_ms() + milliseconds; now_ms() < until && !has_ended(gateway);)
		world_turn(world, MOMENT_MS);
	world_turn(world, 0);
	return gateway->has_ended;
}

/* ---- its clients ---- */

static int client(const struct gateway *gateway)
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

/* Whether the member hears a word through the gateway, and says it back. */
static bool is_answered(struct world *world, int fd, uint32_t number, uint64_t milliseconds)
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

static bool is_new_client_served(struct world *world, const struct gateway *gateway, uint64_t milliseconds)
{
	for (uint64_t until = now_ms() + milliseconds; now_ms() < until; world_turn(world, MOMENT_MS)) {
		int fd = client(gateway);
		bool is_served = is_answered(world, fd, 7, until - now_ms());

		if (fd >= 0)
			close(fd);
		if (is_served)
			return true;
	}
	return false;
}

static void ask_admin(struct world *world)
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

static bool is_idle(struct world *world, const struct gateway *gateway)
{
	uint64_t before = cpu_ms(gateway);

	world_turn(world, IDLE_MS);
	return cpu_ms(gateway) - before <= IDLE_CPU_MS;
}

/* ---- from start to end ---- */

static const char *ended_too_early(const struct gateway *gateway, const struct world *world, bool is_starting)
{
	if (WIFSIGNALED(gateway->status))
		return "a signal has ended it";
	if (!is_starting)
		return "it has ended while it served";
	if (WEXITSTATUS(gateway->status) != 1 && WEXITSTATUS(gateway->status) != 2)
		return "it did not start, and its exit code is none of ours";
	return world->said_bytes == 0 ? "it did not start, and says nothing" : NULL;
}

static const char *serve(struct control *control, struct world *world, struct gateway *gateway)
{
	int bystander = client(gateway);
	const char *trouble = NULL;

	bool must_serve = control->times == 1 || control->is_harmless;

	if (!is_answered(world, bystander, 1, must_serve ? ANSWER_MS : MOMENTS * MOMENT_MS)) {
		/* What always fails may be what it takes to serve; what fails once is not. */
		trouble = must_serve ? "a client is not served" : NULL;
		close(bystander);
		bystander = -1;
	}
	atomic_store(&control->wall_clock_s, control->steps_s);
	ask_admin(world);
	must(kill(gateway->pid, SIGHUP) == 0, "SIGHUP");
	world_turn(world, 5 * MOMENT_MS);
	atomic_store(&control->wall_clock_s, -control->steps_s);
	must(kill(gateway->pid, SIGUSR2) == 0, "SIGUSR2");
	world_turn(world, 10 * MOMENT_MS);
	if (trouble == NULL && bystander >= 0 && !is_answered(world, bystander, 2, ANSWER_MS))
		trouble = "a session that had nothing to do with it is harmed";
	if (trouble == NULL && !is_idle(world, gateway))
		trouble = "it spins";
	if (trouble == NULL && control->is_harmless && !is_new_client_served(world, gateway, ANSWER_MS))
		trouble = "a new client is not served";
	atomic_store(&control->is_armed, 0);
	if (trouble == NULL && !is_new_client_served(world, gateway, ANSWER_MS))
		trouble = "afterwards a new client is not served";
	if (trouble == NULL && bystander >= 0 && !is_answered(world, bystander, 3, ANSWER_MS))
		trouble = "afterwards a session that had nothing to do with it is harmed";
	if (bystander >= 0)
		close(bystander);
	return trouble;
}

const char *trial(struct control *control, const char *control_path, const char *preload, const char *program,
        struct world *world)
{
	struct gateway gateway;
	const char *trouble = NULL;

	start(&gateway, program, control_path, preload, world);
	for (uint64_t until = now_ms() + START_MS;
	        strstr(world->said, "ready to proxy") == NULL && now_ms() < until && !has_ended(&gateway);)
		world_turn(world, MOMENT_MS);
	world_turn(world, MOMENT_MS);
	if (gateway.has_ended)
		return ended_too_early(&gateway, world, true);
	if (strstr(world->said, "ready to proxy") == NULL)
		trouble = "it neither starts nor ends";
	else
		trouble = serve(control, world, &gateway);
	atomic_store(&control->is_armed, 0);
	if (has_ended(&gateway))
		return ended_too_early(&gateway, world, false);
	(void)kill(gateway.pid, SIGTERM); /* it is there: nobody has waited for it */
	if (!await_end(&gateway, world, END_MS) && trouble == NULL)
		trouble = "it does not end";
	if (!gateway.has_ended) {
		(void)kill(gateway.pid, SIGKILL); /* as above */
		(void)waitpid(gateway.pid, &gateway.status, 0);
	} else if (trouble == NULL && (!WIFEXITED(gateway.status) || WEXITSTATUS(gateway.status) != 0)) {
		trouble = "it does not end as told";
	}
	return trouble;
}
