"""The resource `line` that the host drives. The file is named after the interface."""

import json
import traceback
from functools import wraps
from typing import Self

from componentize_py_types import Err
from wit_world.exports import actions
from wit_world.exports.actions import Context, Failure, FailureKind_Final, Outcome
from wit_world.imports import log

from greet import Greet

#: The actions of the module, by name.
OFFERED = {action.NAME: action for action in [Greet]}


def told(method):
    """Makes a failure of whatever is raised, because its message would be lost in a trap."""

    @wraps(method)
    def telling(*arguments):
        try:
            return method(*arguments)
        except Err:
            raise
        except Exception as error:
            log.write(log.Level.ERROR, traceback.format_exc())
            raise Err(final(f"This is a fault of the module: {error!r}"))

    return telling


def final(message: str) -> Failure:
    """A failure that stays, however often it is tried."""
    return Failure(FailureKind_Final(), message)


class Line(actions.Line):
    """One line at work. The error of a `result` is raised as `Err`."""

    @classmethod
    @told
    def open(cls, action: str, parameters: str, context: Context) -> Self:
        if action not in OFFERED:
            raise Err(final(f"This module has no action {action}; it has {', '.join(OFFERED)}."))
        line = cls()
        line.work = OFFERED[action](**json.loads(parameters))
        return line

    @told
    def take(self, records: str) -> Outcome:
        return self.work.take(json.loads(records))

    @told
    def close(self) -> Outcome:
        return self.work.close()
