// Texts for people.
#pragma once

#include "ropewalk.h"

/// The parts one after the other, as a new text: `JOIN(SAY("Line "), number(1))`.
#define JOIN(...) join((const Text[]){__VA_ARGS__}, sizeof((const Text[]){__VA_ARGS__}) / sizeof(Text))
Text join(const Text *parts, size_t count);

/// In decimal digits.
Text number(uint32_t value);

bool equal(Text a, Text b);
