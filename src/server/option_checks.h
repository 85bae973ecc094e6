/* What the SPECIAL rows of the option table read: words into the text that is kept, or why not.
 * Pure. */
#ifndef SERVER_OPTION_CHECKS_H
#define SERVER_OPTION_CHECKS_H

#include "server/options.h"

/* "3600 1 300 100": seconds and changes by turns; "" for none. */
const char *option_checks_save(const struct bytes *words, size_t count, struct option_value *out);
/* "normal 0 0 0 slave 256mb 64mb 60 ...": the classes that are named; the text names all, as they
 * are then. Since a line names only some, the text is merged with the old one when it is put in
 * place: option_checks_merge_limits. */
const char *option_checks_output_limits(const struct bytes *words, size_t count,
                                        struct option_value *out);
/* Percentiles between 0 and 100. */
const char *option_checks_percentiles(const struct bytes *words, size_t count,
                                      struct option_value *out);
/* Classes of keyspace events. */
const char *option_checks_keyspace_events(const struct bytes *words, size_t count,
                                          struct option_value *out);

/* Classes that `change` does not name keep what `old` says. Owned. */
char *option_checks_merge_limits(const char *old, const char *change, bool is_start, bool is_again);
/* At start a second line adds its points to those of the first; the first replaces the default.
 * Owned. */
char *option_checks_merge_save(const char *old, const char *change, bool is_start, bool is_again);
/* Decodes a text of option_checks_output_limits. */
void option_checks_read_limits(const char *text, int64_t out[CLIENT_CLASS_COUNT][3],
                               bool is_named[CLIENT_CLASS_COUNT]);
/* Decodes a text of option_checks_save. */
size_t option_checks_read_save(const char *text,
                               struct options_save_point out[OPTIONS_SAVE_POINTS_MAX]);

#endif
