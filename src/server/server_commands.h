/* The commands that speak about the process rather than about keys: one family a file.
 * services->context is the struct server_state. */
#ifndef SERVER_SERVER_COMMANDS_H
#define SERVER_SERVER_COMMANDS_H

#include "command/command.h"

extern const struct family acl_family;      /* ACL */
extern const struct family command_family;  /* COMMAND */
extern const struct family config_family;   /* CONFIG */
extern const struct family database_family; /* DBSIZE FLUSHALL FLUSHDB SWAPDB */
extern const struct family debug_family;    /* DEBUG */
extern const struct family latency_family;  /* LATENCY */
extern const struct family memory_family;   /* MEMORY */
extern const struct family save_family;     /* BGREWRITEAOF BGSAVE LASTSAVE SAVE WAIT WAITAOF */
extern const struct family
    server_family; /* INFO LOLWUT MODULE MONITOR REPLICAOF ROLE SHUTDOWN SLAVEOF TIME */
extern const struct family slowlog_family; /* SLOWLOG */

/* Every family there is, those of families/families.h included, and how many they are. */
extern const struct family *const server_families[];
extern const size_t server_family_count;

#endif
