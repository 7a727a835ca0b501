#include "session.h"
#include "store.h"

#include <linux/close_range.h>

/*
 * An execve(2) need not close what the next program would have to receive again from the shelves, message by
 * message: descriptors are left open, and the table says which they are. All of them or none: a shelf of
 * which the table does not know everything is walked, and who walks gets new descriptors.
 */

/* 0 where all went well: of an open descriptor nobody but a sandbox refuses it. */
static int pass_on(int fd, bool passes)
{
	return fd < 0 ? 0 : SYS_RETRY(int, ioctl(fd, passes ? FIONCLEX : FIOCLEX));
}

static void hold(csp_loop *loop, table_ref ref, int first, int second)
{
	struct store *store = loop->plane->store;
	struct table_rest *rest = store_rest(store, ref);
	struct shelf *shelf = atomic_load(&store->shelves[table_ref_shelf(ref)]);

	if (rest == NULL || shelf == NULL || pass_on(first, true) < 0 || pass_on(second, true) < 0)
		return; /* then there is one too few on that shelf */
	rest->held[0] = first;
	rest->held[1] = second;
	atomic_store(&rest->settled, store->mark);
	atomic_fetch_add(&shelf->held, 1);
}

/* What the loop's epoll set has told of a session, and under which name: that set tells nothing twice. */
static void note_readiness(csp_loop *loop, const struct session *session)
{
	struct table_rest *rest = store_rest(loop->plane->store, session->left_as);

	if (rest == NULL)
		return;
	rest->loop = (uint8_t)loop->index;
	rest->slot = session->slot.index;
	rest->generation = session->slot.generation;
	for (int i = DOWN; i <= UP; i++) {
		struct leg leg = session->legs[i];

		/* An end that was read, and whose direction still had bytes to deliver, is read again. */
		leg.readable |= session->relays[i].state == RELAY_FLUSHING;
		rest->legs[i] = leg_flags(&leg);
	}
}

/* What a session has open, as messages have it: the session or client first, then a pipe for each direction.
 */
static void hold_session(csp_loop *loop, const struct session *session)
{
	if (session->state == SESSION_OPEN)
		note_readiness(loop, session);
	else /* whoever goes on with a client begins anew; a registered descriptor: cannot fail */
		(void)sys_epoll_ctl(loop->epoll, EPOLL_CTL_DEL, session->legs[DOWN].fd, 0, 0);
	hold(loop, session->left_as, session->legs[DOWN].fd,
	        session->state == SESSION_OPEN ? session->legs[UP].fd : -1);
	for (int i = DOWN; i <= UP; i++) {
		const struct pipe *pipe = session->relays[i].pipe;

		if (pipe != NULL && pipe->ref != 0)
			hold(loop, pipe->ref, pipe->ends[0], pipe->ends[1]);
	}
}

static void keep_one(csp_loop *loop, const struct session *session)
{
	(void)loop;
	for (int i = DOWN; i <= UP; i++) {
		const struct pipe *pipe = session->relays[i].pipe;

		/* A client's attempts die with us. */
		if (i == DOWN || session->state == SESSION_OPEN)
			(void)pass_on(session->legs[i].fd, false); /* refused: a child has it too */
		if (pipe == NULL || pipe->ref == 0)
			continue;
		(void)pass_on(pipe->ends[0], false); /* the same */
		(void)pass_on(pipe->ends[1], false);
	}
}

static void for_each_that_left(csp_loop *loop, void (*does)(csp_loop *loop, const struct session *session))
{
	for (uint32_t i = 0; i < loop->sessions.chunks * SLAB_CHUNK_SLOTS; i++) {
		const struct session *session = slab_at(&loop->sessions, i);

		if (session->slot.used && session->left_as != 0)
			does(loop, session);
	}
}

static void hold_all(csp_loop *loop)
{
	struct table_buffer *buffer = table_buffer(loop->plane->store->table, loop->index);

	for_each_that_left(loop, hold_session);
	if (pass_on(loop->epoll, true) < 0)
		return; /* then the next process registers its sessions anew */
	buffer->epoll = loop->epoll;
	atomic_store(&buffer->held, loop->plane->store->mark);
}

static void keep_all(csp_loop *loop)
{
	for_each_that_left(loop, keep_one);
	(void)pass_on(loop->epoll, false);
}

void held_return_client(csp_loop *loop, struct session *session)
{
	int error = sys_epoll_ctl(loop->epoll, EPOLL_CTL_ADD, session->legs[DOWN].fd, LEG_EVENTS,
	        session_leg_tag(session, DOWN));

	if (error < 0)
		session_fail(loop, session, 2, -error);
}

static bool is_living_state(uint32_t state)
{
	return state != ENTRY_FREE && state != ENTRY_DEAD;
}

/* Whether all that lives on a shelf is held; then the table says how many messages there are, too. */
static bool is_whole(struct store *store, struct shelf *shelf)
{
	struct table_shelf *known = table_shelf(store->table, shelf->number);
	uint32_t living = 0;

	for (uint32_t i = 0; i < TABLE_ENTRIES; i++)
		living += is_living_state(atomic_load(&table_entry(store->table, shelf->number, i)->state));
	if (living != atomic_load(&shelf->held))
		return false;
	known->messages = shelf->messages;
	atomic_store(&known->settled, store->mark);
	return true;
}

