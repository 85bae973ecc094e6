#include "families/families.h"
#include "server/server_commands.h"

const struct family *const server_families[] = {
    /* of families/families.h */
    &bitfield_family,
    &bitmap_family,
    &connection_family,
    &counter_family,
    &dump_family,
    &expire_family,
    &key_family,
    &object_family,
    &scan_family,
    &string_family,
    &substring_family,
    &transaction_family,
    /* of this floor */
    &acl_family,
    &command_family,
    &config_family,
    &database_family,
    &debug_family,
    &latency_family,
    &memory_family,
    &save_family,
    &server_family,
    &slowlog_family,
};

const size_t server_family_count = sizeof(server_families) / sizeof(server_families[0]);
