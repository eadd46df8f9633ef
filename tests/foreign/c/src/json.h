// Walks over JSON where it lies. The host passes valid JSON; in anything else the
// functions answer false and stay within the text.
#pragma once

#include "ropewalk.h"

/// What is still to be read.
typedef struct {
    char *at;
    char *end;
} Json;

Json json_of(Text text);

/// Reads this mark, and the space before it.
bool json_mark(Json *json, char mark);

/// Reads a string; `string` is what stands between its quotes, escapes and all.
bool json_string(Json *json, Text *string);

/// Reads any value.
bool json_skip(Json *json);

/// Whether nothing but space is left.
bool json_done(Json *json);

typedef enum { JSON_NAME, JSON_END, JSON_BROKEN } JsonStep;

/// In an object: reads up to the value behind the next name, or past the object's end.
JsonStep json_next(Json *json, bool first, Text *name);

/// One character of a string, and where it stands.
typedef struct {
    uint32_t code; // Unicode
    char *at;
    size_t length;
    bool escaped;
} Letter;

/// Takes the first character from what stands between quotes.
bool json_letter(Text *string, Letter *letter);

/// Whether two strings say the same, however they are escaped.
bool json_same(Text a, Text b);
