/* The subcommands of CLIENT by which a client looks at, or ends, others. */
#ifndef FAMILIES_CLIENT_OTHERS_H
#define FAMILIES_CLIENT_OTHERS_H

struct call;

void cmd_client_list(struct call *call);
void cmd_client_kill(struct call *call);
void cmd_client_unblock(struct call *call);

#endif
