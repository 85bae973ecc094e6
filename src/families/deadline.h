/* When a key is to expire, as commands say it: seconds or milliseconds, from now or since 1970. */
#ifndef FAMILIES_DEADLINE_H
#define FAMILIES_DEADLINE_H

#include "command/call.h"

enum deadline_form {
    DEADLINE_SECONDS = 1,  /* else milliseconds */
    DEADLINE_RELATIVE = 2, /* from now; else since 1970 */
};

/* The options EX, PX, EXAT and PXAT. */
struct deadline_word {
    const char *word;
    unsigned form;
};

/* NULL when the argument is none of them. */
const struct deadline_word *deadline_find_word(struct bytes argument);

/* Absolute milliseconds of an amount in this form, maybe in the past; false when no 64 bits hold
 * them. */
bool deadline_compute(int64_t amount, unsigned form, int64_t now_ms, int64_t *out);

/* The nearest deadline that an entry can hold: neither 0 nor -1, which mean other things to a
 * transaction, and at most ENTRY_DEADLINE_MAX, in the year 10889. */
int64_t deadline_storable(int64_t deadline_ms);

/* Reads an argument that must lie in the future's direction (above 0), as SET and its relatives
 * want it, into a storable deadline; false after an error reply. */
bool deadline_argument(struct call *call, uint32_t index, unsigned form, int64_t *out);

/* ERR invalid expire time in '...' command */
void deadline_refuse(struct call *call);

#endif
