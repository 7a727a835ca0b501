/*
 * The table: a memfd that the next process maps as this one left it, whatever ended this one. It says what
 * the messages on the shelves are (store.c), and holds what is in flight between a read and a write. Each
 * value is written by one thread at a time; a process that dies leaves what its last instruction has stored,
 * so only the compiler must be kept from reordering: atomics do that.
 */
#ifndef CSPLICE_TABLE_H
#define CSPLICE_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TABLE_ENTRIES 512u      /* of a shelf: more than its queue takes messages */
#define TABLE_NOTE_BYTES 65536u /* of each of the two notes */
#define TABLE_BUFFER_BYTES 65536u

enum entry_state : uint32_t {
	ENTRY_FREE = 0,
	ENTRY_SESSION = 1, /* two sockets */
	ENTRY_PIPE = 2,
	ENTRY_CLIENT = 3, /* one socket: accepted, not joined */
	ENTRY_DEAD = 4,   /* its message waits to be taken out */
};

struct table_entry {
	_Atomic uint32_t state;
	uint32_t generation;
	uint64_t opened_at_ns;
	uint32_t endpoint;
	uint32_t check;             /* of what never changes while the entry lives */
	_Atomic uint32_t ended[2];  /* by relay: the end of stream was passed on, or is about to be */
	_Atomic uint32_t unsafe[2]; /* by relay: bytes are where no other process finds them */
	_Atomic uint64_t owner;     /* of a pipe: whose bytes it may hold, and which direction; 0: nobody's */
	uint32_t is_unix;           /* of a session: bit 0, the downstream socket; bit 1, the upstream one */
	uint32_t reserved[3];
};

/*
 * What is known of an entry beside it while nobody runs the loops: valid where settled is the table's mark. A
 * table of an older form has none.
 */
struct table_rest {
	_Atomic uint64_t settled; /* the mark of the leave in which this was written */
	uint64_t bytes[2];        /* of a session, by relay: delivered */
	uint32_t queued[2];       /* the same: in a pipe */
	int32_t held[2];          /* what an execve(2) leaves open; -1: nothing */
	/* Of a session whose loop's epoll set is held too: what it is called there, and what is known of it.
	 */
	uint32_t slot;
	uint32_t generation;
	uint8_t loop;
	uint8_t legs[2]; /* struct leg's flags */
	uint8_t reserved[5];
};

/* Of a shelf. What is 0 was never written, or by a program of an older form. */
struct table_shelf {
	_Atomic uint32_t next_generation;
	uint32_t messages; /* in its queue, where settled is the table's mark */
	_Atomic uint64_t settled;
	uint64_t
	        ends[2]; /* the kernel's cookies of its two sockets: where messages go in, where they queue */
	uint8_t reserved[32];
};

/* Which direction of which session a loop's buffer serves, and how many bytes had been delivered before. */
struct table_buffer {
	_Atomic uint64_t owner;
	uint64_t delivered;
	_Atomic uint64_t held; /* the mark under which an execve(2) leaves the loop's epoll set open */
	int32_t epoll;         /* that set */
	uint8_t reserved[36];
	char bytes[TABLE_BUFFER_BYTES];
};

struct table_note {
	_Atomic uint64_t sequence; /* of the two, the higher one holds; 0: never written */
	uint32_t length;
	uint32_t check;
	char bytes[TABLE_NOTE_BYTES];
};

struct table;

/*
 * Names one use of an entry: generation (32 bits), direction (1), shelf (10 of 22), index (9). Never 0. With
 * a direction it names one relay of a session.
 */
typedef uint64_t table_ref;

#define TABLE_DIRECTION ((table_ref)1 << 31)

static inline table_ref table_ref_make(uint32_t shelf, uint32_t index, uint32_t generation)
{
	return (table_ref)generation << 32 | shelf * TABLE_ENTRIES | index;
}

static inline uint32_t table_ref_shelf(table_ref ref)
{
	return ((uint32_t)ref & 0x7fffffffu) / TABLE_ENTRIES;
}

static inline uint32_t table_ref_index(table_ref ref)
{
	return (uint32_t)ref % TABLE_ENTRIES;
}

static inline table_ref table_ref_session(table_ref ref)
{
	return ref & ~TABLE_DIRECTION;
}

/* Maps a table, which keeps fd the caller's. -EPROTO: it is none, is damaged, or of a form we cannot read. */
int table_map(int fd, struct table **table);
void table_unmap(struct table *table);

struct table_entry *table_entry(struct table *table, uint32_t shelf, uint32_t index);
struct table_shelf *table_shelf(struct table *table, uint32_t shelf);
/* NULL: this form of table has none. */
struct table_rest *table_rest(struct table *table, uint32_t shelf, uint32_t index);
/* The entry that ref names, or NULL where it has been used anew since, or is damaged. */
struct table_entry *table_find(struct table *table, table_ref ref);
/* Never 0 and, but for four billion uses, never the same. */
uint32_t table_next_generation(struct table *table, uint32_t shelf);
void table_seal(struct table_entry *entry, table_ref ref);
bool table_is_sealed(const struct table_entry *entry, table_ref ref);
struct table_buffer *table_buffer(struct table *table, uint32_t loop);
struct table_note *table_note(struct table *table, uint32_t which);
uint32_t table_check(const void *bytes, size_t length);

/*
 * The mark of a table that a process has left in order, with everything at rest; 0: it is not at rest. It
 * lies where every program that brings sessions back, of whatever form, writes a zero before bytes move
 * again.
 */
uint64_t table_mark(struct table *table);
void table_set_mark(struct table *table, uint64_t mark);
/* A mark that is none of those that were set before, as far as a clock can tell. */
uint64_t table_new_mark(uint64_t now_ns);

#endif
