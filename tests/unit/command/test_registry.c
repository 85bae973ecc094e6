#include "command/registry.h"

#include <stdio.h>

#include "base/memory.h"
#include "tests/support/check.h"

enum { MANY = 600, NAME_BYTES = 24 };

static const struct command config_commands[] = {
    {.name = "config|get", .arity = -3, .flags = CMD_ADMIN},
    {.name = "config|set",  .arity = -4, .flags = CMD_ADMIN},
    {0},
};

static const struct command first_rows[] = {
    {.name = "get", .arity = 2,  .flags = CMD_READ | CMD_FAST, .acl = "@string"},
    {.name = "config",             .arity = -2,         .subcommands = config_commands             },
    {.name = "restore-asking",             .arity = -4, .flags = CMD_WRITE},
};

static const struct command second_rows[] = {
    {.name = "substr",   .arity = 4,   .flags = CMD_READ | CMD_NOT_IN_LIST},
    {.name = "georadiusbymember_ro",                  .arity = -6, .flags = CMD_READ},
    {.name = "a", .arity = 1            },
};

static const struct family first = FAMILY("first", first_rows);
static const struct family second = FAMILY("second", second_rows);
static const struct family *const two_families[] = {&first, &second};

static const char *found_name(const struct registry *registry, const char *name)
{
    const struct command *command = registry_find(registry, bytes_of_text(name));
    return command != NULL ? command->name : "";
}

TEST(names_are_found_in_any_case)
{
    struct registry *registry = registry_create(two_families, 2);
    assert_string_equal(found_name(registry, "get"), "get");
    assert_string_equal(found_name(registry, "GET"), "get");
    assert_string_equal(found_name(registry, "gEt"), "get");
    assert_string_equal(found_name(registry, "RESTORE-asking"), "restore-asking");
    assert_string_equal(found_name(registry, "GeoRadiusByMember_RO"), "georadiusbymember_ro");
    assert_string_equal(found_name(registry, "A"), "a");
    registry_destroy(registry);
}

TEST(names_that_are_no_commands_are_not_found)
{
    static const char *const names[] = {
        "",
        "g",
        "ge",
        "gets",
        "gett",
        "get ",
        "config|get",
        "restore\rasking",
        "restore_asking",
        "b",
        "\x01",
        "georadiusbymember\x7fro",
        "georadiusbymembe__ro",
        "thisnameislongerthananycommandcaneverbe",
    };
    struct registry *registry = registry_create(two_families, 2);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_string_equal(found_name(registry, names[i]), "");
    }
    assert_null(registry_find(registry, BYTES_LITERAL("get\0")));
    registry_destroy(registry);
}

TEST(subcommands_are_found_under_their_command)
{
    struct registry *registry = registry_create(two_families, 2);
    const struct command *config = registry_find(registry, BYTES_LITERAL("config"));
    assert_ptr_equal(registry_find_subcommand(config, BYTES_LITERAL("SET")), &config_commands[1]);
    assert_null(registry_find_subcommand(config, BYTES_LITERAL("se")));
    assert_null(registry_find_subcommand(&first_rows[0], BYTES_LITERAL("set")));
    assert_ptr_equal(registry_find_full(registry, BYTES_LITERAL("Config|Get")),
                     &config_commands[0]);
    assert_ptr_equal(registry_find_full(registry, BYTES_LITERAL("get")), &first_rows[0]);
    assert_null(registry_find_full(registry, BYTES_LITERAL("nosuch|get")));
    assert_null(registry_find_full(registry, BYTES_LITERAL("get|x")));
    assert_string_equal(registry_last_name(&config_commands[0]), "get");
    assert_true(registry_is_subcommand(&config_commands[0]));
    assert_false(registry_is_subcommand(config));
    registry_destroy(registry);
}

TEST(every_row_has_an_index_of_its_own)
{
    struct registry *registry = registry_create(two_families, 2);
    assert_int_equal(registry_count(registry), 8);
    assert_int_equal(registry_listed_count(registry), 5);
    for (unsigned i = 0; i < registry_count(registry); i++) {
        assert_int_equal(registry_index(registry, registry_at(registry, i)), i);
    }
    assert_ptr_equal(registry_at(registry, 2), &config_commands[0]); /* behind its command */
    registry_destroy(registry);
}

TEST(hundreds_of_commands_are_told_apart)
{
    char(*names)[NAME_BYTES] = memory_zalloc(MANY * sizeof(names[0]));
    struct command *rows = memory_zalloc(MANY * sizeof(rows[0]));
    for (unsigned i = 0; i < MANY; i++) {
        (void)snprintf(names[i], NAME_BYTES, "%.*scmd%u", (int)(i % 12), "abcdefghijkl", i);
        rows[i].name = names[i];
    }
    struct family family = {"many", rows, MANY};
    const struct family *families[] = {&family};
    struct registry *registry = registry_create(families, 1);
    for (unsigned i = 0; i < MANY; i++) {
        assert_ptr_equal(registry_find(registry, bytes_of_text(names[i])), &rows[i]);
        assert_int_equal(registry_index(registry, &rows[i]), i);
        names[i][1] ^= 1;
        assert_ptr_not_equal(registry_find(registry, bytes_of_text(names[i])), &rows[i]);
        names[i][1] ^= 1;
    }
    registry_destroy(registry);
    memory_free(rows);
    memory_free(names);
}

static void create_with_twins(void *context)
{
    (void)context;
    const struct family *twins[] = {&first, &first};
    registry_destroy(registry_create(twins, 2));
}

TEST(two_rows_of_one_name_are_refused)
{
    assert_aborts(create_with_twins, NULL);
}

RUN_TESTS(CHECK(names_are_found_in_any_case), CHECK(names_that_are_no_commands_are_not_found),
          CHECK(subcommands_are_found_under_their_command),
          CHECK(every_row_has_an_index_of_its_own), CHECK(hundreds_of_commands_are_told_apart),
          CHECK(two_rows_of_one_name_are_refused))
