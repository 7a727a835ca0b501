#include "scenes.h"
#include "faults.h"
#include "internal.h"

/* A piece is copied; a torrent is spliced. */
enum { BULK = 600000, MESSAGE = 900, PIECE = 9000, TORRENT = TALK_BYTES };

/* Small messages, then an end from each side in turn. */
static void talk(struct stage *stage)
{
	struct pair *one = enter(stage);
	struct pair *other = enter(stage);

	(void)exchange(stage, one, MESSAGE, 2 * MESSAGE);
	(void)exchange(stage, other, MESSAGE, MESSAGE);
	end(one, CLIENT);
	(void)exchange(stage, one, 0, MESSAGE);
	end(one, SERVER);
	end(other, SERVER);
	(void)exchange(stage, other, MESSAGE, 0);
	rest(stage, 20);
}

static void bulk(struct stage *stage)
{
	struct pair *pair = enter(stage);

	(void)exchange(stage, pair, BULK, BULK);
	stall(stage, pair, CLIENT, TORRENT);
	stall(stage, pair, SERVER, TORRENT);
	rest(stage, 20);
	end(pair, CLIENT);
	(void)exchange(stage, pair, 0, MESSAGE);
}

/* No loop would have it. */
static void discard(struct pair *pair, const struct csp_session_record *record)
{
	const int32_t all[] = {record->downstream, record->upstream, record->pipe_up[0], record->pipe_up[1],
	        record->pipe_down[0], record->pipe_down[1]};

	pair->is_cut = true;
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		sys_close(all[i]);
}

/* A session with bytes that wait goes from loop to loop. */
static void carry(struct stage *stage)
{
	struct pair *pair = enter(stage);
	struct csp_session_record record;
	uint32_t loop;

	csp_plane_name_peers(stage->plane, true);
	if (!exchange(stage, pair, MESSAGE, MESSAGE))
		return;
	for (int count = 0; count < 6; count++) {
		csp_session number = number_of(stage, pair, &loop);

		stall(stage, pair, count % 2, PIECE);
		if (number == 0 ||
		        !went_well(csp_session_take(csp_plane_loop(stage->plane, loop), number, &record),
		                "csp_session_take"))
			continue;
		/* Who cannot give it to one loop gives it to another. */
		for (uint32_t i = 1; i <= 2 * LOOPS; i++)
			if (went_well(csp_loop_adopt(csp_plane_loop(stage->plane, (loop + i) % LOOPS),
			                      &record, &number),
			            "csp_loop_adopt"))
				break;
			else if (i == 2 * LOOPS)
				discard(pair, &record);
		pump(stage);
	}
	(void)exchange(stage, pair, MESSAGE, MESSAGE);
}

/* One loop works and the other one sleeps: a session moves by itself. */
static void balance(struct stage *stage)
{
	struct pair *pairs[] = {enter(stage), enter(stage), enter(stage), enter(stage)};

	for (int round = 0; round < 24; round++) {
		for (int i = 0; i < 4; i++)
			(void)exchange(stage, pairs[i], MESSAGE, MESSAGE);
		stage->cpu_ns[0] += 30000000;
		clock_skip_ms(30);
	}
	rest(stage, 20);
}

static void hedge(struct stage *stage)
{
	stage->manner = DIAL_TWICE;
	(void)exchange(stage, enter(stage), MESSAGE, MESSAGE);
	stage->is_ipv6 = true;
	(void)exchange(stage, enter(stage), MESSAGE, MESSAGE);
	stage->is_ipv6 = false;
	stage->manner = DIAL_ONCE;
	rest(stage, 20);
}

/* Each end that is none of the usual ones. */
static void resets(struct stage *stage)
{
	struct pair *pairs[7];
	uint32_t loop;
	csp_session number;

	for (int i = 0; i < 7; i++) {
		pairs[i] = enter(stage);
		(void)exchange(stage, pairs[i], MESSAGE, MESSAGE);
	}
	cut(pairs[0], CLIENT);
	stall(stage, pairs[1], CLIENT, PIECE);
	cut(pairs[1], SERVER);
	stall(stage, pairs[6], CLIENT, PIECE); /* and then nothing can move when the client is gone */
	cut(pairs[6], CLIENT);
	(void)say(pairs[2], SERVER, MESSAGE); /* last words, and a close with bytes unread */
	(void)say(pairs[2], CLIENT, MESSAGE);
	cut(pairs[2], SERVER);
	pump(stage);
	for (int i = 3; i < 6; i++) {
		number = number_of(stage, pairs[i], &loop);
		pairs[i]->is_cut = true;
		if (number == 0) {
			cut(pairs[i], CLIENT);
			continue;
		}
		if (i == 5)
			must(csp_loop_reset_endpoint(csp_plane_loop(stage->plane, loop), pairs[i]->slot, 1) ==
			                1,
			        "csp_loop_reset_endpoint");
		else
			must(csp_session_close(csp_plane_loop(stage->plane, loop), number, i == 3, NULL) == 0,
			        "csp_session_close");
	}
	rest(stage, 20);
}

