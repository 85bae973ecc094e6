/* One option: a row of the table in option_rows.c, and how its value is read and printed. Pure; any
 * thread. */
#ifndef SERVER_OPTION_H
#define SERVER_OPTION_H

#include <stdatomic.h>

#include "base/buf.h"
#include "base/bytes.h"

struct options;

enum option_type {
    OPTION_BOOL,
    OPTION_INTEGER,
    OPTION_OCTAL,
    OPTION_MEMORY, /* bytes, "64mb" when set */
    OPTION_CHOICE, /* a number: the place in `choices` */
    OPTION_TEXT,
    OPTION_WORDS,   /* several words: a text with single spaces between them */
    OPTION_SPECIAL, /* a text that `check` reads from words and brings into its final form */
};

enum option_flags {
    OPTION_MUTABLE = 1 << 0, /* CONFIG SET may change it */
    OPTION_FIXED =
        1 << 1, /* mutable in Redis, here only until start: setting what it already is succeeds */
    OPTION_IGNORED = 1 << 2, /* accepted, kept and echoed: it has no meaning here */
    OPTION_LATER = 1 << 3,   /* not implemented yet: anything but the default is refused */
    OPTION_WARNS =
        1 << 4, /* anything but the default is kept, but not in force: a warning says so */
    OPTION_SECRET = 1 << 5,     /* not shown in logs and errors */
    OPTION_IS_LIMITED = 1 << 6, /* `low` and `high` hold */
};

/* A value before it is put in place. */
struct option_value {
    int64_t number;
    char *text; /* owned; NULL for numbers */
};

/* Where the value of a row without a field of its own is kept. */
struct option_slot {
    _Atomic int64_t number;
    char *text;
};

struct option {
    const char *name;
    const char *alias; /* the older name, or NULL */
    enum option_type type;
    unsigned flags;
    size_t offset;        /* of the field in struct options; 0: in its slots */
    const char *fallback; /* the default, as in a file; words between spaces */
    int64_t low;
    int64_t high;
    const char *const *choices; /* ends with NULL */
    /* SPECIAL: reads words into *out (final form); NULL or why not. */
    const char *(*check)(const struct bytes *words, size_t count, struct option_value *out);
    /* What stands for the option when `change` is set on top of `old`; owned. NULL: the change
     * alone. `is_again` says that the option was set before by the same start: lines in a file may
     * add up. */
    char *(*merge)(const char *old, const char *change, bool is_start, bool is_again);
    /* After a value is in place: brings what follows from it up to date. Under the lock. */
    void (*follow)(struct options *options);
    const char *summary;
};

/* The table, in order of name. */
extern const struct option option_rows[];
extern const size_t option_row_count;

/* By name or alias, in any case; NULL when there is none. */
const struct option *option_find(struct bytes name);
static inline size_t option_index(const struct option *option)
{
    return (size_t)(option - option_rows);
}

static inline bool option_is_text(const struct option *option)
{
    return option->type >= OPTION_TEXT;
}

/* Reads words as a value of this option: false with the reason, in Redis's words, appended to
 * *error. *out is only written on success and then owns its text. */
bool option_parse(const struct option *option, const struct bytes *words, size_t count,
                  struct option_value *out, struct buf *error);
/* As CONFIG GET prints it. */
void option_print(const struct option *option, int64_t number, const char *text, struct buf *out);

#endif
