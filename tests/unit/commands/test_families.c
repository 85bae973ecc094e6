#include "families/families.h"

#include "command/registry.h"
#include "tests/support/check.h"

static bool is_one_of(const char *word, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(word, *words) == 0) return true;
    return false;
}

static bool is_lower_case(const char *name)
{
    for (; *name; name++)
        if (*name >= 'A' && *name <= 'Z') return false;
    return true;
}

static void check_row(const struct command *row)
{
    static const char *const groups[] = {"string", "bitmap",       "generic", "connection",
                                         "server", "transactions", NULL};
    assert_true(is_lower_case(row->name));
    assert_true(row->function || row->subcommands);
    assert_int_not_equal(row->arity, 0);
    assert_non_null(row->syntax);
    assert_non_null(row->since);
    assert_non_null(row->summary);
    assert_non_null(row->complexity);
    assert_non_null(row->acl);
    assert_true(is_one_of(row->group, groups));
    assert_int_equal(row->summary[strlen(row->summary) - 1], '.');
    assert_false((row->flags & CMD_WRITE) && (row->flags & CMD_READ));
}

TEST(every_row_is_complete)
{
    for (size_t i = 0; i < families_count; i++) {
        for (size_t j = 0; j < families[i]->count; j++) {
            const struct command *row = &families[i]->commands[j];
            check_row(row);
            for (const struct command *sub = row->subcommands; sub && sub->name; sub++) {
                check_row(sub);
                assert_memory_equal(sub->name, row->name, strlen(row->name));
                assert_int_equal(sub->name[strlen(row->name)], '|');
            }
        }
    }
}

TEST(no_name_is_there_twice)
{
    struct registry *registry = registry_create(families, families_count);
    assert_non_null(registry_find(registry, BYTES_LITERAL("GET")));
    registry_destroy(registry);
}

RUN_TESTS(CHECK(every_row_is_complete), CHECK(no_name_is_there_twice))
