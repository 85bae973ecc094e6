/* What we say we are: clients choose features by Redis's number. */
#ifndef COMMAND_VERSION_H
#define COMMAND_VERSION_H

#define VERSION_REDIS_TEXT "7.2.4"
#define VERSION_CAIRN_TEXT "0.1.0"

#endif
