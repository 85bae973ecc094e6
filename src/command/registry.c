/* Commands by name, in one probe. The first and last eight bytes of a name (and the middle eight of
 * a long one), with letters folded, and its length are multiplied together; a seed is searched for
 * which no two of our names share a slot. Rows by address (for their index) are found in the same
 * way. */
#include "command/registry.h"

#include "base/assert.h"
#include "base/memory.h"

enum {
    NAME_BYTES_MAX = 32,
    SLOTS_MIN_BITS = 10,
    SLOTS_MAX_BITS = 20,
    SEEDS_TRIED = 4096, /* before the table is doubled */
    INDEX_NONE = UINT16_MAX,
};

/* A name as three words, comparable at once. */
struct folded {
    uint64_t first;
    uint64_t last;
    uint64_t middle;
    size_t size;
};

struct slots {
    uint64_t seed;
    unsigned shift;
    uint16_t *indexes; /* INDEX_NONE: free */
};

struct row {
    const struct command *command;
    struct folded name;
    bool has_only_letters; /* folding told the bytes apart exactly */
    bool is_subcommand;
};

struct registry {
    struct row *rows;
    unsigned count;
    unsigned listed_count;
    struct slots by_name;
    struct slots by_address;
};

/* ---- names ---- */

static uint64_t load_u64(const char *data)
{
    uint64_t word;
    memcpy(&word, data, sizeof(word));
    return word;
}

static uint32_t load_u32(const char *data)
{
    uint32_t word;
    memcpy(&word, data, sizeof(word));
    return word;
}

/* Sets the bit that makes ASCII letters lower-case. Exact for letters; some other bytes become
 * equal. */
static struct folded fold(struct bytes name)
{
    static const uint64_t lower = UINT64_C(0x2020202020202020);
    struct folded folded = {.size = name.size};
    if (name.size >= 8) {
        folded.first = load_u64(name.data) | lower;
        folded.last = load_u64(name.data + name.size - 8) | lower;
        if (name.size > 16) folded.middle = load_u64(name.data + 8) | lower;
        if (name.size > 24) folded.middle ^= (load_u64(name.data + 16) | lower) * 3;
    } else if (name.size >= 4) {
        folded.first = load_u32(name.data) | (uint32_t)lower;
        folded.last = load_u32(name.data + name.size - 4) | (uint32_t)lower;
    } else if (name.size > 0) {
        folded.first = (uint8_t)name.data[0] | 0x20u;
        folded.last = ((uint64_t)((uint8_t)name.data[name.size / 2] | 0x20u) << 8) |
                      ((uint8_t)name.data[name.size - 1] | 0x20u);
    }
    return folded;
}

static bool folded_equal(const struct folded *a, const struct folded *b)
{
    return a->first == b->first && a->last == b->last && a->middle == b->middle &&
           a->size == b->size;
}

/* The two products do not wait for each other; the seed's multiplication does the rest. */
static uint64_t mix(const struct folded *name)
{
    uint64_t first = name->first * UINT64_C(0x9e3779b97f4a7c15);
    uint64_t last = name->last * UINT64_C(0xbf58476d1ce4e5b9);
    return (first ^ (last >> 29) ^ last) + name->middle + name->size;
}

static uint64_t mix_address(const void *address)
{
    uint64_t hash = (uint64_t)(uintptr_t)address * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 32);
}

static bool is_letters(const char *name)
{
    for (; *name != '\0'; name++) {
        if (*name < 'a' || *name > 'z') return false;
    }
    return true;
}

/* ---- slots ---- */

static unsigned slot_of(const struct slots *slots, uint64_t hash)
{
    return (unsigned)((hash * slots->seed) >> slots->shift);
}

static bool place_all(struct slots *slots, size_t slot_count, const uint64_t *hashes,
                      const uint16_t *indexes, size_t count)
{
    memset(slots->indexes, 0xff, slot_count * sizeof(slots->indexes[0]));
    for (size_t i = 0; i < count; i++) {
        uint16_t *slot = &slots->indexes[slot_of(slots, hashes[i])];
        if (*slot != INDEX_NONE) return false;
        *slot = indexes[i];
    }
    return true;
}

/* Finds a table size and a seed that give every hash a slot of its own. */
static void slots_build(struct slots *slots, const uint64_t *hashes, const uint16_t *indexes,
                        size_t count)
{
    for (unsigned bits = SLOTS_MIN_BITS; bits <= SLOTS_MAX_BITS; bits++) {
        size_t slot_count = (size_t)1 << bits;
        slots->shift = 64 - bits;
        slots->indexes = memory_alloc(slot_count * sizeof(slots->indexes[0]));
        uint64_t seed = UINT64_C(0x94d049bb133111eb);
        for (unsigned i = 0; i < SEEDS_TRIED; i++) {
            seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            slots->seed = seed | 1;
            if (place_all(slots, slot_count, hashes, indexes, count)) return;
        }
        memory_free(slots->indexes);
    }
    ASSERT(!"two commands have one name");
}

/* ---- building ---- */

