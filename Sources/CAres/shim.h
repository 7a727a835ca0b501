#ifndef ETCD_GATEWAY_CARES_SHIM_H
#define ETCD_GATEWAY_CARES_SHIM_H

/*
 * Debian 12 has c-ares 1.18.1. The record functions (1.22, 1.28), the event thread (1.26) and
 * ares_reinit (1.22) are later: we read raw answers and drive the sockets ourselves.
 */
#include <ares.h>

#if ARES_VERSION < 0x011201
#error "c-ares 1.18.1 or later is needed (Debian: libc-ares-dev)"
#endif

#endif
