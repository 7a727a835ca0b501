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

/* Which direction of which session a loop's buffer serves, and how many bytes had been delivered before. */
struct table_buffer {
	_Atomic uint64_t owner;
	uint64_t delivered;
	uint8_t reserved[48];
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
/* The entry that ref names, or NULL where it has been used anew since, or is damaged. */
struct table_entry *table_find(struct table *table, table_ref ref);
/* Never 0 and, but for four billion uses, never the same. */
uint32_t table_next_generation(struct table *table, uint32_t shelf);
void table_seal(struct table_entry *entry, table_ref ref);
bool table_is_sealed(const struct table_entry *entry, table_ref ref);
struct table_buffer *table_buffer(struct table *table, uint32_t loop);
struct table_note *table_note(struct table *table, uint32_t which);
uint32_t table_check(const void *bytes, size_t length);

#endif
