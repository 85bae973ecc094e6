/* Text in the ways that servers of this family treat it. Pure; any thread. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/buf.h"
#include "base/bytes.h"

/* Glob as in KEYS and PSUBSCRIBE: * ? [a-z] [^x] and backslash. Runs in time O(|pattern| *
 * |text|) at worst and with constant stack, whatever the pattern (CVE-2022-36021,
 * CVE-2024-31228). */
bool text_glob_match(struct bytes pattern, struct bytes text, bool ignore_case);

/* Splits a line of inline commands or redis.conf into words: quotes, \n \r \t \b \a \xHH inside
 * double quotes, \' in single ones. Words are appended to `storage` (NUL-terminated each) and
 * described by offset in `words`; false on unbalanced quotes. */
struct text_word {
    size_t offset;
    size_t size;
};
bool text_split_words(struct bytes line, struct buf *storage, struct buf *words);

/* Appends `bytes` as a double-quoted string with escapes, as MONITOR, SLOWLOG and CONFIG REWRITE
 * print it. */
void text_append_quoted(struct buf *out, struct bytes bytes);

/* Lower-cases ASCII in place. */
void text_lower(char *data, size_t size);

/* "1.23G" as Redis's bytesToHuman. */
void text_append_human_bytes(struct buf *out, uint64_t bytes);

#endif
