/* A fuzzer's input, taken byte by byte; behind its end there are zeros. */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>

struct input {
	const uint8_t *next;
	size_t left;
};

static inline uint8_t byte_of(struct input *input)
{
	if (input->left == 0)
		return 0;
	input->left--;
	return *input->next++;
}

static inline uint32_t word_of(struct input *input)
{
	uint32_t word = 0;

	for (int i = 0; i < 4; i++)
		word = word << 8 | byte_of(input);
	return word;
}

#endif