static unsigned count_rows(const struct command *command)
{
    unsigned count = 1;
    const struct command *inner = command->subcommands;
    for (; inner != NULL && inner->name != NULL; inner++) count++;
    return count;
}

static void add_row(struct registry *registry, const struct command *command, bool is_subcommand)
{
    struct bytes name = bytes_of_text(command->name);
    ASSERT(name.size <= NAME_BYTES_MAX);
    registry->rows[registry->count++] = (struct row){
        .command = command,
        .name = fold(name),
        .has_only_letters = is_letters(command->name),
        .is_subcommand = is_subcommand,
    };
    if (!is_subcommand && (command->flags & CMD_NOT_IN_LIST) == 0) registry->listed_count++;
}

static void add_family(struct registry *registry, const struct family *family)
{
    for (size_t i = 0; i < family->count; i++) {
        const struct command *command = &family->commands[i];
        add_row(registry, command, false);
        const struct command *inner = command->subcommands;
        for (; inner != NULL && inner->name != NULL; inner++) add_row(registry, inner, true);
    }
}

static void build_slots(struct registry *registry)
{
    uint64_t *hashes = memory_alloc(registry->count * sizeof(hashes[0]) + 1);
    uint16_t *indexes = memory_alloc(registry->count * sizeof(indexes[0]) + 1);
    size_t count = 0;
    for (unsigned i = 0; i < registry->count; i++) {
        if (registry->rows[i].is_subcommand) continue;
        hashes[count] = mix(&registry->rows[i].name);
        indexes[count++] = (uint16_t)i;
    }
    slots_build(&registry->by_name, hashes, indexes, count);

    for (unsigned i = 0; i < registry->count; i++) {
        hashes[i] = mix_address(registry->rows[i].command);
        indexes[i] = (uint16_t)i;
    }
    slots_build(&registry->by_address, hashes, indexes, registry->count);
    memory_free(hashes);
    memory_free(indexes);
}

struct registry *registry_create(const struct family *const *families, size_t count)
{
    size_t row_count = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < families[i]->count; j++)
            row_count += count_rows(&families[i]->commands[j]);
    }
    ASSERT(row_count < INDEX_NONE);

    struct registry *registry = memory_zalloc(sizeof(*registry));
    registry->rows = memory_zalloc(row_count * sizeof(registry->rows[0]) + 1);
    for (size_t i = 0; i < count; i++) add_family(registry, families[i]);
    ASSERT(registry->count == row_count);
    build_slots(registry);
    return registry;
}

void registry_destroy(struct registry *registry)
{
    if (registry == NULL) return;
    memory_free(registry->by_name.indexes);
    memory_free(registry->by_address.indexes);
    memory_free(registry->rows);
    memory_free(registry);
}

/* ---- looking up ---- */

const struct command *registry_find(const struct registry *registry, struct bytes name)
{
    if (name.size > NAME_BYTES_MAX) return NULL;
    struct folded folded = fold(name);
    uint16_t index = registry->by_name.indexes[slot_of(&registry->by_name, mix(&folded))];
    if (index == INDEX_NONE) return NULL;
    const struct row *row = &registry->rows[index];
    if (!folded_equal(&row->name, &folded)) return NULL;
    /* Of longer names the middle is mixed rather than kept, so look at it again. */
    if (row->has_only_letters && name.size <= 24) return row->command;
    return bytes_is_word(name, row->command->name) ? row->command : NULL;
}

const char *registry_last_name(const struct command *command)
{
    const char *bar = strchr(command->name, '|');
    return bar != NULL ? bar + 1 : command->name;
}

bool registry_is_subcommand(const struct command *command)
{
    return strchr(command->name, '|') != NULL;
}

const struct command *registry_find_subcommand(const struct command *command, struct bytes name)
{
    const struct command *inner = command->subcommands;
    for (; inner != NULL && inner->name != NULL; inner++) {
        if (bytes_is_word(name, registry_last_name(inner))) return inner;
    }
    return NULL;
}

const struct command *registry_find_full(const struct registry *registry, struct bytes name)
{
    const char *bar = name.size > 0 ? memchr(name.data, '|', name.size) : NULL;
    if (bar == NULL) return registry_find(registry, name);
    size_t size = (size_t)(bar - name.data);
    const struct command *command = registry_find(registry, bytes_part(name, 0, size));
    if (command == NULL) return NULL;
    return registry_find_subcommand(command, bytes_part(name, size + 1, name.size));
}

unsigned registry_count(const struct registry *registry)
{
    return registry->count;
}

const struct command *registry_at(const struct registry *registry, unsigned index)
{
    ASSERT(index < registry->count);
    return registry->rows[index].command;
}

unsigned registry_index(const struct registry *registry, const struct command *command)
{
    uint16_t index =
        registry->by_address.indexes[slot_of(&registry->by_address, mix_address(command))];
    ASSERT(index < registry->count);
    ASSERT_SLOW(registry->rows[index].command == command);
    return index;
}

unsigned registry_listed_count(const struct registry *registry)
{
    return registry->listed_count;
}
