#include "tests/support/engine_model.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/memory.h"
#include "base/text.h"
#include "engine/engine.h"

enum {
    GROUP_MAX = 5,
    LONG_KEY_BYTES = 300,
    LONG_KEY_EVERY = 8,
};

enum kind { SET, RANGE, DEADLINE, REMOVE, FLUSH, SWAP };

/* In terms of the model: whole, so that it can be done again. */
struct change {
    enum kind kind;
    uint32_t database;
    uint32_t key; /* for SWAP the other database */
    int64_t deadline_ms;
    size_t offset;
    struct buf bytes;
};

struct transaction {
    uint64_t gate;
    int64_t now_ms;
    size_t change_end;
};

/* ---- keys ---- */

struct bytes engine_model_key(uint32_t key)
{
    static char names[ENGINE_MODEL_KEYS][LONG_KEY_BYTES + 1];
    static size_t sizes[ENGINE_MODEL_KEYS];
    ASSERT(key < ENGINE_MODEL_KEYS);
    if (key == 0) return BYTES_EMPTY;
    if (sizes[key] == 0) {
        char *name = names[key];
        int size = snprintf(name, LONG_KEY_BYTES, "k:%u", key);
        memset(name + size, '-', LONG_KEY_BYTES - (size_t)size);
        sizes[key] = key % LONG_KEY_EVERY == 0 ? LONG_KEY_BYTES : (size_t)size;
    }
    return bytes_of(names[key], sizes[key]);
}

/* ENGINE_MODEL_KEYS when it is no key of ours. */
static uint32_t number_of(struct bytes name)
{
    uint32_t key = 0;
    while (key < ENGINE_MODEL_KEYS && !bytes_equal(engine_model_key(key), name)) key++;
    return key;
}

/* ---- states ---- */

static void clear(struct engine_model_cell *cell)
{
    cell->is_there = false;
    cell->deadline_ms = ENTRY_NO_DEADLINE;
    cell->value.size = 0;
}

static void copy_state(struct engine_model_state *to, const struct engine_model_state *from)
{
    for (uint32_t i = 0; i < ENGINE_MODEL_DATABASES; i++) {
        for (uint32_t k = 0; k < ENGINE_MODEL_KEYS; k++) {
            const struct engine_model_cell *source = &from->cells[i][k];
            struct engine_model_cell *target = &to->cells[i][k];
            clear(target);
            if (!source->is_there) continue;
            target->is_there = true;
            target->deadline_ms = source->deadline_ms;
            buf_append_bytes(&target->value, buf_bytes(&source->value));
        }
    }
}

static void deinit_state(struct engine_model_state *state)
{
    for (uint32_t i = 0; i < ENGINE_MODEL_DATABASES; i++) {
        for (uint32_t k = 0; k < ENGINE_MODEL_KEYS; k++) buf_deinit(&state->cells[i][k].value);
    }
}

static bool is_past(int64_t deadline_ms, int64_t now_ms)
{
    return deadline_ms != ENTRY_NO_DEADLINE && deadline_ms <= now_ms;
}

/* The cell as a transaction at `now_ms` sees it: what has expired is gone. */
static struct engine_model_cell *cell_at(struct engine_model_state *state, uint32_t database,
                                         uint32_t key, int64_t now_ms)
{
    struct engine_model_cell *cell = &state->cells[database][key];
    if (cell->is_there && is_past(cell->deadline_ms, now_ms)) clear(cell);
    return cell;
}

static void set_range(struct engine_model_cell *cell, size_t offset, struct bytes data)
{
    cell->is_there = true;
    if (data.size == 0) return;
    size_t end = offset + data.size;
    size_t size = cell->value.size;
    if (end > size) memset(buf_reserve(&cell->value, end - size), 0, end - size);
    if (end > size) cell->value.size = end;
    memcpy(cell->value.data + offset, data.data, data.size);
}

static void apply_to_database(struct engine_model_state *state, const struct change *change)
{
    if (change->kind == FLUSH) {
        for (uint32_t k = 0; k < ENGINE_MODEL_KEYS; k++) clear(&state->cells[change->database][k]);
        return;
    }
    for (uint32_t k = 0; k < ENGINE_MODEL_KEYS; k++) {
        struct engine_model_cell cell = state->cells[change->database][k];
        state->cells[change->database][k] = state->cells[change->key][k];
        state->cells[change->key][k] = cell;
    }
}

