/* The ways in which the world can fail. Our own mistakes are ASSERTs; a client's mistakes are
 * replies. */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#include "base/attributes.h"

enum status {
    STATUS_OK = 0,
    STATUS_NOT_FOUND,   /* no such file, name or entry */
    STATUS_EXISTS,      /* it is there already */
    STATUS_IN_USE,      /* somebody else holds it (directory lock, port) */
    STATUS_IO,          /* a read, write or sync failed */
    STATUS_NO_SPACE,    /* the disk or a quota is full */
    STATUS_CORRUPT,     /* bytes that were once right are wrong */
    STATUS_TORN,        /* an unfinished tail that nobody was told about */
    STATUS_VERSION,     /* a format newer than this program */
    STATUS_INVALID,     /* text or bytes that do not follow their grammar */
    STATUS_TOO_BIG,     /* beyond a named limit */
    STATUS_NO_MEMORY,   /* a memory limit, or the system, refused */
    STATUS_DENIED,      /* permission */
    STATUS_CLOSED,      /* the other side is gone */
    STATUS_WOULD_BLOCK, /* try again when the file descriptor is ready */
    STATUS_STOPPED,     /* the gate is closed or the owner is shutting down */
};

/* A short English phrase, never NULL. */
const char *status_text(enum status status);

#endif
