#include "server/config_reader.h"

#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/memory.h"
#include "base/text.h"
#include "server/options.h"

/* One text that is being read. */
struct reader {
    struct options *options;
    const char *name; /* for messages */
    uint64_t line;
    unsigned depth; /* of includes */
    struct buf *error;
};

/* Directives that are no options. Those with a sentence cannot be honoured, and leaving them out
 * would change what the operator relies on. */
static const struct directive {
    const char *name;
    const char *refusal; /* NULL: passed over */
} directives[] = {
    {"list-max-ziplist-entries", NULL                                           },
    {"list-max-ziplist-value",   NULL                                           },
    {"lua-replicate-commands",   NULL                                           },
    {"loadmodule",               "Modules of Redis cannot be loaded"            },
    {"rename-command",           "Renaming commands is not implemented yet"     },
    {"user",                     "Users are not implemented yet; requirepass is"},
};

static bool fail(struct reader *reader, struct bytes line, struct bytes name, const char *reason)
{
    struct buf *error = reader->error;
    buf_append_text(error, "\n*** FATAL CONFIG FILE ERROR ***\n");
    buf_printf(error, "Reading the configuration file, at line %" PRIu64 "\n", reader->line);
    if (reader->depth > 0) buf_printf(error, "(included file %s)\n", reader->name);
    buf_printf(error, ">>> '%.*s'\n%s\n", (int)line.size, line.data, reason);
    if (option_find(name) != NULL) return false;
    const char *nearest = options_nearest(name);
    if (nearest != NULL) buf_printf(error, "Did you mean '%s'?\n", nearest);
    return false;
}

static const struct directive *find_directive(struct bytes name)
{
    for (size_t i = 0; i < sizeof(directives) / sizeof(directives[0]); i++) {
        if (bytes_is_word(name, directives[i].name)) return &directives[i];
    }
    return NULL;
}

static bool read_text(struct reader *reader, struct bytes text);
static bool read_file(struct reader *reader, const char *path);

/* A pattern of files, each read as if its lines stood here. A plain name must exist, a pattern may
 * match none. */
static bool include(struct reader *reader, struct bytes line, struct bytes path)
{
    if (reader->depth >= CONFIG_INCLUDE_DEPTH_MAX) {
        return fail(reader, line, BYTES_LITERAL("include"), "Too many includes inside includes");
    }
    struct reader inner = {reader->options, NULL, 0, reader->depth + 1, reader->error};
    if (strpbrk(path.data, "*?[") == NULL) return read_file(&inner, path.data);

    glob_t found;
    int result = glob(path.data, 0, NULL, &found);
    if (result == GLOB_NOMATCH) return true;
    if (result != 0)
        return fail(reader, line, BYTES_LITERAL("include"), "The pattern cannot be looked up");
    bool is_read = true;
    for (size_t i = 0; is_read && i < found.gl_pathc; i++) {
        inner.line = 0;
        is_read = read_file(&inner, found.gl_pathv[i]);
    }
    globfree(&found);
    return is_read;
}

/* A line as words; words[0] is the name. */
static bool apply(struct reader *reader, struct bytes line, const struct bytes *words, size_t count)
{
    struct bytes name = words[0];
    if (bytes_is_word(name, "include") && count == 2) return include(reader, line, words[1]);

    const struct directive *directive = find_directive(name);
    if (directive != NULL)
        return directive->refusal == NULL || fail(reader, line, name, directive->refusal);

    struct buf reason = {0};
    bool is_set = options_set(reader->options, name, words + 1, count - 1, &reason);
    if (!is_set) (void)fail(reader, line, name, buf_text(&reason));
    buf_deinit(&reason);
    return is_set;
}

static bool read_line(struct reader *reader, struct bytes line)
{
    struct buf storage = {0};
    struct buf places = {0};
    bool is_read = text_split_words(line, &storage, &places);
    if (!is_read) {
        (void)fail(reader, line, BYTES_EMPTY, "Unbalanced quotes in configuration line");
    } else if (places.size > 0) {
        struct bytes words[CONFIG_LINE_WORDS_MAX];
        const struct text_word *place = (const struct text_word *)(const void *)places.data;
        size_t count = places.size / sizeof(*place);
        is_read = count <= CONFIG_LINE_WORDS_MAX;
        for (size_t i = 0; is_read && i < count; i++) {
            words[i] = bytes_of(storage.data + place[i].offset, place[i].size);
        }
        if (is_read)
            is_read = apply(reader, line, words, count);
        else
            (void)fail(reader, line, BYTES_EMPTY, "Too many words");
    }
    buf_deinit(&storage);
    buf_deinit(&places);
    return is_read;
}

static struct bytes trim(struct bytes line)
{
    while (line.size > 0 && strchr(" \t\r\n", line.data[0]) != NULL)
        line = bytes_part(line, 1, line.size);
    while (line.size > 0 && strchr(" \t\r\n", line.data[line.size - 1]) != NULL) line.size--;
    return line;
}

