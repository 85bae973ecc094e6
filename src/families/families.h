/* All families of commands that need nothing above this floor. The server adds its own
 * (server/server_commands.h). */
#ifndef FAMILIES_FAMILIES_H
#define FAMILIES_FAMILIES_H

#include "command/command.h"

extern const struct family bitfield_family;
extern const struct family bitmap_family;
extern const struct family connection_family;
extern const struct family counter_family;
extern const struct family dump_family;
extern const struct family expire_family;
extern const struct family key_family;
extern const struct family object_family;
extern const struct family scan_family;
extern const struct family string_family;
extern const struct family substring_family;
extern const struct family transaction_family;

/* The list of them, and how many they are. */
extern const struct family *const families[];
extern const size_t families_count;

#endif
