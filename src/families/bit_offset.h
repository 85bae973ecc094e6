/* Bit offsets as SETBIT, GETBIT and BITFIELD take them. */
#ifndef FAMILIES_BIT_OFFSET_H
#define FAMILIES_BIT_OFFSET_H

#include "command/call.h"

/* Reads the argument at `index`: a bit inside the longest possible string. With `width` > 0, "#n"
 * means n * width. Answers "ERR bit offset is not an integer or out of range" and returns false
 * otherwise. */
bool bit_offset_argument(struct call *call, uint32_t index, unsigned width, uint64_t *out);
void bit_offset_refuse(struct call *call);

#endif
