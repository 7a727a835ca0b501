#include "table.h"
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define MAGIC 0x6574636467777462u /* "etcdgwtb" */
/* Another major form cannot be read. A higher minor one has more behind what we know of each part. */
#define MAJOR 1u
#define MINOR 1u
/* No part of a table from elsewhere may be larger, however new its form is. */
#define PART_BYTES_MAX (1u << 20)

struct header {
	uint64_t magic;
	uint32_t major;
	uint32_t minor;
	uint32_t header_bytes;
	uint32_t entry_bytes;
	uint32_t entries; /* of a shelf */
	uint32_t shelves;
	uint32_t shelf_bytes;
	uint32_t buffer_bytes;
	uint32_t buffers;
	uint32_t note_bytes;
	uint32_t check; /* of all before */
};

_Static_assert(sizeof(struct table_entry) == 64 && sizeof(struct table_shelf) == 64 &&
                       sizeof(struct table_rest) == 56 && offsetof(struct table_buffer, bytes) == 64,
        "the form has changed: a higher minor number, and only behind what there was");

/* What other programs know as the number of a relay is never like this: no shelf has so high a number. */
#define MARK_FORM 0x7fffffffu

struct table {
	struct header header; /* a copy: what others could write is not looked at twice */
	char *memory;
	size_t bytes;
};

static uint32_t page_up(size_t bytes)
{
	return (uint32_t)((bytes + 4095) / 4096 * 4096);
}

/* FNV-1a: it finds what is torn or foreign, and need not resist anybody. */
uint32_t table_check(const void *bytes, size_t length)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < length; i++) {
		unsigned char byte;

		/* Analyzers take all but the first byte of a whole structure for unset when a pointer reads
		 * it. */
		memcpy(&byte, (const char *)bytes + i, 1);
		hash = (hash ^ byte) * 16777619u;
	}
	return hash;
}

static struct header header_of_ours(void)
{
	struct header header = {
	        .magic = MAGIC,
	        .major = MAJOR,
	        .minor = MINOR,
	        .header_bytes = page_up(sizeof(struct header)),
	        .entry_bytes = sizeof(struct table_entry),
	        .entries = TABLE_ENTRIES,
	        .shelves = CSP_SHELVES_MAX,
	        .shelf_bytes =
	                page_up(sizeof(struct table_shelf) +
	                        TABLE_ENTRIES * (sizeof(struct table_entry) + sizeof(struct table_rest))),
	        .buffer_bytes = page_up(sizeof(struct table_buffer)),
	        .buffers = CSP_LOOPS_MAX,
	        .note_bytes = page_up(sizeof(struct table_note)),
	};

	header.check = table_check(&header, offsetof(struct header, check));
	return header;
}

static size_t bytes_of(const struct header *header)
{
	return header->header_bytes + 2 * (size_t)header->note_bytes +
	       (size_t)header->buffers * header->buffer_bytes + (size_t)header->shelves * header->shelf_bytes;
}

static bool is_readable(const struct header *header)
{
	return header->magic == MAGIC && header->major == MAJOR &&
	       header->check == table_check(header, offsetof(struct header, check)) &&
	       header->header_bytes >= sizeof *header && header->header_bytes <= PART_BYTES_MAX &&
	       header->entry_bytes >= sizeof(struct table_entry) && header->entry_bytes % 8 == 0 &&
	       header->entries == TABLE_ENTRIES && header->shelves == CSP_SHELVES_MAX &&
	       header->shelf_bytes >=
	               sizeof(struct table_shelf) + (size_t)TABLE_ENTRIES * header->entry_bytes &&
	       header->shelf_bytes <= PART_BYTES_MAX && header->shelf_bytes % 8 == 0 &&
	       header->buffers == CSP_LOOPS_MAX && header->buffer_bytes >= sizeof(struct table_buffer) &&
	       header->buffer_bytes <= PART_BYTES_MAX && header->buffer_bytes % 8 == 0 &&
	       header->note_bytes >= sizeof(struct table_note) && header->note_bytes <= PART_BYTES_MAX &&
	       header->note_bytes % 8 == 0;
}

/* A new memfd with this header. */
static int create(const struct header *header)
{
	int fd = SYS_RETRY(int, memfd_create("etcd-gateway sessions", MFD_CLOEXEC | MFD_ALLOW_SEALING));
	ssize_t written;
	int error;

	if (fd < 0)
		return fd;
	if (ftruncate(fd, (off_t)bytes_of(header)) == -1 ||
	        (written = pwrite(fd, header, sizeof *header, 0)) == -1)
		goto fail;
	if (written != (ssize_t)sizeof *header) {
		errno = ENOSPC; /* a short write says nothing itself */
		goto fail;
	}
	/* Whoever else gets it must not be able to make our memory vanish under us. */
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == -1)
		goto fail;
	return fd;

fail:
	error = -errno;
	sys_close(fd);
	return error;
}

int csp_table_create(void)
{
	struct header header = header_of_ours();

	return create(&header);
}

int csp_table_copy(int fd)
{
	struct table *table = NULL;
	int copy;
	int result = table_map(fd, &table);

	if (result < 0)
		return result;
	copy = create(&table->header);
	if (copy >= 0) {
		size_t bytes = 2 * (size_t)table->header.note_bytes;

		result = (int)SYS_RETRY(ssize_t, pwrite(copy, table->memory + table->header.header_bytes,
		                                         bytes, (off_t)table->header.header_bytes));
		if (result != (int)bytes) {
			sys_close(copy);
			copy = result < 0 ? result : -EIO;
		}
	}
	table_unmap(table);
	return copy;
}

