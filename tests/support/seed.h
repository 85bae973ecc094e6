/* Seeds of random tests: printed, and taken from CAIRN_TEST_SEED to repeat or to vary a run. */
#ifndef TESTS_SUPPORT_SEED_H
#define TESTS_SUPPORT_SEED_H

#include "base/random.h"

/* Sanitizers and debug builds are slow: they do a tenth of the steps. */
#ifdef CAIRN_DEBUG
enum { SEED_STEPS_SCALE = 1 };
#else
enum { SEED_STEPS_SCALE = 10 };
#endif

/* Starts the generator and prints the seed. */
void seed_random(struct random *random, const char *test);

#endif
