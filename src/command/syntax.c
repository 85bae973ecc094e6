#include "command/syntax.h"

#include "base/arena.h"
#include "base/assert.h"

struct parser {
    const char *next;
    struct arena *arena;
    unsigned depth;
};

/* A list that grows at its end. */
struct list {
    struct syntax_argument *first;
    struct syntax_argument **end;
    bool repeats; /* ended with "..." */
};

const char *syntax_type_name(enum syntax_type type)
{
    static const char *const names[] = {"string",    "integer",    "double", "key",  "pattern",
                                        "unix-time", "pure-token", "oneof",  "block"};
    return names[type];
}

uint32_t syntax_count(const struct syntax_argument *first)
{
    uint32_t count = 0;
    for (; first != NULL; first = first->next) count++;
    return count;
}

/* ---- what a word is ---- */

static bool is_lower(char byte)
{
    return byte >= 'a' && byte <= 'z';
}

static bool is_token(struct bytes word)
{
    for (size_t i = 0; i < word.size; i++) {
        if (is_lower(word.data[i])) return false;
    }
    return true;
}

static enum syntax_type type_of(struct bytes name)
{
    static const struct {
        enum syntax_type type;
        const char *names; /* between single spaces */
    } rows[] = {
        {SYNTAX_KEY,       " key key1 key2 source destination newkey destkey "   },
        {SYNTAX_PATTERN,   " pattern "                                           },
        {SYNTAX_UNIX_TIME, " unix-time-seconds unix-time-milliseconds timestamp "},
        {SYNTAX_DOUBLE,    " score weight longitude latitude radius "            },
        {SYNTAX_INTEGER,
         " seconds milliseconds count offset start end stop db destination-db index index1 index2 ttl cursor numkeys "
         "numreplicas numlocal timeout decrement increment samples bit len min-match-len frequency protover client-id "
         "length size "                                                          },
    };
    char padded[64];
    if (name.size + 3 > sizeof(padded)) return SYNTAX_STRING;
    padded[0] = ' ';
    memcpy(padded + 1, name.data, name.size);
    memcpy(padded + 1 + name.size, " ", 2);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strstr(rows[i].names, padded) != NULL) return rows[i].type;
    }
    return SYNTAX_STRING;
}

static struct bytes lower(struct arena *arena, struct bytes word)
{
    char *copy = arena_alloc(arena, word.size + 1);
    for (size_t i = 0; i < word.size; i++) {
        char byte = word.data[i];
        copy[i] = (char)(byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte);
    }
    return bytes_of(copy, word.size);
}

/* ---- building ---- */

static struct syntax_argument *make(struct parser *parser, enum syntax_type type, struct bytes name)
{
    struct syntax_argument *argument = arena_zalloc(parser->arena, sizeof(*argument));
    argument->type = type;
    argument->name = name;
    return argument;
}

static void list_init(struct list *list)
{
    *list = (struct list){0};
    list->end = &list->first;
}

static void list_add(struct list *list, struct syntax_argument *argument)
{
    *list->end = argument;
    while (*list->end != NULL) list->end = &(*list->end)->next;
}

/* A value of a type that its name does not tell: "increment:double". */
static struct syntax_argument *make_typed(struct parser *parser, struct bytes word,
                                          const char *colon)
{
    struct bytes name = bytes_of(word.data, (size_t)(colon - word.data));
    struct bytes type = bytes_of(colon + 1, word.size - name.size - 1);
    for (enum syntax_type i = SYNTAX_STRING; i < SYNTAX_PURE_TOKEN; i++) {
        if (bytes_is_word(type, syntax_type_name(i))) return make(parser, i, name);
    }
    return make(parser, SYNTAX_STRING, name);
}

static struct syntax_argument *make_word(struct parser *parser, struct bytes word)
{
    if (!is_token(word)) {
        const char *colon = memchr(word.data, ':', word.size);
        return colon != NULL ? make_typed(parser, word, colon) : make(parser, type_of(word), word);
    }
    struct syntax_argument *argument = make(parser, SYNTAX_PURE_TOKEN, lower(parser->arena, word));
    argument->token = word;
    return argument;
}

/* "key_value" for a block of key and value. */
static struct bytes block_name(struct parser *parser, const struct syntax_argument *children)
{
    struct bytes first = children->name;
    if (children->next == NULL) return first;
    struct bytes second = children->next->name;
    char *name = arena_alloc(parser->arena, first.size + second.size + 1);
    memcpy(name, first.data, first.size);
    name[first.size] = '_';
    memcpy(name + first.size + 1, second.data, second.size);
    return bytes_of(name, first.size + second.size + 1);
}