static void apply(struct engine_model_state *state, const struct change *change, int64_t now_ms)
{
    if (change->kind == FLUSH || change->kind == SWAP) {
        apply_to_database(state, change);
        return;
    }
    struct engine_model_cell *cell = cell_at(state, change->database, change->key, now_ms);
    switch (change->kind) {
    case SET:
        clear(cell);
        if (is_past(change->deadline_ms, now_ms)) break;
        cell->is_there = true;
        cell->deadline_ms = change->deadline_ms;
        buf_append_bytes(&cell->value, buf_bytes(&change->bytes));
        break;
    case RANGE: set_range(cell, change->offset, buf_bytes(&change->bytes)); break;
    case DEADLINE:
        if (cell->is_there) cell->deadline_ms = change->deadline_ms;
        if (cell->is_there && is_past(change->deadline_ms, now_ms)) clear(cell);
        break;
    default: clear(cell); break;
    }
}

/* ---- history ---- */

static const struct change *change_at(const struct engine_model *model, size_t index)
{
    return (const struct change *)(const void *)model->changes.data + index;
}

static const struct transaction *transaction_at(const struct engine_model *model, size_t index)
{
    return (const struct transaction *)(const void *)model->transactions.data + index;
}

static size_t change_count(const struct engine_model *model)
{
    return model->changes.size / sizeof(struct change);
}

size_t engine_model_count(const struct engine_model *model)
{
    return model->transactions.size / sizeof(struct transaction);
}

size_t engine_model_acknowledged(const struct engine_model *model, uint64_t durable)
{
    size_t count = engine_model_count(model);
    size_t i = 0;
    while (i < count && transaction_at(model, i)->gate <= durable) i++;
    return i;
}

/* The state goes on by transaction number `index`. */
static void replay(const struct engine_model *model, size_t index, struct engine_model_state *state)
{
    const struct transaction *transaction = transaction_at(model, index);
    size_t first = index > 0 ? transaction_at(model, index - 1)->change_end : 0;
    for (size_t i = first; i < transaction->change_end; i++) {
        apply(state, change_at(model, i), transaction->now_ms);
    }
}

static void forget_history(struct engine_model *model)
{
    for (size_t i = 0; i < change_count(model); i++) {
        struct buf bytes = change_at(model, i)->bytes;
        buf_deinit(&bytes);
    }
    model->changes.size = 0;
    model->transactions.size = 0;
}

void engine_model_settle(struct engine_model *model, size_t count)
{
    ASSERT(count <= engine_model_count(model));
    for (size_t i = 0; i < count; i++) replay(model, i, &model->base);
    forget_history(model);
    copy_state(&model->now, &model->base);
}

void engine_model_init(struct engine_model *model, uint64_t seed)
{
    *model = (struct engine_model){.value_bytes_max = 6000};
    random_init(&model->random, seed);
}

void engine_model_deinit(struct engine_model *model)
{
    forget_history(model);
    deinit_state(&model->base);
    deinit_state(&model->now);
    buf_deinit(&model->changes);
    buf_deinit(&model->transactions);
    buf_deinit(&model->message);
}

void engine_model_fork(const struct engine_model *model, size_t count, uint64_t seed,
                       struct engine_model *out)
{
    engine_model_init(out, seed);
    out->value_bytes_max = model->value_bytes_max;
    copy_state(&out->base, &model->base);
    for (size_t i = 0; i < count; i++) replay(model, i, &out->base);
    copy_state(&out->now, &out->base);
}

/* ---- one transaction ---- */

struct step {
    struct engine_model *model;
    struct txn txn;
    uint32_t keys[GROUP_MAX];
    uint32_t key_count;
};

static uint64_t draw(struct step *step, uint64_t bound)
{
    return random_below(&step->model->random, bound);
}

