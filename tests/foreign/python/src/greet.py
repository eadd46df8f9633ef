"""`greet`: adds a greeting to each record."""

import json
import re

from wit_world.exports.actions import Intake, Outcome, Rejection, Severity
from wit_world.imports import log

GREETING = "Hello, {{name}}!"


class Greet:
    NAME = "greet"
    TITLE = "Greet"
    SUMMARY = "Adds a greeting to each record. Records without a name are rejected."
    PARAMETERS = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "greeting": {
                "type": "string",
                "minLength": 1,
                "default": GREETING,
                "raw": True,
                "title": "Greeting",
                "description": "What to say. {{field}} stands for a field of the record.",
                "examples": ["Good morning, {{name}} from {{city}}!"],
            },
        },
    }
    INTAKE = Intake.BATCHES

    def __init__(self, greeting: str = GREETING):
        self.greeting = greeting
        self.seen = 0
        self.greeted = 0

    def take(self, batch: list[dict]) -> Outcome:
        records = []
        rejected = []
        for index, record in enumerate(batch):
            name = record.get("name")
            if isinstance(name, str) and name.strip():
                records.append({**record, "greeting": fill(self.greeting, record)})
            else:
                rejected.append(Rejection(index, 'It has no name; fill in the field "name".'))
        self.seen += len(batch)
        self.greeted += len(records)
        log.write(log.Level.DEBUG, f"{len(records)} of {len(batch)} records of this batch have a name")
        return Outcome(json.dumps(records, ensure_ascii=False), rejected, None, Severity.SUCCESS)

    def close(self) -> Outcome:
        noun = "record" if self.seen == 1 else "records"
        message = f"Greeted {self.greeted} of {self.seen} {noun}."
        return Outcome(None, [], message, Severity.SUCCESS if self.seen else Severity.INFO)


def fill(template: str, record: dict) -> str:
    """Puts the record's fields in the place of `{{field}}`; what is missing becomes nothing."""

    def value(match: re.Match) -> str:
        value = record.get(match[1])
        if value is None:
            return ""
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    return re.sub(r"\{\{\s*([^{}]+?)\s*\}\}", value, template)