/* One argument for a whole sequence: "seconds" with token EX for "EX seconds". */
static struct syntax_argument *fuse(struct parser *parser, struct syntax_argument *first)
{
    if (first->next == NULL) return first;
    bool has_token = first->type == SYNTAX_PURE_TOKEN && !first->is_optional;
    struct syntax_argument *rest = has_token ? first->next : first;
    if (rest->next == NULL && rest->token.size == 0 && rest->type != SYNTAX_PURE_TOKEN) {
        rest->token = first->token;
        return rest;
    }
    struct syntax_argument *block = make(parser, SYNTAX_BLOCK,
                                         has_token ? first->name : block_name(parser, first));
    block->children = rest;
    if (has_token) block->token = first->token;
    return block;
}

static bool is_repetition(const struct syntax_argument *before,
                          const struct syntax_argument *repeated)
{
    while (before != NULL && repeated != NULL && bytes_equal(before->name, repeated->name)) {
        before = before->next;
        repeated = repeated->next;
    }
    return before == NULL && repeated == NULL;
}

/* "key value" before "[key value ...]": the place in the list where what is repeated begins, or
 * NULL. */
static struct syntax_argument **find_repeated(struct list *list,
                                              const struct syntax_argument *repeated)
{
    for (struct syntax_argument **place = &list->first; *place != NULL; place = &(*place)->next) {
        if (is_repetition(*place, repeated)) return place;
    }
    return NULL;
}

static void add_group(struct parser *parser, struct list *list, const struct list *group,
                      bool is_optional)
{
    if (group->first == NULL) return;
    struct syntax_argument **repeated = group->repeats ? find_repeated(list, group->first) : NULL;
    struct syntax_argument *argument;
    if (repeated != NULL) {
        argument = fuse(parser, *repeated);
        *repeated = NULL;
        list->end = repeated;
        argument->is_multiple = true;
    } else {
        argument = fuse(parser, group->first);
        argument->is_optional = argument->is_optional || is_optional;
        argument->is_multiple = argument->is_multiple || group->repeats;
    }
    list_add(list, argument);
}

/* ---- parsing ---- */

static struct list parse_alternatives(struct parser *parser, char closing);

static struct bytes take_word(struct parser *parser)
{
    size_t size = strcspn(parser->next, " []<>|");
    struct bytes word = bytes_of(parser->next, size);
    parser->next += size;
    return word;
}

/* Up to a '|' or a closing bracket. */
static struct list parse_sequence(struct parser *parser)
{
    struct list list;
    list_init(&list);
    for (;;) {
        parser->next += strspn(parser->next, " ");
        char byte = *parser->next;
        if (byte == '\0' || byte == '|' || byte == ']' || byte == '>') return list;
        if (byte == '[' || byte == '<') {
            parser->next++;
            struct list group = parse_alternatives(parser, byte == '[' ? ']' : '>');
            add_group(parser, &list, &group, byte == '[');
            continue;
        }
        struct bytes word = take_word(parser);
        if (bytes_is_word(word, "...")) {
            list.repeats = true;
        } else {
            list_add(&list, make_word(parser, word));
        }
    }
}

static struct bytes choice_name(const struct syntax_argument *children)
{
    for (; children != NULL; children = children->next) {
        if (children->type != SYNTAX_PURE_TOKEN) return BYTES_LITERAL("choice");
    }
    return BYTES_LITERAL("condition");
}

/* What stands between brackets: one sequence, or a choice of several. */
static struct list parse_alternatives(struct parser *parser, char closing)
{
    struct list choice;
    list_init(&choice);
    if (++parser->depth > SYNTAX_DEPTH_MAX) parser->next += strlen(parser->next);
    struct list sequence = parse_sequence(parser);
    bool has_alternatives = *parser->next == '|';
    if (has_alternatives && sequence.first != NULL) list_add(&choice, fuse(parser, sequence.first));
    while (*parser->next == '|') {
        parser->next++;
        sequence = parse_sequence(parser);
        if (sequence.first != NULL) list_add(&choice, fuse(parser, sequence.first));
    }
    if (closing != '\0' && *parser->next == closing) parser->next++;
    parser->depth--;
    if (!has_alternatives || choice.first == NULL) return sequence;

    struct syntax_argument *oneof = make(parser, SYNTAX_ONEOF, choice_name(choice.first));
    oneof->children = choice.first;
    struct list list;
    list_init(&list);
    list_add(&list, oneof);
    list.repeats = sequence.repeats;
    return list;
}

struct syntax_argument *syntax_parse(const char *syntax, struct arena *arena)
{
    struct parser parser = {.next = syntax, .arena = arena};
    struct list whole;
    list_init(&whole);
    while (*parser.next != '\0') {
        const char *before = parser.next;
        struct list list = parse_alternatives(&parser, '\0');
        if (list.first != NULL) {
            if (list.repeats) list.first->is_multiple = true;
            list_add(&whole, list.first);
        }
        if (parser.next == before) parser.next++; /* a bracket that closes nothing */
    }
    ASSERT(parser.depth == 0);
    return whole.first;
}
