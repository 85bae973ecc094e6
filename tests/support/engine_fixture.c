#include "tests/support/engine_fixture.h"

#include <setjmp.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/assert.h"
#include "engine/engine_internal.h"
#include "tests/support/fake_disk.h"

enum { VIEW_BYTES_MAX = 1024 * 1024 };

/* Where to go on when the engine decides that the process must end. */
static _Thread_local jmp_buf *exit_point;

/* In place of the C library's: a test wants to look at the disk afterwards. */
void _Exit(int code)
{
    if (exit_point != NULL) longjmp(*exit_point, code);
    _exit(code);
}

void engine_fixture_init_in_memory(struct engine_fixture *fixture)
{
    *fixture = (struct engine_fixture){0};
    fake_clock_init(&fixture->clock);
    fixture->options = (struct engine_options){
        .has_log = true,
        .sync = WAL_SYNC_ALWAYS,
        .worker_count = 2,
        .shard_count = 64,
        .database_count = 4,
        .segment_bytes = FIXTURE_SEGMENT_BYTES,
        .flush_ms = 100,
        .checkpoint_log_bytes = UINT64_MAX,
    };
}

void engine_fixture_init(struct engine_fixture *fixture)
{
    engine_fixture_init_in_memory(fixture);
    fixture->disk = fake_disk_create();
}

void engine_fixture_found(struct engine_fixture *fixture, uint64_t seed)
{
    struct manifest manifest;
    struct random random;
    uint64_t tables[] = {0, 1, 2, 3};
    manifest_init(&manifest);
    random_init(&random, seed);
    manifest.log_id = random_next(&random);
    for (size_t i = 0; i < HASHING_SECRET_BYTES; i++) {
        manifest.secret[i] = (uint8_t)random_next(&random);
    }
    manifest.generation = 1;
    manifest.first_block = 1;
    manifest.has_log = true;
    manifest.next_table = 4;
    manifest.table_count = 4;
    manifest.tables = tables;
    bool is_renamed;
    enum status status = manifest_store(&manifest, fixture->disk, &is_renamed);
    ASSERT(status == STATUS_OK);
}

static void abandon(struct engine_fixture *fixture)
{
    if (fixture->engine != NULL) (void)!engine_close(fixture->engine, false);
    fixture->engine = NULL;
}

void engine_fixture_deinit(struct engine_fixture *fixture)
{
    abandon(fixture);
    fake_disk_destroy(fixture->disk);
    buf_deinit(&fixture->message);
    fixture->disk = NULL;
}

enum status engine_fixture_open(struct engine_fixture *fixture)
{
    ASSERT(fixture->engine == NULL);
    fixture->message.size = 0;
    struct engine_options options = fixture->options;
    options.disk = fixture->disk;
    if (options.clock == NULL) options.clock = &fixture->clock.clock;
    return engine_open(&options, &fixture->engine, &fixture->message);
}

/* The old disk's lock dies with it. */
static void replace_disk(struct engine_fixture *fixture, struct disk *disk)
{
    fake_disk_destroy(fixture->disk);
    fixture->disk = disk;
}

enum status engine_fixture_close(struct engine_fixture *fixture)
{
    enum status status = engine_close(fixture->engine, false);
    fixture->engine = NULL;
    if (fixture->disk != NULL) replace_disk(fixture, fake_disk_clone(fixture->disk));
    return status;
}

void engine_fixture_kill(struct engine_fixture *fixture)
{
    struct disk *after = fake_disk_clone(fixture->disk);
    abandon(fixture);
    replace_disk(fixture, after);
}

void engine_fixture_crash(struct engine_fixture *fixture, uint64_t seed)
{
    struct disk *after = fake_disk_crash(fixture->disk, seed);
    abandon(fixture);
    replace_disk(fixture, after);
}

void engine_fixture_reopen(struct engine_fixture *fixture)
{
    enum status status = engine_fixture_close(fixture);
    ASSERT(status == STATUS_OK);
    status = engine_fixture_open(fixture);
    ASSERT(status == STATUS_OK);
}

bool engine_fixture_commit(struct engine_fixture *fixture)
{
    enum status status;
    bool has_led = wal_commit(engine_wal(fixture->engine), &status);
    ASSERT(has_led);
    return status == STATUS_OK;
}

enum status engine_fixture_checkpoint(struct engine_fixture *fixture, bool *out_stopped)
    NO_LOCK_ANALYSIS
{
    jmp_buf here;
    *out_stopped = false;
    if (setjmp(here) != 0) {
        exit_point = NULL;
        mutex_release(&fixture->engine->checkpointing); /* so that it may be freed */
        *out_stopped = true;
        return STATUS_STOPPED;
    }
    exit_point = &here;
    enum status status = engine_checkpoint(fixture->engine);
    exit_point = NULL;
    return status;
}

int64_t engine_fixture_now_ms(struct engine_fixture *fixture)
{
    return clock_wall_us(&fixture->clock.clock) / 1000;
}

void engine_fixture_advance_ms(struct engine_fixture *fixture, int64_t ms)
{
    fake_clock_advance(&fixture->clock, (uint64_t)ms * 1000000);
}

