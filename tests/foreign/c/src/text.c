#include "text.h"

Text join(const Text *parts, size_t count) {
    size_t length = 0;
    for (size_t i = 0; i < count; i++) length += parts[i].length;
    Text whole = {allocate(length, 1), 0};
    for (size_t i = 0; i < count; i++) {
        __builtin_memcpy(whole.at + whole.length, parts[i].at, parts[i].length);
        whole.length += parts[i].length;
    }
    return whole;
}

Text number(uint32_t value) {
    enum { LONGEST = 10 };
    char *digits = allocate(LONGEST, 1);
    size_t first = LONGEST;
    do {
        digits[--first] = '0' + value % 10;
        value /= 10;
    } while (value);
    return (Text){digits + first, LONGEST - first};
}

bool equal(Text a, Text b) {
    if (a.length != b.length) return false;
    for (size_t i = 0; i < a.length; i++)
        if (a.at[i] != b.at[i]) return false;
    return true;
}
