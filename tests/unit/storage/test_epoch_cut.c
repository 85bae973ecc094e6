/* The cut protocol under real threads. Writers lock shards, number what they write, publish, and
 * note the gate; readers note what they saw and the gate that goes with it. Afterwards the log is
 * read back, and three claims are checked:
 *
 *   cut         after every epoch, each shard's numbers are 1..k: a cut is a consistent prefix
 *   write gate  a record stands in an epoch not later than the gate that publishing it returned
 *   read gate   what a reader saw stands in an epoch not later than the gate he was given
 *
 * A checker that never complains proves little, so the same claims are put to three broken
 * protocols (a small model with the same steps): without the filter on tags, with the tag as write
 * gate, and with the tag as read gate. Each must be caught. */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "os/clock.h"
#include "os/lock.h"
#include "storage/record.h"
#include "storage/recovery.h"
#include "storage/wal.h"
#include "tests/support/check.h"
#include "tests/support/fake_disk.h"

enum {
    LOG_ID = 5,
    SHARDS = 16,
    WRITERS = 4,
    IDLE_BETWEEN =
        99, /* appenders that nobody uses: gathering takes long, and much happens meanwhile */
    NOTES_MAX = 60000,
    RECORDS_MAX = WRITERS * NOTES_MAX,
};

/* Somebody wrote or saw number `sequence` of a shard, and must wait for `gate` before saying so. */
struct note {
    uint32_t shard;
    uint32_t sequence;
    uint64_t gate;
    bool is_read;
};

struct notes {
    struct note *notes;
    size_t count;
};

static void take_note(struct notes *notes, struct note note)
{
    if (notes->count < NOTES_MAX) notes->notes[notes->count++] = note;
}

/* ---- the real log ---- */

struct CACHE_ALIGNED shard {
    struct lock lock;
    uint32_t sequence;
    uint64_t gate; /* of the newest write */
};

struct world {
    struct disk *disk;
    struct wal *wal;
    struct shard shards[SHARDS];
    _Atomic bool is_over;
    _Atomic uint64_t failures;
    uint64_t transactions_max;
};

struct writer {
    struct world *world;
    uint32_t index;
    struct notes notes;
};

static void append_number(struct wal_appender *appender, uint32_t shard, uint32_t sequence,
                          bool has_more)
{
    char *flags;
    struct bytes key = bytes_of(&shard, sizeof(shard));
    char *out = wal_reserve(appender, RECORD_HEADER_BYTES_MAX + sizeof(shard) + 20);
    char *arguments = record_begin(out, 1, has_more ? RECORD_MORE : 0, sequence, 0, key,
                                   sequence % 20, &flags);
    memset(arguments, (int)sequence, sequence % 20);
    wal_advance(appender, arguments + sequence % 20);
}

/* Two shards, ascending, as one transaction. */
static uint64_t write_two(struct writer *writer, struct random *random) NO_LOCK_ANALYSIS
{
    struct world *world = writer->world;
    struct wal_appender *appender = wal_appender_at(world->wal, writer->index * (IDLE_BETWEEN + 1));
    uint32_t first = (uint32_t)random_below(random, SHARDS - 1);
    uint32_t second = first + 1 + (uint32_t)random_below(random, SHARDS - 1 - first);
    struct shard *a = &world->shards[first];
    struct shard *b = &world->shards[second];
    lock_acquire(&a->lock, LOCK_RANK_SHARD, first);
    lock_acquire(&b->lock, LOCK_RANK_SHARD, second);
    append_number(appender, first, ++a->sequence, true);
    if (random_below(random, 64) == 0) (void)sched_yield();
    append_number(appender, second, ++b->sequence, false);
    uint64_t gate = wal_publish(world->wal, appender);
    a->gate = gate;
    b->gate = gate;
    take_note(&writer->notes, (struct note){first, a->sequence, gate, false});
    take_note(&writer->notes, (struct note){second, b->sequence, gate, false});
    lock_release(&b->lock);
    lock_release(&a->lock);
    return gate;
}

static void read_one(struct writer *writer, struct random *random) NO_LOCK_ANALYSIS
{
    uint32_t index = (uint32_t)random_below(random, SHARDS);
    struct shard *shard = &writer->world->shards[index];
    lock_acquire(&shard->lock, LOCK_RANK_SHARD, index);
    struct note note = {index, shard->sequence, shard->gate, true};
    lock_release(&shard->lock);
    if (note.sequence > 0) take_note(&writer->notes, note);
}

