#include "store.h"

#include <string.h>

/* Messages in the queues of unix sockets: sent whole, peeked at without being received. */

/* A shelf with so many messages of the dead is compacted at once, any other after a while: until then the
 * kernel keeps sockets that have ended. */
#define COMPACT_AT_DEAD 64u
#define COMPACT_AFTER_NS 5000000000u
/* So many messages in one call: the sessions of the loop wait meanwhile. */
#define COMPACT_BATCH 64u

union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(2 * sizeof(int))];
};

static uint32_t check_of(const struct shelf_message *message)
{
	return table_check(message, offsetof(struct shelf_message, check));
}

static int send_message(const struct shelf *shelf, const struct shelf_message *message, const int *fds)
{
	struct iovec part = {.iov_base = (void *)(uintptr_t)message, .iov_len = sizeof *message};
	union control control = {0};
	struct msghdr header = {
	        .msg_iov = &part,
	        .msg_iovlen = 1,
	        .msg_control = control.bytes,
	        .msg_controllen = CMSG_SPACE(message->descriptors * sizeof(int)),
	};
	struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
	ssize_t sent;

	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(message->descriptors * sizeof(int));
	memcpy(CMSG_DATA(rights), fds, message->descriptors * sizeof(int));
	sent = SYS_RETRY(ssize_t, sendmsg(shelf->ends[0], &header, MSG_DONTWAIT | MSG_NOSIGNAL));
	if (sent < 0)
		return (int)sent;
	return sent == (ssize_t)sizeof *message ? 0 : -EIO; /* SEQPACKET: whole or not at all */
}

/* What a look at a queue finds. Or it is a negative errno. */
enum {
	FOUND_NONE = 0,
	FOUND_MESSAGE = 1,
	FOUND_CUT = 2, /* one whose descriptors we have no room for */
};

