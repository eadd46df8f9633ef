// Requests, with a large part of the web's standard for fetch.

// Throws an error if the host refused the call. The error says whether trying again may help.
const answered = (answer, Kind) => {
  if (answer.error === undefined) return answer;
  const { code, temporary } = answer;
  throw Object.assign(new Kind(answer.error), { code, temporary });
};
// Makes a synchronous function return a promise, also for its errors.
const promised = (call) => (...values) => {
  try {
    return Promise.resolve(call(...values));
  } catch (error) {
    return Promise.reject(error);
  }
};

class Headers {
  #list = new Map();
  constructor(init = []) {
    if (typeof init !== "object" || init === null) throw new TypeError(`Headers need an object or pairs, not ${kind(init)}`);
    const pairs = typeof init[Symbol.iterator] === "function" ? init : Object.entries(init);
    for (const [name, value] of pairs) this.append(name, value);
  }
  static #name(name) {
    const text = String(name).toLowerCase();
    if (!/^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(text)) throw new TypeError(`"${text}" is not a valid header name`);
    return text;
  }
  static #value(value) {
    const text = String(value).trim();
    if (/[\0\r\n]/.test(text)) throw new TypeError("The value of a header must not contain line breaks");
    return text;
  }
  append(name, value) {
    const key = Headers.#name(name);
    const old = this.#list.get(key);
    this.#list.set(key, [...(old ?? []), Headers.#value(value)]);
  }
  set(name, value) { this.#list.set(Headers.#name(name), [Headers.#value(value)]); }
  delete(name) { this.#list.delete(Headers.#name(name)); }
  get(name) { return this.#list.get(Headers.#name(name))?.join(", ") ?? null; }
  has(name) { return this.#list.has(Headers.#name(name)); }
  getSetCookie() { return [...(this.#list.get("set-cookie") ?? [])]; }
  forEach(callback, self) { for (const [name, value] of this) callback.call(self, value, name, this); }
  *entries() { for (const name of [...this.#list.keys()].sort()) yield [name, this.#list.get(name).join(", ")]; }
  *keys() { for (const [name] of this.entries()) yield name; }
  *values() { for (const [, value] of this.entries()) yield value; }
  [Symbol.iterator]() { return this.entries(); }
  // Names and values alternately, as the host needs them.
  static flat(headers) { return [...headers.#list].flatMap(([name, values]) => values.flatMap((value) => [name, value])); }
}
const { flat } = Headers;
delete Headers.flat;

// The bytes of a body, and its default content type.
const content = (body) => {
  if (body === undefined || body === null) return [undefined, undefined];
  if (typeof body === "string") return [encode(body), "text/plain;charset=UTF-8"];
  if (body instanceof URLSearchParams) return [encode(body), "application/x-www-form-urlencoded;charset=UTF-8"];
  if (ArrayBuffer.isView(body) || body instanceof ArrayBuffer) return [view(body), undefined];
  throw new TypeError(`The body is ${kind(body)}: send JSON.stringify(…), or a text, bytes or URLSearchParams`);
};

class Response {
  #bytes;
  constructor(body, { status = 200, statusText = "", headers = [], url = "" } = {}) {
    const [bytes, type] = content(body);
    this.#bytes = bytes ?? new Uint8Array();
    this.status = status;
    this.statusText = statusText;
    this.headers = new Headers(headers);
    this.url = url;
    if (type !== undefined && !this.headers.has("content-type")) this.headers.set("content-type", type);
  }
  get ok() { return this.status >= 200 && this.status < 300; }
  async bytes() { return this.#bytes.slice(); }
  async arrayBuffer() { return this.#bytes.slice().buffer; }
  async text() { return new TextDecoder().decode(this.#bytes); }
  async json() {
    const body = await this.text();
    try {
      return read(body, /\d{16}/.test(body));
    } catch (error) {
      throw new SyntaxError(`The response from ${this.url || "the server"} is not JSON: ${error.message}`);
    }
  }
  clone() { return new Response(this.#bytes.slice(), this); }
}

const send = (url, init) => {
  const { method = "GET", body, timeout, redirect = "follow", signal } = init;
  if (signal !== undefined && signal !== null) throw new TypeError("fetch does not support signal: use timeout, in milliseconds");
  if (redirect !== "follow") throw new TypeError(`fetch follows redirects itself: redirect cannot be ${redirect}`);
  if (timeout !== undefined && !(timeout >= 1)) throw new TypeError("timeout must be a number of milliseconds, at least 1");
  const verb = String(method).toUpperCase();
  const headers = new Headers(init.headers ?? []);
  const [bytes, type] = content(body);
  if (bytes !== undefined && (verb === "GET" || verb === "HEAD")) throw new TypeError(`A ${verb} request has no body: use method: "POST"`);
  if (type !== undefined && !headers.has("content-type")) headers.set("content-type", type);
  const answer = answered(native.send(verb, String(url).toWellFormed(), flat(headers), bytes, timeout), TypeError);
  const pairs = [];
  for (let i = 0; i < answer.headers.length; i += 2) pairs.push([answer.headers[i], answer.headers[i + 1]]);
  const { status, statusText } = answer;
  return new Response(answer.body, { status, statusText, headers: pairs, url: answer.url });
};
const fetch = promised((url, init = {}) => send(url, init ?? {}));

// Like fetch, with everything in one object, and with `json` for a JSON body.
const http = promised((request) => {
  if (typeof request === "string") return send(request, {});
  if (typeof request !== "object" || request === null || typeof request.url !== "string")
    throw new TypeError("ctx.http takes a URL, or an object with url, method, headers, and json or body");
  const { url, json, ...init } = request;
  if (json === undefined) return send(url, init);
  if (init.body !== undefined) throw new TypeError("ctx.http takes json or body, not both");
  const headers = new Headers(init.headers ?? []);
  if (!headers.has("content-type")) headers.set("content-type", "application/json");
  return send(url, { method: "POST", ...init, headers, body: sound(json, "json") });
});

Object.assign(globalThis, { Headers, Response, fetch });