static void *run_writer(void *context)
{
    struct writer *writer = context;
    struct world *world = writer->world;
    struct random random;
    random_init(&random, 100 + writer->index);
    uint64_t gate = 0;
    for (uint64_t i = 0; i < world->transactions_max && !wal_has_failed(world->wal); i++) {
        if (random_below(&random, 4) == 0) {
            read_one(writer, &random);
        } else {
            gate = write_two(writer, &random);
        }
        if (i % 8 == 7) wal_kick(world->wal);
        if (random_below(&random, 200) == 0 && gate > 0) {
            enum status status = wal_wait(world->wal, gate, UINT64_C(20000000000));
            if (status == STATUS_OK && wal_durable(world->wal) < gate)
                atomic_fetch_add(&world->failures, 1);
            if (status == STATUS_WOULD_BLOCK)
                atomic_fetch_add(&world->failures, 1); /* a lost wake-up */
        }
        if (random_below(&random, 50) == 0) {
            enum status status;
            (void)wal_commit(world->wal, &status); /* leads a cut when the log writer does not */
        }
    }
    return NULL;
}

/* Which epoch holds which number, as read back; and whether each cut was a prefix. */
struct readback {
    uint64_t *epochs[SHARDS]; /* [shard][sequence] */
    uint64_t counts[SHARDS];
    uint64_t highest[SHARDS];
    uint64_t gaps;
    uint64_t torn_transactions;
};

static enum status read_records(void *context, uint64_t epoch, uint64_t block, int64_t wall_us,
                                struct bytes records)
{
    (void)block;
    (void)wall_us;
    struct readback *readback = context;
    struct record record = {0};
    while (record_next(&records, &record) == STATUS_OK) {
        uint32_t shard;
        memcpy(&shard, record.key.data, sizeof(shard));
        assert_true(record.sequence < RECORDS_MAX);
        assert_int_equal(readback->epochs[shard][record.sequence], 0);
        readback->epochs[shard][record.sequence] = epoch;
        readback->counts[shard]++;
        if (record.sequence > readback->highest[shard]) readback->highest[shard] = record.sequence;
    }
    return STATUS_OK;
}

static enum status end_epoch(void *context, uint64_t epoch)
{
    (void)epoch;
    struct readback *readback = context;
    for (size_t i = 0; i < SHARDS; i++)
        readback->gaps += readback->counts[i] != readback->highest[i];
    return STATUS_OK;
}

static void read_back(struct disk *disk, struct readback *out)
{
    *out = (struct readback){0};
    for (size_t i = 0; i < SHARDS; i++)
        out->epochs[i] = memory_zalloc(RECORDS_MAX * sizeof(uint64_t));
    struct recovery_options options = {
        .disk = disk,
        .log_id = LOG_ID,
        .first_block = 1,
        .context = out,
        .on_records = read_records,
        .on_epoch = end_epoch,
    };
    struct recovery_result result;
    struct buf message = {0};
    enum status status = recovery_run(&options, &result, &message);
    if (status != STATUS_OK) print_error("%s\n", buf_text(&message));
    assert_ok(status);
    buf_deinit(&message);
}

/* How many notes claim something that is in no epoch <= their gate, among those whose gate is <=
 * durable. */
static uint64_t count_broken(const struct readback *readback, const struct notes *notes,
                             uint64_t durable, bool is_read)
{
    uint64_t broken = 0;
    for (size_t i = 0; i < notes->count; i++) {
        const struct note *note = &notes->notes[i];
        if (note->is_read != is_read || note->gate > durable) continue;
        uint64_t epoch = readback->epochs[note->shard][note->sequence];
        broken += epoch == 0 || epoch > note->gate;
    }
    return broken;
}

static void run_world(struct world *world, struct writer *writers, enum wal_sync sync)
{
    struct wal_options options = {
        .disk = world->disk,
        .clock = &clock_system,
        .log_id = LOG_ID,
        .appender_count = 1 + (WRITERS - 1) * (IDLE_BETWEEN + 1),
        .segment_bytes = 1024 * 1024,
        .flush_ms = 2,
        .sync = sync,
        .has_thread = true,
    };
    assert_ok(wal_open(&options, &world->wal));
    pthread_t threads[WRITERS];
    for (uint32_t i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.world = world, .index = i};
        writers[i].notes.notes = memory_alloc(NOTES_MAX * sizeof(struct note));
        assert_int_equal(pthread_create(&threads[i], NULL, run_writer, &writers[i]), 0);
    }
    for (uint32_t i = 0; i < WRITERS; i++) (void)pthread_join(threads[i], NULL);
}

static void check_world(const struct world *world, struct writer *writers, struct disk *disk,
                        uint64_t durable)
{
    struct readback readback;
    read_back(disk, &readback);
    assert_int_equal(readback.gaps, 0);
    assert_int_equal(atomic_load(&world->failures), 0);
    for (uint32_t i = 0; i < WRITERS; i++) {
        assert_int_equal(count_broken(&readback, &writers[i].notes, durable, false), 0);
        assert_int_equal(count_broken(&readback, &writers[i].notes, durable, true), 0);
        memory_free(writers[i].notes.notes);
    }
    for (size_t i = 0; i < SHARDS; i++) memory_free(readback.epochs[i]);
}

