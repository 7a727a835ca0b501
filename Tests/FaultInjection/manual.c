#include "manual.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 1024, ERRNO_LAST = 200 };

void must(bool is_true, const char *what)
{
	if (is_true)
		return;
	fprintf(stderr, "broken promise or no means: %s (%s)\n", what, strerror(errno));
	abort();
}

/* ---- the manual's word ---- */

const char *errno_name(int error)
{
	const char *name = strerrorname_np(error);

	return name == NULL ? "?" : name;
}

int errno_number(const char *name)
{
	for (int error = 1; error < ERRNO_LAST; error++)
		if (strcmp(errno_name(error), name) == 0)
			return error;
	return strcmp(name, "ENOTSUP") == 0 ? ENOTSUP : 0; /* glibc calls it EOPNOTSUPP */
}

void errnos_read(struct errnos *errnos, const char *path)
{
	FILE *file = fopen(path, "re");
	char line[LINE];

	must(file != NULL, path);
	errnos->count = 0;
	while (fgets(line, sizeof line, file) != NULL) {
		char *rest = line;
		char *word = strsep(&rest, ":");

		if (line[0] == '#' || rest == NULL)
			continue;
		must(errnos->count < KINDS_MAX && strlen(word) < CALL_NAME, "a shorter table of errnos");
		strcpy(errnos->kinds[errnos->count].call, word);
		while ((word = strsep(&rest, " |\n")) != NULL) {
			uint32_t *count = &errnos->kinds[errnos->count].count;

			if (word[0] == 0)
				continue;
			must(*count < ERRNOS_MAX && errno_number(word) != 0, word);
			errnos->kinds[errnos->count].errors[(*count)++] = errno_number(word);
		}
		errnos->count++;
	}
	(void)fclose(file); /* it was read only */
}

const int *errnos_of(const struct errnos *errnos, const char *call, uint32_t *count)
{
	for (uint32_t i = 0; i < errnos->count; i++)
		if (strcmp(errnos->kinds[i].call, call) == 0) {
			*count = errnos->kinds[i].count;
			return errnos->kinds[i].errors;
		}
	*count = 0;
	return NULL;
}
