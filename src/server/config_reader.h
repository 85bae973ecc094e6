/* Reads redis.conf (with include) and the command line into options, the later one winning:
 *
 *     cairn-server [FILE | -] [--name value ...]...
 *
 * A line is a name and words; '#' begins a comment line; quotes as in inline commands. */
#ifndef SERVER_CONFIG_READER_H
#define SERVER_CONFIG_READER_H

#include "base/buf.h"
#include "base/bytes.h"

struct options;

enum {
    CONFIG_INCLUDE_DEPTH_MAX = 16,
    CONFIG_FILE_BYTES_MAX = 16 * 1024 * 1024,
    CONFIG_LINE_WORDS_MAX = 1024,
};

/* Applies a text line by line. `name` stands in messages ("" for standard input). False with the
 * message for the operator in *error: where, the line, and why. */
bool config_read_text(struct options *options, struct bytes text, const char *name,
                      struct buf *error);
/* A file, "-" for standard input. */
bool config_read_file(struct options *options, const char *path, struct buf *error);
/* The arguments after the program's name. *out_path (empty at first) receives the absolute path of
 * the file, if one was named. */
bool config_read_arguments(struct options *options, int argument_count, char *const *arguments,
                           struct buf *out_path, struct buf *error);

#endif
