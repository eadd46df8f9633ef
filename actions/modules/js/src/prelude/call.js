// Calls the script, and makes an outcome from what it returns.

// The `ctx` of a line's script.
const begin = (key, contextText, longContext) => {
  seed(key);
  return Object.assign(read(contextText, longContext), { log, http, collection, startJob });
};

const rejected = (list, count) => {
  if (!isArray(list)) throw fault(`The script returned ${kind(list)} as "rejected", not an array of {index, reason}`);
  return list.map((one, i) => {
    const ok = one !== null && typeof one === "object" && isSafeInteger(one.index) && typeof one.reason === "string";
    if (!ok) throw fault(`"rejected" needs {index, reason} at position ${i}: a number and a text`);
    if (one.index < 0 || one.index >= count)
      throw fault(`"rejected" names the index ${one.index}, but the records go from 0 to ${count - 1}`);
    return { index: one.index, reason: one.reason.toWellFormed() };
  });
};

const written = (list) => ({ records: text(list), list, count: list.length });
const outcome = (value, count) => {
  if (value === undefined || value === null) return {};
  if (isArray(value)) return written(records(value, "its result"));
  if (typeof value === "function")
    throw fault("The script returned a function, not records: call it, or write the function alone, without return");
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
  return { ...answer, rejected: stringify(refused), message: message?.toWellFormed() ?? undefined };
};

// Whether a script changed records without returning them. Most texts are equal at once; if they
// differ, the difference may only be the spelling of a number.
const wasChanged = (list, recordsText, long) => {
  try {
    const now = text(list);
    return now !== recordsText && now !== text(read(recordsText, long));
  } catch {
    return true;
  }
};

// Calls the script and makes an outcome from what it returns. If the script is an expression, its
// value may be a function, which is then called; other values are ignored, like those of a statement.
// `idle` is the source of a script that returned nothing and changed nothing.
const call = async (script, bare, context, recordsText, long) => {
  if (typeof script !== "function")
    throw fault(`The script's default export is ${kind(script)}, not a function: write export default (records, ctx) => …`);
  const list = read(recordsText, long);
  const count = list.length;
  let called = script;
  let value = await script(list, context);
  if (bare) {
    const isFunction = typeof value === "function";
    called = isFunction ? value : script;
    value = isFunction ? await value(list, context) : undefined;
  }
  const answer = outcome(value, count);
  const lost = answer.records === undefined && wasChanged(list, recordsText, long);
  const idle = value === undefined && !lost && count > 0;
  return { ...answer, before: count, lost, idle: idle ? `${called}` : undefined };
};

// Calls the predicate for each record. If the script is an expression, its value may be a function,
// which is then used as the predicate. `idle` is the source of a predicate that never returned a value.
const sift = async (script, bare, context, recordsText, long, seen) => {
  if (typeof script !== "function")
    throw fault(`The script's default export is ${kind(script)}, not a function: write export default (record, ctx) => …`);
  const list = read(recordsText, long);
  const kept = [];
  let answered = list.length === 0;
  let predicate = script;
  for (let i = 0; i < list.length; i++) {
    try {
      let answer = predicate(list[i], context);
      if (bare && typeof answer === "function") {
        [predicate, bare] = [answer, false];
        answer = predicate(list[i], context);
      }
      if (typeof answer === "object" && answer !== null && typeof answer.then === "function") answer = await answer;
      if (answer) kept.push(i);
      answered ||= answer !== undefined;
    } catch (thrown) {
      throw { thrown, record: seen + i };
    }
  }
  return { kept, count: list.length, idle: answered ? undefined : `${predicate}` };
};
