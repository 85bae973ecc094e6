#include "command/call.h"

#include "base/number.h"

bool call_integer(struct call *call, uint32_t index, int64_t *out)
{
    if (number_parse_i64(call->arguments[index], out)) return true;
    reply_error_not_integer(call->reply);
    return false;
}