static void run_to_the_end(enum wal_sync sync, uint64_t transactions)
{
    struct world world = {.disk = fake_disk_create(), .transactions_max = transactions};
    struct writer writers[WRITERS];
    run_world(&world, writers, sync);
    assert_ok(wal_close(world.wal));
    check_world(&world, writers, world.disk, UINT64_MAX);
    fake_disk_destroy(world.disk);
}

TEST(every_cut_is_a_prefix_and_the_gates_hold)
{
    run_to_the_end(WAL_SYNC_ALWAYS, 30000);
}

TEST(the_gates_hold_in_interval_mode)
{
    run_to_the_end(WAL_SYNC_INTERVAL, 5000);
}

/* Power goes at some call in the middle of it all: what was durable then is there, and the log
 * still is a prefix. */
TEST(a_power_cut_under_load_takes_back_nothing_durable)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct world world = {.disk = fake_disk_create(), .transactions_max = 20000};
        fake_disk_set_fault(world.disk, (struct fake_disk_fault){.kind = FAKE_DISK_POWER_OFF,
                                                                 .call = 10 + seed * 17});
        struct writer writers[WRITERS];
        run_world(&world, writers, WAL_SYNC_ALWAYS);
        uint64_t durable = wal_durable(world.wal);
        (void)!wal_close(world.wal);
        struct disk *after = fake_disk_crash(world.disk, seed);
        check_world(&world, writers, after, durable);
        fake_disk_destroy(after);
        fake_disk_destroy(world.disk);
    }
}

/* ---- broken protocols ---- */

enum flaw { NO_FLAW, NO_TAG_FILTER, GATE_IS_TAG };

enum { MODEL_RECORDS = 1 << 15, PENDING_MAX = 64 };

struct model_record {
    uint64_t tag;
    uint32_t shard;
    uint32_t sequence;
};

struct CACHE_ALIGNED model_appender {
    struct model_record *records; /* a ring */
    _Atomic uint64_t tail;
    CACHE_ALIGNED _Atomic uint64_t head;
    CACHE_ALIGNED uint64_t write_errors;
    uint64_t read_errors;
};

struct model {
    enum flaw flaw;
    CACHE_ALIGNED _Atomic uint64_t epoch;
    CACHE_ALIGNED _Atomic uint64_t durable;
    CACHE_ALIGNED _Atomic bool is_over;
    struct shard shards[SHARDS];
    struct model_appender appenders[WRITERS];
    _Atomic uint32_t collected[SHARDS]; /* numbers in cuts so far */
};

struct model_writer {
    struct model *model;
    uint32_t index;
};

/* The same steps as wal_publish, one record, with a chance to be interrupted between tag and
 * publication. */
static uint64_t publish(struct model *model, struct model_appender *appender, uint32_t shard,
                        uint32_t sequence, bool is_slow)
{
    uint64_t tag = atomic_load(&model->epoch);
    if (is_slow) (void)sched_yield();
    uint64_t tail = atomic_load_explicit(&appender->tail, memory_order_relaxed);
    appender->records[tail % MODEL_RECORDS] = (struct model_record){tag, shard, sequence};
    (void)atomic_exchange(&appender->tail, tail + 1);
    return model->flaw == GATE_IS_TAG ? tag : atomic_load(&model->epoch);
}

static void *run_model_writer(void *context) NO_LOCK_ANALYSIS
{
    struct model_writer *writer = context;
    struct model *model = writer->model;
    struct model_appender *appender = &model->appenders[writer->index];
    struct random random;
    random_init(&random, writer->index);
    struct note pending[PENDING_MAX];
    uint64_t tails[PENDING_MAX];
    size_t count = 0;
    while (!atomic_load(&model->is_over)) {
        uint64_t tail = atomic_load(&appender->tail);
        if (tail - atomic_load(&appender->head) >= MODEL_RECORDS) {
            (void)sched_yield();
            continue;
        }
        uint32_t index = (uint32_t)random_below(&random, SHARDS);
        struct shard *shard = &model->shards[index];
        bool is_read = random_below(&random, 4) == 0;
        lock_acquire(&shard->lock, LOCK_RANK_SHARD, index);
        if (!is_read) {
            bool is_slow = random_below(&random, 64) == 0;
            shard->gate = publish(model, appender, index, ++shard->sequence, is_slow);
        }
        struct note note = {index, shard->sequence, shard->gate, is_read};
        lock_release(&shard->lock);
        if (count < PENDING_MAX) {
            tails[count] = is_read ? 0 : tail + 1;
            pending[count++] = note;
        }
        uint64_t durable = atomic_load(&model->durable);
        for (size_t i = 0; i < count;) {
            if (pending[i].gate > durable) {
                i++;
                continue;
            }
            if (pending[i].is_read) {
                appender->read_errors += atomic_load(&model->collected[pending[i].shard]) <
                                         pending[i].sequence;
            } else {
                appender->write_errors += atomic_load(&appender->head) < tails[i];
            }
            count--;
            pending[i] = pending[count];
            tails[i] = tails[count];
        }
    }
    return NULL;
}

