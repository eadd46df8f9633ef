// `greet`: adds a greeting to each record.

import { counted, fill } from './text.js';

const GREETING = 'Hello, {{name}}!';

export const spec = {
  name: 'greet',
  title: 'Greet',
  summary: 'Adds a greeting to each record. Records without a name are rejected.',
  parameters: {
    type: 'object',
    additionalProperties: false,
    properties: {
      greeting: {
        type: 'string',
        minLength: 1,
        default: GREETING,
        raw: true,
        title: 'Greeting',
        description: 'What to say. {{field}} stands for a field of the record.',
        examples: ['Good morning, {{name}} from {{city}}!'],
      },
    },
  },
  intake: 'batches',
};

export function start({ greeting = GREETING }) {
  let seen = 0;
  let greeted = 0;

  function take(batch) {
    const records = [];
    const rejected = [];
    batch.forEach((record, index) => {
      if (typeof record.name !== 'string' || record.name.trim() === '') {
        rejected.push({ index, reason: 'It has no name; fill in the field "name".' });
      } else {
        records.push({ ...record, greeting: fill(greeting, record) });
      }
    });
    seen += batch.length;
    greeted += records.length;
    return { records, rejected };
  }

  function close() {
    return { message: `Greeted ${greeted} of ${counted(seen, 'record')}.`, severity: seen === 0 ? 'info' : 'success' };
  }

  return { take, close };
}
