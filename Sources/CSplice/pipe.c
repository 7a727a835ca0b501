#include "store.h"

#include <stdlib.h>

/*
 * Pipe sizes, measured as CPU-seconds per GB spliced: 64 KiB 0.39, 1 MiB 0.17
 * (docs/decisions/0003-copy-or-splice.md). An unprivileged user has fs.pipe-user-pages-soft pages for all its
 * pipes, and above it new ones shrink to two pages: so half of the budget goes to large pipes, the rest to
 * small ones, and then flows are copied.
 */
#define PAGE_BYTES 4096u
#define LARGE_PAGES 256u
#define SMALL_PAGES 16u /* pipe(7): the default */
#define POOL_MAX 16u

static bool budget_take(_Atomic uint32_t *used, uint32_t amount, uint32_t limit)
{
	if (atomic_fetch_add(used, amount) + amount <= limit)
		return true;
	atomic_fetch_sub(used, amount);
	return false;
}

/* Pages for one more pipe, or 0. */
static uint32_t pages_take(csp_plane *plane)
{
	uint32_t limit = plane->options.pipe_pages;

	if (budget_take(&plane->pipe_pages, LARGE_PAGES, limit / 2))
		return LARGE_PAGES;
	if (budget_take(&plane->pipe_pages, SMALL_PAGES, limit))
		return SMALL_PAGES;
	return 0;
}

/* The last eighth of the descriptors is for sessions: a flow without a pipe is copied, a client without is
 * not served. */
static bool descriptors_take(csp_plane *plane)
{
	uint32_t limit = plane->options.max_descriptors;

	return budget_take(&plane->descriptors, 2, limit - limit / 8);
}

/* Without room a stored session does without this pipe. */
static void park_pipe(csp_loop *loop, struct pipe *pipe)
{
	const struct parking parking = {
	        .state = ENTRY_PIPE, .count = 2, .fds = {pipe->ends[0], pipe->ends[1]}};

	(void)store_park(loop, &parking, &pipe->ref);
}

/* A pipe for whose pages and descriptors the budgets were asked already. */
static struct pipe *pipe_open(csp_loop *loop, uint32_t pages)
{
	struct pipe *pipe = malloc(sizeof *pipe);

	if (pipe == NULL)
		return NULL;
	*pipe = (struct pipe){.pages = pages};
	if (pipe2(pipe->ends, O_CLOEXEC | O_NONBLOCK) == -1)
		goto no_pipe;
	if (pages == LARGE_PAGES)
		(void)fcntl(pipe->ends[0], F_SETPIPE_SZ,
		        LARGE_PAGES * PAGE_BYTES); /* refused: the default size */

	int bytes = fcntl(pipe->ends[0], F_GETPIPE_SZ);

	/* Over the user's soft limit the kernel gives two pages: worse than a copy, and a sign to stop. */
	if (bytes < (int)(SMALL_PAGES * PAGE_BYTES))
		goto too_small;
	pipe->bytes = (uint32_t)bytes;
	counter_add(&loop->counters.pipes, 1);
	if (loop->plane->store != NULL)
		park_pipe(loop, pipe);
	return pipe;

too_small:
	sys_close(pipe->ends[0]);
	sys_close(pipe->ends[1]);
no_pipe:
	free(pipe);
	return NULL;
}

static struct pipe *pipe_create(csp_loop *loop)
{
	csp_plane *plane = loop->plane;
	struct pipe *pipe;
	uint32_t pages;

	if (!descriptors_take(plane))
		return NULL;
	pages = pages_take(plane);
	if (pages == 0)
		goto no_pages;
	pipe = pipe_open(loop, pages);
	if (pipe != NULL)
		return pipe;
	atomic_fetch_sub(&plane->pipe_pages, pages);
no_pages:
	atomic_fetch_sub(&plane->descriptors, 2);
	return NULL;
}

struct pipe *pipe_take_beyond_budget(csp_loop *loop)
{
	struct pipe *pipe = pipe_take(loop);

	if (pipe != NULL)
		return pipe;
	pipe = pipe_open(loop, SMALL_PAGES);
	if (pipe == NULL)
		return NULL;
	atomic_fetch_add(&loop->plane->pipe_pages, pipe->pages);
	atomic_fetch_add(&loop->plane->descriptors, 2);
	return pipe;
}

struct pipe *pipe_take(csp_loop *loop)
{
	struct pipe *pipe = loop->free_pipes;

	if (pipe == NULL)
		return pipe_create(loop);
	loop->free_pipes = pipe->next;
	loop->free_pipe_count--;
	pipe->next = NULL;
	return pipe;
}

/* Large pipes stay in front, so that the next flow gets one. */
void pipe_give_back(csp_loop *loop, struct pipe *pipe)
{
	bool short_of_descriptors = atomic_load(&loop->plane->paused_listeners) > 0;

	if (pipe->ref != 0)
		keep_pipe_for(loop, pipe, 0);

	if (loop->free_pipe_count >= POOL_MAX || short_of_descriptors) {
		pipe_destroy(loop, pipe);
		return;
	}

	struct pipe **place = &loop->free_pipes;

	while (*place != NULL && (*place)->bytes > pipe->bytes)
		place = &(*place)->next;
	pipe->next = *place;
	*place = pipe;
	loop->free_pipe_count++;
}

static void pipe_forget(csp_loop *loop, struct pipe *pipe)
{
	atomic_fetch_sub(&loop->plane->pipe_pages, pipe->pages);
	counter_add(&loop->counters.pipes, (uint64_t)-1);
	free(pipe);
	descriptors_give_back(loop, 2);
}

void pipe_destroy(csp_loop *loop, struct pipe *pipe)
{
	if (pipe->ref != 0)
		store_forget(loop, pipe->ref);
	sys_close(pipe->ends[0]);
	sys_close(pipe->ends[1]);
	pipe_forget(loop, pipe);
}

void pipe_release(csp_loop *loop, struct pipe *pipe, int32_t ends[2])
{
	ends[0] = pipe->ends[0];
	ends[1] = pipe->ends[1];
	pipe_forget(loop, pipe);
}

/* Adopted pipes hold bytes of a session: they are counted, but no budget can refuse them. */
struct pipe *pipe_adopt(csp_loop *loop, const int32_t ends[2], uint64_t ref)
{
	int bytes = fcntl(ends[0], F_GETPIPE_SZ);
	struct pipe *pipe = bytes > 0 ? malloc(sizeof *pipe) : NULL;

	if (pipe == NULL)
		return NULL;
	*pipe = (struct pipe){
	        .ends = {ends[0], ends[1]},
	        .bytes = (uint32_t)bytes,
	        .pages = (uint32_t)bytes / PAGE_BYTES,
	        .ref = ref};
	atomic_fetch_add(&loop->plane->pipe_pages, pipe->pages);
	atomic_fetch_add(&loop->plane->descriptors, 2);
	counter_add(&loop->counters.pipes, 1);
	return pipe;
}

void pipe_pool_destroy(csp_loop *loop)
{
	while (loop->free_pipes != NULL) {
		struct pipe *pipe = loop->free_pipes;

		loop->free_pipes = pipe->next;
		pipe_destroy(loop, pipe);
	}
	loop->free_pipe_count = 0;
}
