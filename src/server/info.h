/* The text of INFO: sections of "name:value" lines. */
#ifndef SERVER_INFO_H
#define SERVER_INFO_H

#include "base/buf.h"
#include "base/bytes.h"

struct server_state;

/* Appends the sections that are named (in any case; "default", "all", "everything" name several;
 * none: the default ones), in their own order, each once. `has_all_shards`: the caller holds every
 * shard's lock, so that none is taken. */
void info_append(struct server_state *state, const struct bytes *names, size_t count,
                 bool has_all_shards, struct buf *out);

#endif
