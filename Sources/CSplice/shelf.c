#include "store.h"

/* What is put on a shelf, and what leaves it: messages of the dead by rotation. */

/* A shelf with so many messages of the dead is compacted at once, any other after a while: until then the
 * kernel keeps sockets that have ended. */
#define COMPACT_AT_DEAD 64u
#define COMPACT_AFTER_NS 5000000000u
/* So many messages in one call: the sessions of the loop wait meanwhile. */
#define COMPACT_BATCH 64u

/* The kernel closes descriptors that come with a message and are not asked for. */
static void drop_first(struct shelf *shelf)
{
	struct shelf_message message;

	if (sys_recv(shelf->ends[1], &message, sizeof message, MSG_DONTWAIT) >= 0 && shelf->messages > 0)
		shelf->messages--;
}

/*
 * A shelf is full when its queue takes no more, and one that is full takes not even its own first message
 * again: for that one there may be more in it for a moment. (The kernel doubles what it is told.)
 */
static int send_beyond(struct shelf *shelf, const struct shelf_message *message, const int fds[2])
{
	int usual = sys_get_int(shelf->ends[0], SOL_SOCKET, SO_SNDBUF);
	int result;

	if (usual < 0)
		return usual;
	if ((result = sys_set_int(shelf->ends[0], SOL_SOCKET, SO_SNDBUF, usual)) < 0)
		return result;
	result = shelf_send(shelf, message, fds);
	/* Refused: then it holds more for good. */
	(void)sys_set_int(shelf->ends[0], SOL_SOCKET, SO_SNDBUF, usual / 2);
	return result;
}

/* Sends the first message again, behind the last, and drops it then: to be killed in between leaves a
 * duplicate, never a gap. */
static int rotate_first(struct shelf *shelf)
{
	struct shelf_message message;
	int fds[2];
	int result = shelf_receive(shelf->ends[1], MSG_PEEK, &message, fds);

	if (result != FOUND_MESSAGE)
		return result == FOUND_NONE ? -ENOENT : result == FOUND_CUT ? -EMFILE : result;
	result = shelf_send(shelf, &message, fds);
	if (result == -EAGAIN)
		result = send_beyond(shelf, &message, fds);
	sys_close(fds[0]);
	sys_close(fds[1]);
	if (result < 0)
		return result;
	shelf->messages++;
	drop_first(shelf);
	return 0;
}

static void free_entry(struct store *store, struct shelf *shelf, uint32_t index)
{
	struct table_entry *entry = table_entry(store->table, shelf->number, index);

	atomic_store(&entry->state, ENTRY_FREE);
	shelf->free[shelf->free_count++] = (uint16_t)index;
}

bool shelf_is_living(struct store *store, const struct shelf *shelf, table_ref ref)
{
	const struct table_entry *entry = table_find(store->table, ref);

	if (table_ref_shelf(ref) != shelf->number || entry == NULL)
		return false;
	return atomic_load(&entry->state) != ENTRY_DEAD && atomic_load(&entry->state) != ENTRY_FREE;
}

/* Looks at some messages, from where the last call stopped: the queue itself goes round. What cannot be sent
 * again stays where it is, and so does all behind it. */
static void compact(struct store *store, struct shelf *shelf, uint32_t *budget)
{
	struct shelf_message message;

	if (shelf->is_unordered && shelf_put_in_order(store, shelf) < 0)
		return;
	if (shelf->unseen == 0)
		shelf->unseen = shelf->messages;
	if (sys_set_int(shelf->ends[1], SOL_SOCKET, SO_PEEK_OFF, -1) < 0)
		return; /* peeking would begin somewhere else */
	for (; *budget > 0 && shelf->unseen > 0 && atomic_load(&shelf->dead) > 0;
	        --*budget, shelf->unseen--) {
		struct table_entry *entry;

		if (shelf_peek(shelf->ends[1], &message) != FOUND_MESSAGE)
			break;
		if (shelf_is_living(store, shelf, message.ref)) {
			if (rotate_first(shelf) < 0)
				break;
			continue;
		}
		drop_first(shelf);
		entry = table_find(store->table, message.ref);
		if (entry != NULL && table_ref_shelf(message.ref) == shelf->number &&
		        atomic_load(&entry->state) == ENTRY_DEAD) {
			atomic_fetch_sub(&shelf->dead, 1);
			free_entry(store, shelf, table_ref_index(message.ref));
		}
	}
	if (atomic_load(&shelf->dead) == 0)
		shelf->unseen = 0;
}

