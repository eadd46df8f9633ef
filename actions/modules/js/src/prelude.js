// What scripts find beside the language itself, and the border between their values
// and JSON. Runs once, when the module is built; what it needs of the language is
// taken here, so that a script that changes JSON or Math harms only itself.
(function (write) {
  "use strict";
  const { parse, stringify, rawJSON } = JSON;
  const { isArray } = Array;
  const { isSafeInteger } = Number;

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
    try {
      return stringify(value);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      return stringify(value, integer);
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

  const rejected = (list, count) => {
    if (!isArray(list)) throw fault(`The script returned ${kind(list)} as "rejected", not an array of {index, reason}`);
    return list.map((one, i) => {
      const ok = one !== null && typeof one === "object" && isSafeInteger(one.index) && typeof one.reason === "string";
      if (!ok) throw fault(`"rejected" needs {index, reason} at position ${i}: a number and a text`);
      if (one.index < 0 || one.index >= count)
        throw fault(`"rejected" names the index ${one.index}, but the records go from 0 to ${count - 1}`);
      return { index: one.index, reason: one.reason };
    });
  };

  const outcome = (value, count) => {
    if (value === undefined || value === null) return {};
    if (isArray(value)) return written(records(value, "its result"));
    if (!isRecord(value))
      throw fault(`The script returned ${kind(value)}: return an array of records, nothing, or {records, rejected, message}`);
    const unknown = Object.keys(value).find((name) => !["records", "rejected", "message"].includes(name));
    if (unknown !== undefined)
      throw fault(`The script returned an object with "${unknown}": it may have records, rejected and message; to return one record write [record]`);
    const { records: list, message } = value;
    if (message !== undefined && message !== null && typeof message !== "string")
      throw fault(`The script returned ${kind(message)} as "message", not a text`);
    const answer = list === undefined || list === null ? {} : written(records(list, '"records"'));
    const refused = value.rejected === undefined || value.rejected === null ? [] : rejected(value.rejected, count);
    return { ...answer, rejected: stringify(refused), message: message ?? undefined };
  };
  const written = (list) => ({ records: text(list), count: list.length });

  // How console and log show a value.
  const shown = (value) => {
    if (typeof value === "string") return value;
    if (value instanceof Error) return `${value.name}: ${value.message}${value.stack ? "\n" + value.stack.trimEnd() : ""}`;
    if (typeof value !== "object" || value === null) return typeof value === "bigint" ? `${value}n` : String(value);
    try {
      return stringify(value, (key, inner) =>
        typeof inner === "bigint" ? String(inner) : inner instanceof Map ? [...inner] : inner instanceof Set ? [...inner] : inner,
      ) ?? String(value);
    } catch {
      return String(value);
    }
  };
  const at = (level) => (...values) => write(level, values.map(shown).join(" "));
  const [debug, info, warn, error] = ["debug", "info", "warn", "error"].map(at);
  const log = Object.freeze({ debug, info, warn, error });
  const assert = (holds, ...values) => { if (!holds) error("Assertion failed", ...values); };
  globalThis.console = { debug, trace: debug, log: info, info, dir: info, table: info, warn, error, assert };

  // Random numbers follow from the line, so that every attempt draws the same ones.
  const random = [1, 2, 3, 4];
  Math.random = function () {
    let [a, b, c, d] = random;
    const sum = (((a + b) | 0) + d) | 0;
    random[3] = (d + 1) | 0;
    random[0] = b ^ (b >>> 9);
    random[1] = (c + (c << 3)) | 0;
    random[2] = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 4294967296;
  };
  const seed = (key) => {
    let hash = 2166136261;
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 16777619);
      random[round] = hash = Math.imul(hash ^ (hash >>> 13), 1540483477) | 0;
    }
    for (let round = 0; round < 12; round++) Math.random();
  };

  // Calls the script and brings what it returns into the shape of an outcome.
  const call = async (script, recordsText, longRecords, contextText, longContext) => {
    if (typeof script !== "function")
      throw fault(`The script's default export is ${kind(script)}, not a function: write export default (records, ctx) => …`);
    const list = read(recordsText, longRecords);
    const context = read(contextText, longContext);
    context.log = log;
    const count = list.length;
    const answer = outcome(await script(list, context), count);
    return { ...answer, before: count };
  };

  return { call, seed, shown };
});
