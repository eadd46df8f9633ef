// The border between values of scripts and JSON. What this needs of the language is
// taken here, so that a script that changes JSON or Math harms only itself.
const { parse, stringify, rawJSON } = JSON;
const { isArray } = Array;
const { isSafeInteger, isFinite } = Number;

/// Arrays and objects inside each other, the list of records included.
const DEEPEST = 64;

// A sentence of ours, in contrast to an error of the script.
const fault = (text) => ({ fault: text });

// Integers beyond 2^53 arrive as BigInt. Only called when the text holds one.
const exact = (key, value, { source }) =>
  typeof value === "number" && !isSafeInteger(value) && /^-?\d+$/.test(source) ? BigInt(source) : value;
const read = (text, long) => (long ? parse(text, exact) : parse(text));

const integer = (key, value) => {
  if (typeof value !== "bigint") return value;
  if (value < -(2n ** 63n) || value >= 2n ** 64n)
    throw fault(`The script returned the integer ${value}, which has more than 64 bits: return it as a string`);
  return rawJSON(String(value));
};
// BigInt goes out as an exact integer; plain JSON.stringify refuses it, so most
// results pay nothing for that.
const text = (value) => {
  native.narrow(true);
  try {
    return stringify(value);
  } catch (error) {
    if (error instanceof RangeError && error.message.includes("call stack"))
      throw fault(`What the script returned or sent is nested deeper than ${DEEPEST}, or its toJSON never ends`);
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

// What JSON would lose or nobody could read again, with its place: NaN becomes null, half
// a surrogate pair is no text. Only called when the JSON text makes it likely. Walks by a
// list of its own, because what is nested too deep must not use up the stack.
const unsound = (root, name, depth) => {
  const open = [{ value: root, name, depth, parent: undefined }];
  for (let node; (node = open.pop()) !== undefined; ) {
    let { value, depth } = node;
    if (typeof value === "object" && value !== null && !(value instanceof Date) && typeof value.toJSON === "function") value = value.toJSON();
    const said = wrong(value, depth);
    if (said !== undefined) return `${place(node)} ${said}`;
    if (typeof value !== "object" || value === null || value instanceof Date) continue;
    const names = Object.keys(value);
    const odd = names.find((name) => !name.isWellFormed());
    if (odd !== undefined) return `${place(node)} has a name that holds half a surrogate pair`;
    // Backwards, so that the first one is looked at first.
    for (let i = names.length - 1; i >= 0; i--)
      open.push({ value: value[names[i]], name: isArray(value) ? `[${names[i]}]` : names[i], depth: depth + 1, parent: node });
  }
  return undefined;
};
const wrong = (value, depth) => {
  if (typeof value === "number" && !isFinite(value)) return `is ${value}, which JSON cannot hold: write null or a text instead`;
  if (typeof value === "string" && !value.isWellFormed()) return "holds half a surrogate pair: cut texts with [...text], or use toWellFormed()";
  if (value instanceof Date && !isFinite(value.getTime())) return "is an invalid date";
  if (typeof value === "object" && value !== null && depth > DEEPEST) return `is nested deeper than ${DEEPEST}`;
  return undefined;
};
// `customer.tags[2]` of a node.
const place = (node) => {
  let path = "";
  for (; node !== undefined; node = node.parent) {
    const dot = path === "" || path.startsWith("[") || node.name === "" ? "" : ".";
    path = node.name + dot + path;
  }
  if (path.length > 120) path = `${path.slice(0, 60)}…${path.slice(-60)}`;
  return path;
};
// Says what is wrong with a returned record, or nothing.
const inspect = (list) => {
  for (let i = 0; i < list.length; i++) {
    const found = unsound(list[i], "", 2);
    if (found !== undefined) return `The script returned a record, at position ${i}, whose field ${found}`;
  }
  return undefined;
};
// The text of a value that goes to the host before the script ends.
const sound = (value, where) => {
  const written = text(value);
  if (written === undefined) throw new TypeError(`${where} is ${kind(value)}, which JSON cannot hold`);
  if (written.includes("null") || written.includes("\\ud")) {
    const found = unsound(value, where, 1);
    if (found !== undefined) throw new TypeError(found);
  }
  return written;
};
