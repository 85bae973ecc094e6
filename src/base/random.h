/* xoshiro256** (Blackman, Vigna 2018): quick random numbers for choices that need no secrecy.
 * One thread at a time. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state[4];
};

void random_init(struct random *random, uint64_t seed); /* splitmix64 fills the state */
uint64_t random_next(struct random *random);
/* Uniform in [0, bound); bound > 0. */
uint64_t random_below(struct random *random, uint64_t bound);

#endif
