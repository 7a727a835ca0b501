/*
 * Feeds what a process may leave behind (a table, shelves with messages and descriptors) with whatever
 * libFuzzer thinks of, and lets another one recover it. `make fuzz` builds and runs it.
 *
 * An input is read as orders: see enum order. Whatever it says, recovery must not crash, hang, or keep a
 * descriptor open that it has not said to own: sanitizers, a deadline, and a count before and after tell.
 */
#include "connect.h"
#include "input.h"
#include "store.h"
#include "table.c" /* for the header's form, which nobody else knows */

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

enum {
	DESCRIPTORS = 512, /* above what one input opens */
	THINGS = 24,       /* connections, pipes and the like of one input */
	MESSAGES = 48,
	SHELVES = 2,
	TURNS = 6,
};

enum order {
	ORDER_HEADER = 0,  /* a byte of the header becomes another one */
	ORDER_SESSION = 1, /* an entry and a message of two connections through which bytes went */
	ORDER_PIPE = 2,    /* the same of a pipe with bytes in it */
	ORDER_CLIENT = 3,
	ORDER_MESSAGE = 4, /* a message of its own making, with any descriptors */
	ORDER_ENTRY = 5,   /* bytes of an entry become others */
	ORDER_BUFFER = 6,  /* what a loop had in its hands */
	ORDER_NOTE = 7,
	FIRST_ORDERS = 8,
	ORDER_REST = 8,  /* what a process that left in order knew, or something else */
	ORDER_SHELF = 9, /* the same of a shelf */
	ORDERS = 10,
};

/* Everything that one input makes and has to close. */
struct scene {
	struct input input;
	int table_fd;
	struct table *table;
	int ends[SHELVES][2];
	int far[4 * THINGS]; /* what the other sides of connections hold */
	uint32_t far_count;
	uint32_t things;
	uint32_t messages;
	table_ref last; /* of a session */
};

int LLVMFuzzerInitialize(int *count, char ***words);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static int door = -1;
static struct sockaddr_in door_address;

static void must(bool is_true, const char *what)
{
	if (is_true)
		return;
	fprintf(stderr, "broken promise or no means: %s (%s)\n", what, strerror(errno));
	abort();
}

int LLVMFuzzerInitialize(int *count, char ***words)
{
	socklen_t length = sizeof door_address;

	(void)count;
	(void)words;
	(void)signal(SIGPIPE, SIG_IGN);
	door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	door_address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	must(bind(door, (const struct sockaddr *)&door_address, length) == 0 && listen(door, 64) == 0,
	        "listen");
	must(getsockname(door, (struct sockaddr *)&door_address, &length) == 0, "getsockname");
	return 0;
}

/* ---- descriptors ---- */

static uint32_t open_descriptors(void)
{
	static struct pollfd all[DESCRIPTORS];
	uint32_t count = 0;

	for (int i = 0; i < DESCRIPTORS; i++)
		all[i] = (struct pollfd){.fd = i};
	must(poll(all, DESCRIPTORS, 0) >= 0, "poll");
	for (int i = 0; i < DESCRIPTORS; i++)
		count += !(all[i].revents & POLLNVAL);
	return count;
}

static void set_nonblocking(int fd)
{
	must(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0, "O_NONBLOCK");
}

/* Closed by a reset, so that no port waits for a minute. */
static void keep_far(struct scene *scene, int fd)
{
	const struct linger linger = {.l_onoff = 1};

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
	scene->far[scene->far_count++] = fd;
}

/* A connection; near is our end of it, which has opened it or not. */
static int connection(struct scene *scene, bool opened, int *far)
{
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int server;

	must(has_connected(client, &door_address), "connect");
	do
		server = accept(door, NULL, NULL);
	while (server == -1 && errno == EINTR);
	must(server >= 0, "accept");
	*far = opened ? server : client;
	set_nonblocking(client);
	set_nonblocking(server);
	keep_far(scene, *far);
	return opened ? client : server;
}

static void say(int fd, uint32_t count)
{
	static const char bytes[4096];

	if (count > 0)
		(void)send(fd, bytes, count & 4095, MSG_NOSIGNAL | MSG_DONTWAIT); /* less is another case */
}

static void hear(int fd, uint32_t count)
{
	char bytes[4096];

	if (count > 0)
		(void)recv(fd, bytes, count & 4095, MSG_DONTWAIT);
}