int csp_table_check(int fd)
{
	struct table *table = NULL;
	int result = table_map(fd, &table);

	if (result == 0)
		table_unmap(table);
	return result;
}

int table_map(int fd, struct table **out)
{
	struct header header = {0};
	struct table *table;
	struct stat status;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals == -1 || !(seals & F_SEAL_SHRINK))
		return -EPROTO;
	if (SYS_RETRY(ssize_t, pread(fd, &header, sizeof header, 0)) != (ssize_t)sizeof header ||
	        !is_readable(&header))
		return -EPROTO;
	if (fstat(fd, &status) == -1)
		return -errno;
	if (status.st_uid != geteuid() && status.st_uid != 0)
		return -EPERM; /* whoever made it may still write into it */
	if (status.st_size < 0 || (size_t)status.st_size < bytes_of(&header))
		return -EPROTO;
	table = malloc(sizeof *table);
	if (table == NULL)
		return -ENOMEM;
	*table = (struct table){.header = header, .bytes = bytes_of(&header)};
	table->memory = mmap(NULL, table->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (table->memory == MAP_FAILED) {
		int error = -errno;

		free(table);
		return error;
	}
	*out = table;
	return 0;
}

void table_unmap(struct table *table)
{
	if (table == NULL)
		return;
	(void)munmap(table->memory, table->bytes); /* as mapped: cannot fail */
	free(table);
}

struct table_note *table_note(struct table *table, uint32_t which)
{
	return (struct table_note *)(void *)(table->memory + table->header.header_bytes +
	                                     (size_t)which * table->header.note_bytes);
}

struct table_buffer *table_buffer(struct table *table, uint32_t loop)
{
	return (struct table_buffer *)(void *)(table->memory + table->header.header_bytes +
	                                       2 * (size_t)table->header.note_bytes +
	                                       (size_t)loop * table->header.buffer_bytes);
}

static char *shelf_at(struct table *table, uint32_t shelf)
{
	return table->memory + table->header.header_bytes + 2 * (size_t)table->header.note_bytes +
	       (size_t)table->header.buffers * table->header.buffer_bytes +
	       (size_t)shelf * table->header.shelf_bytes;
}

struct table_entry *table_entry(struct table *table, uint32_t shelf, uint32_t index)
{
	return (struct table_entry *)(void *)(shelf_at(table, shelf) + sizeof(struct table_shelf) +
	                                      (size_t)index * table->header.entry_bytes);
}

struct table_shelf *table_shelf(struct table *table, uint32_t shelf)
{
	return (struct table_shelf *)(void *)shelf_at(table, shelf);
}

struct table_rest *table_rest(struct table *table, uint32_t shelf, uint32_t index)
{
	size_t before = sizeof(struct table_shelf) + (size_t)TABLE_ENTRIES * table->header.entry_bytes;

	if (table->header.minor < 1 ||
	        table->header.shelf_bytes < before + TABLE_ENTRIES * sizeof(struct table_rest))
		return NULL;
	return (struct table_rest *)(void *)(shelf_at(table, shelf) + before) + index;
}

static _Atomic uint64_t *place_of_mark(struct table *table)
{
	return &table_buffer(table, CSP_LOOPS_MAX - 1)->owner;
}

uint64_t table_mark(struct table *table)
{
	uint64_t mark = atomic_load(place_of_mark(table));

	return (uint32_t)mark == MARK_FORM ? mark : 0;
}

void table_set_mark(struct table *table, uint64_t mark)
{
	atomic_store(place_of_mark(table), mark);
}

uint64_t table_new_mark(uint64_t now_ns)
{
	return now_ns >> 10 << 32 | MARK_FORM;
}

uint32_t table_next_generation(struct table *table, uint32_t shelf)
{
	_Atomic uint32_t *next = &table_shelf(table, shelf)->next_generation;
	uint32_t generation = atomic_fetch_add(next, 1) + 1;

	return generation != 0 ? generation : atomic_fetch_add(next, 1) + 1;
}

static uint32_t seal_of(const struct table_entry *entry, table_ref ref)
{
	const struct {
		table_ref ref;
		uint64_t opened_at_ns;
		uint32_t endpoint;
		uint32_t is_unix;
	} fixed = {table_ref_session(ref), entry->opened_at_ns, entry->endpoint, entry->is_unix};

	return table_check(&fixed, sizeof fixed);
}

void table_seal(struct table_entry *entry, table_ref ref)
{
	entry->generation = (uint32_t)(ref >> 32);
	entry->check = seal_of(entry, ref);
}

bool table_is_sealed(const struct table_entry *entry, table_ref ref)
{
	return entry->generation == (uint32_t)(ref >> 32) && entry->check == seal_of(entry, ref);
}

struct table_entry *table_find(struct table *table, table_ref ref)
{
	struct table_entry *entry;

	if (ref == 0 || table_ref_shelf(ref) >= CSP_SHELVES_MAX)
		return NULL;
	entry = table_entry(table, table_ref_shelf(ref), table_ref_index(ref));
	return table_is_sealed(entry, ref) ? entry : NULL;
}
