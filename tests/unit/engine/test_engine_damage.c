/* Damage to files at rest (cases 13, 14, 15, 17): a flipped byte, a zeroed sector, a cut file. Each
 * is detected, with a message that names the file, or does no harm: the content is exactly what was
 * acknowledged. Never a wrong value.
 *
 * Harmless are, and nothing else: spares and segments before the checkpoint's (no part of the log),
 * what stands behind the last block of a segment (zeros, or blocks of an earlier use of the file;
 * the reader stops there whatever it finds), and the seal at the end of the log (it only bears
 * witness for what stands before it). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/engine.h"
#include "storage/block.h"
#include "storage/manifest.h"
#include "storage/segment.h"
#include "tests/support/check.h"
#include "tests/support/engine_fixture.h"
#include "tests/support/engine_model.h"
#include "tests/support/fake_disk.h"
#include "tests/support/seed.h"

enum {
    FLIPS = 1000 * SEED_STEPS_SCALE,
    ZEROS = 100 * SEED_STEPS_SCALE,
    CUTS = 100 * SEED_STEPS_SCALE,
    FILES_MAX = 64,
    SMALL_SEGMENT_BYTES = 64 * 1024,
};

struct file {
    char name[DISK_NAME_MAX + 1];
    uint64_t size;
    uint64_t used; /* bytes in which any damage must be found */
    uint64_t detected;
    uint64_t harmless;
};

struct archive {
    struct disk *disk; /* at rest, never opened itself */
    struct engine_model model;
    struct fake_clock clock;
    struct file files[FILES_MAX];
    size_t file_count;
    struct random random;
};

static void note_file(void *context, const char *name)
{
    struct archive *archive = context;
    assert_true(archive->file_count < FILES_MAX);
    strcpy(archive->files[archive->file_count++].name, name);
}

/* The end of the last block that is no seal and was written to this segment: a recycled file still
 * holds older ones. */
static uint64_t used_of_segment(struct bytes content)
{
    uint64_t used = SEGMENT_HEADER_BYTES;
    struct segment_header segment;
    assert_ok(segment_read_header(content.data, &segment));
    for (uint64_t offset = used; offset + BLOCK_ALIGNMENT <= content.size;) {
        struct block_header header;
        if (block_read_header(content.data + offset, &header) != STATUS_OK) break;
        if (header.segment != segment.first_block) break;
        offset += header.block_bytes;
        if ((header.flags & BLOCK_SEAL) == 0) used = offset;
    }
    return used;
}

static uint64_t first_block_of(const struct file *file)
{
    uint64_t first_block = 0;
    (void)segment_parse_name(file->name, &first_block);
    return first_block;
}

/* The checkpoint holds all of it: another segment begins no later than the replay does. */
static bool is_covered(const struct archive *archive, const struct file *segment,
                       uint64_t replay_from)
{
    for (size_t i = 0; i < archive->file_count; i++) {
        uint64_t other = first_block_of(&archive->files[i]);
        if (other > first_block_of(segment) && other <= replay_from) return true;
    }
    return false;
}

static uint64_t replay_start(struct disk *disk)
{
    struct manifest manifest;
    struct buf message = {0};
    manifest_init(&manifest);
    assert_ok(manifest_load(&manifest, disk, &message));
    uint64_t first_block = manifest.first_block;
    manifest_deinit(&manifest);
    buf_deinit(&message);
    return first_block;
}

static void measure(struct archive *archive)
{
    uint64_t replay_from = replay_start(archive->disk);
    assert_ok(archive->disk->ops->list(archive->disk, note_file, archive));
    for (size_t i = 0; i < archive->file_count; i++) {
        struct file *file = &archive->files[i];
        struct bytes content = fake_disk_content(archive->disk, file->name);
        file->size = content.size;
        file->used = content.size;
        if (strncmp(file->name, "log-", 4) == 0) file->used = used_of_segment(content);
        bool is_covered_segment = first_block_of(file) > 0 &&
                                  is_covered(archive, file, replay_from);
        if (is_covered_segment || strncmp(file->name, "spare-", 6) == 0) file->used = 0;
    }
}

/* Several segments, a checkpoint in the midst of them, all of it acknowledged and sealed. */
static void create_archive(struct archive *archive, uint64_t seed)
{
    *archive = (struct archive){0};
    random_init(&archive->random, seed);
    struct engine_fixture fixture;
    engine_fixture_init(&fixture);
    engine_fixture_found(&fixture, seed);
    fixture.options.segment_bytes = SMALL_SEGMENT_BYTES;
    assert_ok(engine_fixture_open(&fixture));
    engine_model_init(&archive->model, seed);
    for (int i = 0; i < 120; i++) {
        engine_model_step(&archive->model, engine_fixture_worker(&fixture, i % 2),
                          engine_fixture_now_ms(&fixture));
        if (i % 2 == 0) assert_true(engine_fixture_commit(&fixture));
        bool is_stopped;
        if (i == 50) assert_ok(engine_fixture_checkpoint(&fixture, &is_stopped));
    }
    engine_model_settle(&archive->model, engine_model_count(&archive->model));
    assert_ok(engine_fixture_close(&fixture));
    archive->disk = fake_disk_clone(fixture.disk);
    archive->clock = fixture.clock;
    engine_fixture_deinit(&fixture);
    measure(archive);
}

