#include "tests/support/log_model.h"

#include "base/assert.h"
#include "storage/record.h"

enum {
    RECORDS_MAX = 3,
    ARGUMENTS_HEADER_BYTES = 16, /* id, index, count */
};

struct expected_record {
    uint32_t partition;
    uint64_t sequence;
    bool is_found;
};

struct transaction {
    uint64_t id;
    uint64_t gate;
    uint32_t count;
    struct expected_record records[RECORDS_MAX];
};

void log_model_init(struct log_model *model, uint64_t seed)
{
    *model = (struct log_model){.next_id = 1, .checkpoint = {.first_block = 1}};
    random_init(&model->random, seed);
}

void log_model_deinit(struct log_model *model)
{
    buf_deinit(&model->transactions);
    buf_deinit(&model->message);
}

static size_t transaction_count(const struct log_model *model)
{
    return model->transactions.size / sizeof(struct transaction);
}

static struct transaction *transaction_at(const struct log_model *model, size_t index)
{
    return (struct transaction *)(void *)model->transactions.data + index;
}

/* Every byte of a value follows from where it stands. */
static char pattern(uint64_t id, uint32_t index, size_t position)
{
    return (char)(id * 31 + index * 7 + position * 13 + (position >> 8));
}

static void append_record(struct wal_appender *appender, const struct transaction *transaction,
                          uint32_t index, size_t value_bytes)
{
    const struct expected_record *record = &transaction->records[index];
    struct bytes key = bytes_of(&record->partition, sizeof(record->partition));
    size_t arguments_bytes = ARGUMENTS_HEADER_BYTES + value_bytes;
    char *out = wal_reserve(appender, RECORD_HEADER_BYTES_MAX + key.size + arguments_bytes);
    char *flags;
    bool is_last = index + 1 == transaction->count;
    char *arguments = record_begin(out, 1, is_last ? 0 : RECORD_MORE, (uint32_t)record->sequence, 7,
                                   key, arguments_bytes, &flags);
    memcpy(arguments, &transaction->id, 8);
    memcpy(arguments + 8, &index, 4);
    memcpy(arguments + 12, &transaction->count, 4);
    for (size_t i = 0; i < value_bytes; i++) {
        arguments[ARGUMENTS_HEADER_BYTES + i] = pattern(transaction->id, index, i);
    }
    wal_advance(appender, arguments + arguments_bytes);
}

void log_model_write(struct log_model *model, struct wal *wal, uint32_t appender_index,
                     size_t value_bytes)
{
    struct wal_appender *appender = wal_appender_at(wal, appender_index);
    struct transaction transaction = {
        .id = model->next_id++,
        .count = 1 + (uint32_t)random_below(&model->random, RECORDS_MAX),
    };
    for (uint32_t i = 0; i < transaction.count; i++) {
        uint32_t partition = (uint32_t)random_below(&model->random, LOG_MODEL_PARTITIONS);
        transaction.records[i].partition = partition;
        transaction.records[i].sequence = ++model->sequences[partition];
    }
    for (uint32_t i = 0; i < transaction.count; i++) {
        append_record(appender, &transaction, i, random_below(&model->random, value_bytes + 1));
    }
    transaction.gate = wal_publish(wal, appender);
    buf_append(&model->transactions, &transaction, sizeof(transaction));
}

struct log_model_checkpoint log_model_snapshot(const struct log_model *model, struct wal *wal)
{
    struct log_model_checkpoint checkpoint = {.first_block = wal_next_block(wal)};
    memcpy(checkpoint.sequences, model->sequences, sizeof(checkpoint.sequences));
    return checkpoint;
}

/* ---- recovery ---- */

