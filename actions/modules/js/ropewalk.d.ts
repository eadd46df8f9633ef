/**
 * What a script of Ropewalk finds beside JavaScript itself.
 *
 * A script of the action `js` is a function of `records` and `ctx`: alone, as the default
 * export of an ES module, or only its body, with `return`.
 *
 * ```js
 * /** @type {import("./ropewalk").Script} *\/
 * export default async (records, ctx) => records.filter(r => r.due < ctx.today);
 * ```
 *
 * A script of the action `keep`, and of a filter, is a condition on one record, in the
 * same forms, or an expression of `record` and `ctx`. See {@link Keep}.
 *
 * An error that a script throws ends the line in error. If the error has `temporary: true`,
 * the line's `retry` tries again, after `retryAfter` seconds at least. See {@link HostError}.
 *
 * The language is ES2023 and later. There are no timers, no modules to import, and no
 * clock that runs: `Date.now()` is the one reading of the job result, `ctx.now`.
 * `Math.random()` follows from the line, so that every attempt draws the same numbers.
 * Integers beyond 2^53 are `bigint`, in records, in collections and in answers.
 */

/** A value as JSON has it. Integers beyond 2^53 are `bigint`. */
export type Json = null | boolean | number | bigint | string | Json[] | { [name: string]: Json };

/** A record: an object of named values. */
export type Data = { [name: string]: any };

/** A script of the action `js`. */
export type Script<In extends Data = Data, Out extends Data = Data> = (
  records: In[],
  ctx: Context,
) => Result<Out> | Promise<Result<Out>>;

/** A script of the action `keep`: the record goes on if this is truthy. Changes of the record are ignored. */
export type Keep<In extends Data = Data> = (record: In, ctx: Context) => unknown;

/**
 * What a script returns: the records that go on instead, or nothing, and they go on as
 * they came. Changes of records that are not returned are lost, with a warning. It is an
 * error if the script has no `return` and names nothing that acts, such as `ctx.log`,
 * `fetch`, `ctx.collection(…).upsert`, `ctx.startJob` or `throw`.
 */
export type Result<Out extends Data = Data> = Out[] | Outcome<Out> | undefined | null | void;

/** The long form of what a script returns. */
export interface Outcome<Out extends Data = Data> {
  /** The records that go on instead; without them they go on as they came, but those rejected. */
  records?: Out[] | null;
  /** Records that leave the set: position among the records handed over, and a sentence for whoever mends them. */
  rejected?: { index: number; reason: string }[] | null;
  /** One sentence that a clerk can read: the line's message. */
  message?: string | null;
}

/** Where, when and for whom the line runs, and what it can reach. */
export interface Context {
  /** Whatever stands beside the script in the line's parameters. */
  parameters: Data;
  /** The arguments that the start of the job passed. */
  args: Data;
  /** The one clock reading: RFC 3339 with offset, in the job's time zone. */
  now: string;
  /** The start of the job's last full success, RFC 3339; null if there was none. */
  since: string | null;
  /** The day of `now`: `YYYY-MM-DD`, as all dates below. */
  today: string;
  yesterday: string;
  tomorrow: string;
  /** Monday. */
  startOfWeek: string;
  /** Sunday. */
  endOfWeek: string;
  startOfMonth: string;
  endOfMonth: string;
  startOfQuarter: string;
  endOfQuarter: string;
  startOfYear: string;
  endOfYear: string;
  /** Key of the organization. */
  organization: string;
  /** Id of the job result. */
  jobResult: string;
  /** Number of the line in its job. */
  lineNo: number;
  /** 1 for the first attempt. */
  attempt: number;
  /** Names this line of this job result; the same in every attempt. */
  idempotencyKey: string;
  /** True when effects are only described, not carried out. */
  dryRun: boolean;
  /** Writes to the log of the line, as `console` does. */
  log: Log;
  /**
   * Sends a request, as `fetch` does, told in one object; `json` is sent as JSON. Needs the grant `http`.
   *
   * ```js
   * const response = await ctx.http({ url: "https://api.example.com/orders", json: { id: 7 } });
   * if (!response.ok) throw new Error(`The orders answered ${response.status}`);
   * ```
   */
  http(request: string | HttpRequest): Promise<Response>;
  /** A collection of the organization. Needs the grant `collections`. */
  collection<T extends Data = Data>(name: string): Collection<T>;
  /**
   * Starts a job and answers the id of its result, without waiting for its end. Happens once
   * for a line, however often the line is attempted. Needs the grant `jobs`.
   */
  startJob(job: string, start?: JobStart): Promise<string>;
}