/* Looks a key up in both and compares. */
static struct item look_up(struct step *step, uint32_t database, uint32_t number, struct key *key)
{
    const struct engine_model_cell *cell = cell_at(&step->model->now, database, number,
                                                   step->txn.now_ms);
    *key = txn_key(&step->txn, engine_model_key(number));
    struct item item = txn_item_in(&step->txn, database, key);
    ASSERT((item.entry != NULL) == cell->is_there);
    if (item.entry != NULL) {
        char scratch[NUMBER_INT_TEXT_MAX];
        ASSERT(bytes_equal(entry_string(item.entry, scratch), buf_bytes(&cell->value)));
        ASSERT(entry_deadline(item.entry) == cell->deadline_ms);
    }
    return item;
}

static void note(struct step *step, const struct change *change)
{
    apply(&step->model->now, change, step->txn.now_ms);
    buf_append(&step->model->changes, change, sizeof *change);
}

static void fill(struct step *step, struct buf *out)
{
    static const size_t typical[] = {0, 1, 5, 20, 100, 300, 3000};
    uint64_t choice = draw(step, 12);
    if (choice < 4) {
        buf_printf(out, "%lld", (long long)(random_next(&step->model->random) >> draw(step, 64)));
        return;
    }
    size_t size = choice == 11 ? draw(step, step->model->value_bytes_max) : typical[draw(step, 7)];
    char first = (char)('a' + draw(step, 26));
    for (size_t i = 0; i < size; i++) buf_append_byte(out, (char)(first + (char)(i % 5)));
}

static int64_t draw_deadline(struct step *step)
{
    switch (draw(step, 6)) {
    case 0: return step->txn.now_ms + 1 + (int64_t)draw(step, 3000);
    case 1: return step->txn.now_ms + 1000000 + (int64_t)draw(step, 1000);
    default: return ENTRY_NO_DEADLINE;
    }
}

static void set(struct step *step, uint32_t database, uint32_t number)
{
    struct key key;
    struct item item = look_up(step, database, number, &key);
    struct change change = {.kind = SET, .database = database, .key = number};
    fill(step, &change.bytes);
    change.deadline_ms = draw_deadline(step);
    if (draw(step, 3) == 0) {
        int64_t kept_ms = item.entry != NULL ? entry_deadline(item.entry) : ENTRY_NO_DEADLINE;
        txn_set_text(&step->txn, &item, buf_bytes(&change.bytes), TXN_KEEP_DEADLINE);
        change.deadline_ms = kept_ms;
    } else if (draw(step, 2) == 0) {
        txn_set_bytes(&step->txn, &item, buf_bytes(&change.bytes), change.deadline_ms);
    } else {
        txn_set_text(&step->txn, &item, buf_bytes(&change.bytes), change.deadline_ms);
    }
    note(step, &change);
}

static void increment(struct step *step, uint32_t database, uint32_t number)
{
    struct key key;
    struct item item = look_up(step, database, number, &key);
    struct change change = {.kind = SET, .database = database, .key = number};
    int64_t value = 0;
    if (item.entry != NULL) {
        char scratch[NUMBER_INT_TEXT_MAX];
        if (!number_parse_i64(entry_string(item.entry, scratch), &value)) value = 0;
        change.deadline_ms = entry_deadline(item.entry);
    }
    value = value < INT64_MAX ? value + 1 : 0;
    buf_printf(&change.bytes, "%lld", (long long)value);
    txn_set_integer(&step->txn, &item, value, TXN_KEEP_DEADLINE);
    note(step, &change);
}

static void write_range(struct step *step, uint32_t database, uint32_t number)
{
    struct key key;
    struct item item = look_up(step, database, number, &key);
    struct change change = {.kind = RANGE, .database = database, .key = number};
    fill(step, &change.bytes);
    size_t length = item.entry != NULL ? entry_string_length(item.entry) : 0;
    change.offset = draw(step, 2) == 0 ? length : draw(step, length + 50);
    if (length > step->model->value_bytes_max) change.offset = 0; /* it must not grow for ever */
    txn_write_range(&step->txn, &item, change.offset, buf_bytes(&change.bytes));
    note(step, &change);
}