static struct transaction *find(struct log_model *model, uint64_t id)
{
    size_t low = 0;
    size_t high = transaction_count(model);
    while (low < high) {
        size_t middle = (low + high) / 2;
        struct transaction *transaction = transaction_at(model, middle);
        if (transaction->id == id) return transaction;
        if (transaction->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static bool wrong(struct log_model *model, const char *what, uint64_t id)
{
    buf_printf(&model->message, "%s (transaction %llu); ", what, (unsigned long long)id);
    model->is_torn = true;
    return false;
}

/* True when the record is the very one that was written; marks it found. */
static bool take_record(struct log_model *model, const struct record *record)
{
    struct bytes arguments = record->arguments;
    if (arguments.size < ARGUMENTS_HEADER_BYTES || record->key.size != 4 || record->table != 7) {
        return wrong(model, "a strange record", 0);
    }
    uint64_t id;
    uint32_t index;
    uint32_t partition;
    memcpy(&id, arguments.data, 8);
    memcpy(&index, arguments.data + 8, 4);
    memcpy(&partition, record->key.data, 4);
    struct transaction *transaction = find(model, id);
    if (transaction == NULL) return wrong(model, "a record that nobody wrote", id);
    struct expected_record *expected = &transaction->records[index % RECORDS_MAX];
    bool is_covered = expected->sequence <= model->checkpoint.sequences[expected->partition];
    if (index >= transaction->count || partition != expected->partition ||
        record->sequence != (uint32_t)expected->sequence) {
        return wrong(model, "a record in a wrong place", id);
    }
    if (expected->is_found && !is_covered) return wrong(model, "a record twice", id);
    expected->is_found = true;
    for (size_t i = ARGUMENTS_HEADER_BYTES; i < arguments.size; i++) {
        if (arguments.data[i] == pattern(id, index, i - ARGUMENTS_HEADER_BYTES)) continue;
        return wrong(model, "a value that nobody wrote", id);
    }
    return true;
}

static enum status on_records(void *context, uint64_t epoch, uint64_t block, int64_t wall_us,
                              struct bytes records)
{
    (void)block;
    (void)wall_us;
    struct log_model *model = context;
    struct record record;
    if (epoch < model->replayed_epoch) (void)wrong(model, "epochs fall", epoch);
    model->replayed_epoch = epoch;
    while (record_next(&records, &record) == STATUS_OK) (void)take_record(model, &record);
    return STATUS_OK;
}

static bool is_covered(const struct log_model *model, const struct transaction *transaction)
{
    for (uint32_t i = 0; i < transaction->count; i++) {
        const struct expected_record *record = &transaction->records[i];
        if (record->sequence > model->checkpoint.sequences[record->partition]) return false;
    }
    return true;
}

static uint32_t found_count(const struct transaction *transaction)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < transaction->count; i++) count += transaction->records[i].is_found;
    return count;
}

/* Keeps what was found, checks that it is whole, that nothing acknowledged is missing and that
 * there are no gaps. */
static bool settle(struct log_model *model, uint64_t durable)
{
    bool is_right = !model->is_torn;
    struct buf kept = {0};
    uint64_t newest[LOG_MODEL_PARTITIONS];
    uint64_t counts[LOG_MODEL_PARTITIONS] = {0};
    memcpy(newest, model->checkpoint.sequences, sizeof(newest));
    for (size_t i = 0; i < transaction_count(model); i++) {
        struct transaction *transaction = transaction_at(model, i);
        bool is_safe = is_covered(model, transaction);
        uint32_t count = found_count(transaction);
        if (!is_safe && count != 0 && count != transaction->count) {
            is_right = wrong(model, "half a transaction", transaction->id);
        }
        if (!is_safe && count == 0 && transaction->gate <= durable) {
            is_right = wrong(model, "an acknowledged transaction is lost", transaction->id);
        }
        if (!is_safe && count == 0) continue;
        for (uint32_t k = 0; k < transaction->count; k++) {
            struct expected_record *record = &transaction->records[k];
            record->is_found = false;
            if (record->sequence <= model->checkpoint.sequences[record->partition]) continue;
            counts[record->partition]++;
            if (record->sequence > newest[record->partition]) {
                newest[record->partition] = record->sequence;
            }
        }
        transaction->gate = 0; /* found: from here on it must stay */
        buf_append(&kept, transaction, sizeof(*transaction));
    }
    for (size_t i = 0; i < LOG_MODEL_PARTITIONS; i++) {
        if (newest[i] - model->checkpoint.sequences[i] == counts[i]) continue;
        is_right = wrong(model, "a gap in a partition", i);
    }
    buf_deinit(&model->transactions);
    model->transactions = kept;
    memcpy(model->sequences, newest, sizeof(newest));
    return is_right;
}

bool log_model_recover(struct log_model *model, struct disk *disk, uint64_t log_id,
                       uint64_t durable, struct recovery_result *out, enum status *out_status)
{
    struct recovery_options options = {
        .disk = disk,
        .log_id = log_id,
        .first_block = model->checkpoint.first_block,
        .context = model,
        .on_records = on_records,
    };
    model->is_torn = false;
    model->replayed_epoch = 0;
    for (size_t i = 0; i < transaction_count(model); i++) {
        struct transaction *transaction = transaction_at(model, i);
        for (uint32_t k = 0; k < transaction->count; k++) transaction->records[k].is_found = false;
    }
    *out_status = recovery_run(&options, out, &model->message);
    if (*out_status != STATUS_OK) return !model->is_torn;
    return settle(model, durable);
}
