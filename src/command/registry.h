/* All commands of all families by name. Built once at start, then only read: any thread, no lock.
 *
 * Every command and subcommand has an index, dense from 0, under which its statistics are kept. */
#ifndef COMMAND_REGISTRY_H
#define COMMAND_REGISTRY_H

#include "command/command.h"

struct registry;

/* The families' rows are borrowed for ever; two rows of one name are a mistake of ours. */
struct registry *registry_create(const struct family *const *families, size_t count);
void registry_destroy(struct registry *registry);

/* The command of this name, in any case; NULL when there is none. Subcommands are not found. */
const struct command *registry_find(const struct registry *registry, struct bytes name);
/* "get" of "config" is the row "config|get"; NULL when there is none. */
const struct command *registry_find_subcommand(const struct command *command, struct bytes name);
/* "get", or "config|get", in any case: what COMMAND INFO, COMMAND DOCS and LATENCY HISTOGRAM take.
 */
const struct command *registry_find_full(const struct registry *registry, struct bytes name);

/* Commands and subcommands: every index is below it. */
unsigned registry_count(const struct registry *registry);
/* The row at an index: a command is followed by its subcommands. */
const struct command *registry_at(const struct registry *registry, unsigned index);
/* The index of a row of this registry, a subcommand's included. */
unsigned registry_index(const struct registry *registry, const struct command *command);
/* What COMMAND COUNT answers: no subcommands, no rows that are not listed. */
unsigned registry_listed_count(const struct registry *registry);

/* "get" of "config|get"; the whole name of a command. */
const char *registry_last_name(const struct command *command);
/* True for a row that stands in another one's `subcommands`. */
bool registry_is_subcommand(const struct command *command);

#endif
