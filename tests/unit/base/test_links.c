#include "base/links.h"

#include "tests/support/check.h"

struct item {
    int value;
    struct links links;
};

static int digits_of(const struct links *head)
{
    int digits = 0;
    for (const struct links *node = head->next; node != head; node = node->next) {
        digits = digits * 10 +
                 ((const struct item *)((const char *)node - offsetof(struct item, links)))->value;
    }
    return digits;
}

TEST(items_stay_in_the_order_they_were_pushed)
{
    struct links head;
    links_init(&head);
    assert_true(links_is_empty(&head));
    struct item items[4] = {{.value = 1}, {.value = 2}, {.value = 3}, {.value = 4}};
    links_push_back(&head, &items[1].links);
    links_push_back(&head, &items[2].links);
    links_push_front(&head, &items[0].links);
    links_push_back(&head, &items[3].links);
    assert_int_equal(digits_of(&head), 1234);
    assert_false(links_is_empty(&head));
}

TEST(removed_items_are_detached)
{
    struct links head;
    links_init(&head);
    struct item items[3] = {{.value = 1}, {.value = 2}, {.value = 3}};
    for (int i = 0; i < 3; i++) links_push_back(&head, &items[i].links);
    assert_true(links_is_linked(&items[1].links));
    links_remove(&items[1].links);
    assert_false(links_is_linked(&items[1].links));
    links_remove(&items[1].links);
    assert_int_equal(digits_of(&head), 13);
}

TEST(items_may_be_removed_while_walking)
{
    struct links head;
    links_init(&head);
    struct item items[9];
    for (int i = 0; i < 9; i++) {
        items[i].value = i + 1;
        links_push_back(&head, &items[i].links);
    }
    LINKS_FOR_EACH (node, &head) {
        if (CONTAINER_OF(node, struct item, links)->value % 2 == 0) links_remove(node);
    }
    assert_int_equal(digits_of(&head), 13579);
    LINKS_FOR_EACH (node, &head) links_remove(node);
    assert_true(links_is_empty(&head));
}

RUN_TESTS(CHECK(items_stay_in_the_order_they_were_pushed), CHECK(removed_items_are_detached),
          CHECK(items_may_be_removed_while_walking))
