/* Globs, words and numbers from any bytes: nothing crashes, and what is printed reads back as
 * itself. */
#include <math.h>

#include "base/assert.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_glob(struct bytes input)
{
    if (input.size < 2) return;
    size_t pattern_size = (unsigned char)input.data[0] % input.size;
    struct bytes rest = bytes_part(input, 1, input.size);
    struct bytes pattern = bytes_part(rest, 0, pattern_size);
    struct bytes text = bytes_part(rest, pattern_size, rest.size);
    bool has_match = text_glob_match(pattern, text, false);
    bool has_match_nocase = text_glob_match(pattern, text, true);

    bool has_letters = false;
    for (size_t i = 0; i < input.size; i++) has_letters |= (unsigned char)input.data[i] > '@';
    if (!has_letters) ASSERT(has_match == has_match_nocase);
}

static void try_words(struct bytes input)
{
    struct buf storage = {0};
    struct buf words = {0};
    if (text_split_words(input, &storage, &words)) {
        ASSERT(words.size % sizeof(struct text_word) == 0);
        for (size_t at = 0; at < words.size; at += sizeof(struct text_word)) {
            struct text_word word;
            memcpy(&word, words.data + at, sizeof(word));
            ASSERT(word.offset + word.size < storage.size);
            ASSERT(storage.data[word.offset + word.size] == '\0');
        }
    }
    storage.size = 0;
    words.size = 0;

    struct buf quoted = {0};
    text_append_quoted(&quoted, input);
    ASSERT(text_split_words(buf_bytes(&quoted), &storage, &words));
    ASSERT(words.size == sizeof(struct text_word));
    ASSERT(bytes_equal(bytes_of(storage.data, storage.size - 1), input));
    buf_deinit(&quoted);
    buf_deinit(&storage);
    buf_deinit(&words);
}

static void try_number_texts(struct bytes input)
{
    char text[NUMBER_INT_TEXT_MAX];
    int64_t integer;
    if (number_parse_i64(input, &integer)) {
        ASSERT(bytes_equal(bytes_of(text, number_format_i64(text, integer)), input));
    }
    uint64_t natural;
    if (number_parse_u64(input, &natural)) {
        ASSERT(bytes_equal(bytes_of(text, number_format_u64(text, natural)), input));
    }
    double value;
    if (number_parse_double(input, &value)) ASSERT(!isnan(value));
    long double long_value;
    if (number_parse_long_double(input, &long_value)) {
        char *long_text = memory_alloc(NUMBER_LONG_DOUBLE_TEXT_MAX);
        ASSERT(number_format_long_double(long_text, long_value) < NUMBER_LONG_DOUBLE_TEXT_MAX);
        memory_free(long_text);
    }
    (void)number_parse_memory(input, &natural);
}

static void try_number_bits(struct bytes input)
{
    double value;
    if (input.size < sizeof(value)) return;
    memcpy(&value, input.data, sizeof(value));
    char text[NUMBER_DOUBLE_TEXT_MAX];
    size_t size = number_format_double(text, value);
    ASSERT(size < sizeof(text));
    double again;
    bool is_number = number_parse_double(bytes_of(text, size), &again);
    ASSERT(is_number == !isnan(value));
    if (is_number) ASSERT(memcmp(&value, &again, sizeof(value)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = bytes_of(data, size);
    try_glob(input);
    try_words(input);
    try_number_texts(input);
    try_number_bits(input);
    return 0;
}
