/* What a change of an option must reach while the server runs: a table from option to function. */
#ifndef SERVER_OPTION_HOOKS_H
#define SERVER_OPTION_HOOKS_H

struct option;
struct server_state;

/* After an option was changed. NULL, or why the value cannot be taken. */
const char *option_hooks_run(struct server_state *state, const struct option *option);
/* All of them, once at start. */
void option_hooks_run_all(struct server_state *state);

#endif
