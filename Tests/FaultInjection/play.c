#include "play.h"
#include "faults.h"
#include "internal.h"

#include <netinet/in.h>
#include <string.h>

enum { ALL_DESCRIPTORS = 1024, GREETING = 200, CALM_MS = 3000, QUIET = 4000 };

const struct scene *scene_number(uint32_t number)
{
	if (number < traffic_scene_count)
		return &traffic_scenes[number];
	number -= traffic_scene_count;
	if (number < border_scene_count)
		return &border_scenes[number];
	number -= border_scene_count;
	if (number < store_scene_count)
		return &store_scenes[number];
	number -= store_scene_count;
	return number < heir_scene_count ? &heir_scenes[number] : NULL;
}

/* ---- the bystander: no call about its own connections fails, so nothing may happen to it ---- */

static bool are_joined(int one, int other)
{
	struct sockaddr_in own = {0};
	struct sockaddr_in peer = {0};
	socklen_t length = sizeof own;

	if (getsockname(one, (struct sockaddr *)&own, &length) == -1 || own.sin_family != AF_INET)
		return false;
	length = sizeof peer;
	return getpeername(other, (struct sockaddr *)&peer, &length) == 0 && peer.sin_family == AF_INET &&
	       peer.sin_port == own.sin_port;
}

static struct pair *bystander_enter(struct stage *stage)
{
	struct pair *pair = enter(stage);

	must(exchange(stage, pair, GREETING, GREETING), "a bystander");
	pair->is_strict = true;
	for (int side = CLIENT; side <= SERVER; side++)
		for (int fd = 0; fd < ALL_DESCRIPTORS; fd++)
			if (are_joined(pair->sides[side].fd, fd))
				faults_spare(fd);
	return pair;
}

/* ---- what must hold afterwards ---- */

static uint64_t sum_of_sessions(struct stage *stage, uint64_t *pipes)
{
	struct csp_loop_counters counters;
	uint64_t sessions = 0;

	*pipes = 0;
	for (uint32_t i = 0; i < stage->options.loops; i++) {
		csp_loop_read_counters(csp_plane_loop(stage->plane, i), &counters);
		sessions += counters.sessions;
		*pipes += counters.pipes;
	}
	return sessions;
}

/* The plane has noticed all ends, and has given back what it took from its budgets. */
static void check_nothing_is_left(struct stage *stage)
{
	uint64_t pipes;

	for (uint32_t quiet = 0; sum_of_sessions(stage, &pipes) > 0; quiet++) {
		must(quiet < QUIET, "a session that nobody has and that does not end");
		pump(stage);
		if (quiet > 20)
			usleep(1000);
	}
	must(atomic_load(&stage->plane->sessions) == 0, "the count of sessions");
	must(atomic_load(&stage->plane->descriptors) == 2 * pipes, "the budget of descriptors");
	must(pipes > 0 || atomic_load(&stage->plane->pipe_pages) == 0, "the budget of pages");
	must(atomic_load(&stage->plane->paused_listeners) == 0, "no listener is paused");
}

static uint32_t harmed(const struct stage *stage)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < stage->pair_count; i++)
		count += is_harmed(&stage->pairs[i]);
	return count;
}

static void stage_set(struct stage *stage, const struct scene *scene)
{
	*stage = (struct stage){.options = csp_options_default(),
	        .entrance = place_on_loopback(0),
	        .table = -1,
	        .is_small = scene->is_small};
	for (uint32_t i = 0; i < SLOTS; i++)
		stage->served[i].door = -1;
	stage->options.loops = LOOPS;
	stage->options.max_sessions = 1000;
	stage->options.max_descriptors = 4000;
	stage->options.spin_us = scene->spin_us;
	if (scene->pipe_pages > 0)
		stage->options.pipe_pages = scene->pipe_pages == UINT32_MAX ? 0 : scene->pipe_pages;
	if (scene->has_store)
		must((stage->table = csp_table_create()) >= 0, "csp_table_create");
}

/* The kernel says yes again: all goes on, and new clients are served as if nothing had been. */
static void calm(struct stage *stage)
{
	faults_window(false);
	stage->manner = DIAL_ONCE;
	if (stage->plane == NULL)
		must(stage_open(stage), "a plane when nothing fails");
	rest(stage, CALM_MS);
	struct pair *fresh = enter(stage);

	must(exchange(stage, fresh, GREETING, GREETING) && !is_harmed(fresh),
	        "a client that comes afterwards");
	finish(stage);
	check_nothing_is_left(stage);
}

void play(const struct scene *scene, uint32_t harmed_most)
{
	static struct stage stage;
	uint32_t before = open_descriptors();
	struct pair *bystander = NULL;

	stage_set(&stage, scene);
	if (!scene->is_born)
		must(stage_open(&stage), "a plane");
	if (!scene->is_born && !scene->returns)
		bystander = bystander_enter(&stage);
	if (scene->prepare != NULL)
		scene->prepare(&stage);
	faults_window(true);
	scene->act(&stage);
	if (bystander != NULL)
		must(exchange(&stage, bystander, GREETING, GREETING), "a bystander is served");
	if (stage.plane != NULL)
		rest(&stage, CALM_MS);
	calm(&stage);
	must(scene->is_scarce || harmed(&stage) <= harmed_most, "a fault harms no session but its own");
	faults_window(true);
	stage_close(&stage);
	faults_window(false);
	pairs_close(&stage);
	must(open_descriptors() == before, "a descriptor stays open");
	must(blocks_in_use() == 0, "memory stays allocated");
}