/* One cut; returns in how many shards it is no prefix. */
static uint64_t cut_model(struct model *model, uint32_t *counts, uint32_t *highest)
{
    uint64_t epoch = atomic_fetch_add(&model->epoch, 1);
    for (size_t i = 0; i < WRITERS; i++) {
        struct model_appender *appender = &model->appenders[i];
        uint64_t head = atomic_load(&appender->head);
        uint64_t tail = atomic_load(&appender->tail);
        if (i == 1 && epoch % 8 == 0) (void)sched_yield();
        for (; head < tail; head++) {
            const struct model_record *record = &appender->records[head % MODEL_RECORDS];
            if (model->flaw != NO_TAG_FILTER && record->tag > epoch) break;
            counts[record->shard]++;
            if (record->sequence > highest[record->shard])
                highest[record->shard] = record->sequence;
        }
        atomic_store(&appender->head, head);
    }
    uint64_t gaps = 0;
    for (size_t i = 0; i < SHARDS; i++) {
        gaps += counts[i] != highest[i];
        atomic_store(&model->collected[i], counts[i]);
    }
    atomic_store(&model->durable, epoch);
    return gaps;
}

struct errors {
    uint64_t gaps;
    uint64_t writes;
    uint64_t reads;
};

/* Runs a protocol for `ms`, or until a cut has been seen that is no prefix. */
static struct errors run_model(enum flaw flaw, uint64_t ms)
{
    struct model *model = memory_alloc_aligned(CACHE_LINE_BYTES, sizeof(*model));
    *model = (struct model){.flaw = flaw};
    atomic_store(&model->epoch, 1);
    pthread_t threads[WRITERS];
    struct model_writer writers[WRITERS];
    for (uint32_t i = 0; i < WRITERS; i++) {
        model->appenders[i].records = memory_zalloc(MODEL_RECORDS * sizeof(struct model_record));
        writers[i] = (struct model_writer){model, i};
        assert_int_equal(pthread_create(&threads[i], NULL, run_model_writer, &writers[i]), 0);
    }
    uint32_t counts[SHARDS] = {0};
    uint32_t highest[SHARDS] = {0};
    struct errors errors = {0};
    uint64_t end_ns = clock_monotonic_ns(&clock_system) + ms * 1000000;
    while (clock_monotonic_ns(&clock_system) < end_ns) {
        errors.gaps += cut_model(model, counts, highest);
        if (errors.gaps > 0) break;
    }
    atomic_store(&model->is_over, true);
    for (uint32_t i = 0; i < WRITERS; i++) {
        (void)pthread_join(threads[i], NULL);
        errors.writes += model->appenders[i].write_errors;
        errors.reads += model->appenders[i].read_errors;
        memory_free(model->appenders[i].records);
    }
    memory_free(model);
    return errors;
}

TEST(the_checker_accepts_the_protocol)
{
    struct errors errors = run_model(NO_FLAW, 1000);
    assert_int_equal(errors.gaps, 0);
    assert_int_equal(errors.writes, 0);
    assert_int_equal(errors.reads, 0);
}

TEST(without_the_tag_filter_a_cut_is_no_prefix)
{
    struct errors errors = run_model(NO_TAG_FILTER, 20000);
    assert_true(errors.gaps > 0);
}

TEST(with_the_tag_as_gate_replies_leave_too_early)
{
    struct errors errors = {0};
    for (int i = 0; i < 20 && (errors.writes == 0 || errors.reads == 0); i++) {
        struct errors more = run_model(GATE_IS_TAG, 500);
        errors.writes += more.writes;
        errors.reads += more.reads;
        assert_int_equal(more.gaps, 0); /* the cut itself is sound */
    }
    assert_true(errors.writes > 0);
    assert_true(errors.reads > 0);
}

RUN_TESTS(CHECK(every_cut_is_a_prefix_and_the_gates_hold), CHECK(the_gates_hold_in_interval_mode),
          CHECK(a_power_cut_under_load_takes_back_nothing_durable),
          CHECK(the_checker_accepts_the_protocol), CHECK(without_the_tag_filter_a_cut_is_no_prefix),
          CHECK(with_the_tag_as_gate_replies_leave_too_early))
