/* Walks every row of every family: what COMMAND tells of it must make sense. */
#include "base/arena.h"
#include "command/registry.h"
#include "command/syntax.h"
#include "families/families.h"
#include "server/server_commands.h"
#include "tests/support/check.h"

static void each_row(void (*check)(const struct command *command, const struct registry *registry))
{
    struct registry *registry = registry_create(server_families, server_family_count);
    for (unsigned i = 0; i < registry_count(registry); i++)
        check(registry_at(registry, i), registry);
    registry_destroy(registry);
}

TEST(every_family_of_the_floor_below_is_served)
{
    for (size_t i = 0; i < families_count; i++) {
        bool is_served = false;
        for (size_t j = 0; j < server_family_count; j++)
            is_served |= server_families[j] == families[i];
        if (!is_served) fail_msg("the family %s is not in server_families", families[i]->name);
    }
}

static void check_texts(const struct command *command, const struct registry *registry)
{
    (void)registry;
    const char *texts[] = {command->summary,    command->since,  command->group,
                           command->complexity, command->syntax, command->acl};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i] == NULL) fail_msg("text %zu of %s is missing", i, command->name);
    }
    for (const char *byte = command->name; *byte != '\0'; byte++)
        assert_false(*byte >= 'A' && *byte <= 'Z');
    if (command->summary[0] == '\0') fail_msg("%s has no summary", command->name);
}

TEST(every_row_is_complete)
{
    each_row(check_texts);
}

static void check_function(const struct command *command, const struct registry *registry)
{
    (void)registry;
    assert_true(command->function != NULL || command->subcommands != NULL);
    assert_int_not_equal(command->arity, 0);
    size_t size = strlen(command->name);
    const struct command *inner = command->subcommands;
    for (; inner != NULL && inner->name != NULL; inner++) {
        if (strncmp(inner->name, command->name, size) != 0 || inner->name[size] != '|') {
            fail_msg("%s does not belong to %s", inner->name, command->name);
        }
    }
}

TEST(every_row_can_be_run)
{
    each_row(check_function);
}

static void check_lookup(const struct command *command, const struct registry *registry)
{
    assert_ptr_equal(registry_find_full(registry, bytes_of_text(command->name)), command);
}

TEST(every_row_is_found_by_its_name)
{
    each_row(check_lookup);
}

/* The least and the most arguments that a list of syntax allows; SIZE_MAX for no bound. */
struct span {
    size_t least;
    size_t most;
};

static struct span span_of_list(const struct syntax_argument *first);

static struct span span_of(const struct syntax_argument *argument)
{
    struct span span = {1, 1};
    if (argument->type == SYNTAX_ONEOF) {
        span = (struct span){SIZE_MAX, 0};
        for (const struct syntax_argument *one = argument->children; one != NULL; one = one->next) {
            struct span inner = span_of(one);
            if (inner.least < span.least) span.least = inner.least;
            if (inner.most > span.most) span.most = inner.most;
        }
    } else if (argument->type == SYNTAX_BLOCK) {
        span = span_of_list(argument->children);
    }
    if (argument->token.size > 0 && argument->type != SYNTAX_PURE_TOKEN) {
        span.least++;
        if (span.most != SIZE_MAX) span.most++;
    }
    if (argument->is_multiple) span.most = SIZE_MAX;
    if (argument->is_optional) span.least = 0;
    return span;
}

static struct span span_of_list(const struct syntax_argument *first)
{
    struct span sum = {0, 0};
    for (; first != NULL; first = first->next) {
        struct span span = span_of(first);
        sum.least += span.least;
        sum.most = sum.most == SIZE_MAX || span.most == SIZE_MAX ? SIZE_MAX : sum.most + span.most;
    }
    return sum;
}

/* Commands whose arity says something else than their syntax, as in Redis. */
static bool is_lenient(const struct command *command)
{
    static const char *const names[] = {"client|kill", "client|tracking", "command|getkeys",
                                        "command|getkeysandflags", "quit"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], command->name) == 0) return true;
    }
    return false;
}

static void check_arity(const struct command *command, const struct registry *registry)
{
    (void)registry;
    if (command->function == NULL || command->subcommands != NULL || is_lenient(command)) return;
    struct arena arena;
    arena_init(&arena, 4096);
    struct span span = span_of_list(syntax_parse(command->syntax, &arena));
    size_t own = registry_is_subcommand(command) ? 2 : 1;
    size_t least = (size_t)(command->arity < 0 ? -command->arity : command->arity);
    if (span.least + own != least) {
        fail_msg("%s: arity %d, but its syntax takes at least %zu: %s", command->name,
                 command->arity, span.least + own, command->syntax);
    }
    bool is_open = span.most != span.least;
    if (is_open != (command->arity < 0)) {
        fail_msg("%s: arity %d, but its syntax is %s", command->name, command->arity,
                 command->syntax);
    }
    arena_deinit(&arena);
}

TEST(syntax_and_arity_agree)
{
    each_row(check_arity);
}

RUN_TESTS(CHECK(every_family_of_the_floor_below_is_served), CHECK(every_row_is_complete),
          CHECK(every_row_can_be_run), CHECK(every_row_is_found_by_its_name),
          CHECK(syntax_and_arity_agree))
