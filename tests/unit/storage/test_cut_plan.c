#include "storage/cut_plan.h"

#include "base/memory.h"
#include "storage/block.h"
#include "storage/record.h"
#include "tests/support/check.h"

/* Appends a record whose arguments have `size` bytes. */
static void append_record(struct buf *out, size_t size)
{
    char *flags;
    char *start = buf_reserve(out, RECORD_HEADER_BYTES_MAX + size);
    char *arguments = record_begin(start, 1, 0, 0, 0, BYTES_EMPTY, size, &flags);
    memset(arguments, 'x', size);
    out->size = (size_t)(arguments + size - out->data);
}

/* Every piece is whole records; blocks are as large as they say and no larger than need be. */
static void check_plan(const struct cut_plan *plan, size_t record_count)
{
    size_t count;
    const struct cut_piece *pieces = cut_plan_pieces(plan, &count);
    uint64_t bytes = 0;
    uint64_t payload = 0;
    uint32_t blocks = 0;
    size_t records = 0;
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].begins_block) {
            if (i > 0) bytes += block_bytes_for(payload);
            payload = 0;
            blocks++;
        }
        payload += BLOCK_RUN_HEADER_BYTES + pieces[i].records.size;
        struct bytes rest = pieces[i].records;
        struct record record;
        size_t in_piece = 0;
        while (record_next(&rest, &record) == STATUS_OK) in_piece++;
        assert_int_equal(rest.size, 0);
        records += in_piece;
        bool is_single = in_piece == 1 && pieces[i].begins_block;
        assert_true(is_single || payload <= BLOCK_BYTES_TARGET - BLOCK_HEADER_BYTES);
    }
    if (count > 0) bytes += block_bytes_for(payload);
    assert_int_equal(plan->block_count, blocks);
    assert_int_equal(plan->bytes, bytes);
    assert_int_equal(records, record_count);
}

TEST(an_empty_plan_has_no_blocks)
{
    struct cut_plan plan = {0};
    cut_plan_finish(&plan);
    check_plan(&plan, 0);
    assert_int_equal(plan.block_count, 0);
    cut_plan_deinit(&plan);
}

TEST(small_runs_share_a_block)
{
    struct buf records = {0};
    for (int i = 0; i < 10; i++) append_record(&records, 100);
    struct cut_plan plan = {0};
    for (uint32_t i = 0; i < 5; i++) cut_plan_add(&plan, i, buf_bytes(&records));
    cut_plan_finish(&plan);
    check_plan(&plan, 50);
    assert_int_equal(plan.block_count, 1);
    assert_int_equal(plan.record_bytes, 5 * records.size);
    cut_plan_deinit(&plan);
    buf_deinit(&records);
}

TEST(big_runs_are_split_between_records)
{
    static const size_t sizes[] = {999, 100 * 1000, 3 * 1000 * 1000, 5 * 1000 * 1000};
    for (size_t s = 0; s < 4; s++) {
        struct buf records = {0};
        size_t count = 0;
        for (; records.size < (size_t)3 * BLOCK_BYTES_TARGET; count++)
            append_record(&records, sizes[s]);
        struct cut_plan plan = {0};
        cut_plan_add(&plan, 0, buf_bytes(&records));
        cut_plan_add(&plan, 1, buf_bytes(&records));
        cut_plan_finish(&plan);
        check_plan(&plan, 2 * count);
        assert_true(plan.block_count >= 6);
        assert_true(plan.largest_block <= BLOCK_BYTES_TARGET);
        cut_plan_deinit(&plan);
        buf_deinit(&records);
    }
}

TEST(a_record_larger_than_a_block_gets_one_of_its_own)
{
    struct buf records = {0};
    append_record(&records, 10);
    append_record(&records, (size_t)2 * BLOCK_BYTES_TARGET);
    append_record(&records, 10);
    struct cut_plan plan = {0};
    cut_plan_add(&plan, 0, buf_bytes(&records));
    cut_plan_finish(&plan);
    check_plan(&plan, 3);
    assert_int_equal(plan.block_count, 3);
    assert_true(plan.largest_block > (uint64_t)2 * BLOCK_BYTES_TARGET);
    cut_plan_reset(&plan);
    check_plan(&plan, 0);
    cut_plan_deinit(&plan);
    buf_deinit(&records);
}

RUN_TESTS(CHECK(an_empty_plan_has_no_blocks), CHECK(small_runs_share_a_block),
          CHECK(big_runs_are_split_between_records),
          CHECK(a_record_larger_than_a_block_gets_one_of_its_own))
