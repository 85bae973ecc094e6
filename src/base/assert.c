#include "base/assert.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void print(const char *text)
{
    ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
    (void)ignored; /* There is nobody left to tell. */
}

_Noreturn void assert_failed(const char *claim, const char *file, int line)
{
    char digits[16];
    size_t place = sizeof(digits);
    digits[--place] = '\0';
    do {
        digits[--place] = (char)('0' + line % 10);
        line /= 10;
    } while (line > 0 && place > 0);

    print("assertion failed: ");
    print(claim);
    print(" (");
    print(file);
    print(":");
    print(digits + place);
    print(")\n");
    abort();
}