static bool read_text(struct reader *reader, struct bytes text)
{
    while (text.size > 0) {
        const char *end = memchr(text.data, '\n', text.size);
        size_t size = end != NULL ? (size_t)(end - text.data) : text.size;
        struct bytes line = trim(bytes_part(text, 0, size));
        text = bytes_part(text, size + 1, text.size);
        reader->line++;
        if (line.size == 0 || line.data[0] == '#') continue;
        if (!read_line(reader, line)) return false;
    }
    return true;
}

/* ---- files ---- */

static bool read_stream(struct reader *reader, FILE *stream)
{
    struct buf text = {0};
    size_t size;
    do {
        size = fread(buf_reserve(&text, 4096), 1, 4096, stream);
        text.size += size;
    } while (size > 0 && text.size <= CONFIG_FILE_BYTES_MAX);

    bool is_read = false;
    if (ferror(stream)) {
        buf_printf(reader->error, "Fatal error, can't read config file '%s'\n", reader->name);
    } else if (text.size > CONFIG_FILE_BYTES_MAX) {
        buf_printf(reader->error, "Fatal error, config file '%s' is larger than %d bytes\n",
                   reader->name, CONFIG_FILE_BYTES_MAX);
    } else {
        is_read = read_text(reader, buf_bytes(&text));
    }
    buf_deinit(&text);
    return is_read;
}

static bool read_file(struct reader *reader, const char *path)
{
    reader->name = path;
    if (strcmp(path, "-") == 0) return read_stream(reader, stdin);

    FILE *stream = fopen(path, "re");
    if (stream == NULL) {
        buf_printf(reader->error, "Fatal error, can't open config file '%s': %s\n", path,
                   strerror(errno));
        return false;
    }
    bool is_read = read_stream(reader, stream);
    (void)fclose(stream);
    return is_read;
}

bool config_read_text(struct options *options, struct bytes text, const char *name,
                      struct buf *error)
{
    struct reader reader = {options, name, 0, 0, error};
    return read_text(&reader, text);
}

bool config_read_file(struct options *options, const char *path, struct buf *error)
{
    struct reader reader = {options, path, 0, 0, error};
    return read_file(&reader, path);
}

/* ---- command line ---- */

static bool begins_option(const char *argument)
{
    return strncmp(argument, "--", 2) == 0;
}

/* An argument with two dashes is a value when the option before it still wants one and no option
 * has that name: --requirepass --secret. */
static bool is_option(const char *argument, size_t words_before)
{
    if (!begins_option(argument)) return false;
    struct bytes name = bytes_of_text(argument + 2);
    const char *space = strchr(argument, ' '); /* "--port 6380" in one argument */
    if (space != NULL) name.size = (size_t)(space - argument) - 2;
    return words_before != 1 || option_find(name) != NULL || find_directive(name) != NULL;
}

/* Applies one option of the command line: its name (with the dashes off) and values. */
static bool apply_option(struct reader *reader, char *const *arguments, int count)
{
    const char *first = arguments[0] + 2;
    struct buf line = {0};
    buf_append_text(&line, first);
    for (int i = 1; i < count; i++) {
        buf_append_byte(&line, ' ');
        text_append_quoted(&line, bytes_of_text(arguments[i]));
    }
    /* `--save` alone is `--save ""`: what tools print for no save points. */
    if (count == 1 && strcmp(first, "save") == 0) buf_append_text(&line, " \"\"");
    reader->line++;
    bool is_read = read_line(reader, buf_bytes(&line));
    buf_deinit(&line);
    return is_read;
}

static void make_absolute(const char *path, struct buf *out)
{
    if (path[0] != '/') {
        char *here = getcwd(NULL, 0);
        buf_printf(out, "%s/", here != NULL ? here : ".");
        free(here);
    }
    buf_append_text(out, path);
}

/* `dir` is told as an absolute path, as Redis does. */
static void settle_directory(struct options *options)
{
    struct buf path = {0};
    if (options->dir[0] == '/') return;
    make_absolute(strcmp(options->dir, ".") == 0 ? "" : options->dir, &path);
    while (path.size > 1 && path.data[path.size - 1] == '/') path.size--;
    struct bytes value = buf_bytes(&path);
    struct buf error = {0};
    bool is_set = options_set(options, BYTES_LITERAL("dir"), &value, 1, &error);
    ASSERT(is_set);
    buf_deinit(&error);
    buf_deinit(&path);
}

bool config_read_arguments(struct options *options, int argument_count, char *const *arguments,
                           struct buf *out_path, struct buf *error)
{
    int next = 0;
    if (argument_count > 0 && !begins_option(arguments[0])) {
        if (!config_read_file(options, arguments[0], error)) return false;
        if (strcmp(arguments[0], "-") != 0) make_absolute(arguments[0], out_path);
        next = 1;
    }
    struct reader reader = {options, "the command line", 0, 0, error};
    while (next < argument_count) {
        if (!begins_option(arguments[next])) {
            struct bytes word = bytes_of_text(arguments[next]);
            return fail(&reader, word, word, "Expected an option that begins with '--'");
        }
        int count = 1;
        while (next + count < argument_count && !is_option(arguments[next + count], (size_t)count))
            count++;
        if (!apply_option(&reader, &arguments[next], count)) return false;
        next += count;
    }
    settle_directory(options);
    return true;
}
