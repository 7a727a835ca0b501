#include "stage.h"
#include "faults.h"

#include <unistd.h>

/* How often something is waited for: while calls fail, and when it must come. */
enum { PATIENCE = 60, LONG_PATIENCE = 4000, RUSH = 20, STEP_MS = 10 };

/* Nothing has happened for a while: the kernel may need a moment, and the plane may wait for its clock. */
static bool is_patient(uint32_t quiet)
{
	bool is_long = faults_fired() == 0 || !faults_window_is_open();

	if (quiet > RUSH) {
		clock_skip_ms(STEP_MS);
		usleep(is_long ? 1000 : 100);
	}
	return quiet < (is_long ? LONG_PATIENCE : PATIENCE);
}

bool await_server(struct stage *stage, struct pair *pair)
{
	for (uint32_t quiet = 0; is_patient(quiet); quiet++) {
		pump(stage);
		hear(stage, pair, CLIENT);
		if (pair->sides[SERVER].fd >= 0 || pair->sides[CLIENT].is_gone)
			return true;
	}
	must(faults_window_is_open() && faults_fired() > 0, "a client that nobody serves");
	return false;
}

/* What is left to be said by somebody who has ended is never said. */
static bool has_said(const struct pair *pair, int at, uint32_t left)
{
	return left == 0 || pair->sides[at].has_ended;
}

static bool is_all_heard(const struct pair *pair)
{
	return pair->sides[CLIENT].heard == pair->sides[SERVER].said &&
	       pair->sides[SERVER].heard == pair->sides[CLIENT].said;
}

bool exchange(struct stage *stage, struct pair *pair, uint32_t up, uint32_t down)
{
	if (pair->is_cut)
		return true;
	if (!await_server(stage, pair))
		return false;
	for (uint32_t quiet = 0; is_patient(quiet); quiet++) {
		uint64_t heard = pair->sides[CLIENT].heard + pair->sides[SERVER].heard;

		up -= say(pair, CLIENT, up);
		down -= say(pair, SERVER, down);
		pump(stage);
		hear(stage, pair, CLIENT);
		hear(stage, pair, SERVER);
		if (is_harmed(pair) ||
		        (has_said(pair, CLIENT, up) && has_said(pair, SERVER, down) && is_all_heard(pair)))
			return true;
		if (pair->sides[CLIENT].heard + pair->sides[SERVER].heard != heard)
			quiet = 0;
	}
	must(faults_window_is_open() && faults_fired() > 0, "bytes that do not arrive");
	return false;
}

static uint64_t all_heard(const struct stage *stage)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < stage->pair_count; i++)
		sum += stage->pairs[i].sides[CLIENT].heard + stage->pairs[i].sides[SERVER].heard;
	return sum;
}

static bool is_over(const struct pair *pair)
{
	const struct side *client = &pair->sides[CLIENT];
	const struct side *server = &pair->sides[SERVER];

	if (pair->is_cut)
		return true;
	return (client->heard_end || client->is_gone) &&
	       (server->heard_end || server->is_gone || (server->fd < 0 && client->is_gone));
}

void finish(struct stage *stage)
{
	for (uint32_t i = 0; i < stage->pair_count; i++)
		if (!stage->pairs[i].is_cut && await_server(stage, &stage->pairs[i])) {
			end(&stage->pairs[i], CLIENT);
			end(&stage->pairs[i], SERVER);
		}
	for (uint32_t i = 0; i < stage->pair_count; i++) {
		struct pair *pair = &stage->pairs[i];

		for (uint32_t quiet = 0; !is_over(pair); quiet++) {
			uint64_t before = all_heard(stage);

			must(is_patient(quiet), "a session that hangs");
			pump(stage);
			for (uint32_t j = 0; j < stage->pair_count; j++) {
				hear(stage, &stage->pairs[j], CLIENT);
				hear(stage, &stage->pairs[j], SERVER);
			}
			if (all_heard(stage) != before)
				quiet = 0;
		}
	}
}
