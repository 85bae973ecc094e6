/* A configuration file of any bytes: it is read or refused with a message, and whatever was taken
 * prints as it would be read again. */
#include "base/assert.h"
#include "server/config_reader.h"
#include "server/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* `include` would read files of the machine. */
static bool has_include(struct bytes text)
{
    static const char word[] = "include";
    for (size_t i = 0; i + sizeof(word) - 1 <= text.size; i++) {
        if (bytes_equal_nocase(bytes_part(text, i, sizeof(word) - 1), BYTES_LITERAL("include")))
            return true;
    }
    return false;
}

static void check_prints(struct options *options)
{
    for (size_t i = 0; i < option_row_count; i++) {
        struct buf first = {0};
        struct buf second = {0};
        struct buf error = {0};
        options_print(options, &option_rows[i], &first);
        if (!option_is_text(&option_rows[i])) {
            struct bytes value = buf_bytes(&first);
            ASSERT(options_set(options, bytes_of_text(option_rows[i].name), &value, 1, &error));
            options_print(options, &option_rows[i], &second);
            ASSERT(bytes_equal(buf_bytes(&first), buf_bytes(&second)));
        }
        buf_deinit(&first);
        buf_deinit(&second);
        buf_deinit(&error);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = bytes_of(data, size);
    if (has_include(text)) return 0;
    struct options options;
    struct buf error = {0};
    options_init(&options);
    bool is_read = config_read_text(&options, text, "fuzz", &error);
    ASSERT(is_read == (error.size == 0));
    check_prints(&options);
    (void)options_nearest(text);
    options_deinit(&options);
    buf_deinit(&error);
    return 0;
}
