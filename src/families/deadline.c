#include "families/deadline.h"

const struct deadline_word *deadline_find_word(struct bytes argument)
{
    static const struct deadline_word words[] = {
        {"ex",   DEADLINE_SECONDS | DEADLINE_RELATIVE},
        {"px",   DEADLINE_RELATIVE                   },
        {"exat", DEADLINE_SECONDS                    },
        {"pxat", 0                                   },
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (bytes_is_word(argument, words[i].word)) return &words[i];
    return NULL;
}

bool deadline_compute(int64_t amount, unsigned form, int64_t now_ms, int64_t *out)
{
    int64_t deadline_ms = amount;
    if (form & DEADLINE_SECONDS && __builtin_mul_overflow(amount, 1000, &deadline_ms)) return false;
    if (form & DEADLINE_RELATIVE && __builtin_add_overflow(deadline_ms, now_ms, &deadline_ms))
        return false;
    *out = deadline_ms;
    return true;
}

int64_t deadline_storable(int64_t deadline_ms)
{
    if (deadline_ms < 1) return 1;
    return deadline_ms < ENTRY_DEADLINE_MAX ? deadline_ms : ENTRY_DEADLINE_MAX;
}

bool deadline_argument(struct call *call, uint32_t index, unsigned form, int64_t *out)
{
    int64_t amount;
    if (!call_integer(call, index, &amount)) return false;

    int64_t deadline_ms;
    if (amount <= 0 || !deadline_compute(amount, form, call->now_ms, &deadline_ms)) {
        deadline_refuse(call);
        return false;
    }
    *out = deadline_storable(deadline_ms);
    return true;
}

void deadline_refuse(struct call *call)
{
    reply_errorf(call->reply, "ERR invalid expire time in '%s' command", call->command->name);
}
