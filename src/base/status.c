#include "base/status.h"

const char *status_text(enum status status)
{
    switch (status) {
    case STATUS_OK: return "ok";
    case STATUS_NOT_FOUND: return "not found";
    case STATUS_EXISTS: return "exists already";
    case STATUS_IN_USE: return "in use by another process";
    case STATUS_IO: return "input or output error";
    case STATUS_NO_SPACE: return "no space left";
    case STATUS_CORRUPT: return "damaged data";
    case STATUS_TORN: return "unfinished tail";
    case STATUS_VERSION: return "format newer than this program";
    case STATUS_INVALID: return "invalid syntax";
    case STATUS_TOO_BIG: return "too big";
    case STATUS_NO_MEMORY: return "out of memory";
    case STATUS_DENIED: return "permission denied";
    case STATUS_CLOSED: return "closed by the other side";
    case STATUS_WOULD_BLOCK: return "would block";
    case STATUS_STOPPED: return "stopped";
    }
    return "unknown status";
}
