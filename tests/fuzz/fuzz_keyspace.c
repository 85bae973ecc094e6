/* Any order of stores, removals, deadlines, flushes, swaps and scans: the keyspace agrees with a
 * plain array. The input is the numbers that are drawn. */
#include "tests/support/keyspace_model.h"

enum { KEY_COUNT = 600, STEPS_PER_CHECK = 200 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *data;
    size_t size;
    size_t at;
};

/* As many bytes as the bound needs. */
static uint64_t draw(void *context, uint64_t bound)
{
    struct input *input = context;
    uint64_t value = 0;
    for (uint64_t rest = bound - 1; rest > 0 && input->at < input->size; rest >>= 8) {
        value = value << 8 | input->data[input->at++];
    }
    return value % bound;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size, 0};
    struct keyspace_model_source source = {draw, &input};
    struct keyspace_model *model = keyspace_model_create(KEY_COUNT, &source);
    for (unsigned i = 1; input.at < input.size; i++) {
        keyspace_model_step(model);
        if (i % STEPS_PER_CHECK == 0) keyspace_model_check(model);
    }
    keyspace_model_check(model);
    keyspace_model_destroy(model);
    return 0;
}
