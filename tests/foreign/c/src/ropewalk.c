// The canonical ABI: how the host calls the module, and how values cross. Another
// module can take this file as it is; `wit-bindgen c` would write one like it.
#include "ropewalk.h"

#define ACTIONS "ropewalk:action/actions@1.0.0"
#define EXPORT(name) __attribute__((export_name(name)))
#define IMPORT(module, name) __attribute__((import_module(module), import_name(name)))

// ---- Memory -----------------------------------------------------------------------
// Every line has a fresh instance, so memory is a stack: what `open` left stays, and
// what a batch needed is dropped when the host has read the answer.

enum { PAGE = 65536 };
extern char __heap_base; // set by the linker: behind the stack and the data
static size_t top, kept;

static void *grab(size_t size, size_t align) {
    size_t start = ((top ? top : (size_t)&__heap_base) + align - 1) & ~(align - 1);
    size_t have = __builtin_wasm_memory_size(0) * PAGE;
    if (size > SIZE_MAX - PAGE - start) __builtin_trap();
    if (start + size > have && __builtin_wasm_memory_grow(0, (start + size - have + PAGE - 1) / PAGE) == SIZE_MAX)
        __builtin_trap();
    top = start + size;
    return (void *)start;
}

void *allocate(size_t size, size_t align) {
    return __builtin_memset(grab(size, align), 0, size);
}

/// Called by the host for room for the texts that it passes.
EXPORT("cabi_realloc") void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size) {
    return __builtin_memcpy(grab(size, align), old, old_size < size ? old_size : size);
}

// ---- What the host offers ---------------------------------------------------------

IMPORT("ropewalk:host/log@1.0.0", "write") void host_log_write(uint32_t level, const char *at, size_t length);
IMPORT("[export]" ACTIONS, "[resource-new]line") uint32_t new_line(uint32_t representation);

void log_write(LogLevel level, Text message) {
    host_log_write(level, message.at, message.length);
}

Fault final(Text message) {
    Failure *failure = NEW(Failure);
    failure->kind.is = FINAL;
    failure->message = message;
    return failure;
}

// ---- What the module offers -------------------------------------------------------

/// More than sixteen flat arguments are passed as one pointer to all of them.
typedef struct {
    Text action;
    Text parameters;
    Context context;
} OpenArguments;

typedef struct {
    bool failed;
    union {
        uint32_t line;
        Failure failure;
    };
} Opened;

typedef struct {
    bool failed;
    union {
        Outcome outcome;
        Failure failure;
    };
} Done;

typedef struct {
    const ActionSpec *at;
    size_t length;
} Specs;

// The sizes that the canonical ABI gives.
_Static_assert(sizeof(ActionSpec) == 36 && sizeof(Context) == 72 && sizeof(OpenArguments) == 88, "layout");
_Static_assert(sizeof(Outcome) == 36 && sizeof(Failure) == 20, "layout");
_Static_assert(sizeof(Opened) == 24 && sizeof(Done) == 40, "layout");

EXPORT(ACTIONS "#list") const Specs *list(void) {
    Specs *specs = NEW(Specs);
    *specs = (Specs){actions, actions_length};
    return specs;
}

EXPORT(ACTIONS "#[static]line.open") const Opened *line_open(const OpenArguments *arguments) {
    Opened *opened = NEW(Opened);
    Fault fault = action_open(arguments->action, arguments->parameters, &arguments->context);
    if (fault) {
        opened->failed = true;
        opened->failure = *fault;
    } else {
        // An instance has one line, which needs no representation of its own.
        opened->line = new_line(0);
    }
    kept = top;
    return opened;
}

static const Done *answer(Done *done, Fault fault) {
    if (fault) {
        done->failed = true;
        done->failure = *fault;
    }
    return done;
}

EXPORT(ACTIONS "#[method]line.take") const Done *line_take(uint32_t line, char *at, size_t length) {
    (void)line;
    Done *done = NEW(Done);
    return answer(done, action_take((Text){at, length}, &done->outcome));
}

EXPORT(ACTIONS "#[method]line.close") const Done *line_close(uint32_t line) {
    (void)line;
    Done *done = NEW(Done);
    return answer(done, action_close(&done->outcome));
}

/// Called when the host has read an answer.
static void drop(void) {
    top = kept;
}

EXPORT("cabi_post_" ACTIONS "#[method]line.take") void line_take_read(const Done *done) {
    (void)done;
    drop();
}

EXPORT("cabi_post_" ACTIONS "#[method]line.close") void line_close_read(const Done *done) {
    (void)done;
    drop();
}
