/**
 * What scripts of Ropewalk can use in addition to JavaScript itself.
 *
 * A script of the action `js` is a function of `records` and `ctx`: the function alone, the
 * default export of an ES module, or only the body of the function with `return`.
 *
 * ```js
 * /** @type {import("./ropewalk").Script} *\/
 * export default async (records, ctx) => records.filter(r => r.due < ctx.today);
 * ```
 *
 * A script of the action `keep` or of a filter is a condition on one record. It has one of
 * the same forms, or is an expression with `record` and `ctx`. See {@link Keep}.
 *
 * An error that a script throws ends the line in error. If the error has `temporary: true`,
 * the line's `retry` applies, and waits at least `retryAfter` seconds. See {@link HostError}.
 *
 * The language is ES2023 and later. There are no timers, no modules to import, and no
 * running clock: `Date.now()` is the one clock reading of the job result, `ctx.now`.
 * `Math.random()` is seeded from the line, so that every attempt gets the same numbers.
 * Integers beyond 2^53 are `bigint`, in records, in collections and in responses.
 */

/** A JSON value. Integers beyond 2^53 are `bigint`. */
export type Json = null | boolean | number | bigint | string | Json[] | { [name: string]: Json };

/** A record, an object of named values. */
export type Data = { [name: string]: any };

/** A script of the action `js`. */
export type Script<In extends Data = Data, Out extends Data = Data> = (
  records: In[],
  ctx: Context,
) => Result<Out> | Promise<Result<Out>>;

/** A script of the action `keep`. The record is kept if the result is truthy. Changes to the record are ignored. */
export type Keep<In extends Data = Data> = (record: In, ctx: Context) => unknown;

/**
 * What a script returns: the new records, or nothing to leave the records as they were.
 * Changes to records that are not returned are lost, with a warning. A script without
 * `return` is an error, unless it uses something that has an effect, such as `ctx.log`,
 * `fetch`, `ctx.collection(…).upsert`, `ctx.startJob` or `throw`.
 */
export type Result<Out extends Data = Data> = Out[] | Outcome<Out> | undefined | null | void;

/** The long form of what a script returns. */
export interface Outcome<Out extends Data = Data> {
  /** The new records. Without them, the records stay as they were, except those that are rejected. */
  records?: Out[] | null;
  /** Records that leave the set: the position in `records`, and a sentence for the person who corrects the record. */
  rejected?: { index: number; reason: string }[] | null;
  /** The line's message: one sentence for a reader without technical knowledge. */
  message?: string | null;
}

/** Where, when and for whom the line runs, and the functions of the host. */
export interface Context {
  /** All other parameters of the line. */
  parameters: Data;
  /** The arguments that were passed when the job was started. */
  args: Data;
  /** The one clock reading of the job result, RFC 3339 with offset, in the job's time zone. */
  now: string;
  /** The start of the job's last full success, RFC 3339; null if there was none. */
  since: string | null;
  /** The date of `now` as `YYYY-MM-DD`, like all dates below. */
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
  /** Identifies this line of this job result; the same in every attempt. */
  idempotencyKey: string;
  /** True when effects are only described, not carried out. */
  dryRun: boolean;
  /** Writes to the log of the line, like `console`. */
  log: Log;
  /**
   * Sends a request like `fetch`, but takes one object; `json` is sent as JSON. Needs the grant `http`.
   *
   * ```js
   * const response = await ctx.http({ url: "https://api.example.com/orders", json: { id: 7 } });
   * if (!response.ok) throw new Error(`The server answered ${response.status}`);
   * ```
   */
  http(request: string | HttpRequest): Promise<Response>;
  /** A collection of the organization. Needs the grant `collections`. */
  collection<T extends Data = Data>(name: string): Collection<T>;
  /**
   * Starts a job and returns the id of its result, without waiting for its end. It happens only
   * once for a line, however many attempts the line has. Needs the grant `jobs`.
   */
  startJob(job: string, start?: JobStart): Promise<string>;
}

/** Writes to the log of the line. Values that are not texts are written as JSON. */
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
  /** Sent as JSON; the default method is then POST. */
  json?: unknown;
}

/** Options for starting a job. */
export interface JobStart {
  /** The arguments of the job. Its defaults apply to arguments that are missing. */
  arguments?: Data;
  /** The set of the job's first line. */
  records?: Data[];
  /** The title of the result. */
  title?: string;
}

/** The key of a record in a collection. An integer is the same as its digits. */
export type Key = string | number | bigint;

/** A record with its key. */
export interface Entry<T extends Data = Data> {
  key: Key;
  data: T;
}

/** The outcome of changes. */
export interface Written {
  inserted: number;
  updated: number;
  deleted: number;
  /** Records that were already equal, or already removed. */
  unchanged: number;
  /** Changes that were not made: the position in the list, and the reason. */
  refused: { index: number; reason: string }[];
}

