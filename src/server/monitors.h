/* MONITOR: every command that runs is told, as one line, to each session that asked. */
#ifndef SERVER_MONITORS_H
#define SERVER_MONITORS_H

#include <stdbool.h>
#include <stdint.h>

struct bytes;
struct services;
struct session;

/* As in command/services.h. */
void monitors_observe(struct services *services, const struct session *session,
                      const struct bytes *arguments, uint32_t argument_count);
void monitors_set(struct services *services, struct session *session, bool on);

#endif
