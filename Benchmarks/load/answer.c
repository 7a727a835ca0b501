/* One answer by HTTP/1.1 of etcd's JSON gateway: whether all of it is there, and what it says. */
#include "load.h"

#include <stdlib.h>
#include <string.h>

void answer_begin(struct answer *answer)
{
	answer->length = 0;
	answer->body = NULL;
}

char *answer_room(struct answer *answer, size_t *room)
{
	if (answer->capacity - answer->length < ANSWER_STEP + 1) {
		answer->capacity = answer->capacity == 0 ? 2 * ANSWER_STEP : 2 * answer->capacity;
		answer->bytes = realloc(answer->bytes, answer->capacity);
		if (answer->bytes == NULL)
			die("realloc");
	}
	*room = ANSWER_STEP;
	return answer->bytes + answer->length;
}

void answer_came(struct answer *answer, size_t count)
{
	answer->length += count;
	answer->bytes[answer->length] = 0;
}

/* The chunk that begins at `from`: its size, and where its bytes begin; false while that is not there. */
static bool chunk_head(char *from, size_t *size, char **bytes)
{
	char *line_end = strstr(from, "\r\n"), *behind;

	if (line_end == NULL)
		return false;
	*size = strtoul(from, &behind, 16);
	if (behind == from)
		fail("a chunk has no size");
	*bytes = line_end + 2;
	return true;
}

/* Whether the last chunk is there, and the trailers behind it: an error of etcd has some. */
static bool has_all_chunks(const struct answer *answer, char *from)
{
	const char *end = answer->bytes + answer->length;
	size_t size;

	while (chunk_head(from, &size, &from)) {
		if (size == 0)
			return strncmp(from, "\r\n", 2) == 0 || strstr(from, "\r\n\r\n") != NULL;
		if (size + 2 > (size_t)(end - from))
			return false;
		from += size + 2;
	}
	return false;
}

/* Joins the chunks in place, once all are there. */
static bool join_chunks(struct answer *answer, char *from)
{
	char *to = from;
	size_t size;

	if (!has_all_chunks(answer, from))
		return false;
	answer->body = from;
	while (chunk_head(from, &size, &from) && size > 0) {
		memmove(to, from, size);
		to += size;
		from += size + 2;
	}
	*to = 0;
	answer->body_length = (size_t)(to - answer->body);
	return true;
}

bool answer_is_whole(struct answer *answer)
{
	char *head_end, *length;

	if (answer->length == 0)
		return false;
	head_end = strstr(answer->bytes, "\r\n\r\n");
	if (head_end == NULL)
		return false;
	*head_end = 0; /* so that nothing below looks into the body */
	length = strcasestr(answer->bytes, "\r\nContent-Length:");
	answer->is_good = strncmp(answer->bytes, "HTTP/1.1 200", 12) == 0;
	answer->is_last = strcasestr(answer->bytes, "\r\nConnection: close") != NULL;
	*head_end = '\r';
	if (length == NULL)
		return join_chunks(answer, head_end + 4);
	answer->body = head_end + 4;
	answer->body_length = strtoul(length + 17, NULL, 10);
	return answer->length >= (size_t)(answer->body - answer->bytes) + answer->body_length;
}

const char *answer_text(const struct answer *answer, const char *field, size_t *length)
{
	const char *value = strstr(answer->body, field);

	if (value == NULL)
		return NULL;
	value += strlen(field);
	*length = strcspn(value, "\"");
	return value;
}