/** Writes to the log of the line. What is no text is written as JSON. */
export interface Log {
  debug(...values: unknown[]): void;
  info(...values: unknown[]): void;
  warn(...values: unknown[]): void;
  error(...values: unknown[]): void;
}

/** A request of `ctx.http`. */
export interface HttpRequest extends RequestInit {
  /** An absolute URL. */
  url: string;
  /** Sent as JSON; the method is then POST if nothing else is said. */
  json?: unknown;
}

/** What to start a job with. */
export interface JobStart {
  /** What the job is told; its own defaults fill what is left out. */
  arguments?: Data;
  /** The set of its first line. */
  records?: Data[];
  /** What to call the result. */
  title?: string;
}

/** The key of a record in a collection. An integer is the same as its digits. */
export type Key = string | number | bigint;

/** A record with its key. */
export interface Entry<T extends Data = Data> {
  key: Key;
  data: T;
}

/** What came of changes. */
export interface Written {
  inserted: number;
  updated: number;
  deleted: number;
  /** Records that were already as they should be, or already gone. */
  unchanged: number;
  /** Changes that were not made: position in the list, and why. */
  refused: { index: number; reason: string }[];
}

/**
 * Records that Ropewalk keeps for the organization. Criteria are those of a filter's
 * `where`: `{ status: "open", total: { gte: 100 } }`. Changes happen once for a line,
 * however often the line is attempted; in a dry run nothing is changed.
 */
export interface Collection<T extends Data = Data> {
  readonly name: string;
  /** The record with this key, or null. */
  get(key: Key): Promise<T | null>;
  /** The records with these keys, in their order; null where there is none. */
  get(keys: Key[]): Promise<(T | null)[]>;
  /**
   * The records that meet the criteria, in the order of their keys. Without a limit more
   * than 10,000 are an error, because none is left out in silence.
   */
  find(where?: Data, options?: { limit?: number }): Promise<T[]>;
  /** Goes through all records that meet the criteria, however many: `for await (const { key, data } of …)`. */
  entries(where?: Data, options?: { limit?: number }): AsyncGenerator<{ key: string; data: T }, void, void>;
  /** Adds a record. It is an error if there is one with this key. */
  insert(key: Key, data: T): Promise<Written>;
  /** Adds records. Those whose key is taken are told in `refused`. */
  insert(entries: Entry<T>[]): Promise<Written>;
  /** Adds a record, or replaces the one with this key. */
  upsert(key: Key, data: T): Promise<Written>;
  /** Adds or replaces records. */
  upsert(entries: Entry<T>[]): Promise<Written>;
  /** Removes the record with this key, or those with these keys, if there are any. */
  delete(keys: Key | Key[]): Promise<Written>;
  /** Makes several changes in one transaction, in their order. */
  write(changes: ({ insert: Entry<T> } | { upsert: Entry<T> } | { delete: Key })[]): Promise<Written>;
}

/**
 * What `fetch`, `ctx.http`, collections and `startJob` throw when the host refuses. For
 * requests it is a TypeError. If the script does not catch it, the line ends in error.
 *
 * Where `temporary` is true, the line's `retry` tries again. An error of your own may say
 * the same; without `temporary: true` there is no retry:
 *
 * ```js
 * if (response.status === 503)
 *   throw Object.assign(new Error("The shop is busy"), { temporary: true, retryAfter: 30 });
 * ```
 */
export interface HostError extends Error {
  code: "denied" | "invalid" | "unreachable" | "timed-out" | "limit" | "unavailable";
  temporary: boolean;
  /** Seconds to wait at least before another attempt. */
  retryAfter?: number;
}

/** What can be sent as a body. Objects are sent by JSON.stringify. */
export type BodyInit = string | ArrayBuffer | ArrayBufferView | URLSearchParams;