static void set_deadline(struct step *step, uint32_t database, uint32_t number)
{
    struct key key;
    struct item item = look_up(step, database, number, &key);
    if (item.entry == NULL) return;
    struct change change = {.kind = DEADLINE, .database = database, .key = number};
    change.deadline_ms = draw(step, 8) == 0 ? 1 : draw_deadline(step);
    txn_set_deadline(&step->txn, &item, change.deadline_ms);
    note(step, &change);
}

static void remove_key(struct step *step, uint32_t database, uint32_t number)
{
    struct key key;
    struct item item = look_up(step, database, number, &key);
    if (item.entry == NULL) return;
    struct change change = {.kind = REMOVE, .database = database, .key = number};
    txn_remove(&step->txn, &item);
    note(step, &change);
}

static void copy(struct step *step, uint32_t database, uint32_t number)
{
    uint32_t other = (uint32_t)draw(step, ENGINE_MODEL_DATABASES);
    struct key key;
    struct item source = look_up(step, database, number, &key);
    if (source.entry == NULL || other == database) return;
    struct item target = look_up(step, other, number, &key);
    source = look_up(step, database, number, &key); /* deleting what has expired makes items void */
    char scratch[NUMBER_INT_TEXT_MAX];
    struct change change = {.kind = SET, .database = other, .key = number};
    buf_append_bytes(&change.bytes, entry_string(source.entry, scratch));
    change.deadline_ms = entry_deadline(source.entry);
    txn_copy(&step->txn, &target, source.entry, change.deadline_ms);
    note(step, &change);
}

typedef void change_function(struct step *step, uint32_t database, uint32_t number);

static change_function *const change_functions[] = {
    set, set, increment, increment, write_range, set_deadline, remove_key, copy,
};

enum { CHANGE_FUNCTIONS = sizeof change_functions / sizeof change_functions[0] };

static void change_databases(struct step *step)
{
    txn_lock_all(&step->txn);
    uint64_t kind = draw(step, 5);
    uint32_t first = (uint32_t)draw(step, ENGINE_MODEL_DATABASES);
    uint32_t second = (uint32_t)draw(step, ENGINE_MODEL_DATABASES);
    uint32_t last = kind == 0 ? ENGINE_MODEL_DATABASES - 1 : first;
    for (uint32_t i = kind == 0 ? 0 : first; kind < 3 && i <= last; i++) {
        struct change change = {.kind = FLUSH, .database = i};
        txn_flush(&step->txn, i);
        note(step, &change);
    }
    if (kind < 2 || first == second) return;
    struct change change = {.kind = SWAP, .database = first, .key = second};
    txn_swap(&step->txn, first, second);
    note(step, &change);
    change_functions[draw(step, CHANGE_FUNCTIONS)](step, first,
                                                   (uint32_t)draw(step, ENGINE_MODEL_KEYS));
}

static void lock_group(struct step *step)
{
    struct key keys[GROUP_MAX];
    step->key_count = draw(step, 3) == 0 ? 1 + (uint32_t)draw(step, GROUP_MAX) : 1;
    for (uint32_t i = 0; i < step->key_count; i++) {
        step->keys[i] = (uint32_t)draw(step, ENGINE_MODEL_KEYS);
        keys[i] = txn_key(&step->txn, engine_model_key(step->keys[i]));
    }
    txn_lock(&step->txn, keys, step->key_count);
}

static void change_group(struct step *step)
{
    lock_group(step);
    uint64_t kind = draw(step, 3);
    change_function *one = change_functions[draw(step, CHANGE_FUNCTIONS)];
    for (uint32_t i = 0; i < step->key_count; i++) {
        uint32_t database = kind == 0 ? (uint32_t)draw(step, ENGINE_MODEL_DATABASES) : 0;
        change_function *any = change_functions[draw(step, CHANGE_FUNCTIONS)];
        (kind == 1 ? any : one)(step, database, step->keys[i]);
    }
}

void engine_model_step(struct engine_model *model, struct engine_worker *worker, int64_t now_ms)
{
    struct step step = {.model = model};
    txn_begin(&step.txn, worker, 0, now_ms);
    if (draw(&step, 25) == 0) {
        change_databases(&step);
    } else {
        change_group(&step);
    }
    txn_commit(&step.txn);
    struct transaction transaction = {step.txn.gate, now_ms, change_count(model)};
    buf_append(&model->transactions, &transaction, sizeof transaction);
}

