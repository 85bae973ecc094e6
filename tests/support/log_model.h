/* A model of what a log must hold: transactions over a few partitions, each record with its
 * partition's next sequence number, and the check of what recovery brings back. One life of a
 * server after the other: open, write, crash, recover. One thread. */
#ifndef TESTS_SUPPORT_LOG_MODEL_H
#define TESTS_SUPPORT_LOG_MODEL_H

#include "base/buf.h"
#include "base/random.h"
#include "os/disk.h"
#include "storage/recovery.h"
#include "storage/wal.h"

enum { LOG_MODEL_PARTITIONS = 8 };

/* What a manifest would say: replay from `first_block`; the sequence numbers up to `sequences` are
 * in the checkpoint. */
struct log_model_checkpoint {
    uint64_t first_block;
    uint64_t sequences[LOG_MODEL_PARTITIONS];
};

struct log_model {
    struct random random;
    uint64_t next_id;
    uint64_t sequences[LOG_MODEL_PARTITIONS]; /* of the newest record of each partition */
    struct buf transactions;                  /* private */
    struct buf message;                       /* what recovery said, or what is wrong */
    uint64_t replayed_epoch;
    struct log_model_checkpoint checkpoint; /* stands in for the manifest; survives every crash */
    bool is_torn;                           /* a delivered record was not what had been written */
};

void log_model_init(struct log_model *model, uint64_t seed);
void log_model_deinit(struct log_model *model);

/* Publishes a transaction of 1..3 records with up to `value_bytes` each. */
void log_model_write(struct log_model *model, struct wal *wal, uint32_t appender,
                     size_t value_bytes);

/* The state now, as a checkpoint would hold it; it counts from model->checkpoint being set to it
 * on. */
struct log_model_checkpoint log_model_snapshot(const struct log_model *model, struct wal *wal);

/* Recovers from `disk` and compares: everything whose gate is <= `durable` is there, every
 * transaction whole, nothing twice, nothing unknown, no gaps. What was not acknowledged and is lost
 * is forgotten; the model goes on from what was found. False with model->message when something is
 * wrong; *out_status is recovery's own. */
bool log_model_recover(struct log_model *model, struct disk *disk, uint64_t log_id,
                       uint64_t durable, struct recovery_result *out, enum status *out_status);

#endif