void store_compact(csp_loop *loop)
{
	struct store *store = loop->plane->store;
	uint32_t count = atomic_load(&store->shelf_count);
	uint32_t budget = COMPACT_BATCH;
	bool some_left = false;

	for (uint32_t i = 0; i < count; i++) {
		struct shelf *shelf = atomic_load(&store->shelves[i]);

		if (shelf == NULL || atomic_load(&shelf->dead) == 0)
			continue;
		pthread_mutex_lock(&shelf->lock);
		compact(store, shelf, &budget);
		some_left |= atomic_load(&shelf->dead) > 0;
		pthread_mutex_unlock(&shelf->lock);
	}
	if (budget == 0)
		loop->compact_at_ns = loop->now_ns; /* the sessions first, then on */
	else
		loop->compact_at_ns = some_left ? loop->now_ns + COMPACT_AFTER_NS : 0;
}

void store_compact_soon(csp_loop *loop)
{
	if (loop->compact_at_ns == 0)
		loop->compact_at_ns = loop->now_ns + COMPACT_AFTER_NS;
}

static void fill_entry(struct table_entry *entry, const struct parking *parking, table_ref ref)
{
	entry->opened_at_ns = parking->opened_at_ns;
	entry->endpoint = parking->endpoint;
	entry->is_unix = parking->is_unix;
	for (int i = 0; i < 2; i++) {
		atomic_store(&entry->ended[i], 0);
		/* Until keep_session has looked at what waits. */
		atomic_store(&entry->unsafe[i], parking->state == ENTRY_SESSION);
	}
	atomic_store(&entry->owner, 0);
	table_seal(entry, ref);
	atomic_store(&entry->state, parking->state);
}

/* Puts one message on one shelf, whose lock is held. */
static int put(struct store *store, struct shelf *shelf, const struct parking *parking, table_ref *ref)
{
	struct shelf_message message = {.descriptors = parking->count};
	struct table_entry *entry;
	uint32_t index;
	int result;

	if (shelf->free_count == 0 || shelf->messages >= shelf->capacity || shelf->is_unordered)
		return -ENOSPC;
	index = shelf->free[shelf->free_count - 1];
	entry = table_entry(store->table, shelf->number, index);
	message.ref =
	        table_ref_make(shelf->number, index, table_next_generation(store->table, shelf->number));
	message.check = shelf_message_check(&message);
	fill_entry(entry, parking, message.ref);
	result = shelf_send(shelf, &message, parking->fds);
	if (result < 0) {
		atomic_store(&entry->state, ENTRY_FREE);
		if (result == -EAGAIN) { /* the queue takes no more than it holds */
			shelf->capacity = shelf->messages;
			return -ENOSPC;
		}
		return result;
	}
	shelf->free_count--;
	shelf->messages++;
	*ref = message.ref;
	return 0;
}

static int put_on(csp_loop *loop, uint32_t number, const struct parking *parking, table_ref *ref)
{
	struct store *store = loop->plane->store;
	struct shelf *shelf = atomic_load(&store->shelves[number]);
	int result;

	if (shelf == NULL)
		return -ENOSPC;
	pthread_mutex_lock(&shelf->lock);
	result = put(store, shelf, parking, ref);
	if (result == -ENOSPC && atomic_load(&shelf->dead) > 0) {
		uint32_t budget = TABLE_ENTRIES;

		compact(store, shelf, &budget);
		result = put(store, shelf, parking, ref);
	}
	pthread_mutex_unlock(&shelf->lock);
	return result;
}

/* The shelf that had room last, and only then the others. */
int store_park(csp_loop *loop, const struct parking *parking, table_ref *ref)
{
	struct store *store = loop->plane->store;
	uint32_t shelves = atomic_load(&store->shelf_count);
	int result = -ENOSPC;

	for (uint32_t i = 0; i < shelves && result == -ENOSPC; i++) {
		uint32_t number = (loop->shelf + i) % shelves;

		result = put_on(loop, number, parking, ref);
		if (result == 0)
			loop->shelf = number;
	}
	return result;
}

void store_forget(csp_loop *loop, table_ref ref)
{
	struct store *store = loop->plane->store;
	struct table_entry *entry = table_find(store->table, ref);
	struct shelf *shelf = atomic_load(&store->shelves[table_ref_shelf(ref)]);

	if (entry == NULL || shelf == NULL)
		return; /* somebody has written into the table: nothing is left to be forgotten */
	atomic_store(&entry->state, ENTRY_DEAD);
	if (atomic_fetch_add(&shelf->dead, 1) + 1 >= COMPACT_AT_DEAD)
		loop->compact_at_ns = loop->now_ns;
	else
		store_compact_soon(loop);
}
