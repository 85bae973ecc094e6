#include "families/families.h"

const struct family *const families[] = {
    &bitfield_family, &bitmap_family, &connection_family, &counter_family,
    &dump_family,     &expire_family, &key_family,        &object_family,
    &scan_family,     &string_family, &substring_family,  &transaction_family,
};

const size_t families_count = sizeof families / sizeof families[0];
