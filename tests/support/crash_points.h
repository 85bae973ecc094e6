/* Every moment at which the power may go: calls a function in the middle of each call that changes
 * a fake disk, when the call has done its work as far as it is not synced. What fake_disk_crash
 * makes of that moment is what POWER_OFF at this call would leave; but the work goes on, so that
 * one run passes all of them. One thread at a time. */
#ifndef TESTS_SUPPORT_CRASH_POINTS_H
#define TESTS_SUPPORT_CRASH_POINTS_H

#include "os/disk.h"

enum { CRASH_POINTS_FILES_MAX = 64 };

struct crash_points {
    struct disk_ops ops;
    const struct disk_ops *inner;
    struct disk *disk;
    void *context;
    void (*on_change)(void *context, const char *name);
    struct {
        struct disk_file *file;
        char name[DISK_NAME_MAX + 1];
    } files[CRASH_POINTS_FILES_MAX];
};

/* `name` is the file that the call is about, the new name for a rename, "" for a directory; calls
 * that on_change makes are told as well. The disk is used through its own pointer as before;
 * `points` stays where it is until it is detached or the disk destroyed. */
void crash_points_attach(struct crash_points *points, struct disk *disk,
                         void (*on_change)(void *context, const char *name), void *context);
void crash_points_detach(struct crash_points *points);

#endif
