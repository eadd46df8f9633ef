"""The module: what the host asks first. The class is named after the exported interface."""

import json

from wit_world import exports
from wit_world.exports.actions import ActionSpec

# The host finds the resource `line` of the interface `actions` as `actions.Line`.
import actions


class Actions(exports.Actions):
    def list(self) -> list[ActionSpec]:
        return [
            ActionSpec(
                name=action.NAME,
                title=action.TITLE,
                summary=action.SUMMARY,
                parameters=json.dumps(action.PARAMETERS),
                intake=action.INTAKE,
            )
            for action in actions.OFFERED.values()
        ]
