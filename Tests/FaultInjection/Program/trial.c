#include "trial.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	START_MS = 60000,
	ANSWER_MS = 30000,
	HEIR_MS = 5000,
	END_MS = 60000,
	MOMENTS = 50,
	STORED_MS = 2500,
	HEIRS = 6
};

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
	int bystander = client_come(gateway);
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

const char *trial(const struct program *program, struct world *world)
{
	struct gateway gateway;
	const char *trouble = NULL;

	gateway_start(&gateway, program, world, 0);
	if (gateway_await_ready(&gateway, world, START_MS))
		trouble = serve(program->control, world, &gateway);
	else if (gateway.has_ended)
		return ended_too_early(&gateway, world, true);
	else
		trouble = "it neither starts nor ends";
	atomic_store(&program->control->is_armed, 0);
	if (gateway_has_ended(&gateway))
		return ended_too_early(&gateway, world, false);
	(void)kill(gateway.pid, SIGTERM); /* it is there: nobody has waited for it */
	if (!gateway_await_end(&gateway, world, END_MS)) {
		gateway_kill(&gateway);
		return trouble != NULL ? trouble : "it does not end";
	}
	if (trouble == NULL && (!WIFEXITED(gateway.status) || WEXITSTATUS(gateway.status) != 0))
		trouble = "it does not end as told";
	return trouble;
}

/* One that begins with what a killed one has left, and in which every call of that name fails from the
 * first-th on: it serves, or leaves everything to the next one. */
static void be_heir(
        const struct program *program, struct world *world, uint16_t port, const char *call, uint32_t first)
{
	struct control *control = program->control;
	struct gateway gateway;

	memset(control, 0, sizeof *control);
	strcpy(control->call, call);
	control->error = EMFILE;
	control->first = first;
	control->times = UINT32_MAX;
	atomic_store(&control->is_armed, 1);
	gateway_start(&gateway, program, world, port);
	(void)gateway_await_ready(&gateway, world, HEIR_MS); /* that it is not is the usual case */
	atomic_store(&control->is_armed, 0);
	world_turn(world, MOMENT_MS);
	gateway_kill(&gateway);
}

const char *heirs(const struct program *program, struct world *world)
{
	/* None of them concerns the session itself. */
	static const char *const calls[] = {
	        "pthread_create", "epoll_create1", "socketpair", "eventfd", "listen"};
	struct gateway gateway;
	const char *trouble = NULL;
	uint16_t port;
	int client;

	gateway_start(&gateway, program, world, 0);
	port = gateway.port;
	if (!gateway_await_ready(&gateway, world, START_MS))
		return "it does not start";
	client = client_come(&gateway);
	if (!is_answered(world, client, 1, ANSWER_MS))
		trouble = "a client is not served";
	world_turn(world, STORED_MS);
	gateway_kill(&gateway);
	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
		for (uint32_t first = 1; first <= HEIRS; first++)
			be_heir(program, world, port, calls[i], first);
	gateway_start(&gateway, program, world, port);
	if (trouble == NULL && !gateway_await_ready(&gateway, world, START_MS))
		trouble = "the last one does not start";
	if (trouble == NULL && !is_answered(world, client, 2, ANSWER_MS))
		trouble = "a session did not survive those who could not begin";
	gateway_kill(&gateway);
	close(client);
	return trouble;
}