/** What headers can be made of. */
export type HeadersInit = Headers | Iterable<readonly [string, string]> | { [name: string]: string };

/** How to send a request. */
export interface RequestInit {
  /** `GET` if nothing else is said. */
  method?: string;
  headers?: HeadersInit;
  body?: BodyInit | null;
  /** Milliseconds until the whole answer must be there. */
  timeout?: number;
  /** Redirects are followed, within the grant. */
  redirect?: "follow";
}

declare global {
  /**
   * Sends a request and waits for the whole answer, of whatever status. Needs the grant
   * `http`. Rejects with a TypeError when there is no answer.
   */
  function fetch(url: string, init?: RequestInit): Promise<Response>;

  /** Names, whatever their case, and values of a request or an answer. */
  class Headers implements Iterable<[string, string]> {
    constructor(init?: HeadersInit);
    append(name: string, value: string): void;
    delete(name: string): void;
    /** All values of this name, joined by commas; null if there is none. */
    get(name: string): string | null;
    getSetCookie(): string[];
    has(name: string): boolean;
    set(name: string, value: string): void;
    forEach(callback: (value: string, name: string, headers: Headers) => void, self?: unknown): void;
    entries(): IterableIterator<[string, string]>;
    keys(): IterableIterator<string>;
    values(): IterableIterator<string>;
    [Symbol.iterator](): IterableIterator<[string, string]>;
  }

  /** An answer. Its body can be read more than once. */
  class Response {
    constructor(body?: BodyInit | null, init?: { status?: number; statusText?: string; headers?: HeadersInit; url?: string });
    /** Whether the status is 200 to 299. */
    readonly ok: boolean;
    readonly status: number;
    readonly statusText: string;
    readonly headers: Headers;
    /** Where the answer came from, after redirects. */
    readonly url: string;
    text(): Promise<string>;
    /** The body, read as JSON. Integers beyond 2^53 are `bigint`. */
    json(): Promise<any>;
    arrayBuffer(): Promise<ArrayBuffer>;
    bytes(): Promise<Uint8Array>;
    clone(): Response;
  }

  /** Writes to the log of the line. */
  const console: {
    debug(...values: unknown[]): void;
    trace(...values: unknown[]): void;
    log(...values: unknown[]): void;
    info(...values: unknown[]): void;
    dir(...values: unknown[]): void;
    table(...values: unknown[]): void;
    warn(...values: unknown[]): void;
    error(...values: unknown[]): void;
    /** Writes an error if the first value does not hold. */
    assert(holds: unknown, ...values: unknown[]): void;
  };

  /** Texts to bytes, in UTF-8. */
  class TextEncoder {
    readonly encoding: "utf-8";
    encode(text?: string): Uint8Array;
  }

  /** Bytes to texts, from UTF-8 only. */
  class TextDecoder {
    constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
    readonly encoding: "utf-8";
    readonly fatal: boolean;
    readonly ignoreBOM: boolean;
    decode(bytes?: ArrayBuffer | ArrayBufferView): string;
  }

  /** The parameters of a URL, or of a form. */
  class URLSearchParams implements Iterable<[string, string]> {
    constructor(init?: string | Iterable<readonly [string, string]> | { [name: string]: unknown });
    readonly size: number;
    append(name: string, value: unknown): void;
    delete(name: string, value?: unknown): void;
    get(name: string): string | null;
    getAll(name: string): string[];
    has(name: string, value?: unknown): boolean;
    set(name: string, value: unknown): void;
    sort(): void;
    forEach(callback: (value: string, name: string, parameters: URLSearchParams) => void, self?: unknown): void;
    entries(): IterableIterator<[string, string]>;
    keys(): IterableIterator<string>;
    values(): IterableIterator<string>;
    [Symbol.iterator](): IterableIterator<[string, string]>;
    toString(): string;
  }

  /** A deep copy: of dates, maps, sets, bytes and cycles too, not of functions. */
  function structuredClone<T>(value: T): T;

  /** Bytes, each a letter up to U+00FF, as base64. */
  function btoa(bytes: string): string;
  /** Base64 as bytes, each a letter up to U+00FF. */
  function atob(base64: string): string;
}