/* Clients that leave before they were dialed for: with words that wait, and without. */
static void leavers(struct stage *stage)
{
	struct pair *silent;
	struct pair *patient;

	stage->manner = DIAL_NEVER;
	silent = enter(stage);
	patient = enter(stage);
	pump(stage);
	cut(silent, CLIENT);
	end(patient, CLIENT);
	pump(stage);
	stage->manner = DIAL_ONCE;
	pump(stage);
	rest(stage, 20);
}

static void urgent(struct stage *stage)
{
	struct pair *pair = enter(stage);
	struct pair *local = enter_by_unix_socket(stage);

	for (int side = CLIENT; side <= SERVER; side++) {
		(void)exchange(stage, pair, MESSAGE, MESSAGE);
		say_urgent(pair, side);
		(void)say(pair, side, MESSAGE);
		(void)exchange(stage, pair, 0, 0);
	}
	if (exchange(stage, local, MESSAGE, MESSAGE)) {
		say_urgent(local, SERVER);
		(void)exchange(stage, local, 0, 0);
	}
}

static void unix_sockets(struct stage *stage)
{
	struct pair *pair = enter_by_unix_socket(stage);
	struct pair *other = enter_by_unix_socket(stage);

	(void)exchange(stage, pair, BULK, BULK);
	stall(stage, pair, CLIENT, TORRENT);
	(void)exchange(stage, other, MESSAGE, MESSAGE);
	rest(stage, 20);
	end(pair, CLIENT);
	(void)exchange(stage, pair, 0, MESSAGE);
	end(other, SERVER);
}

/* An endpoint that does not answer is suspected. */
static void silence(struct stage *stage)
{
	struct pair *pair = enter(stage);

	(void)exchange(stage, pair, MESSAGE, MESSAGE);
	(void)exchange(stage, pair, MESSAGE, 0);
	for (int count = 0; count < 4; count++)
		rest(stage, 300);
	must(stage->suspicions > 0 || faults_fired() > 0, "a silent endpoint is told of");
	(void)exchange(stage, pair, 0, MESSAGE);
}

/* Sessions that are asked about, and grow older than a second. */
static void questions(struct stage *stage)
{
	struct csp_session_summary all[PAIRS];
	struct csp_address address;
	struct pair *pair = enter(stage);
	uint32_t loop;
	csp_session number;

	csp_plane_name_peers(stage->plane, true);
	(void)exchange(stage, enter(stage), MESSAGE, MESSAGE);
	(void)exchange(stage, pair, MESSAGE, MESSAGE);
	(void)enter_by_unix_socket(stage);
	rest(stage, 2000);
	for (loop = 0; loop < LOOPS; loop++)
		for (uint32_t cursor = 0; cursor != UINT32_MAX;)
			must(csp_loop_list(csp_plane_loop(stage->plane, loop), &cursor, all, PAIRS) >= 0,
			        "csp_loop_list");
	number = number_of(stage, pair, &loop);
	if (number != 0)
		(void)went_well(
		        csp_session_upstream_address(csp_plane_loop(stage->plane, loop), number, &address),
		        "csp_session_upstream_address");
	(void)exchange(stage, pair, MESSAGE, MESSAGE);
}

const struct scene traffic_scenes[] = {
        {.name = "talk", .act = talk},
        {.name = "talk-spinning", .act = talk, .spin_us = 50},
        {.name = "bulk", .act = bulk},
        {.name = "bulk-small", .act = bulk, .is_small = true},
        {.name = "peek", .act = bulk, .pipe_pages = UINT32_MAX},
        {.name = "carry", .act = carry, .is_small = true},
        {.name = "balance", .act = balance},
        {.name = "hedge", .act = hedge},
        {.name = "resets", .act = resets},
        {.name = "leavers", .act = leavers},
        {.name = "urgent", .act = urgent},
        {.name = "unix", .act = unix_sockets},
        {.name = "unix-peek", .act = unix_sockets, .pipe_pages = UINT32_MAX},
        {.name = "silence", .act = silence},
        {.name = "questions", .act = questions},
};
const uint32_t traffic_scene_count = sizeof traffic_scenes / sizeof traffic_scenes[0];
