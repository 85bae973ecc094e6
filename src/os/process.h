/* What the system knows of this process and of the machine. Any thread. */
#ifndef OS_PROCESS_H
#define OS_PROCESS_H

#include <stdint.h>

#include "base/buf.h"

struct process_cpu {
    double system_s;
    double user_s;
};

/* Resident bytes; 0 when the system does not say. */
uint64_t process_resident_bytes(void);
/* Memory of the machine. */
uint64_t process_machine_bytes(void);
int64_t process_id(void);
/* Of the whole process, of its ended children, of the calling thread. */
struct process_cpu process_cpu_own(void);
struct process_cpu process_cpu_children(void);
struct process_cpu process_cpu_thread(void);
/* Appends "Linux 6.1.0 x86_64". */
void process_system_name(struct buf *out);
/* Appends the absolute path of the running program. */
void process_executable(struct buf *out);
/* Open files allowed now; raises the soft limit to `wanted` as far as it may. */
uint64_t process_raise_files(uint64_t wanted);

#endif
