/* Runs commands in memory, without a network and without a disk: a line of words goes in, the text
 * of the reply comes out. The clock stands still until a test moves it. */
#ifndef TESTS_SUPPORT_COMMAND_HARNESS_H
#define TESTS_SUPPORT_COMMAND_HARNESS_H

#include "base/bytes.h"

struct command_harness;

struct command_harness *command_harness_create(void);
void command_harness_destroy(struct command_harness *harness);

/* Runs a line of words, quoted as in redis-cli. The reply as RESP2 text with one blank for each end
 * of line and none at the end: "+OK", ":1", "$5 hello", "*2 $1 a $-1". Borrowed until the next run.
 */
const char *command_harness_run(struct command_harness *harness, const char *line);
/* The same for arguments of any bytes; the reply as it is. */
struct bytes command_harness_run_words(struct command_harness *harness, const struct bytes *words,
                                       uint32_t count);
/* Milliseconds since 1970; begins at COMMAND_HARNESS_BEGIN_MS. */
void command_harness_set_time(struct command_harness *harness, int64_t now_ms);
/* RESP2, as at the beginning, or RESP3. */
void command_harness_set_protocol(struct command_harness *harness, unsigned protocol);

#define COMMAND_HARNESS_BEGIN_MS 1700000000000

#define assert_reply(harness, line, expected) \
    assert_string_equal(command_harness_run((harness), (line)), (expected))

#endif
