// The module: a list of actions, and the resource `line` that the host drives.
//
// An action is a file that exports `spec` and `start(parameters, context)`. What
// `start` answers works on one line: `take(records)` for each batch, then `close()`.

import { Failure } from './failure.js';
import * as fetchIt from './fetch-it.js';
import * as greet from './greet.js';

const offered = new Map([greet, fetchIt].map((action) => [action.spec.name, action]));

class Line {
  #work;

  constructor(work) {
    this.#work = work;
  }

  /** A static function of a resource is a static method. */
  static open(name, parameters, context) {
    return told(() => {
      const action = offered.get(name);
      if (!action) {
        throw new Failure(`This module has no action ${name}; it has ${[...offered.keys()].join(', ')}.`);
      }
      return new Line(action.start(JSON.parse(parameters), context));
    });
  }

  /** What a method answers may be a promise; the host waits for it. */
  take(records) {
    return told(async () => outcome(await this.#work.take(JSON.parse(records))));
  }

  close() {
    return told(async () => outcome(await this.#work.close()));
  }
}

/** Makes a failure of whatever is thrown, because its message would be lost in a trap. */
async function told(work) {
  try {
    return await work();
  } catch (error) {
    throw error instanceof Failure ? error : new Failure(`This is a fault of the module: ${error}`);
  }
}

/** Fills in what an action leaves out. */
function outcome({ records, rejected = [], message, severity = 'success' }) {
  return { records: records && JSON.stringify(records), rejected, message, severity };
}

function list() {
  return [...offered.values()].map(({ spec }) => ({ ...spec, parameters: JSON.stringify(spec.parameters) }));
}

// The name of the exported interface, and in it the functions and resources.
export const actions = { Line, list };
