// Calling the script, and what it returned as an outcome.

// What a line's script is told, and what it can reach.
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

// Whether a script changed records that go on as they came. Most texts are the same at
// once; only where they differ may it be the spelling of a number.
const wasChanged = (list, recordsText, long) => {
  try {
    const now = text(list);
    return now !== recordsText && now !== text(read(recordsText, long));
  } catch {
    return true;
  }
};

// Calls the script and brings what it returns into the shape of an outcome. A script that
// is one expression may give a function, which is then called; its other values are dropped,
// as those of a statement are. A script that did nothing to the records tells its source.
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
  const unmoved = value === undefined && !lost && count > 0;
  return { ...answer, before: count, lost, unmoved: unmoved ? `${called}` : undefined };
};

// Asks the predicate of each record. A script that is one expression may turn out to be
// a function: that one is then asked, from here on. A predicate that never answered
// anything tells its source.
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
  return { kept, count: list.length, unmoved: answered ? undefined : `${predicate}` };
};
