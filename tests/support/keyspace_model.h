/* A keyspace beside a plain array that says what it should hold. Steps are drawn from a source of
 * numbers: a random generator in unit tests, the input in fuzzing. Every difference aborts. */
#ifndef TESTS_SUPPORT_KEYSPACE_MODEL_H
#define TESTS_SUPPORT_KEYSPACE_MODEL_H

#include "keyspace/keyspace.h"

struct keyspace_model;

struct keyspace_model_source {
    uint64_t (*draw)(void *context, uint64_t bound); /* in [0, bound) */
    void *context;
};

struct keyspace_model *keyspace_model_create(uint32_t key_count,
                                             const struct keyspace_model_source *source);
void keyspace_model_destroy(struct keyspace_model *model);
/* One random operation. */
void keyspace_model_step(struct keyspace_model *model);
/* Compares everything; then lets all that is due expire and compares again. */
void keyspace_model_check(struct keyspace_model *model);
uint64_t keyspace_model_scans(const struct keyspace_model *model); /* finished ones */
struct keyspace *keyspace_model_keyspace(struct keyspace_model *model);

#endif
