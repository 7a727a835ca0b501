#include "store.h"

#include <stdlib.h>
#include <string.h>

int csp_plane_open_store(csp_plane *plane, int fd, bool is_kept)
{
	struct store *store = calloc(1, sizeof *store);
	int result;

	if (store == NULL)
		return -ENOMEM;
	if ((result = table_map(fd, &store->table)) < 0) {
		free(store);
		return result;
	}
	store->is_kept = is_kept;
	plane->store = store;
	for (uint32_t i = 0; i < plane->options.loops; i++) {
		csp_loop *loop = plane->loops[i];

		loop->shelf = i; /* so that the loops begin with shelves of their own */
		loop->shared_buffer = table_buffer(store->table, i);
		loop->buffer = loop->shared_buffer->bytes;
		free(loop->own_buffer);
		loop->own_buffer = NULL;
	}
	return 0;
}

static void shelf_destroy(struct shelf *shelf)
{
	if (shelf == NULL)
		return;
	(void)pthread_mutex_destroy(&shelf->lock); /* unlocked: cannot fail */
	sys_close(shelf->ends[0]);
	sys_close(shelf->ends[1]);
	free(shelf);
}

void store_close(struct store *store)
{
	if (store == NULL)
		return;
	for (uint32_t i = 0; i < CSP_SHELVES_MAX; i++)
		shelf_destroy(atomic_load(&store->shelves[i]));
	table_unmap(store->table);
	free(store);
}

int csp_plane_add_shelf(csp_plane *plane, uint32_t number, const int ends[2])
{
	struct store *store = plane->store;
	struct shelf *shelf;
	struct shelf *none = NULL;
	int result;

	if (store == NULL || number >= CSP_SHELVES_MAX ||
	        sys_get_int(ends[0], SOL_SOCKET, SO_TYPE) != SOCK_SEQPACKET ||
	        sys_get_int(ends[1], SOL_SOCKET, SO_TYPE) != SOCK_SEQPACKET)
		return -EINVAL;
	/* Whoever may not look at a queue from its beginning would never find again what he parks there. */
	for (int i = 0; i < 2; i++)
		if ((result = sys_set_int(ends[i], SOL_SOCKET, SO_PEEK_OFF, -1)) < 0)
			return result;
	shelf = calloc(1, sizeof *shelf);
	if (shelf == NULL)
		return -ENOMEM;
	(void)pthread_mutex_init(&shelf->lock, NULL); /* a default mutex: cannot fail on Linux */
	shelf->number = number;
	shelf->capacity = TABLE_ENTRIES;
	for (int i = 0; i < 2; i++)
		shelf->ends[i] = ends[i];
	/* One that an earlier process has used is counted by csp_plane_recover. */
	for (uint32_t i = TABLE_ENTRIES; i-- > 0;)
		shelf->free[shelf->free_count++] = (uint16_t)i;
	if (!atomic_compare_exchange_strong(&store->shelves[number], &none, shelf)) {
		(void)pthread_mutex_destroy(&shelf->lock); /* as in shelf_destroy */
		free(shelf);
		return -EEXIST;
	}
	for (uint32_t count = atomic_load(&store->shelf_count); count < number + 1;)
		if (atomic_compare_exchange_strong(&store->shelf_count, &count, number + 1))
			break;
	atomic_store(&store->is_short, false);
	return 0;
}

void csp_plane_refuse_shelves(csp_plane *plane)
{
	if (plane->store == NULL)
		return;
	atomic_store(&plane->store->is_final, true);
	atomic_store(&plane->store->is_short, false);
}

/* ---- for all loops at once: clients wait meanwhile ---- */

struct work {
	csp_loop *loop;
	void (*does)(csp_loop *loop);
};

static void *run_work(void *argument)
{
	const struct work *work = argument;

	work->does(work->loop);
	return NULL;
}

void for_each_loop(csp_plane *plane, void (*does)(csp_loop *loop))
{
	struct work works[CSP_LOOPS_MAX];
	pthread_t threads[CSP_LOOPS_MAX];
	bool has_thread[CSP_LOOPS_MAX] = {false};

	for (uint32_t i = 1; i < plane->options.loops; i++) {
		works[i] = (struct work){.loop = plane->loops[i], .does = does};
		has_thread[i] = pthread_create(&threads[i], NULL, run_work, &works[i]) == 0;
	}
	does(plane->loops[0]);
	for (uint32_t i = 1; i < plane->options.loops; i++)
		if (!has_thread[i]) /* no memory for one: this thread does it */
			does(plane->loops[i]);
		else
			(void)pthread_join(threads[i], NULL); /* it was created above: cannot fail */
}

