/*
 * Tells ThreadSanitizer what Swift's Mutex does. The first try of a lock is inlined and seen; where somebody
 * else holds it, the system's libswiftSynchronization waits in the kernel, which no sanitizer sees, and every
 * contended lock would be reported as a race. So its two functions are called from here: `scripts/sanitize`
 * links this file into each program. The order of things is told, nothing is suppressed: a race beside the
 * lock is still found.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

void __tsan_acquire(void *address);
void __tsan_release(void *address);

#define SELF __attribute__((swift_context)) void *self
#define SWIFT __attribute__((swiftcall))

/* Synchronization._MutexHandle._lockSlow(Swift.UInt32) -> () and _unlockSlow() -> () */
#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

SWIFT void lock_slow(uint32_t thread, SELF) __asm__(LOCK_SLOW);
SWIFT void unlock_slow(SELF) __asm__(UNLOCK_SLOW);

static void *library_function(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (found == NULL)
		abort(); /* another library than the one that this was written for */
	return found;
}

SWIFT void lock_slow(uint32_t thread, SELF)
{
	static SWIFT void (*real)(uint32_t, SELF);

	if (real == NULL)
		real = (SWIFT void (*)(uint32_t, SELF))library_function(LOCK_SLOW);
	real(thread, self);
	__tsan_acquire(self);
}

SWIFT void unlock_slow(SELF)
{
	static SWIFT void (*real)(SELF);

	if (real == NULL)
		real = (SWIFT void (*)(SELF))library_function(UNLOCK_SLOW);
	__tsan_release(self);
	real(self);
}
