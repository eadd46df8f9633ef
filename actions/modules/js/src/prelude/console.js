// Writes to the log of the line.
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
const at = (level) => (...values) => native.write(level, values.map(shown).join(" ").toWellFormed());
const [debug, info, warn, error] = ["debug", "info", "warn", "error"].map(at);
const log = Object.freeze({ debug, info, warn, error });
const assert = (holds, ...values) => { if (!holds) error("Assertion failed", ...values); };
globalThis.console = { debug, trace: debug, log: info, info, dir: info, table: info, warn, error, assert };