/* ---- leaving ---- */

static bool leave_session(csp_loop *loop, struct session *session)
{
	const struct parking client = {.state = ENTRY_CLIENT,
	        .count = 1,
	        .fds = {session->legs[DOWN].fd, -1},
	        .opened_at_ns = session->accepted_at_ns,
	        .is_unix = session->legs[DOWN].is_tcp ? 0 : 1};
	table_ref ref;

	if (session->state == SESSION_OPEN)
		return session_is_stored(session) || keep_session(loop, session) == 0;
	/* Its attempts die with us; the client does not notice. */
	return store_park(loop, &client, &ref) == 0;
}

static void leave_loop(csp_loop *loop)
{

	loop->now_ns = sys_now_ns();
	/* Those on their way to this loop are among its sessions from here on. */
	while (balance_has_arrivals(loop))
		balance_take_arrivals(loop);
	for (uint32_t i = 0; i < loop->sessions.chunks * SLAB_CHUNK_SLOTS; i++) {
		struct session *session = slab_at(&loop->sessions, i);

		if (!session->slot.used || session->has_left)
			continue;
		session->has_left = leave_session(loop, session);
		loop->left_out += !session->has_left;
	}
}

int csp_plane_leave(csp_plane *plane)
{
	uint32_t left_out = 0;

	if (plane->store == NULL)
		return -ENOENT;
	for (uint32_t i = 0; i < plane->options.loops; i++)
		plane->loops[i]->left_out = 0;
	for_each_loop(plane, leave_loop);
	for (uint32_t i = 0; i < plane->options.loops; i++)
		left_out += plane->loops[i]->left_out;
	return (int)left_out;
}

/* A queue of a shelf has the rest: these are only our duplicates. */
static void abandon_session(csp_loop *loop, struct session *session)
{
	for (int i = DOWN; i <= UP; i++) {
		struct relay *relay = &session->relays[i];

		sys_close(session->legs[i].fd);
		if (relay->pipe != NULL) {
			sys_close(relay->pipe->ends[0]);
			sys_close(relay->pipe->ends[1]);
			free(relay->pipe);
		}
		free(relay->stash);
	}
	dial_destroy_all(loop, session);
	session->slot.used = 0;
}

void csp_plane_abandon(csp_plane *plane)
{
	if (plane == NULL)
		return;
	for (uint32_t i = 0; i < plane->options.loops; i++) {
		struct slab *sessions = &plane->loops[i]->sessions;

		for (uint32_t j = 0; j < sessions->chunks * SLAB_CHUNK_SLOTS; j++) {
			struct session *session = slab_at(sessions, j);

			if (session->slot.used)
				abandon_session(plane->loops[i], session);
		}
	}
	for (uint32_t i = 0; i < CSP_LISTENERS_MAX; i++)
		plane->listeners[i].owns_path = false; /* whoever has the socket serves the path */
	csp_plane_destroy(plane);
}

/* ---- the note ---- */

static struct table_note *note_of(struct store *store, bool last)
{
	struct table_note *one = table_note(store->table, 0);
	struct table_note *other = table_note(store->table, 1);
	bool one_is_last = atomic_load(&one->sequence) >= atomic_load(&other->sequence);

	return one_is_last == last ? one : other;
}

int csp_plane_write_note(csp_plane *plane, const void *bytes, uint32_t length)
{
	struct table_note *last;
	struct table_note *next;

	if (plane->store == NULL)
		return -ENOENT;
	if (length > CSP_NOTE_MAX)
		return -E2BIG;
	last = note_of(plane->store, true);
	next = note_of(plane->store, false);
	if (atomic_load(&last->sequence) == UINT64_MAX) /* nobody has written so many: it is damaged */
		atomic_store(&last->sequence, 0);
	memcpy(next->bytes, bytes, length);
	next->length = length;
	next->check = table_check(next->bytes, length);
	atomic_store(&next->sequence, atomic_load(&last->sequence) + 1);
	return 0;
}

int csp_plane_read_note(csp_plane *plane, void *bytes, uint32_t capacity)
{
	const struct table_note *note;
	uint32_t length;

	if (plane->store == NULL)
		return -ENOENT;
	note = note_of(plane->store, true);
	length = note->length;
	if (atomic_load(&note->sequence) == 0)
		return 0;
	if (length > CSP_NOTE_MAX || length > capacity || note->check != table_check(note->bytes, length))
		return -EPROTO;
	memcpy(bytes, note->bytes, length);
	return (int)length;
}
