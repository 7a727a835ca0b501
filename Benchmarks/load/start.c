/* From exec to the first connection that a program accepts. */
#include "load.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long a program may take, and the pause between two tries to connect. */
#define LIMIT_NS 10000000000u
#define PAUSE_US 50

static pid_t start(char **command)
{
	pid_t pid = fork();

	if (pid == -1)
		die("fork");
	if (pid > 0)
		return pid;

	/* A group of its own, to be killed with all its children. It becomes one before it can have any. */
	if (setpgid(0, 0) == -1)
		_exit(125);

	int nowhere = open("/dev/null", O_RDWR);

	if (nowhere == -1 || dup2(nowhere, STDIN_FILENO) == -1 || dup2(nowhere, STDOUT_FILENO) == -1 ||
	        dup2(nowhere, STDERR_FILENO) == -1)
		_exit(126);
	execvp(command[0], command);
	_exit(127);
}

static int answers(const struct sockaddr_in *where)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int result;

	if (fd == -1)
		die("socket");
	result = connect(fd, (const struct sockaddr *)where, sizeof *where);
	close(fd);
	return result == 0;
}

int measure_start(const struct sockaddr_in *where, uint32_t times, char **command)
{
	uint64_t total_ns = 0;

	for (uint32_t i = 0; i < times; i++) {
		uint64_t began_ns = now_ns();
		pid_t pid = start(command);

		while (!answers(where)) {
			if (now_ns() - began_ns > LIMIT_NS)
				fail("the program does not listen");
			usleep(PAUSE_US);
		}
		sample(now_ns() - began_ns);
		total_ns += now_ns() - began_ns;
		kill(-pid, SIGKILL);
		if (waitpid(pid, NULL, 0) == -1)
			die("waitpid");
		while (answers(where)) /* a child of it that still dies */
			usleep(PAUSE_US);
	}
	report(total_ns, times, 0);
	return 0;
}
