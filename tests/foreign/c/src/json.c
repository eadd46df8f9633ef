#include "json.h"

Json json_of(Text text) {
    return (Json){text.at, text.at + text.length};
}

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void space(Json *json) {
    while (json->at < json->end && is_space(*json->at)) json->at++;
}

bool json_mark(Json *json, char mark) {
    space(json);
    if (json->at == json->end || *json->at != mark) return false;
    json->at++;
    return true;
}

bool json_string(Json *json, Text *string) {
    if (!json_mark(json, '"')) return false;
    char *start = json->at;
    for (bool escaped = false; json->at < json->end; json->at++) {
        if (*json->at == '"' && !escaped) {
            *string = (Text){start, json->at++ - start};
            return true;
        }
        escaped = *json->at == '\\' && !escaped;
    }
    return false;
}

/// Reads to the bracket that closes the one just read, however deep it goes.
static bool to_closing_bracket(Json *json) {
    size_t depth = 1;
    while (depth > 0) {
        if (json->at == json->end) return false;
        char c = *json->at;
        if (c == '"') {
            Text string;
            if (!json_string(json, &string)) return false;
            continue;
        }
        if (c == '[' || c == '{') depth++;
        if (c == ']' || c == '}') depth--;
        json->at++;
    }
    return true;
}

bool json_skip(Json *json) {
    Text string;
    space(json);
    if (json->at < json->end && *json->at == '"') return json_string(json, &string);
    if (json_mark(json, '[') || json_mark(json, '{')) return to_closing_bracket(json);
    char *start = json->at; // a number, true, false or null
    while (json->at < json->end && !is_space(*json->at) && *json->at != ',' && *json->at != ']' && *json->at != '}')
        json->at++;
    return json->at > start;
}

bool json_done(Json *json) {
    space(json);
    return json->at == json->end;
}

JsonStep json_next(Json *json, bool first, Text *name) {
    if (json_mark(json, '}')) return JSON_END;
    if (!first && !json_mark(json, ',')) return JSON_BROKEN;
    return json_string(json, name) && json_mark(json, ':') ? JSON_NAME : JSON_BROKEN;
}

// ---- Characters -------------------------------------------------------------------

/// The character of `\n` and its like.
static uint32_t named(char c) {
    switch (c) {
        case 'b': return '\b';
        case 'f': return '\f';
        case 'n': return '\n';
        case 'r': return '\r';
        case 't': return '\t';
        default: return c;
    }
}

/// The UTF-16 unit of `\u00e9`.
static bool unit(Text string, uint32_t *value) {
    if (string.length < 6 || string.at[0] != '\\' || string.at[1] != 'u') return false;
    *value = 0;
    for (int i = 2; i < 6; i++) {
        char c = string.at[i], small = c | 0x20;
        if (c >= '0' && c <= '9') *value = *value << 4 | (c - '0');
        else if (small >= 'a' && small <= 'f') *value = *value << 4 | (small - 'a' + 10);
        else return false;
    }
    return true;
}

static bool escape(Text string, Letter *letter) {
    if (string.length < 2) return false;
    if (string.at[1] != 'u') {
        letter->length = 2;
        letter->code = named(string.at[1]);
        return true;
    }
    if (!unit(string, &letter->code)) return false;
    letter->length = 6;
    uint32_t second;
    bool high = letter->code >> 10 == 0xd800 >> 10;
    if (high && unit((Text){string.at + 6, string.length - 6}, &second) && second >> 10 == 0xdc00 >> 10) {
        letter->length = 12;
        letter->code = 0x10000 + ((letter->code & 0x3ff) << 10 | (second & 0x3ff));
    }
    return true;
}

static bool utf8(Text string, Letter *letter) {
    const uint8_t first = string.at[0];
    letter->length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (string.length < letter->length) return false;
    letter->code = letter->length == 1 ? first : first & (0x7f >> letter->length);
    for (size_t i = 1; i < letter->length; i++) letter->code = letter->code << 6 | (string.at[i] & 0x3f);
    return true;
}

bool json_letter(Text *string, Letter *letter) {
    if (string->length == 0) return false;
    letter->at = string->at;
    letter->escaped = *string->at == '\\';
    if (!(letter->escaped ? escape : utf8)(*string, letter)) return false;
    string->at += letter->length;
    string->length -= letter->length;
    return true;
}

bool json_same(Text a, Text b) {
    Letter x, y;
    for (;;) {
        bool more = json_letter(&a, &x);
        if (more != json_letter(&b, &y)) return false;
        if (!more) return true;
        if (x.code != y.code) return false;
    }
}
