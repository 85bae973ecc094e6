/* Reads the `syntax` of a command's row into a tree of arguments, for COMMAND DOCS and for the
 * generators of tests.
 *
 *     key value [NX | XX] [EX seconds | KEEPTTL] [key value ...]
 *
 * Capital words and signs are tokens that are typed as they stand, others are values; [] is
 * optional, <> only groups, | separates alternatives, ... repeats. "key [key ...]" is one argument
 * that repeats. Pure. */
#ifndef COMMAND_SYNTAX_H
#define COMMAND_SYNTAX_H

#include "base/bytes.h"

struct arena;

enum syntax_type {
    SYNTAX_STRING,
    SYNTAX_INTEGER,
    SYNTAX_DOUBLE,
    SYNTAX_KEY,
    SYNTAX_PATTERN,
    SYNTAX_UNIX_TIME,
    SYNTAX_PURE_TOKEN,
    SYNTAX_ONEOF,
    SYNTAX_BLOCK,
};

struct syntax_argument {
    struct syntax_argument *next;
    struct syntax_argument *children; /* of ONEOF and BLOCK */
    struct bytes name;
    struct bytes token; /* typed before the value; empty for none */
    enum syntax_type type;
    bool is_optional;
    bool is_multiple;
};

enum { SYNTAX_DEPTH_MAX = 16 };

/* The first of the arguments, NULL for none. Names may point into `syntax`; all else is in the
 * arena. A text that does not follow the grammar gives what could be read of it. */
struct syntax_argument *syntax_parse(const char *syntax, struct arena *arena);
/* "pure-token", as COMMAND DOCS names it. */
const char *syntax_type_name(enum syntax_type type);
uint32_t syntax_count(const struct syntax_argument *first);

#endif