static bool are_whole(struct store *store)
{
	for (uint32_t i = 0; i < atomic_load(&store->shelf_count); i++) {
		struct shelf *shelf = atomic_load(&store->shelves[i]);

		if (shelf != NULL && !is_whole(store, shelf))
			return false;
	}
	return true;
}

uint64_t csp_plane_hold(csp_plane *plane)
{
	struct store *store = plane->store;

	if (store == NULL || store->mark == 0)
		return 0;
	for (uint32_t i = 0; i < atomic_load(&store->shelf_count); i++) {
		struct shelf *shelf = atomic_load(&store->shelves[i]);

		if (shelf != NULL)
			atomic_store(&shelf->held, 0);
	}
	for_each_loop(plane, hold_all);
	listeners_leave(plane);
	store->was_held = true;
	if (!are_whole(store)) {
		for_each_loop(plane, keep_all);
		return 0;
	}
	store->held = store->mark;
	return store->held;
}

void held_are_kept(csp_plane *plane)
{
	if (!plane->store->was_held)
		return;
	listeners_return(plane);
	if (plane->store->held != 0)
		for_each_loop(plane, keep_all);
	plane->store->held = 0;
}

/* Whether the loops are as many as the process before had. */
static bool are_the_same_loops(csp_plane *plane, uint64_t held)
{
	for (uint32_t i = 0; i < CSP_LOOPS_MAX; i++)
		if ((atomic_load(&table_buffer(plane->store->table, i)->held) == held) !=
		        (i < plane->options.loops))
			return false;
	return true;
}

/* The set of the process before becomes this loop's own. */
static void take_epoll(csp_loop *loop, int epoll)
{
	if (sys_epoll_ctl(epoll, EPOLL_CTL_ADD, loop->wake, EPOLLIN | EPOLLET, tag_make(TAG_WAKE, 0, 0)) <
	        0) {
		sys_close(epoll);
		return; /* then its sessions are registered in ours, as others are */
	}
	sys_close(loop->epoll);
	loop->epoll = epoll;
	loop->has_held_epoll = true;
	/* In it there may be sockets that have ended, under numbers that no new session must get. */
	loop->sessions.first_generation = (uint32_t)(loop->plane->store->held >> 32) | 1;
}

static void take_epolls(csp_plane *plane, uint64_t held)
{
	bool are_same = are_the_same_loops(plane, held);

	for (uint32_t i = 0; i < CSP_LOOPS_MAX; i++) {
		struct table_buffer *buffer = table_buffer(plane->store->table, i);

		if (atomic_load(&buffer->held) != held)
			continue;
		atomic_store(&buffer->held, 0);
		if (are_same)
			take_epoll(plane->loops[i], buffer->epoll);
		else
			sys_close(buffer->epoll);
	}
}

int csp_plane_expect_held(csp_plane *plane, uint64_t held)
{
	if (plane->store == NULL)
		return -ENOENT;
	if (held == 0 || held != table_mark(plane->store->table))
		return -EPROTO;
	plane->store->held = held;
	/* They were open for this program, and are for no other one. ENOSYS: an old kernel, where a program
	 * that is started as a child has them too. */
	(void)close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
	take_epolls(plane, held);
	return 0;
}

static void find_held(struct store *store, struct shelf *shelf, uint32_t index, struct shelf_found *found)
{
	const struct table_entry *entry = table_entry(store->table, shelf->number, index);
	const struct table_rest *rest = table_rest(store->table, shelf->number, index);
	table_ref ref = table_ref_make(shelf->number, index, entry->generation);

	switch (atomic_load(&entry->state)) {
	case ENTRY_FREE:
		shelf->free[shelf->free_count++] = (uint16_t)index;
		return;
	case ENTRY_DEAD:
		atomic_fetch_add(&shelf->dead, 1);
		return;
	default:
		if (rest != NULL && atomic_load(&rest->settled) == store->held && table_is_sealed(entry, ref))
			*found = (struct shelf_found){.ref = ref, .fds = {rest->held[0], rest->held[1]}};
	}
}

const struct table_rest *held_readiness(csp_plane *plane, table_ref ref)
{
	const struct table_rest *rest = store_rest(plane->store, ref);

	if (plane->store->held == 0 || rest == NULL || atomic_load(&rest->settled) != plane->store->held ||
	        rest->held[0] < 0 || rest->loop >= plane->options.loops ||
	        !plane->loops[rest->loop]->has_held_epoll)
		return NULL;
	return rest;
}

bool held_walk(struct store *store, struct shelf *shelf, struct shelf_found found[static TABLE_ENTRIES])
{
	const struct table_shelf *known = table_shelf(store->table, shelf->number);

	if (store->held == 0 || atomic_load(&known->settled) != store->held)
		return false;
	/* What is parked from here on must go where the others are; until the ends are known nothing is. */
	(void)shelf_put_in_order(store, shelf);
	for (uint32_t i = TABLE_ENTRIES; i-- > 0;)
		find_held(store, shelf, i, &found[i]);
	shelf->messages = known->messages;
	shelf->unseen = 0;
	return true;
}
