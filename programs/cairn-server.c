/* cairn-server: reads its options, serves, exits. */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "command/version.h"
#include "os/messages.h"
#include "server/config_reader.h"
#include "server/server.h"

static const char usage[] =
    "Usage: cairn-server [FILE | -] [--name value ...]...\n"
    "       cairn-server --version | --help\n"
    "\n"
    "FILE is a redis.conf; '-' reads one from standard input. Options of the command line come after it and win:\n"
    "  cairn-server --port 7000 --dir ./data --appendfsync everysec\n"
    "  cairn-server /etc/cairn.conf --loglevel warning --threads 4\n"
    "\n"
    "The server listens on 127.0.0.1:6379 and keeps its data in the current directory unless told otherwise.\n"
    "Every OK to a write is on disk (appendfsync always); CONFIG GET * lists all options.\n";

static void block_signals(void)
{
    sigset_t all;
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

static void print_warnings(struct options *options)
{
    char *line = options->warnings.size > 0 ? (char *)(uintptr_t)buf_text(&options->warnings)
                                            : NULL;
    char *rest = NULL;
    for (line = line != NULL ? strtok_r(line, "\n", &rest) : NULL; line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        message_warning("%s", line);
    }
}

static int serve(struct server *server, int argument_count, char **arguments)
{
    struct options *options = &server->state.options;
    struct buf error = {0};
    if (!config_read_arguments(options, argument_count - 1, arguments + 1,
                               &server->state.config_path, &error)) {
        (void)fprintf(stderr, "%s\n", buf_text(&error));
        buf_deinit(&error);
        return SERVER_EXIT_USAGE;
    }
    if (messages_set_file(options->logfile) != STATUS_OK) {
        (void)fprintf(stderr, "the log file %s cannot be opened\n", options->logfile);
        return SERVER_EXIT_USAGE;
    }
    print_warnings(options);
    return server_run(server);
}

int main(int argument_count, char **arguments)
{
    if (argument_count == 2 &&
        (strcmp(arguments[1], "--version") == 0 || strcmp(arguments[1], "-v") == 0)) {
        (void)printf("Cairn server v=%s (speaks Redis %s)\n", VERSION_CAIRN_TEXT,
                     VERSION_REDIS_TEXT);
        return SERVER_EXIT_OK;
    }
    if (argument_count == 2 &&
        (strcmp(arguments[1], "--help") == 0 || strcmp(arguments[1], "-h") == 0)) {
        (void)fputs(usage, stdout);
        return SERVER_EXIT_OK;
    }
    (void)setlocale(LC_NUMERIC, "C");
    block_signals();
    struct server *server = memory_zalloc(sizeof *server);
    server_state_init(&server->state, &server->services);
    int code = serve(server, argument_count, arguments);
    server_state_deinit(&server->state);
    memory_free(server);
    return code;
}
