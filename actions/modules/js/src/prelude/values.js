// Converts between values of scripts and JSON. The built-ins that this needs are saved
// here, so that a script that changes JSON or Math affects only itself.
const { parse, stringify, rawJSON } = JSON;
const { isArray } = Array;
const { isSafeInteger, isFinite } = Number;

/// Most levels of nested arrays and objects, including the list of records.
const DEEPEST = 64;

// An error message of the module itself, in contrast to an error of the script.
const fault = (text) => ({ fault: text });

// Integers beyond 2^53 become BigInt. Only called if the text may contain one.
const exact = (key, value, { source }) =>
  typeof value === "number" && !isSafeInteger(value) && /^-?\d+$/.test(source) ? BigInt(source) : value;
const read = (text, long) => (long ? parse(text, exact) : parse(text));

const integer = (key, value) => {
  if (typeof value !== "bigint") return value;
  if (value < -(2n ** 63n) || value >= 2n ** 64n)
    throw fault(`The script returned the integer ${value}, which has more than 64 bits: return it as a string`);
  return rawJSON(String(value));
};
// BigInt is written as an exact integer. Plain JSON.stringify, which refuses BigInt, is tried
// first, so that results without BigInt cost nothing extra.
const text = (value) => {
  native.narrow(true);
  try {
    return stringify(value);
  } catch (error) {
    if (error instanceof RangeError && error.message.includes("call stack"))
      throw fault(`A value that the script returned or sent is nested more than ${DEEPEST} levels deep, or its toJSON never ends`);
    if (!(error instanceof TypeError)) throw error;
    return stringify(value, integer);
  } finally {
    native.narrow(false);
  }
};

const kind = (value) => {
  if (value === null) return "null";
  if (isArray(value)) return "an array";
  if (typeof value === "object") return value.constructor?.name ? `an object (${value.constructor.name})` : "an object";
  if (typeof value === "function") return "a function";
  return `a ${typeof value}`;
};
const isRecord = (value) =>
  typeof value === "object" && value !== null && !isArray(value) &&
  !(value instanceof Date || value instanceof Map || value instanceof Set || value instanceof Promise || value instanceof RegExp || value instanceof Error);

const records = (list, where) => {
  if (!isArray(list)) throw fault(`The script returned ${kind(list)} as ${where}, not an array of records`);
  for (let i = 0; i < list.length; i++) {
    if (isRecord(list[i])) continue;
    const hint = list[i] instanceof Promise ? ": collect them with await Promise.all(…)" : ", not an object";
    throw fault(`The script returned ${kind(list[i])} at position ${i} of ${where}${hint}`);
  }
  return list;
};

// Finds a value that JSON would change or make unreadable, with its place: NaN becomes null, and
// half a surrogate pair is not valid text. Only called if the JSON text makes this likely. It uses
// a list instead of recursion, because deeply nested values must not exhaust the stack.
const unsound = (root, name, depth) => {
  const open = [{ value: root, name, depth, parent: undefined }];
  for (let node; (node = open.pop()) !== undefined; ) {
    let { value, depth } = node;
    if (typeof value === "object" && value !== null && !(value instanceof Date) && typeof value.toJSON === "function") value = value.toJSON();
    const reason = wrong(value, depth);
    if (reason !== undefined) return `${place(node)} ${reason}`;
    if (typeof value !== "object" || value === null || value instanceof Date) continue;
    const names = Object.keys(value);
    const odd = names.find((name) => !name.isWellFormed());
    if (odd !== undefined) return `${place(node)} has a name that contains half a surrogate pair`;
    // In reverse order, so that the first one is checked first.
    for (let i = names.length - 1; i >= 0; i--)
      open.push({ value: value[names[i]], name: isArray(value) ? `[${names[i]}]` : names[i], depth: depth + 1, parent: node });
  }
  return undefined;
};
const wrong = (value, depth) => {
  if (typeof value === "number" && !isFinite(value)) return `is ${value}, which JSON cannot represent: write null or a text instead`;
  if (typeof value === "string" && !value.isWellFormed()) return "contains half a surrogate pair: cut texts with [...text], or use toWellFormed()";
  if (value instanceof Date && !isFinite(value.getTime())) return "is an invalid date";
  if (typeof value === "object" && value !== null && depth > DEEPEST) return `is nested more than ${DEEPEST} levels deep`;
  return undefined;
};
// The path of a node, such as `customer.tags[2]`.
const place = (node) => {
  let path = "";
  for (; node !== undefined; node = node.parent) {
    const dot = path === "" || path.startsWith("[") || node.name === "" ? "" : ".";
    path = node.name + dot + path;
  }
  if (path.length > 120) path = `${path.slice(0, 60)}…${path.slice(-60)}`;
  return path;
};
// The fault of a returned record, if there is one.
const inspect = (list) => {
  for (let i = 0; i < list.length; i++) {
    const found = unsound(list[i], "", 2);
    if (found !== undefined) return `The script returned a record, at position ${i}, whose field ${found}`;
  }
  return undefined;
};
// The JSON text of a value that the script passes to the host.
const sound = (value, where) => {
  const written = text(value);
  if (written === undefined) throw new TypeError(`${where} is ${kind(value)}, which JSON cannot represent`);
  if (written.includes("null") || written.includes("\\ud")) {
    const found = unsound(value, where, 1);
    if (found !== undefined) throw new TypeError(found);
  }
  return written;
};
