#include "storage/block.h"

#include "base/memory.h"
#include "tests/support/check.h"

static const struct block_header sample = {
    .log_id = UINT64_C(0x1122334455667788),
    .segment = 3,
    .number = 9,
    .epoch = 20,
    .durable_epoch = 19,
    .durable_block = 8,
    .wall_us = 1700000000000000,
    .resp_offset = 5,
    .term = 2,
    .flags = BLOCK_LAST,
    .payload_bytes = 5000,
    .block_bytes = 8192,
};

static char *create_block(void)
{
    char *block = memory_alloc_aligned(BLOCK_ALIGNMENT, sample.block_bytes);
    memset(block, 'x', sample.block_bytes);
    block_finish(block, &sample);
    return block;
}

TEST(headers_come_back_as_written)
{
    char *block = create_block();
    struct block_header header = {0};
    assert_ok(block_read_header(block, &header));
    assert_true(header.log_id == sample.log_id);
    assert_int_equal(header.segment, sample.segment);
    assert_int_equal(header.number, sample.number);
    assert_int_equal(header.epoch, sample.epoch);
    assert_int_equal(header.durable_epoch, sample.durable_epoch);
    assert_int_equal(header.durable_block, sample.durable_block);
    assert_int_equal(header.wall_us, sample.wall_us);
    assert_int_equal(header.resp_offset, sample.resp_offset);
    assert_int_equal(header.term, sample.term);
    assert_int_equal(header.flags, sample.flags);
    assert_int_equal(header.payload_bytes, sample.payload_bytes);
    assert_int_equal(header.block_bytes, sample.block_bytes);
    assert_true(block_is_intact(block, &header));
    assert_int_equal(block_payload(block, &header).size, 5000);
    memory_free(block);
}

TEST(padding_is_zero)
{
    char *block = create_block();
    for (size_t i = BLOCK_HEADER_BYTES + sample.payload_bytes; i < sample.block_bytes; i++) {
        assert_int_equal(block[i], 0);
    }
    memory_free(block);
}

TEST(every_flipped_bit_is_found)
{
    char *block = create_block();
    for (size_t i = 0; i < (size_t)sample.block_bytes * 8; i++) {
        block[i / 8] = (char)(block[i / 8] ^ (1 << i % 8));
        struct block_header header;
        bool is_found = block_read_header(block, &header) != STATUS_OK ||
                        !block_is_intact(block, &header);
        assert_true(is_found);
        block[i / 8] = (char)(block[i / 8] ^ (1 << i % 8));
    }
    memory_free(block);
}

TEST(sizes_are_multiples_of_a_page)
{
    assert_int_equal(block_bytes_for(0), 4096);
    assert_int_equal(block_bytes_for(4096 - BLOCK_HEADER_BYTES), 4096);
    assert_int_equal(block_bytes_for(4096 - BLOCK_HEADER_BYTES + 1), 8192);
    assert_true(block_bytes_for(BLOCK_BYTES_MAX - BLOCK_HEADER_BYTES) == BLOCK_BYTES_MAX);
}

TEST(runs_come_back_in_order)
{
    char payload[100];
    block_put_run(payload, 7, 3);
    memcpy(payload + 8, "abc", 3);
    block_put_run(payload + 11, 65535, 2);
    memcpy(payload + 19, "de", 2);
    struct bytes rest = {payload, 21};
    uint32_t appender;
    struct bytes records;
    assert_ok(block_next_run(&rest, &appender, &records));
    assert_int_equal(appender, 7);
    assert_bytes_text(records, "abc");
    assert_ok(block_next_run(&rest, &appender, &records));
    assert_int_equal(appender, 65535);
    assert_bytes_text(records, "de");
    assert_status(block_next_run(&rest, &appender, &records), STATUS_NOT_FOUND);
}

TEST(damaged_runs_are_corrupt)
{
    char payload[16] = {0};
    uint32_t appender;
    struct bytes records;
    struct bytes rest = {payload, 16};
    assert_status(block_next_run(&rest, &appender, &records), STATUS_CORRUPT); /* empty run */
    block_put_run(payload, 1, 9);
    assert_status(block_next_run(&rest, &appender, &records), STATUS_CORRUPT); /* too long */
    block_put_run(payload, 1, 8);
    payload[2] = 1;
    assert_status(block_next_run(&rest, &appender, &records), STATUS_CORRUPT); /* not zero */
    rest.size = 7;
    assert_status(block_next_run(&rest, &appender, &records), STATUS_CORRUPT); /* cut */
}

static void finish_unsound(void *context)
{
    struct block_header header = sample;
    header.durable_block = header.number + 1;
    block_finish(context, &header);
}

TEST(a_block_never_claims_that_itself_is_durable)
{
    char *block = create_block();
    assert_aborts(finish_unsound, block);
    memory_free(block);
}

RUN_TESTS(CHECK(headers_come_back_as_written), CHECK(padding_is_zero),
          CHECK(every_flipped_bit_is_found), CHECK(sizes_are_multiples_of_a_page),
          CHECK(runs_come_back_in_order), CHECK(damaged_runs_are_corrupt),
          CHECK(a_block_never_claims_that_itself_is_durable))
