/* Assertions: what the reader of the code may rely on. They stay on in release builds;
 * ASSERT_SLOW is for debug builds. Never assert what a client, a peer or a file can make false:
 * that is an error, not a broken promise of ours. */
#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H

#include <assert.h> /* static_assert */

/* Prints the failed claim and aborts. Async-signal-safe. */
_Noreturn void assert_failed(const char *claim, const char *file, int line);

#define ASSERT(claim) \
    do { \
        if (__builtin_expect(!(claim), 0)) assert_failed(#claim, __FILE__, __LINE__); \
    } while (0)

#ifdef CAIRN_DEBUG
#define ASSERT_SLOW(claim) ASSERT(claim)
#else
#define ASSERT_SLOW(claim) ((void)sizeof(claim))
#endif

#endif
