/* Intrusive doubly linked list: the links live in the object, the list never allocates. One
 * thread or one lock. */
#ifndef BASE_LINKS_H
#define BASE_LINKS_H

#include <stdbool.h>
#include <stddef.h>

struct links {
    struct links *next;
    struct links *previous;
};

/* The object of type `type` whose member `member` is at `pointer`. */
#define CONTAINER_OF(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

/* An empty head, or a detached node, points to itself. */
static inline void links_init(struct links *links)
{
    links->next = links;
    links->previous = links;
}

static inline bool links_is_empty(const struct links *head)
{
    return head->next == head;
}

static inline bool links_is_linked(const struct links *node)
{
    return node->next != node;
}

static inline void links_push_back(struct links *head, struct links *node)
{
    node->previous = head->previous;
    node->next = head;
    head->previous->next = node;
    head->previous = node;
}

static inline void links_push_front(struct links *head, struct links *node)
{
    node->next = head->next;
    node->previous = head;
    head->next->previous = node;
    head->next = node;
}

static inline void links_remove(struct links *node)
{
    node->previous->next = node->next;
    node->next->previous = node->previous;
    links_init(node);
}

/* Moves all of `from`, in order, to the end of `to`; `from` is empty afterwards. */
static inline void links_splice(struct links *to, struct links *from)
{
    if (links_is_empty(from)) return;
    struct links *first = from->next;
    struct links *last = from->previous;
    to->previous->next = first;
    first->previous = to->previous;
    last->next = to;
    to->previous = last;
    links_init(from);
}

/* `node` may be removed inside the loop. */
#define LINKS_FOR_EACH(node, head) \
    for (struct links *node = (head)->next, *node##_next = node->next; node != (head); \
         node = node##_next, node##_next = node->next)

#endif