/**
 * Records that Ropewalk stores for the organization. Criteria are written as in a filter's
 * `where`: `{ status: "open", total: { gte: 100 } }`. Changes happen only once for a line,
 * however many attempts the line has; in a dry run nothing is changed.
 */
export interface Collection<T extends Data = Data> {
  readonly name: string;
  /** The record with this key, or null. */
  get(key: Key): Promise<T | null>;
  /** The records with these keys, in the same order; null for a key without a record. */
  get(keys: Key[]): Promise<(T | null)[]>;
  /**
   * The records that match the criteria, in the order of their keys. Without a limit, more
   * than 10,000 records are an error, because no record is dropped silently.
   */
  find(where?: Data, options?: { limit?: number }): Promise<T[]>;
  /** Iterates over all records that match the criteria: `for await (const { key, data } of …)`. */
  entries(where?: Data, options?: { limit?: number }): AsyncGenerator<{ key: string; data: T }, void, void>;
  /** Adds a record. It is an error if a record with this key exists. */
  insert(key: Key, data: T): Promise<Written>;
  /** Adds records. Those whose keys exist already are in `refused`. */
  insert(entries: Entry<T>[]): Promise<Written>;
  /** Adds a record, or replaces the one with this key. */
  upsert(key: Key, data: T): Promise<Written>;
  /** Adds or replaces records. */
  upsert(entries: Entry<T>[]): Promise<Written>;
  /** Removes the record with this key, or the records with these keys, if they exist. */
  delete(keys: Key | Key[]): Promise<Written>;
  /** Makes several changes in order and in one transaction. */
  write(changes: ({ insert: Entry<T> } | { upsert: Entry<T> } | { delete: Key })[]): Promise<Written>;
}

/**
 * The error that `fetch`, `ctx.http`, collections and `startJob` throw when the host refuses
 * the call. For requests it is a TypeError. If the script does not catch it, the line ends in error.
 *
 * If `temporary` is true, the line's `retry` applies. Your own errors can have it too; without
 * `temporary: true` there is no retry:
 *
 * ```js
 * if (response.status === 503)
 *   throw Object.assign(new Error("The shop is busy"), { temporary: true, retryAfter: 30 });
 * ```
 */
export interface HostError extends Error {
  code: "denied" | "invalid" | "unreachable" | "timed-out" | "limit" | "unavailable";
  temporary: boolean;
  /** Seconds to wait at least before the next attempt. */
  retryAfter?: number;
}

/** What can be sent as a body. Use JSON.stringify for objects. */
export type BodyInit = string | ArrayBuffer | ArrayBufferView | URLSearchParams;

/** What headers can be made from. */
export type HeadersInit = Headers | Iterable<readonly [string, string]> | { [name: string]: string };

/** Options for sending a request. */
export interface RequestInit {
  /** The default is `GET`. */
  method?: string;
  headers?: HeadersInit;
  body?: BodyInit | null;
  /** How long to wait for the whole response, in milliseconds. */
  timeout?: number;
  /** Redirects are followed if the grant allows it. */
  redirect?: "follow";
}

declare global {
  /**
   * Sends a request and waits for the whole response, whatever its status is. Needs the grant
   * `http`. Rejects with a TypeError if there is no response.
   */
  function fetch(url: string, init?: RequestInit): Promise<Response>;

  /** The headers of a request or a response. Upper and lower case of names do not matter. */
  class Headers implements Iterable<[string, string]> {
    constructor(init?: HeadersInit);
    append(name: string, value: string): void;
    delete(name: string): void;
    /** All values with this name, joined by commas; null if there are none. */
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

  /** A response. Its body can be read more than once. */
  class Response {
    constructor(body?: BodyInit | null, init?: { status?: number; statusText?: string; headers?: HeadersInit; url?: string });
    /** Whether the status is 200 to 299. */
    readonly ok: boolean;
    readonly status: number;
    readonly statusText: string;
    readonly headers: Headers;
    /** The URL that gave the response, after redirects. */
    readonly url: string;
    text(): Promise<string>;
    /** The body as JSON. Integers beyond 2^53 are `bigint`. */
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
    /** Writes an error if the first value is falsy. */
    assert(holds: unknown, ...values: unknown[]): void;
  };

  /** Converts texts to bytes in UTF-8. */
  class TextEncoder {
    readonly encoding: "utf-8";
    encode(text?: string): Uint8Array;
  }

  /** Converts bytes in UTF-8 to texts. */
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

  /** A deep copy, also of dates, maps, sets, bytes and cycles, but not of functions. */
  function structuredClone<T>(value: T): T;

  /** Encodes bytes, each a character up to U+00FF, as base64. */
  function btoa(bytes: string): string;
  /** Decodes base64 to bytes, each a character up to U+00FF. */
  function atob(base64: string): string;
}
