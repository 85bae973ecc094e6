/* An engine on a fake disk and a fake clock, without threads unless a test wants them: opened,
 * closed, killed and crashed at will. With short ways to set and get keys, each in a transaction of
 * its own. */
#ifndef TESTS_SUPPORT_ENGINE_FIXTURE_H
#define TESTS_SUPPORT_ENGINE_FIXTURE_H

#include "base/buf.h"
#include "engine/engine.h"
#include "engine/txn.h"
#include "tests/support/fake_clock.h"

struct engine_fixture {
    struct disk *disk; /* owned; NULL: memory only */
    struct fake_clock clock;
    struct engine_options options; /* disk and clock are filled in by open */
    struct engine *engine;         /* NULL while closed */
    struct buf message;            /* of the newest open */
};

enum { FIXTURE_SEGMENT_BYTES = 128 * 1024 };

/* Two workers, 4 databases, a log with sync ALWAYS and small segments, no threads. */
void engine_fixture_init(struct engine_fixture *fixture);
/* The same without a disk. */
void engine_fixture_init_in_memory(struct engine_fixture *fixture);
/* Puts a manifest with a known secret on the empty disk, so that keys lie in the same order in
 * every run. */
void engine_fixture_found(struct engine_fixture *fixture, uint64_t seed);
void engine_fixture_deinit(struct engine_fixture *fixture);

enum status engine_fixture_open(struct engine_fixture *fixture);
/* Stops well; the disk may be opened again. The result is engine_close's. */
enum status engine_fixture_close(struct engine_fixture *fixture);
/* kill -9: everything written is there, synced or not. */
void engine_fixture_kill(struct engine_fixture *fixture);
/* The power goes. */
void engine_fixture_crash(struct engine_fixture *fixture, uint64_t seed);
/* Close and open; both go well. */
void engine_fixture_reopen(struct engine_fixture *fixture);
/* A commit in this thread; false when it failed. */
bool engine_fixture_commit(struct engine_fixture *fixture);

/* A checkpoint. *out_stopped: the process would have ended, for good reason: kill it. */
enum status engine_fixture_checkpoint(struct engine_fixture *fixture, bool *out_stopped);

int64_t engine_fixture_now_ms(struct engine_fixture *fixture);
void engine_fixture_advance_ms(struct engine_fixture *fixture, int64_t ms);
struct engine_worker *engine_fixture_worker(struct engine_fixture *fixture, uint32_t index);

/* A transaction over one key of database 0; the returned item is locked until the commit. */
struct item engine_fixture_begin(struct engine_fixture *fixture, struct txn *txn, uint32_t worker,
                                 struct key *key, const char *name);

/* Each returns the gate of its transaction. */
uint64_t engine_fixture_set(struct engine_fixture *fixture, const char *key, const char *text,
                            int64_t deadline_ms);
uint64_t engine_fixture_set_in(struct engine_fixture *fixture, uint32_t worker, uint32_t database,
                               const char *key, const char *text, int64_t deadline_ms);
uint64_t engine_fixture_append(struct engine_fixture *fixture, uint32_t worker, const char *key,
                               const char *text);
uint64_t engine_fixture_remove(struct engine_fixture *fixture, const char *key);
uint64_t engine_fixture_flush(struct engine_fixture *fixture, uint32_t worker, uint32_t database);
uint64_t engine_fixture_swap(struct engine_fixture *fixture, uint32_t worker, uint32_t first,
                             uint32_t second);

/* The text of a key of a database, "(nil)" when it is not there. Borrowed until the next call in
 * the same thread. */
const char *engine_fixture_get_in(struct engine_fixture *fixture, uint32_t database,
                                  const char *key);
const char *engine_fixture_get(struct engine_fixture *fixture, const char *key);
/* What a reader of the key waits for. */
uint64_t engine_fixture_read_gate(struct engine_fixture *fixture, const char *key);
int64_t engine_fixture_deadline(struct engine_fixture *fixture, const char *key);
/* Keys of all databases, expired ones included. */
uint64_t engine_fixture_key_count(struct engine_fixture *fixture);

#endif