struct engine_worker *engine_fixture_worker(struct engine_fixture *fixture, uint32_t index)
{
    return engine_worker_at(fixture->engine, index);
}

/* ---- one key a transaction ---- */

static struct item begin(struct engine_fixture *fixture, struct txn *txn, uint32_t worker,
                         uint32_t database, struct key *key, const char *name)
{
    txn_begin(txn, engine_fixture_worker(fixture, worker), database,
              engine_fixture_now_ms(fixture));
    *key = txn_key(txn, bytes_of_text(name));
    txn_lock(txn, key, 1);
    return txn_item(txn, key);
}

struct item engine_fixture_begin(struct engine_fixture *fixture, struct txn *txn, uint32_t worker,
                                 struct key *key, const char *name)
{
    return begin(fixture, txn, worker, 0, key, name);
}

uint64_t engine_fixture_set_in(struct engine_fixture *fixture, uint32_t worker, uint32_t database,
                               const char *name, const char *text, int64_t deadline_ms)
{
    struct txn txn;
    struct key key;
    struct item item = begin(fixture, &txn, worker, database, &key, name);
    txn_set_text(&txn, &item, bytes_of_text(text), deadline_ms);
    txn_commit(&txn);
    return txn.gate;
}

uint64_t engine_fixture_set(struct engine_fixture *fixture, const char *name, const char *text,
                            int64_t deadline_ms)
{
    return engine_fixture_set_in(fixture, 0, 0, name, text, deadline_ms);
}

uint64_t engine_fixture_append(struct engine_fixture *fixture, uint32_t worker, const char *name,
                               const char *text)
{
    struct txn txn;
    struct key key;
    struct item item = begin(fixture, &txn, worker, 0, &key, name);
    size_t offset = item.entry != NULL ? entry_string_length(item.entry) : 0;
    txn_write_range(&txn, &item, offset, bytes_of_text(text));
    txn_commit(&txn);
    return txn.gate;
}

uint64_t engine_fixture_remove(struct engine_fixture *fixture, const char *name)
{
    struct txn txn;
    struct key key;
    struct item item = begin(fixture, &txn, 0, 0, &key, name);
    if (item.entry != NULL) txn_remove(&txn, &item);
    txn_commit(&txn);
    return txn.gate;
}

uint64_t engine_fixture_flush(struct engine_fixture *fixture, uint32_t worker, uint32_t database)
{
    struct txn txn;
    txn_begin(&txn, engine_fixture_worker(fixture, worker), database,
              engine_fixture_now_ms(fixture));
    txn_lock_all(&txn);
    txn_flush(&txn, database);
    txn_commit(&txn);
    return txn.gate;
}

uint64_t engine_fixture_swap(struct engine_fixture *fixture, uint32_t worker, uint32_t first,
                             uint32_t second)
{
    struct txn txn;
    txn_begin(&txn, engine_fixture_worker(fixture, worker), first, engine_fixture_now_ms(fixture));
    txn_lock_all(&txn);
    txn_swap(&txn, first, second);
    txn_commit(&txn);
    return txn.gate;
}

/* ---- looking ---- */

/* Looks without counting; `out` (or NULL) gets the text. */
static uint64_t peek(struct engine_fixture *fixture, uint32_t database, const char *name, char *out,
                     int64_t *out_deadline_ms)
{
    struct txn txn;
    txn_begin(&txn, engine_fixture_worker(fixture, 0), database, engine_fixture_now_ms(fixture));
    struct key key = txn_key(&txn, bytes_of_text(name));
    txn_lock(&txn, &key, 1);
    const struct entry *entry = txn_peek(&txn, &key);
    char scratch[NUMBER_INT_TEXT_MAX];
    struct bytes text = entry != NULL ? entry_string(entry, scratch) : BYTES_LITERAL("(nil)");
    if (out != NULL) {
        text = bytes_part(text, 0, VIEW_BYTES_MAX - 1);
        memcpy(out, text.data, text.size);
        out[text.size] = '\0';
    }
    *out_deadline_ms = entry != NULL ? entry_deadline(entry) : ENTRY_NO_DEADLINE;
    txn_commit(&txn);
    return txn.gate;
}

const char *engine_fixture_get_in(struct engine_fixture *fixture, uint32_t database,
                                  const char *name)
{
    static _Thread_local char view[VIEW_BYTES_MAX];
    int64_t deadline_ms;
    (void)peek(fixture, database, name, view, &deadline_ms);
    return view;
}

const char *engine_fixture_get(struct engine_fixture *fixture, const char *name)
{
    return engine_fixture_get_in(fixture, 0, name);
}

uint64_t engine_fixture_read_gate(struct engine_fixture *fixture, const char *name)
{
    int64_t deadline_ms;
    return peek(fixture, 0, name, NULL, &deadline_ms);
}

int64_t engine_fixture_deadline(struct engine_fixture *fixture, const char *name)
{
    int64_t deadline_ms;
    (void)peek(fixture, 0, name, NULL, &deadline_ms);
    return deadline_ms;
}

uint64_t engine_fixture_key_count(struct engine_fixture *fixture)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < fixture->options.database_count; i++) {
        total += keyspace_count(engine_keyspace(fixture->engine), i);
    }
    return total;
}