static uint64_t seed_of(const char *test)
{
    struct random random;
    seed_random(&random, test);
    return random_next(&random);
}

static void destroy_archive(struct archive *archive)
{
    fake_disk_destroy(archive->disk);
    engine_model_deinit(&archive->model);
}

/* A damaged copy. */
static void damaged(struct archive *archive, struct engine_fixture *fixture)
{
    engine_fixture_init_in_memory(fixture);
    fixture->options.segment_bytes = SMALL_SEGMENT_BYTES;
    fixture->disk = fake_disk_clone(archive->disk);
    atomic_store(&fixture->clock.wall_us, atomic_load(&archive->clock.wall_us));
}

/* True when the damage was found. */
static bool is_detected(struct archive *archive, struct engine_fixture *fixture,
                        const struct file *file, uint64_t offset)
{
    enum status status = engine_fixture_open(fixture);
    if (status == STATUS_OK) {
        size_t found;
        if (!engine_model_find(&archive->model, fixture->engine, engine_fixture_now_ms(fixture), 0,
                               0, &found)) {
            print_error("%s, offset %" PRIu64 ": opened with wrong content: %s\n", file->name,
                        offset, buf_text(&archive->model.message));
            fail();
        }
        return false;
    }
    if ((status != STATUS_CORRUPT && status != STATUS_VERSION) ||
        strstr(buf_text(&fixture->message), file->name) == NULL) {
        print_error("%s, offset %" PRIu64 ": %s, but \"%s\"\n", file->name, offset,
                    status_text(status), buf_text(&fixture->message));
        fail();
    }
    return true;
}

static void judge(struct file *file, uint64_t offset, bool was_detected)
{
    was_detected ? file->detected++ : file->harmless++;
    if (was_detected || offset >= file->used) return;
    print_error("%s, offset %" PRIu64 " of %" PRIu64 " used: not detected\n", file->name, offset,
                file->used);
    fail();
}

static void print_tally(const struct archive *archive)
{
    for (size_t i = 0; i < archive->file_count; i++) {
        const struct file *file = &archive->files[i];
        print_message("#   %-36s %8" PRIu64 " bytes, %7" PRIu64 " used: %5" PRIu64
                      " detected, %5" PRIu64 " harmless\n",
                      file->name, file->size, file->used, file->detected, file->harmless);
    }
}

/* Mostly where there is something to damage. */
static uint64_t draw_offset(struct archive *archive, const struct file *file)
{
    bool anywhere = file->used == 0 || random_below(&archive->random, 10) == 0;
    return random_below(&archive->random, anywhere ? file->size : file->used);
}

static struct file *draw_file(struct archive *archive)
{
    for (;;) {
        struct file *file = &archive->files[random_below(&archive->random, archive->file_count)];
        if (file->used > 0 || random_below(&archive->random, 20) == 0) return file;
    }
}

TEST(every_flipped_byte_is_detected_or_harmless)
{
    static struct archive archive;
    create_archive(&archive, seed_of("every_flipped_byte_is_detected_or_harmless"));
    for (unsigned i = 0; i < FLIPS; i++) {
        struct file *file = draw_file(&archive);
        uint64_t offset = draw_offset(&archive, file);
        struct engine_fixture fixture;
        damaged(&archive, &fixture);
        bool one_bit = random_below(&archive.random, 2) == 0;
        unsigned mask = one_bit ? 1u << random_below(&archive.random, 8)
                                : 1 + (unsigned)random_below(&archive.random, 255);
        fake_disk_flip(fixture.disk, file->name, offset, (uint8_t)mask);
        judge(file, offset, is_detected(&archive, &fixture, file, offset));
        engine_fixture_deinit(&fixture);
    }
    print_tally(&archive);
    destroy_archive(&archive);
}

/* Case 15. */
TEST(every_zeroed_sector_is_detected_or_harmless)
{
    static struct archive archive;
    create_archive(&archive, seed_of("every_zeroed_sector_is_detected_or_harmless"));
    for (unsigned i = 0; i < ZEROS; i++) {
        struct file *file = draw_file(&archive);
        uint64_t offset = draw_offset(&archive, file) / 512 * 512;
        uint64_t size = file->size - offset < 512 ? file->size - offset : 512;
        struct engine_fixture fixture;
        damaged(&archive, &fixture);
        const char *before = fake_disk_content(fixture.disk, file->name).data + offset;
        bool was_zero = true;
        for (uint64_t k = 0; k < size; k++) was_zero = was_zero && before[k] == 0;
        fake_disk_zero(fixture.disk, file->name, offset, size);
        bool was_detected = is_detected(&archive, &fixture, file, offset);
        if (!was_zero) judge(file, offset, was_detected);
        engine_fixture_deinit(&fixture);
    }
    print_tally(&archive);
    destroy_archive(&archive);
}

