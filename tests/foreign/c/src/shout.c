// `shout`: writes a field in capitals.
//
// These capitals are as long as their small letters, in UTF-8 and as `\u` escapes. So
// the records are changed where they lie, and the host's own text goes back to it.
#include "json.h"
#include "ropewalk.h"
#include "text.h"

const ActionSpec actions[] = {{
    .name = TEXT("shout"),
    .title = TEXT("Shout"),
    .summary = TEXT("Writes a field in capitals. Records in which it is no text are rejected."),
    .parameters = TEXT("{\"type\": \"object\", \"required\": [\"field\"], \"additionalProperties\": false,"
                       " \"properties\": {\"field\": {\"type\": \"string\", \"minLength\": 1, \"title\": \"Field\","
                       " \"description\": \"The field to write in capitals.\", \"examples\": [\"title\"]}}}"),
    .intake = BATCHES,
}};
const size_t actions_length = 1;

// The one line of this instance.
static Text field, reason;
static uint32_t seen, shouted;

// ---- Capitals ---------------------------------------------------------------------

/// Small letters of Latin, Greek and Cyrillic; their capitals stand `distance` before
/// them. In some alphabets capitals and small letters take turns: there each second.
static const struct {
    uint16_t first, last;
    int8_t distance;
    uint8_t each;
} SMALL[] = {
    {'a', 'z', 32, 1},     {0xe0, 0xf6, 32, 1},   {0xf8, 0xfe, 32, 1},   {0xff, 0xff, -121, 1}, {0x101, 0x12f, 1, 2},
    {0x133, 0x137, 1, 2},  {0x13a, 0x148, 1, 2},  {0x14b, 0x177, 1, 2},  {0x17a, 0x17e, 1, 2},  {0x3ac, 0x3ac, 38, 1},
    {0x3ad, 0x3af, 37, 1}, {0x3b1, 0x3c1, 32, 1}, {0x3c2, 0x3c2, 31, 1}, {0x3c3, 0x3cb, 32, 1}, {0x3cc, 0x3cc, 64, 1},
    {0x3cd, 0x3ce, 63, 1}, {0x430, 0x44f, 32, 1}, {0x450, 0x45f, 80, 1},
};

static uint32_t capital(uint32_t code) {
    for (size_t i = 0; i < sizeof SMALL / sizeof *SMALL; i++)
        if (code >= SMALL[i].first && code <= SMALL[i].last && (code - SMALL[i].first) % SMALL[i].each == 0)
            return code - SMALL[i].distance;
    return code;
}

static void overwrite(const Letter *letter, uint32_t code) {
    if (letter->escaped) {
        for (int i = 5; i >= 2; i--, code >>= 4) letter->at[i] = "0123456789abcdef"[code & 15];
    } else if (letter->length == 1) {
        letter->at[0] = code;
    } else {
        letter->at[0] = 0xc0 | code >> 6;
        letter->at[1] = 0x80 | (code & 0x3f);
    }
}

static void capitals(Text string) {
    for (Letter letter; json_letter(&string, &letter);) {
        uint32_t code = capital(letter.code);
        if (code != letter.code) overwrite(&letter, code);
    }
}

// ---- Records ----------------------------------------------------------------------

typedef enum { SHOUTED, NO_TEXT, BROKEN } Shouting;

/// Shouts one record and reads past it.
static Shouting shout(Json *json) {
    Shouting result = NO_TEXT;
    if (!json_mark(json, '{')) return BROKEN;
    for (bool first = true;; first = false) {
        Text name, value;
        switch (json_next(json, first, &name)) {
            case JSON_END: return result;
            case JSON_BROKEN: return BROKEN;
            case JSON_NAME: break;
        }
        if (json_same(name, field) && json_string(json, &value)) {
            capitals(value);
            result = SHOUTED;
        } else if (!json_skip(json)) {
            return BROKEN;
        }
    }
}

static void reject(Outcome *outcome, uint32_t index) {
    size_t count = outcome->rejected.length++;
    if ((count & (count - 1)) == 0) { // full at 0, 1, 2, 4, 8, …: twice the room
        Rejection *more = allocate((count ? 2 * count : 1) * sizeof(Rejection), alignof(Rejection));
        __builtin_memcpy(more, outcome->rejected.at, count * sizeof(Rejection));
        outcome->rejected.at = more;
    }
    outcome->rejected.at[count] = (Rejection){index, reason};
}

/// Shouts a JSON array of records. Those that stay move up to where others were
/// rejected; answers the end of the new array, or null if it is no such array.
static char *shout_all(Json *json, Outcome *outcome) {
    if (!json_mark(json, '[')) return NULL;
    char *first = json->at, *end = first;
    if (!json_mark(json, ']')) {
        uint32_t index = 0;
        do {
            char *start = json->at;
            Shouting result = shout(json);
            if (result == BROKEN) return NULL;
            if (result == NO_TEXT) {
                reject(outcome, index);
            } else {
                if (end > first) *end++ = ',';
                __builtin_memmove(end, start, json->at - start);
                end += json->at - start;
                shouted++;
            }
            index++;
        } while (json_mark(json, ','));
        seen += index;
        if (!json_mark(json, ']')) return NULL;
    }
    *end++ = ']';
    return json_done(json) ? end : NULL;
}

// ---- The line ---------------------------------------------------------------------

Fault action_open(Text action, Text parameters, const Context *context) {
    (void)context;
    if (!equal(action, SAY("shout")))
        return final(JOIN(SAY("This module has no action "), action, SAY("; it has shout.")));
    Json json = json_of(parameters);
    Text name;
    if (!json_mark(&json, '{')) return final(SAY("The parameters are not a JSON object."));
    for (bool first = true; json_next(&json, first, &name) == JSON_NAME; first = false)
        if (!json_same(name, SAY("field")) || !json_string(&json, &field)) json_skip(&json);
    if (field.length == 0) return final(SAY("The parameter \"field\" is missing: it names the field to shout."));
    reason = JOIN(SAY("It has no text in the field \""), field, SAY("\"."));
    return NULL;
}

Fault action_take(Text records, Outcome *outcome) {
    Json json = json_of(records);
    char *end = shout_all(&json, outcome);
    if (!end) return final(SAY("The records are not a JSON array of objects."));
    outcome->records = (OptionalText){true, {records.at, end - records.at}};
    log_write(LOG_DEBUG, JOIN(SAY("shouted "), number(shouted), SAY(" of "), number(seen), SAY(" records so far")));
    return NULL;
}

Fault action_close(Outcome *outcome) {
    Text noun = seen == 1 ? SAY(" record.") : SAY(" records.");
    outcome->message = (OptionalText){true, JOIN(SAY("Shouted "), number(shouted), SAY(" of "), number(seen), noun)};
    outcome->severity = seen == 0 ? INFO : SUCCESS;
    return NULL;
}
