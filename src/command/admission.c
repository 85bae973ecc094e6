#include "command/admission.h"

#include "command/session.h"

static const char *refuse_unauthenticated(const struct admission *admission)
{
    if ((admission->session->flags & SESSION_AUTHENTICATED) != 0) return NULL;
    if ((admission->command->flags & CMD_NO_AUTH) != 0) return NULL;
    return "NOAUTH Authentication required.";
}

static const char *refuse_inside_multi(const struct admission *admission)
{
    if ((admission->session->flags & SESSION_IN_MULTI) == 0) return NULL;
    if ((admission->command->flags & CMD_NO_MULTI) == 0) return NULL;
    return "ERR Command not allowed inside a transaction";
}

static const char *refuse_out_of_memory(const struct admission *admission)
{
    if ((admission->guards & GUARD_OUT_OF_MEMORY) == 0) return NULL;
    if ((admission->flags & CMD_GROWS_MEMORY) == 0) return NULL;
    return "OOM command not allowed when used memory > 'maxmemory'.";
}

static const char *refuse_undurable(const struct admission *admission)
{
    if ((admission->guards & GUARD_REFUSED) == 0) return NULL;
    if ((admission->flags & CMD_WRITE) == 0) return NULL;
    return admission->refusal;
}

/* In the order in which Redis looks. */
static const char *(*const reasons[])(const struct admission *admission) = {
    refuse_unauthenticated,
    refuse_inside_multi,
    refuse_out_of_memory,
    refuse_undurable,
};

const char *admission_refusal(const struct admission *admission)
{
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        const char *refusal = reasons[i](admission);
        if (refusal != NULL) return refusal;
    }
    return NULL;
}
