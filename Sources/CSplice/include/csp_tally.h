/*
 * Counters that one thread writes and any thread reads, at any time, without a lock: each stands for itself.
 * Memory that was never counted in is never touched.
 */
#ifndef CSP_TALLY_H
#define CSP_TALLY_H

#include "CSplice.h"

typedef struct csp_tally csp_tally;

/* So many counters, all zero; NULL without memory. */
CSP_PUBLIC csp_tally *_Nullable csp_tally_create(uint32_t count);

/* Nobody may use it any more. NULL is harmless. */
CSP_PUBLIC void csp_tally_destroy(csp_tally *_Nullable tally);

/* The writing thread. index < count. */
CSP_PUBLIC void csp_tally_add(csp_tally *_Nonnull tally, uint32_t index, uint64_t amount);
CSP_PUBLIC void csp_tally_set(csp_tally *_Nonnull tally, uint32_t index, uint64_t value);

/* Any thread. index < count. */
CSP_PUBLIC uint64_t csp_tally_read(const csp_tally *_Nonnull tally, uint32_t index);

#endif
