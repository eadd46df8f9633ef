// Some web APIs that cost little: texts as bytes, parameters of URLs, copies.
const view = (input, where) => {
  if (input instanceof Uint8Array) return input;
  if (ArrayBuffer.isView(input)) return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
  if (input instanceof ArrayBuffer) return new Uint8Array(input);
  throw new TypeError(`${where} is ${kind(input)}, not an ArrayBuffer or a view of one`);
};
const encode = (input) => native.encode(String(input).toWellFormed());

class TextEncoder {
  get encoding() { return "utf-8"; }
  encode(input = "") { return encode(input); }
}

class TextDecoder {
  #fatal;
  #ignoreBOM;
  constructor(label = "utf-8", { fatal = false, ignoreBOM = false } = {}) {
    if (!/^\s*(utf-?8|unicode-1-1-utf-8)\s*$/i.test(label)) throw new RangeError(`TextDecoder supports only utf-8, not ${label}`);
    this.#fatal = Boolean(fatal);
    this.#ignoreBOM = Boolean(ignoreBOM);
  }
  get encoding() { return "utf-8"; }
  get fatal() { return this.#fatal; }
  get ignoreBOM() { return this.#ignoreBOM; }
  decode(input, { stream = false } = {}) {
    if (stream) throw new TypeError("TextDecoder cannot decode in parts: pass all bytes at once");
    if (input === undefined) return "";
    const decoded = native.decode(view(input, "The input of decode"), this.#fatal);
    if (decoded === undefined) throw new TypeError("The bytes are not valid UTF-8");
    return !this.#ignoreBOM && decoded.charCodeAt(0) === 0xfeff ? decoded.slice(1) : decoded;
  }
}

const escaped = (part) =>
  encodeURIComponent(String(part).toWellFormed()).replace(/%20/g, "+").replace(/[!'()~]/g, (c) => "%" + c.charCodeAt(0).toString(16).toUpperCase());
const unescaped = (part) => {
  const plain = part.replace(/\+/g, " ");
  try {
    return decodeURIComponent(plain);
  } catch {
    return plain;
  }
};

class URLSearchParams {
  #list = [];
  constructor(init = "") {
    if (typeof init === "object" && init !== null) {
      const pairs = typeof init[Symbol.iterator] === "function" ? init : Object.entries(init);
      for (const pair of pairs) {
        const [name, value, ...more] = pair;
        if (value === undefined || more.length > 0) throw new TypeError("URLSearchParams takes pairs of a name and a value");
        this.append(name, value);
      }
      return;
    }
    for (const part of String(init).replace(/^\?/, "").split("&")) {
      if (part === "") continue;
      const end = part.indexOf("=");
      this.append(unescaped(end < 0 ? part : part.slice(0, end)), unescaped(end < 0 ? "" : part.slice(end + 1)));
    }
  }
  get size() { return this.#list.length; }
  append(name, value) { this.#list.push([String(name), String(value)]); }
  delete(name, value) {
    this.#list = this.#list.filter(([n, v]) => n !== String(name) || (value !== undefined && v !== String(value)));
  }
  get(name) { return this.#list.find(([n]) => n === String(name))?.[1] ?? null; }
  getAll(name) { return this.#list.filter(([n]) => n === String(name)).map(([, value]) => value); }
  has(name, value) { return this.#list.some(([n, v]) => n === String(name) && (value === undefined || v === String(value))); }
  set(name, value) {
    const at = this.#list.findIndex(([n]) => n === String(name));
    if (at < 0) return this.append(name, value);
    this.#list = this.#list.filter(([n], i) => i <= at || n !== String(name));
    this.#list[at][1] = String(value);
  }
  sort() { this.#list.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)); }
  forEach(callback, self) { for (const [name, value] of this) callback.call(self, value, name, this); }
  *entries() { for (const [name, value] of this.#list) yield [name, value]; }
  *keys() { for (const [name] of this.#list) yield name; }
  *values() { for (const [, value] of this.#list) yield value; }
  [Symbol.iterator]() { return this.entries(); }
  toString() { return this.#list.map(([name, value]) => `${escaped(name)}=${escaped(value)}`).join("&"); }
}

// Copies values, including those that JSON cannot represent: dates, maps, sets, bytes, cycles.
const copy = (value, seen) => {
  if (typeof value === "function" || typeof value === "symbol") throw new TypeError(`structuredClone cannot copy ${kind(value)}`);
  if (typeof value !== "object" || value === null) return value;
  if (seen.has(value)) return seen.get(value);
  const keep = (made) => (seen.set(value, made), made);
  if (value instanceof Date) return keep(new Date(value.getTime()));
  if (value instanceof RegExp) return keep(new RegExp(value.source, value.flags));
  if (value instanceof ArrayBuffer) return keep(value.slice(0));
  if (ArrayBuffer.isView(value)) {
    const buffer = copy(value.buffer, seen);
    return keep(new value.constructor(buffer, value.byteOffset, value instanceof DataView ? value.byteLength : value.length));
  }
  if (value instanceof Map) {
    const made = keep(new Map());
    value.forEach((inner, key) => made.set(copy(key, seen), copy(inner, seen)));
    return made;
  }
  if (value instanceof Set) {
    const made = keep(new Set());
    value.forEach((inner) => made.add(copy(inner, seen)));
    return made;
  }
  if (value instanceof Promise || value instanceof WeakMap || value instanceof WeakSet)
    throw new TypeError(`structuredClone cannot copy ${kind(value)}`);
  if (value instanceof Error) {
    const made = keep(new value.constructor(value.message));
    made.stack = value.stack;
    return made;
  }
  const made = keep(isArray(value) ? new Array(value.length) : {});
  for (const name of Object.keys(value)) made[name] = copy(value[name], seen);
  return made;
};
const structuredClone = (value) => copy(value, new Map());

Object.assign(globalThis, { TextEncoder, TextDecoder, URLSearchParams, structuredClone });
