// The contract in C: the types of `ropewalk:action/actions@1.0.0`, what a module
// defines, and what it may use. A record of the contract is a struct: on wasm32 the
// canonical ABI lays it out as C does. An `option`, a `result` or a `variant` is a tag
// and the value that goes with it.
#pragma once

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// UTF-8, not terminated.
typedef struct {
    char *at;
    size_t length;
} Text;

#define TEXT(literal) \
    { (char *)(literal), sizeof(literal) - 1 }
#define SAY(literal) ((Text)TEXT(literal))

typedef struct {
    bool some;
    Text value;
} OptionalText;

typedef enum : uint8_t { BATCHES, WHOLE, NONE } Intake;

typedef struct {
    Text name;
    Text title;
    Text summary;
    Text parameters; // JSON Schema
    Intake intake;
} ActionSpec;

typedef struct {
    Text job_result;
    uint32_t line_no;
    uint32_t attempt;
    Text idempotency_key;
    Text now;
    OptionalText since;
    Text organization;
    Text arguments; // JSON
    Text dates;     // JSON
    bool dry_run;
} Context;

typedef struct {
    uint32_t index;
    Text reason;
} Rejection;

typedef enum : uint8_t { SUCCESS, INFO, WARNING } Severity;

typedef struct {
    OptionalText records; // JSON; none leaves the batch as it was
    struct {
        Rejection *at;
        size_t length;
    } rejected;
    OptionalText message;
    Severity severity;
} Outcome;

typedef struct {
    struct {
        enum : uint8_t { TEMPORARY, FINAL } is;
        struct {
            bool some;
            uint32_t seconds;
        } after; // only if TEMPORARY
    } kind;
    Text message;
} Failure;

/// A failure, or null where all went well.
typedef const Failure *Fault;

// ---- What a module defines --------------------------------------------------------
// What it allocates in `action_open` stays until the line ends; what it allocates in the
// others stays until the host has read the answer. Answers come zeroed: no records, no
// message, success.

extern const ActionSpec actions[];
extern const size_t actions_length;

Fault action_open(Text action, Text parameters, const Context *context);

/// `records` belongs to the action, which may change it and hand it back.
Fault action_take(Text records, Outcome *outcome);

Fault action_close(Outcome *outcome);

// ---- What it may use --------------------------------------------------------------

typedef enum : uint8_t { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR } LogLevel;
void log_write(LogLevel level, Text message);

/// Zeroed memory, which is not given back one by one.
void *allocate(size_t size, size_t align);
#define NEW(type) ((type *)allocate(sizeof(type), alignof(type)))

/// A failure that stays, however often it is tried.
Fault final(Text message);