/* Peeks or receives one message. */
static int receive_message(int end, int flags, struct shelf_message *message, int fds[static 2])
{
	struct iovec part = {.iov_base = message, .iov_len = sizeof *message};
	union control control;
	struct msghdr header = {.msg_iov = &part,
	        .msg_iovlen = 1,
	        .msg_control = control.bytes,
	        .msg_controllen = sizeof control};
	struct cmsghdr *rights;
	ssize_t got;
	size_t count = 0;

	fds[0] = fds[1] = -1;
	got = SYS_RETRY(ssize_t, recvmsg(end, &header, flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC));
	if (got == -EAGAIN)
		return FOUND_NONE;
	if (got < 0)
		return (int)got;
	rights = CMSG_FIRSTHDR(&header);
	if (rights != NULL && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS)
		count = (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	if (count > 0)
		memcpy(fds, CMSG_DATA(rights), (count < 2 ? count : 2) * sizeof(int));
	if (got == 0) { /* the other end is closed, or somebody has sent an empty one: none of ours is behind
		           it */
		sys_close(fds[0]);
		sys_close(fds[1]);
		fds[0] = fds[1] = -1;
		return FOUND_NONE;
	}
	/* Of a message that is none of ours nothing is used; one cut short is for want of descriptors. */
	if (got != (ssize_t)sizeof *message || message->check != check_of(message) || message->ref == 0 ||
	        message->descriptors < 1 || message->descriptors > 2)
		message->ref = 0;
	else if (header.msg_flags & MSG_CTRUNC || count != message->descriptors)
		goto cut;
	return FOUND_MESSAGE;

cut:
	sys_close(fds[0]);
	sys_close(fds[1]);
	fds[0] = fds[1] = -1;
	return FOUND_CUT;
}

/* Looks at the first message without its descriptors, which cost more than all the rest. */
static int peek_first(const struct shelf *shelf, struct shelf_message *message)
{
	ssize_t got = sys_recv(shelf->ends[1], message, sizeof *message, MSG_PEEK | MSG_DONTWAIT);

	if (got < 0 && got != -EAGAIN)
		return (int)got;
	return got == (ssize_t)sizeof *message ? FOUND_MESSAGE : FOUND_NONE;
}

/* The kernel closes descriptors that come with a message and are not asked for. */
static void drop_first(struct shelf *shelf)
{
	struct shelf_message message;

	if (sys_recv(shelf->ends[1], &message, sizeof message, MSG_DONTWAIT) >= 0)
		shelf->messages--;
}

/* Sends the first message again, behind the last, and drops it then: to be killed in between leaves a
 * duplicate, never a gap. */
static int rotate_first(struct shelf *shelf)
{
	struct shelf_message message;
	int fds[2];
	int result = receive_message(shelf->ends[1], MSG_PEEK, &message, fds);

	if (result != FOUND_MESSAGE)
		return result == FOUND_NONE ? -ENOENT : result == FOUND_CUT ? -EMFILE : result;
	result = send_message(shelf, &message, fds);
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

static bool is_living(struct store *store, const struct shelf *shelf, table_ref ref)
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

	if (shelf->unseen == 0)
		shelf->unseen = shelf->messages;
	if (sys_set_int(shelf->ends[1], SOL_SOCKET, SO_PEEK_OFF, -1) < 0)
		return; /* peeking would begin somewhere else */
	for (; *budget > 0 && shelf->unseen > 0 && atomic_load(&shelf->dead) > 0;
	        --*budget, shelf->unseen--) {
		struct table_entry *entry;

		if (peek_first(shelf, &message) != FOUND_MESSAGE)
			break;
		if (is_living(store, shelf, message.ref)) {
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

	if (shelf->free_count == 0 || shelf->messages >= shelf->capacity)
		return -ENOSPC;
	index = shelf->free[shelf->free_count - 1];
	entry = table_entry(store->table, shelf->number, index);
	message.ref =
	        table_ref_make(shelf->number, index, table_next_generation(store->table, shelf->number));
	message.check = check_of(&message);
	fill_entry(entry, parking, message.ref);
	result = send_message(shelf, &message, parking->fds);
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
	else if (loop->compact_at_ns == 0)
		loop->compact_at_ns = loop->now_ns + COMPACT_AFTER_NS;
}

/* Tries again what has failed for a reason that may pass. */
#define LOOK_AGAIN(call)                                                                                     \
	({                                                                                                   \
		int looked_ = (call);                                                                        \
		for (int tries_ = 1; looked_ < 0 && tries_ < LOOKS; tries_++)                                \
			looked_ = (call);                                                                    \
		looked_;                                                                                     \
	})
#define LOOKS 4

static int put_ends_in_order(struct shelf *shelf)
{
	struct shelf_message message;
	int end = shelf->ends[0];
	int result = LOOK_AGAIN(peek_first(shelf, &message));

	if (result != FOUND_NONE)
		return result;
	shelf->ends[0] = shelf->ends[1];
	shelf->ends[1] = end;
	return 0;
}

/* Whether a message is the first one of a living entry; the entry counts as used in any case. */
static bool is_news(struct store *store, struct shelf *shelf, table_ref ref, bool used[static TABLE_ENTRIES])
{
	const struct table_entry *entry = table_find(store->table, ref);

	if (entry == NULL || table_ref_shelf(ref) != shelf->number || used[table_ref_index(ref)])
		return false;
	used[table_ref_index(ref)] = true;
	if (is_living(store, shelf, ref))
		return true;
	atomic_fetch_add(&shelf->dead, atomic_load(&entry->state) == ENTRY_DEAD);
	return false;
}

static int set_peek_offset(const struct shelf *shelf, int end, int offset)
{
	return LOOK_AGAIN(sys_set_int(shelf->ends[end], SOL_SOCKET, SO_PEEK_OFF, offset));
}

/* 0: all of them were seen; or why not. */
static int look_at_all(struct store *store, struct shelf *shelf,
        struct shelf_found found[static TABLE_ENTRIES], bool used[static TABLE_ENTRIES])
{
	struct shelf_message message;
	int fds[2];
	int seen;
	int result = 0;

	if ((result = set_peek_offset(shelf, 0, -1)) < 0 || (result = set_peek_offset(shelf, 1, -1)) < 0 ||
	        (result = put_ends_in_order(shelf)) < 0)
		return result;
	/* Peeking moves on by itself from there (socket(7), SO_PEEK_OFF). */
	if ((result = set_peek_offset(shelf, 1, 0)) < 0)
		return result;
	while ((seen = LOOK_AGAIN(receive_message(shelf->ends[1], MSG_PEEK, &message, fds))) > 0) {
		shelf->messages++;
		if (seen == FOUND_CUT) {
			result = -EMFILE;
		} else if (is_news(store, shelf, message.ref, used)) {
			found[table_ref_index(message.ref)] =
			        (struct shelf_found){.ref = message.ref, .fds = {fds[0], fds[1]}};
		} else {
			sys_close(fds[0]);
			sys_close(fds[1]);
		}
	}
	return seen < 0 ? seen : result;
}

/* Whoever is told of in the table, and was not seen although he may be there, ends: the kernel resets what is
 * taken out of the queue. */
static void give_up(struct store *store, struct shelf *shelf, uint32_t index)
{
	atomic_store(&table_entry(store->table, shelf->number, index)->state, ENTRY_DEAD);
	atomic_fetch_add(&shelf->dead, 1);
	shelf->messages++;
}

int shelf_walk(struct store *store, struct shelf *shelf, struct shelf_found found[static TABLE_ENTRIES],
        uint32_t *given_up)
{
	bool used[TABLE_ENTRIES] = {false};
	int result;

	memset(found, 0, TABLE_ENTRIES * sizeof *found);
	result = look_at_all(store, shelf, found, used);
	for (uint32_t i = TABLE_ENTRIES; i-- > 0;) {
		uint32_t state = atomic_load(&table_entry(store->table, shelf->number, i)->state);

		if (used[i])
			continue;
		if (result == 0 || state == ENTRY_FREE) {
			shelf->free[shelf->free_count++] = (uint16_t)i;
			continue;
		}
		*given_up += state == ENTRY_SESSION || state == ENTRY_CLIENT;
		give_up(store, shelf, i);
	}
	return result;
}
