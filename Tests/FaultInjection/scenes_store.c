#include "scenes.h"
#include "faults.h"
#include "internal.h"

#include <setjmp.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MESSAGE = 900, OLD_MS = 2000, COMPACTED_MS = 6000, PIECE = 9000, SCARCE = 14, DEATH_PUMPS = 500 };

/* Until sessions are old enough, and the store knows them. */
static void grow_old(struct stage *stage)
{
	clock_skip_ms(OLD_MS);
	pump(stage);
	clock_skip_ms(OLD_MS);
	pump(stage);
}

/* Sessions are stored, carry, wait, and end; shelves are swept. */
static void keep(struct stage *stage)
{
	struct pair *pairs[6];
	char note[CSP_NOTE_MAX];

	for (int i = 0; i < 6; i++) {
		pairs[i] = i < 4 ? enter(stage) : enter_by_unix_socket(stage);
		(void)exchange(stage, pairs[i], MESSAGE, MESSAGE);
	}
	grow_old(stage);
	for (int i = 0; i < 6; i++)
		(void)exchange(stage, pairs[i], 2 * MESSAGE, MESSAGE);
	stall(stage, pairs[0], CLIENT, PIECE);
	stall(stage, pairs[1], SERVER, PIECE);
	stall(stage, pairs[4], CLIENT, PIECE);
	end(pairs[2], CLIENT);
	end(pairs[2], SERVER);
	end(pairs[5], CLIENT);
	end(pairs[5], SERVER);
	cut(pairs[3], SERVER);
	for (int count = 0; count < 3; count++)
		rest(stage, COMPACTED_MS);
	must(csp_plane_write_note(stage->plane, "a note", 6) == 0, "csp_plane_write_note");
	must(csp_plane_read_note(stage->plane, note, sizeof note) == 6, "csp_plane_read_note");
	(void)exchange(stage, pairs[0], 0, MESSAGE);
}

/* The same on shelves that take a handful of messages each, so that they are full. */
static void keep_on_full_shelves(struct stage *stage)
{
	int least = 1; /* the kernel knows better */

	for (uint32_t i = 0; i < stage->shelf_count; i++)
		for (int end = 0; end < 2; end++)
			must(setsockopt(stage->shelves[i][end], SOL_SOCKET, SO_SNDBUF, &least,
			             sizeof least) == 0,
			        "SO_SNDBUF");
	keep(stage);
}

/* One whose session the first loop has. */
static uint32_t one_of_the_first_loop(struct stage *stage, struct pair *const pairs[], uint32_t count)
{
	uint32_t loop = 1;
	uint32_t i = count;

	while (i > 0 && loop != 0)
		(void)number_of(stage, pairs[--i], &loop);
	return i;
}

/* A stored session with bytes that wait goes from the first loop to the other one by itself. */
static void keep_and_balance(struct stage *stage)
{
	struct pair *pairs[] = {enter(stage), enter(stage), enter(stage), enter(stage)};
	uint32_t waiting;

	for (int i = 0; i < 4; i++)
		(void)exchange(stage, pairs[i], MESSAGE, MESSAGE);
	grow_old(stage);
	waiting = one_of_the_first_loop(stage, pairs, 4);
	stall(stage, pairs[waiting], CLIENT, TALK_BYTES);
	for (int round = 0; round < 24; round++) {
		for (uint32_t i = 0; i < 4; i++)
			if (i != waiting)
				(void)exchange(stage, pairs[i], MESSAGE, MESSAGE);
		/* The other way it flows: more than any other, and not nearly all there is. */
		(void)say(pairs[waiting], SERVER, 4 * MESSAGE);
		pump(stage);
		hear(stage, pairs[waiting], CLIENT);
		stage->cpu_ns[0] += 30000000;
		clock_skip_ms(30);
	}
}

/* ---- the next process ---- */

void live(struct stage *stage)
{
	struct pair *pairs[5];

	for (int i = 0; i < 5; i++) {
		pairs[i] = i < 3 ? enter(stage) : enter_by_unix_socket(stage);
		must(exchange(stage, pairs[i], MESSAGE, MESSAGE), "a session");
	}
	grow_old(stage);
	stall(stage, pairs[0], CLIENT, PIECE);
	stall(stage, pairs[1], SERVER, PIECE);
	if (stage->options.pipe_pages > 0) /* without a pipe it may be in doubt just when somebody dies */
		stall(stage, pairs[3], CLIENT, PIECE);
	end(pairs[2], CLIENT);
	pump(stage);
	stage->manner = DIAL_NEVER;
	(void)enter(stage);
	(void)enter_by_unix_socket(stage);
	pump(stage);
}

void forget_numbers(struct stage *stage)
{
	for (uint32_t i = 0; i < stage->slot_count; i++)
		stage->served[i].number = 0;
}

/* The process leaves, as in a restart, and the next one begins. */
static void leave(struct stage *stage)
{
	stage_leave(stage);
	csp_plane_abandon(stage->plane);
	forget_numbers(stage);
	stage->plane = NULL;
	stage->manner = DIAL_ONCE;
	if (!stage_open(stage))
		return;
	for (uint32_t i = 0; i < stage->pair_count; i++)
		(void)exchange(stage, &stage->pairs[i], MESSAGE, MESSAGE);
}