/* ---- comparing ---- */

struct reading {
    struct engine_model *model;
    struct engine_model_state *state;
    uint32_t database;
    bool is_known;
};

static bool read_entry(void *context, struct entry *entry)
{
    struct reading *reading = context;
    uint32_t key = number_of(entry_key(entry));
    if (key == ENGINE_MODEL_KEYS || reading->state->cells[reading->database][key].is_there) {
        buf_append_text(&reading->model->message, "a key that nobody wrote, or twice the same: ");
        text_append_quoted(&reading->model->message, entry_key(entry));
        reading->is_known = false;
        return true;
    }
    struct engine_model_cell *cell = &reading->state->cells[reading->database][key];
    char scratch[NUMBER_INT_TEXT_MAX];
    cell->is_there = true;
    cell->deadline_ms = entry_deadline(entry);
    buf_append_bytes(&cell->value, entry_string(entry, scratch));
    return true;
}

static bool read_engine(struct engine_model *model, struct engine *engine, int64_t now_ms,
                        struct engine_model_state *out)
{
    struct reading reading = {.model = model, .state = out, .is_known = true};
    for (uint32_t i = 0; i < ENGINE_MODEL_DATABASES; i++) {
        struct txn txn;
        txn_begin(&txn, engine_worker_at(engine, 0), i, now_ms);
        reading.database = i;
        uint64_t cursor = 0;
        do {
            cursor = txn_scan(&txn, cursor, UINT32_MAX, read_entry, &reading);
        } while (cursor != 0);
        txn_commit(&txn);
    }
    return reading.is_known;
}

static bool is_equal(const struct engine_model_cell *cell, const struct engine_model_cell *found,
                     int64_t now_ms)
{
    bool is_there = cell->is_there && !is_past(cell->deadline_ms, now_ms);
    if (is_there != found->is_there) return false;
    if (!is_there) return true;
    return cell->deadline_ms == found->deadline_ms &&
           bytes_equal(buf_bytes(&cell->value), buf_bytes(&found->value));
}

static void describe(struct buf *out, const struct engine_model_cell *cell)
{
    if (!cell->is_there) {
        buf_append_text(out, "nothing");
        return;
    }
    text_append_quoted(out, bytes_part(buf_bytes(&cell->value), 0, 40));
    buf_printf(out, " (%zu bytes, deadline %lld)", cell->value.size, (long long)cell->deadline_ms);
}

/* Says the first difference into `out`, unless that is NULL. */
static bool is_same(const struct engine_model_state *state, const struct engine_model_state *found,
                    int64_t now_ms, struct buf *out)
{
    for (uint32_t i = 0; i < ENGINE_MODEL_DATABASES; i++) {
        for (uint32_t k = 0; k < ENGINE_MODEL_KEYS; k++) {
            if (is_equal(&state->cells[i][k], &found->cells[i][k], now_ms)) continue;
            if (out == NULL) return false;
            buf_printf(out, "database %u, key %u: expected ", i, k);
            describe(out, &state->cells[i][k]);
            buf_append_text(out, ", found ");
            describe(out, &found->cells[i][k]);
            buf_append_text(out, "; ");
            return false;
        }
    }
    return true;
}

bool engine_model_find(struct engine_model *model, struct engine *engine, int64_t now_ms,
                       size_t first, size_t last, size_t *out)
{
    struct engine_model_state *state = memory_zalloc(sizeof *state);
    struct engine_model_state *found = memory_zalloc(sizeof *found);
    model->message.size = 0;
    bool is_right = false;
    *out = first;
    if (read_engine(model, engine, now_ms, found)) {
        copy_state(state, &model->base);
        for (size_t i = 0; i <= last; i++) {
            if (i > 0) replay(model, i - 1, state);
            if (i < first || !is_same(state, found, now_ms, NULL)) continue;
            is_right = true; /* go on: the last one that fits says most */
            *out = i;
        }
        if (!is_right) (void)is_same(state, found, now_ms, &model->message);
    }
    deinit_state(state);
    deinit_state(found);
    memory_free(state);
    memory_free(found);
    return is_right;
}