/* Case 14. A spare that is cut is no longer one; a cut behind the last block is detected by the
 * file's length or, where it leaves room for the next block, harmless. */
TEST(every_cut_is_detected_or_harmless)
{
    static struct archive archive;
    create_archive(&archive, seed_of("every_cut_is_detected_or_harmless"));
    for (unsigned i = 0; i < CUTS; i++) {
        struct file *file = draw_file(&archive);
        uint64_t size = draw_offset(&archive, file);
        struct engine_fixture fixture;
        damaged(&archive, &fixture);
        fake_disk_cut(fixture.disk, file->name, size);
        judge(file, size, is_detected(&archive, &fixture, file, size));
        engine_fixture_deinit(&fixture);
    }
    print_tally(&archive);
    destroy_archive(&archive);
}

/* ---- files of other times ---- */

/* Case 15: segments and checkpoints that were removed long ago are put back. */
TEST(old_files_that_are_put_back_are_not_replayed)
{
    struct engine_fixture fixture;
    static struct archive old;
    old = (struct archive){0};
    engine_fixture_init(&fixture);
    fixture.options.segment_bytes = SMALL_SEGMENT_BYTES;
    assert_ok(engine_fixture_open(&fixture));
    engine_model_init(&old.model, 3);
    for (int i = 0; i < 200; i++) {
        engine_model_step(&old.model, engine_fixture_worker(&fixture, i % 2),
                          engine_fixture_now_ms(&fixture));
        assert_true(engine_fixture_commit(&fixture));
        bool is_stopped;
        if (i == 100) {
            assert_ok(engine_fixture_checkpoint(&fixture, &is_stopped));
            old.disk = fake_disk_clone(fixture.disk); /* as it was once */
        }
        if (i == 150 || i == 180) assert_ok(engine_fixture_checkpoint(&fixture, &is_stopped));
    }
    engine_model_settle(&old.model, engine_model_count(&old.model));
    assert_ok(engine_fixture_close(&fixture));
    measure(&old);

    unsigned count = 0;
    for (size_t i = 0; i < old.file_count; i++) {
        const char *name = old.files[i].name;
        if (strcmp(name, "MANIFEST") == 0) continue;
        if (fake_disk_content(fixture.disk, name).data != NULL) continue;
        struct engine_fixture again;
        engine_fixture_init_in_memory(&again);
        again.options.segment_bytes = SMALL_SEGMENT_BYTES;
        again.disk = fake_disk_clone(fixture.disk);
        atomic_store(&again.clock.wall_us, atomic_load(&fixture.clock.wall_us));
        fake_disk_put(again.disk, name, fake_disk_content(old.disk, name));
        if (engine_fixture_open(&again) == STATUS_OK) {
            size_t found;
            assert_true(engine_model_find(&old.model, again.engine, engine_fixture_now_ms(&again),
                                          0, 0, &found));
        } else {
            assert_non_null(strstr(buf_text(&again.message), name));
        }
        engine_fixture_deinit(&again);
        count++;
    }
    assert_true(count >= 2);
    destroy_archive(&old);
    engine_fixture_deinit(&fixture);
}

/* Case 17: a file of another directory takes the place of ours. */
static void check_stranger(struct archive *archive, struct archive *stranger, const char *prefix)
{
    size_t size = strlen(prefix);
    for (size_t i = 0; i < archive->file_count; i++) {
        struct file *ours = &archive->files[i];
        if (strncmp(ours->name, prefix, size) != 0) continue;
        for (size_t k = 0; k < stranger->file_count; k++) {
            const char *theirs = stranger->files[k].name;
            if (strncmp(theirs, prefix, size) != 0) continue;
            struct engine_fixture fixture;
            damaged(archive, &fixture);
            fake_disk_put(fixture.disk, ours->name, fake_disk_content(stranger->disk, theirs));
            assert_true(is_detected(archive, &fixture, ours, 0));
            engine_fixture_deinit(&fixture);
        }
    }
}

TEST(files_of_another_history_are_refused)
{
    static struct archive one;
    static struct archive other;
    create_archive(&one, 1);
    create_archive(&other, 2);
    check_stranger(&one, &other, "log-");
    check_stranger(&one, &other, "checkpoint-");
    destroy_archive(&one);
    destroy_archive(&other);
}

RUN_TESTS(CHECK(every_flipped_byte_is_detected_or_harmless),
          CHECK(every_zeroed_sector_is_detected_or_harmless),
          CHECK(every_cut_is_detected_or_harmless),
          CHECK(old_files_that_are_put_back_are_not_replayed),
          CHECK(files_of_another_history_are_refused))
