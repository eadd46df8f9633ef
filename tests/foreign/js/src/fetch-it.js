// `fetch-it`: gets a page or a document for each record.
//
// `fetch` makes the component import `wasi:http/outgoing-handler`. That import is the
// module's request for the grant `http`: without the grant every `fetch` fails.

import { write } from 'ropewalk:host/log@1.0.0';
import { Failure } from './failure.js';
import { counted, fill } from './text.js';

export const spec = {
  name: 'fetch-it',
  title: 'Fetch it',
  summary: 'Gets a URL for each record and adds what came back. Records whose URL is refused are rejected.',
  parameters: {
    type: 'object',
    required: ['url'],
    additionalProperties: false,
    properties: {
      url: {
        type: 'string',
        minLength: 1,
        raw: true,
        title: 'URL',
        description: 'What to get. {{field}} stands for a field of the record, encoded for a URL.',
        examples: ['https://api.example.com/customers/{{id}}'],
      },
      into: {
        type: 'string',
        minLength: 1,
        default: 'answer',
        title: 'Into',
        description: 'The field that gets the status and the body: parsed if it is JSON, else as text.',
      },
    },
  },
  intake: 'batches',
};

export function start({ url: template, into = 'answer' }) {
  let fetched = 0;

  async function take(batch) {
    const records = [];
    const rejected = [];
    for (const [index, record] of batch.entries()) {
      const url = fill(template, record, encodeURIComponent);
      const response = await get(url);
      if (response.ok) {
        records.push({ ...record, [into]: { status: response.status, body: await body(response) } });
      } else {
        rejected.push({ index, reason: `${url} answered with status ${response.status}.` });
      }
    }
    fetched += records.length;
    return { records, rejected };
  }

  function close() {
    return { message: `Fetched ${counted(fetched, 'document')}.` };
  }

  return { take, close };
}

/**
 * An answer that says something about the record. Anything else ends the line. A refused
 * request looks like a far side that is away; that a grant is missing is said by the host.
 */
async function get(url) {
  let response;
  try {
    response = await fetch(url);
  } catch (error) {
    write('warn', `GET ${url}: ${error.message.trim()}`);
    throw Failure.temporary(`${url} could not be reached.`);
  }
  write('debug', `GET ${url}: ${response.status}`);
  if (response.status === 429 || response.status >= 500) {
    throw Failure.temporary(`${url} answered with status ${response.status}.`, retryAfter(response));
  }
  return response;
}

/** The seconds that the far side asks for, if it does. */
function retryAfter(response) {
  const header = response.headers.get('retry-after') ?? '';
  return /^\d{1,9}$/.test(header) ? Number(header) : undefined;
}

async function body(response) {
  const text = await response.text();
  const json = /^application\/(.+\+)?json\b/i.test(response.headers.get('content-type') ?? '');
  try {
    return json ? JSON.parse(text) : text;
  } catch {
    throw new Failure(`${response.url} says that it answers with JSON, but it does not.`);
  }
}