static void full_pipe(int ends[2], uint32_t count)
{
	static const char bytes[4096];

	must(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0, "pipe2");
	if (count > 0)
		(void)!write(ends[1], bytes, count & 4095);
}

/* Something that has no business on a shelf. */
static int stranger(struct scene *scene, uint8_t kind)
{
	int ends[2];
	int far;

	switch (kind % 6) {
	case 0:
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	case 1:
		full_pipe(ends, kind);
		keep_far(scene, ends[kind >> 7]);
		return ends[1 - (kind >> 7)];
	case 2:
		must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0,
		        "socketpair");
		say(ends[0], kind);
		keep_far(scene, ends[0]);
		return ends[1];
	case 3:
		return epoll_create1(EPOLL_CLOEXEC);
	case 4:
		return fcntl(door, F_DUPFD_CLOEXEC, 0);
	default:
		return connection(scene, kind & 128, &far);
	}
}

/* ---- shelves ---- */

static void put(
        struct scene *scene, uint32_t shelf, const void *bytes, size_t length, const int *fds, uint32_t count)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(3 * sizeof(int))];
	} control = {0};
	struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = length};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (count > 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
	}
	(void)sendmsg(
	        scene->ends[shelf][0], &message, MSG_DONTWAIT | MSG_NOSIGNAL); /* full is another case */
	scene->messages++;
}

/* An entry as put() of shelf.c would have written it, but for what the input says otherwise. */
static table_ref park(struct scene *scene, enum entry_state state, const int fds[2], uint32_t count)
{
	struct input *input = &scene->input;
	uint32_t shelf = byte_of(input) % SHELVES;
	uint32_t index = byte_of(input);
	uint8_t twist = byte_of(input);
	table_ref ref = table_ref_make(shelf, index, table_next_generation(scene->table, shelf));
	struct shelf_message message = {.ref = ref, .descriptors = count};
	struct table_entry *entry = table_entry(scene->table, shelf, index);

	*entry = (struct table_entry){.opened_at_ns = 1, .endpoint = twist & 1 ? word_of(input) : twist % 8u};
	if (state == ENTRY_PIPE)
		atomic_store(&entry->owner, scene->last | (twist & 2 ? TABLE_DIRECTION : 0));
	else
		entry->is_unix = twist & 4 ? byte_of(input) : 0;
	table_seal(entry, ref);
	atomic_store(&entry->state, twist & 8 ? byte_of(input) % 6 : state);
	if (twist & 16)
		atomic_store(&entry->ended[twist >> 7], 1);
	if (twist & 32)
		atomic_store(&entry->unsafe[twist >> 7], byte_of(input));
	message.check = table_check(&message, offsetof(struct shelf_message, check));
	put(scene, shelf, &message, sizeof message, fds, count);
	if (twist & 64) /* killed while it was sent again */
		put(scene, shelf, &message, sizeof message, fds, count);
	return ref;
}

