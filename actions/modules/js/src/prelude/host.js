// Collections and other jobs.

/// Most records that find returns without a limit.
const MOST = 10000;
/// How many records are requested at once.
const PAGE = 1000;

const keyOf = (key) => {
  if (typeof key === "string") return key;
  if (typeof key === "bigint" || isSafeInteger(key)) return String(key);
  throw new TypeError(`A key must be a text or an integer, not ${kind(key)}`);
};
const changeOf = (mode, key, data) => {
  if (mode === "delete") return [mode, keyOf(key), ""];
  if (!isRecord(data)) throw new TypeError(`The record for the key "${keyOf(key)}" is ${kind(data)}, not an object`);
  return [mode, keyOf(key), sound(data, `the record for the key "${keyOf(key)}"`)];
};
const changesOf = (mode, list) =>
  list.map((entry) => {
    if (mode === "delete") return changeOf(mode, entry);
    if (!isRecord(entry) || !("key" in entry) || !("data" in entry)) throw new TypeError(`${mode} takes a key and a record, or a list of {key, data}`);
    return changeOf(mode, entry.key, entry.data);
  });

const collection = (name) => {
  if (typeof name !== "string" || name === "") throw new TypeError("ctx.collection takes the name of a collection");

  const page = (where, after, limit) => answered(native.page(name, where, after, limit), Error);
  const write = (changes) => {
    const parts = [0, 1, 2].map((part) => changes.map((change) => change[part]));
    const { inserted, updated, deleted, unchanged, indexes, reasons } = answered(native.change(name, ...parts), Error);
    return { inserted, updated, deleted, unchanged, refused: indexes.map((index, i) => ({ index, reason: reasons[i] })) };
  };
  // A refused change is an error if it is the only one; otherwise the result says which were refused.
  const one = (change) => {
    const written = write([change]);
    if (written.refused.length > 0) throw new Error(written.refused[0].reason);
    return written;
  };
  const writing = (mode) => promised((keys, data) => (isArray(keys) ? write(changesOf(mode, keys)) : one(changeOf(mode, keys, data))));

  const get = promised((keys) => {
    const { texts, long } = answered(native.get(name, (isArray(keys) ? keys : [keys]).map(keyOf)), Error);
    const found = texts.map((text) => (text === undefined || text === null ? null : read(text, long)));
    return isArray(keys) ? found : found[0];
  });
  async function* entries(where = {}, { limit = Infinity } = {}) {
    const criteria = sound(where, "where");
    for (let after, room = limit; room > 0; ) {
      const { keys, texts, long, next } = page(criteria, after, Math.min(room, PAGE));
      for (let i = 0; i < keys.length; i++) yield { key: keys[i], data: read(texts[i], long) };
      if (next === undefined || next === null) return;
      room -= keys.length;
      after = next;
    }
  }
  const find = promised((where = {}, { limit } = {}) => {
    const criteria = sound(where, "where");
    const found = [];
    for (let after; found.length < (limit ?? MOST + 1); ) {
      const { texts, long, next } = page(criteria, after, Math.min((limit ?? MOST + 1) - found.length, MOST));
      for (const text of texts) found.push(read(text, long));
      if (next === undefined || next === null) break;
      after = next;
    }
    if (limit === undefined && found.length > MOST)
      throw new RangeError(`More than ${MOST} records of "${name}" match the criteria: narrow the criteria, set a limit, or use entries(where)`);
    return found;
  });
  const changes = promised((list) => {
    if (!isArray(list)) throw new TypeError("write takes a list of {insert: {key, data}}, {upsert: {key, data}} and {delete: key}");
    return write(
      list.map((change) => {
        const [mode, ...more] = Object.keys(Object(change));
        if (more.length > 0 || !["insert", "upsert", "delete"].includes(mode))
          throw new TypeError("write takes a list of {insert: {key, data}}, {upsert: {key, data}} and {delete: key}");
        return changesOf(mode, [change[mode]])[0];
      }),
    );
  });
  return Object.freeze({ name, get, find, entries, write: changes, insert: writing("insert"), upsert: writing("upsert"), delete: writing("delete") });
};

const startJob = promised((job, { arguments: args = {}, records: set, title } = {}) => {
  if (typeof job !== "string" || job === "") throw new TypeError("ctx.startJob takes the key of a job");
  if (!isRecord(args)) throw new TypeError(`The arguments of a job must be an object, not ${kind(args)}`);
  if (set !== undefined && !(isArray(set) && set.every(isRecord))) throw new TypeError("The records for a job must be an array of objects");
  if (title !== undefined && typeof title !== "string") throw new TypeError(`The title is ${kind(title)}, not a text`);
  const written = set === undefined ? undefined : sound(set, "records");
  return answered(native.start(job, sound(args, "arguments"), written, title?.toWellFormed()), Error).id;
});
