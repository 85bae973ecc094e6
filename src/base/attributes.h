/* Names for what compilers can check or use: one place, so that the code reads the same under
 * gcc and clang. */
#ifndef BASE_ATTRIBUTES_H
#define BASE_ATTRIBUTES_H

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_index, first_index) \
    __attribute__((format(printf, format_index, first_index)))
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define NO_INLINE __attribute__((noinline))
#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#define CACHE_LINE_BYTES 64
#define CACHE_ALIGNED __attribute__((aligned(CACHE_LINE_BYTES)))

/* Clang's thread-safety analysis; gcc ignores it. In C before clang 20 the name of a sibling
 * field is not in scope where GUARDED_BY stands, so GUARDED_BY is for the reader; the others are
 * checked. */
#if defined(__clang__)
#define THREAD_ANNOTATION(x) __attribute__((x))
#define NO_SANITIZE_THREAD __attribute__((no_sanitize("thread")))
#else
#define THREAD_ANNOTATION(x)
#define NO_SANITIZE_THREAD __attribute__((no_sanitize_thread))
#endif
#define CAPABILITY(name) THREAD_ANNOTATION(capability(name))
#define GUARDED_BY(lock)
#define REQUIRES(lock) THREAD_ANNOTATION(requires_capability(lock))
#define ACQUIRES(lock) THREAD_ANNOTATION(acquire_capability(lock))
#define TRY_ACQUIRES(result, lock) THREAD_ANNOTATION(try_acquire_capability(result, lock))
#define RELEASES(lock) THREAD_ANNOTATION(release_capability(lock))
#define NO_LOCK_ANALYSIS THREAD_ANNOTATION(no_thread_safety_analysis)

#endif