static void order_session(struct scene *scene)
{
	struct input *input = &scene->input;
	int far[2];
	int near[2] = {connection(scene, false, &far[0]), connection(scene, true, &far[1])};
	uint8_t ends = byte_of(input);

	for (int leg = 0; leg < 2; leg++) {
		uint32_t bytes = byte_of(input) * 3u;

		say(far[leg], bytes);
		hear(near[leg], byte_of(input) * 3u);
		say(near[1 - leg], byte_of(input) * 3u);
		if (ends & 1 << leg)
			(void)shutdown(far[leg], SHUT_WR);
		if (ends & 4 << leg)
			(void)shutdown(near[leg], SHUT_WR);
	}
	if (ends & 16) {
		const struct linger linger = {.l_onoff = 0};

		/* A plain close, with what was not read: a reset all the same, or none. */
		(void)setsockopt(far[0], SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
		(void)shutdown(far[0], SHUT_RDWR);
	}
	scene->last = park(scene, ENTRY_SESSION, near, ends & 32 ? 1 : 2);
	close(near[0]);
	close(near[1]);
}

static void order_pipe(struct scene *scene)
{
	int ends[2];

	full_pipe(ends, byte_of(&scene->input) * 3u);
	(void)park(scene, ENTRY_PIPE, ends, 2);
	close(ends[0]);
	close(ends[1]);
}

static void order_client(struct scene *scene)
{
	uint8_t kind = byte_of(&scene->input);
	int far;
	int fds[2] = {connection(scene, false, &far), -1};

	say(far, kind);
	fds[1] = dup(fds[0]);
	(void)park(scene, ENTRY_CLIENT, fds, kind & 1 ? 2 : 1);
	close(fds[0]);
	close(fds[1]);
}

static void order_message(struct scene *scene)
{
	struct input *input = &scene->input;
	uint8_t bytes[2 * sizeof(struct shelf_message)];
	uint32_t shelf = byte_of(input) % SHELVES;
	size_t length = byte_of(input) % (sizeof bytes + 1);
	uint32_t count = byte_of(input) % 4;
	int fds[3];

	for (size_t i = 0; i < length; i++)
		bytes[i] = byte_of(input);
	for (uint32_t i = 0; i < count; i++)
		must((fds[i] = stranger(scene, byte_of(input))) >= 0, "a descriptor");
	put(scene, shelf, bytes, length, fds, count);
	for (uint32_t i = 0; i < count; i++)
		close(fds[i]);
}

static void order_entry(struct scene *scene)
{
	struct input *input = &scene->input;
	uint32_t shelf = byte_of(input) % SHELVES;
	struct table_entry *entry = table_entry(scene->table, shelf, byte_of(input));
	uint32_t first = byte_of(input) % sizeof *entry;
	uint32_t count = byte_of(input) % 8;

	for (uint32_t i = 0; i < count && first + i < sizeof *entry; i++)
		((uint8_t *)entry)[first + i] ^= byte_of(input);
}

static void order_buffer(struct scene *scene)
{
	struct input *input = &scene->input;
	struct table_buffer *buffer = table_buffer(scene->table, byte_of(input) % CSP_LOOPS_MAX);
	uint8_t kind = byte_of(input);

	atomic_store(&buffer->owner, scene->last | (kind & 1 ? TABLE_DIRECTION : 0));
	buffer->delivered = kind & 2   ? (uint64_t)word_of(input) << 32 | word_of(input)
	                    : kind & 4 ? byte_of(input)
	                               : 0;
}

static void order_note(struct scene *scene)
{
	struct input *input = &scene->input;
	uint8_t kind = byte_of(input);
	struct table_note *note = table_note(scene->table, kind & 1);

	atomic_store(&note->sequence, kind & 2 ? UINT64_MAX : byte_of(input));
	note->length = kind & 4 ? word_of(input) : byte_of(input);
	note->check = kind & 8             ? word_of(input)
	              : note->length > 256 ? 0
	                                   : table_check(note->bytes, note->length);
}

static void order_rest(struct scene *scene)
{
	struct input *input = &scene->input;
	uint8_t kind = byte_of(input);
	table_ref ref = kind & 1 ? table_ref_make(byte_of(input) % SHELVES, byte_of(input), 1) : scene->last;
	struct table_rest *rest =
	        table_rest(scene->table, table_ref_shelf(ref) % SHELVES, table_ref_index(ref));
	uint64_t mark = table_new_mark((uint64_t)(kind & 2) << 10);

	must(rest != NULL, "our own form has a place for it");
	if (kind & 4)
		table_set_mark(scene->table, mark);
	atomic_store(&rest->settled, kind & 8 ? word_of(input) : mark);
	for (int i = 0; i < 2; i++) {
		rest->bytes[i] = kind & 16 ? (uint64_t)word_of(input) << 40 : byte_of(input);
		rest->queued[i] = kind & 32 ? word_of(input) : kind & 64 ? byte_of(input) * 3u : 0;
		rest->held[i] = byte_of(input);
	}
}

static void order_shelf(struct scene *scene)
{
	struct input *input = &scene->input;
	uint8_t kind = byte_of(input);
	struct table_shelf *shelf = table_shelf(scene->table, kind % SHELVES);

	atomic_store(&shelf->settled, table_new_mark((uint64_t)(kind & 2) << 10));
	shelf->messages = word_of(input);
	for (int i = 0; i < 2; i++)
		shelf->ends[i] = kind & 4 ? word_of(input)
		                          : sys_cookie(scene->ends[kind % SHELVES][i ^ (kind >> 3 & 1)]);
}

static void order_header(struct scene *scene)
{
	struct input *input = &scene->input;
	struct header *header = (struct header *)(void *)scene->table->memory;
	uint8_t place = byte_of(input);

	((uint8_t *)header)[place % sizeof *header] ^= byte_of(input);
	if (place & 128) /* somebody who knows how: a newer form */
		header->check = table_check(header, offsetof(struct header, check));
}

/* What came later has its own numbers, so that older seeds mean what they did. */
static uint8_t next_order(struct input *input)
{
	uint8_t byte = byte_of(input);

	return byte >= 0xc0 ? (uint8_t)(FIRST_ORDERS + byte % (ORDERS - FIRST_ORDERS)) : byte % FIRST_ORDERS;
}

static void obey(struct scene *scene, uint8_t order)
{
	static void (*const orders[ORDERS])(struct scene *) = {order_header, order_session, order_pipe,
	        order_client, order_message, order_entry, order_buffer, order_note, order_rest, order_shelf};
	bool takes_things = order >= ORDER_SESSION && order <= ORDER_MESSAGE;

	if (takes_things && (scene->things >= THINGS || scene->messages + 2 > MESSAGES))
		return;
	scene->things += takes_things;
	orders[order](scene);
}

/* ---- another process ---- */

static void serve(csp_plane *plane, uint32_t loops)
{
	struct csp_event events[16];

	for (int turn = 0; turn < TURNS; turn++)
		for (uint32_t i = 0; i < loops; i++) {
			csp_loop *loop = csp_plane_loop(plane, i);
			int count = csp_loop_wait(loop, events, 16, 0);

			must(count >= 0, "csp_loop_wait");
			for (int j = 0; j < count; j++)
				if (events[j].kind == CSP_EVENT_ACCEPTED)
					(void)csp_session_close(
					        loop, events[j].session, true, NULL); /* it is there */
		}
}

static void recover(struct scene *scene, uint8_t manner)
{
	static char note[CSP_NOTE_MAX];
	struct csp_options options = csp_options_default();
	struct csp_recovery counts;
	csp_plane *plane;
	int result;

	options.loops = manner & 1 ? 1 : 2;
	options.pipe_pages = manner & 2 ? 0 : 64;
	must(csp_plane_create(&options, &plane) == 0, "csp_plane_create");
	result = csp_plane_open_store(plane, scene->table_fd, manner & 4);
	must(result == 0 || result == -EPROTO, "csp_plane_open_store");
	must(csp_table_check(scene->table_fd) == result, "csp_table_check says something else");
	for (uint32_t i = 0; result == 0 && i < SHELVES; i++) {
		const int ends[2] = {scene->ends[i][manner >> 3 & 1], scene->ends[i][1 - (manner >> 3 & 1)]};

		must(csp_plane_add_shelf(plane, i, ends) == 0, "csp_plane_add_shelf");
		scene->ends[i][0] = scene->ends[i][1] = -1;
	}
	if (result == 0) {
		result = csp_plane_read_note(plane, note, sizeof note);
		must(result >= -EPROTO && result <= CSP_NOTE_MAX, "csp_plane_read_note");
		must(csp_plane_recover(plane, &counts) <= 0, "csp_plane_recover");
		must(counts.sessions + counts.clients + counts.ended <= MESSAGES, "more than there were");
		must(csp_plane_write_note(plane, "after", 5) == 0, "csp_plane_write_note");
		must(csp_plane_read_note(plane, note, sizeof note) == 5, "the note is not what was written");
		serve(plane, options.loops);
		if (manner & 16)
			must(csp_plane_leave(plane) >= 0, "csp_plane_leave");
	}
	if (manner & 16)
		csp_plane_abandon(plane);
	else
		csp_plane_destroy(plane);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct scene scene = {.input = {bytes, length}, .ends = {{-1, -1}, {-1, -1}}};
	uint8_t manner = byte_of(&scene.input);
	uint32_t before = open_descriptors();

	scene.table_fd = csp_table_create();
	must(scene.table_fd >= 0 && table_map(scene.table_fd, &scene.table) == 0, "csp_table_create");
	for (uint32_t i = 0; i < SHELVES; i++)
		must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, scene.ends[i]) == 0, "socketpair");
	while (scene.input.left > 0)
		obey(&scene, next_order(&scene.input));
	table_unmap(scene.table);
	recover(&scene, manner);
	for (uint32_t i = 0; i < SHELVES; i++) {
		sys_close(scene.ends[i][0]);
		sys_close(scene.ends[i][1]);
	}
	for (uint32_t i = 0; i < scene.far_count; i++)
		close(scene.far[i]);
	close(scene.table_fd);
	must(open_descriptors() == before, "a descriptor stays open");
	return 0;
}
