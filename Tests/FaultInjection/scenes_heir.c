#include "faults.h"
#include "scenes.h"

#include <fcntl.h>
#include <unistd.h>

enum { MESSAGE = 900, DESCRIPTORS = 512, COMPACTED_MS = 6000 };

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

/* A process that cannot begin, and has not found them yet, takes them with it. */
static void close_passed(struct stage *stage, const bool passed[static DESCRIPTORS])
{
	if (stage->held == 0)
		return;
	stage->held = 0;
	for (int fd = 0; fd < DESCRIPTORS; fd++)
		if (passed[fd])
			must(close(fd) == 0, "close");
}

/* The process becomes another program, which finds descriptors where they were. */
static void hand_over(struct stage *stage)
{
	bool passed[DESCRIPTORS];

	store_most(stage);
	(void)went_well(csp_plane_leave(stage->plane), "csp_plane_leave");
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
	(void)went_well(csp_plane_leave(stage->plane), "csp_plane_leave");
	(void)csp_plane_hold(stage->plane);
	csp_plane_stay(stage->plane);
	stage->manner = DIAL_ONCE;
	talk_with_all(stage);
	rest(stage, COMPACTED_MS);
}

const struct scene heir_scenes[] = {
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
