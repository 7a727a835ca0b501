#include "faults.h"
#include "scenes.h"
#include "store.h"

#include <fcntl.h>
#include <unistd.h>

enum { MESSAGE = 900, DESCRIPTORS = 512, COMPACTED_MS = 6000, FEW = 5, MANY = 4000 };

/* Loops store what they can while they run. */
static void store_most(struct stage *stage)
{
	for (uint32_t i = 0; i < stage->options.loops; i++)
		for (uint32_t cursor = 0; cursor != UINT32_MAX;)
			(void)went_well(
			        csp_loop_store(csp_plane_loop(stage->plane, i), &cursor), "csp_loop_store");
}

static void talk_with_all(struct stage *stage)
{
	for (uint32_t i = 0; i < stage->pair_count; i++)
		(void)exchange(stage, &stage->pairs[i], MESSAGE, MESSAGE);
}

/* ---- what execve(2) does with descriptors ---- */

static bool stays_open(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	return flags >= 0 && !(flags & FD_CLOEXEC);
}

/* The plane's memory goes, and what it has open but for what it let stay open: that has its numbers again
 * afterwards, and is noted. */
static void become_another(struct stage *stage, bool passed[static DESCRIPTORS])
{
	bool before[DESCRIPTORS];
	int aside[DESCRIPTORS];

	for (int fd = 0; fd < DESCRIPTORS; fd++)
		before[fd] = stays_open(fd);
	stage->held = csp_plane_hold(stage->plane);
	must(stage->held != 0 || faults_fired() > 0, "csp_plane_hold");
	for (int fd = 0; fd < DESCRIPTORS; fd++) {
		passed[fd] = stage->held != 0 && !before[fd] && stays_open(fd);
		aside[fd] = passed[fd] ? fcntl(fd, F_DUPFD_CLOEXEC, DESCRIPTORS) : -1;
	}
	csp_plane_abandon(stage->plane);
	stage->plane = NULL;
	for (int fd = 0; fd < DESCRIPTORS; fd++)
		if (passed[fd])
			must(dup2(aside[fd], fd) == fd && close(aside[fd]) == 0, "the same number");
}

/* A process that cannot begin, and has not found them yet, takes them with it: its plane those that it had
 * made its own, such as the loops' epoll sets, and the end of the process the others. */
static void close_passed(struct stage *stage, const bool passed[static DESCRIPTORS])
{
	if (stage->held == 0)
		return;
	stage->held = 0;
	for (int fd = 0; fd < DESCRIPTORS; fd++)
		if (passed[fd] && fcntl(fd, F_GETFD) >= 0)
			must(close(fd) == 0, "close");
}

/* The process becomes another program, which finds descriptors where they were. */
static void hand_over(struct stage *stage)
{
	bool passed[DESCRIPTORS];

	store_most(stage);
	stage_leave(stage);
	become_another(stage, passed);
	forget_numbers(stage);
	stage->manner = DIAL_ONCE;
	if (!stage_open(stage)) {
		close_passed(stage, passed);
		return;
	}
	talk_with_all(stage);
	rest(stage, COMPACTED_MS);
}

/* There is nothing to become: all goes on as it was. */
static void stay(struct stage *stage)
{
	store_most(stage);
	stage_leave(stage);
	(void)csp_plane_hold(stage->plane);
	csp_plane_stay(stage->plane);
	stage->manner = DIAL_ONCE;
	talk_with_all(stage);
	(void)exchange(stage, enter(stage), MESSAGE, MESSAGE); /* and others may come */
	rest(stage, COMPACTED_MS);
}

/* Dies at rest; the next one does without what tells it which end of a shelf is which, gets them the other
 * way round, and may have few descriptors for sessions. */
static void die_at_rest(struct stage *stage)
{
	live(stage);
	for (uint32_t i = 0; i < stage->shelf_count; i++) {
		struct table_shelf *known = table_shelf(stage->plane->store->table, i);
		int end = stage->shelves[i][0];

		known->ends[0] = known->ends[1] = 0;
		stage->shelves[i][0] = stage->shelves[i][1];
		stage->shelves[i][1] = end;
	}
	csp_plane_abandon(stage->plane);
	stage->plane = NULL;
	forget_numbers(stage);
	stage->manner = DIAL_ONCE;
	for (uint32_t i = 0; i < stage->pair_count; i++) /* nobody was dialed for it, so it was not stored */
		stage->pairs[i].is_cut |= stage->pairs[i].sides[SERVER].fd < 0;
}

static void come_back(struct stage *stage)
{
	if (!stage_open(stage))
		return;
	talk_with_all(stage);
	rest(stage, COMPACTED_MS);
}

static void come_back_with_few(struct stage *stage)
{
	stage->options.max_descriptors = FEW;
	faults_note();
	(void)stage_open(stage);
	stage->options.max_descriptors = MANY;
	if (stage->plane == NULL)
		return;
	stage->plane->options.max_descriptors = MANY;
	talk_with_all(stage);
	rest(stage, COMPACTED_MS);
}

const struct scene heir_scenes[] = {
        {.name = "older-form", .prepare = die_at_rest, .act = come_back, .has_store = true, .returns = true},
        {.name = "few-descriptors",
                .prepare = die_at_rest,
                .act = come_back_with_few,
                .has_store = true,
                .returns = true,
                .is_scarce = true},
        {.name = "hand-over", .prepare = live, .act = hand_over, .has_store = true, .returns = true},
        {.name = "hand-over-peek",
                .prepare = live,
                .act = hand_over,
                .has_store = true,
                .returns = true,
                .pipe_pages = UINT32_MAX},
        {.name = "stay", .prepare = live, .act = stay, .has_store = true},
};
const uint32_t heir_scene_count = sizeof heir_scenes / sizeof heir_scenes[0];