/* It dies between two calls: behind a read, or before bytes are taken that were sent already. */
static void die(struct stage *stage, struct pair *pair, const char *call, uint32_t countdown, uint32_t bytes)
{
	static jmp_buf after;

	must(say(pair, CLIENT, bytes) == bytes, "something to be carried");
	if (setjmp(after) == 0) {
		faults_die_at(call, countdown, &after);
		for (int count = 0; count < DEATH_PUMPS; count++) { /* bytes may need a moment to arrive */
			pump(stage);
			usleep(1000);
		}
		must(false, "a death");
	}
	csp_plane_abandon(stage->plane);
	forget_numbers(stage);
	stage->plane = NULL;
	stage->manner = DIAL_ONCE;
	for (uint32_t i = 0; i < stage->pair_count; i++) /* nobody was dialed for it, so it was not stored */
		stage->pairs[i].is_cut |= stage->pairs[i].sides[SERVER].fd < 0;
}

static void die_in_copy(struct stage *stage)
{
	live(stage);
	die(stage, &stage->pairs[1], "send", 1, MESSAGE);
}

static void move_to(struct stage *stage, struct pair *pair, uint32_t to)
{
	struct csp_session_record record;
	uint32_t from;
	csp_session number = number_of(stage, pair, &from);

	must(number != 0, "a session to move");
	if (from == to)
		return;
	must(csp_session_take(csp_plane_loop(stage->plane, from), number, &record) == 0, "csp_session_take");
	must(csp_loop_adopt(csp_plane_loop(stage->plane, to), &record, &number) == 0, "csp_loop_adopt");
}

/* What the loop before has copied for it lies in a buffer too, and is none of what is missing. */
static void die_in_copy_after_a_move(struct stage *stage)
{
	struct pair *pair;

	live(stage);
	pair = &stage->pairs[1];
	move_to(stage, pair, 0);
	must(say(pair, CLIENT, MESSAGE) == MESSAGE, "the same direction before");
	pump(stage);
	hear(stage, pair, SERVER);
	move_to(stage, pair, 1);
	die(stage, pair, "send", 1, MESSAGE);
}

static void die_in_peek(struct stage *stage)
{
	live(stage);
	for (uint32_t i = 0; i < stage->options.loops; i++) /* those in which bytes waited for a while */
		pipe_pool_destroy(csp_plane_loop(stage->plane, i));
	/* Two full reads make it a bulk flow; then each look is followed by a read. */
	die(stage, &stage->pairs[1], "recv", 4, 60000);
}

static void come_back(struct stage *stage)
{
	cut(&stage->pairs[2], CLIENT); /* while nobody looks */
	if (!stage_open(stage))
		return;
	for (uint32_t i = 0; i < stage->pair_count; i++)
		(void)exchange(stage, &stage->pairs[i], MESSAGE, MESSAGE);
	rest(stage, COMPACTED_MS);
}

/* The next process may not open as many descriptors as it finds. */
static void come_back_with(struct stage *stage, rlim_t more)
{
	struct rlimit limit;
	rlim_t usual;

	must(getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
	usual = limit.rlim_cur;
	limit.rlim_cur = open_descriptors() + more;
	must(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
	faults_note();
	(void)stage_open(stage);
	limit.rlim_cur = usual;
	must(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
	if (stage->plane == NULL)
		return;
	for (uint32_t i = 0; i < stage->pair_count; i++)
		(void)exchange(stage, &stage->pairs[i], MESSAGE, MESSAGE);
	rest(stage, COMPACTED_MS);
}

/* At one of both the limit is between the two descriptors of a message. */
static void come_back_scarce(struct stage *stage)
{
	come_back_with(stage, SCARCE);
}

static void come_back_scarcer(struct stage *stage)
{
	come_back_with(stage, SCARCE - 1);
}

const struct scene store_scenes[] = {
        {.name = "keep", .act = keep, .has_store = true},
        {.name = "keep-small", .act = keep, .has_store = true, .is_small = true},
        {.name = "keep-full", .act = keep_on_full_shelves, .has_store = true},
        {.name = "keep-peek", .act = keep, .has_store = true, .pipe_pages = UINT32_MAX},
        {.name = "keep-balance", .act = keep_and_balance, .has_store = true},
        {.name = "leave", .prepare = live, .act = leave, .has_store = true, .returns = true},
        {.name = "leave-small",
                .prepare = live,
                .act = leave,
                .has_store = true,
                .returns = true,
                .is_small = true},
        {.name = "killed-in-copy",
                .prepare = die_in_copy,
                .act = come_back,
                .has_store = true,
                .returns = true},
        {.name = "killed-in-copy-after-a-move",
                .prepare = die_in_copy_after_a_move,
                .act = come_back,
                .has_store = true,
                .returns = true},
        {.name = "killed-and-scarce",
                .prepare = die_in_copy,
                .act = come_back_scarce,
                .has_store = true,
                .returns = true,
                .is_scarce = true},
        {.name = "killed-and-scarcer",
                .prepare = die_in_copy,
                .act = come_back_scarcer,
                .has_store = true,
                .returns = true,
                .is_scarce = true},
        {.name = "killed-in-peek",
                .prepare = die_in_peek,
                .act = come_back,
                .has_store = true,
                .returns = true,
                .pipe_pages = UINT32_MAX},
};
const uint32_t store_scene_count = sizeof store_scenes / sizeof store_scenes[0];
