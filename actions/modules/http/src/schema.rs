//! The schema of `http.request`.

use ropewalk_sdk::{Value, json};

pub(crate) fn schema() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "url": {
                "type": "string",
                "minLength": 1,
                "title": "URL",
                "description": "Where the request goes: an absolute address. Only Per record: URL can do without.",
                "examples": ["https://api.example.com/orders"]
            },
            "method": {
                "enum": ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
                "title": "Method",
                "description": "The default is POST. It is GET if the answer is used (records or field), there is no body, and the request is not one for each record without Per record. POST, PUT and PATCH without a body send the records: a batch as a list, one record as an object."
            },
            "headers": {
                "type": "object",
                "title": "Headers",
                "description": "Names and values. Content-Type is set by itself.",
                "additionalProperties": { "type": "string" },
                "default": {},
                "examples": [{ "Authorization": "Bearer $<args.token>" }]
            },
            "per": {
                "enum": ["batch", "record"],
                "default": "batch",
                "title": "Once for",
                "description": "One request for each batch of records, or one for each record. A request per batch that contains nothing of the records is sent once for the whole set."
            },
            "body": {
                "title": "Body",
                "description": "What is sent: a text as it is, anything else as JSON. An empty text sends nothing.",
                "examples": [{ "source": "ropewalk" }]
            },
            "recordsIn": {
                "type": "string",
                "minLength": 1,
                "title": "Records in",
                "description": "Name of the field of the body that the records of the batch are sent in.",
                "examples": ["items"]
            },
            "perRecord": {
                "type": "object",
                "title": "Per record",
                "description": "Templates that are filled with each record; one request is then sent for each.",
                "additionalProperties": false,
                "minProperties": 1,
                "raw": true,
                "properties": {
                    "url": {
                        "type": "string",
                        "minLength": 1,
                        "title": "URL",
                        "description": "Goes behind the URL above, or is a whole one. Values are percent-encoded; write {{{…}}} for one that is a piece of a URL already.",
                        "examples": ["/{{id}}?city={{address.city}}"]
                    },
                    "headers": {
                        "type": "object",
                        "title": "Headers",
                        "description": "Beside those above.",
                        "additionalProperties": { "type": "string" },
                        "examples": [{ "If-Match": "{{etag}}" }]
                    },
                    "body": {
                        "title": "Body",
                        "description": "Instead of the whole record. A template that is one expression gives a value with its type.",
                        "examples": [{ "name": "{{name}}", "total": "{{mul price quantity}}" }]
                    }
                },
                "examples": [{ "url": "/{{id}}" }]
            },
            "response": {
                "enum": ["ignore", "records", "field"],
                "default": "ignore",
                "title": "Answer",
                "description": "ignore lets the records go on unchanged; records lets those of the answer (JSON: a list of objects or one object) go on instead; field puts the answer into a field of each record."
            },
            "field": {
                "type": "string",
                "minLength": 1,
                "title": "Field",
                "description": "Name of the field that answers are put in.",
                "examples": ["answer"]
            },
            "pointer": {
                "type": "string",
                "title": "Pointer",
                "description": "Where in the answer the wanted part stands (JSON Pointer). Without it the whole answer is taken.",
                "examples": ["/data/items"]
            },
            "expect": {
                "type": "array",
                "title": "Expected statuses",
                "description": "Statuses that count as success. The default is 200 to 299. Of the others, 408, 425, 429, 500, 502, 503 and 504 are temporary: they fail the line, and its retry tries again, not earlier than Retry-After says.",
                "items": { "type": "integer", "minimum": 100, "maximum": 599 },
                "minItems": 1,
                "examples": [[200, 404]]
            },
            "timeout": {
                "type": "string",
                "pattern": "^[0-9]{1,6}(ms|s|m)$",
                "title": "Timeout",
                "description": "How long one answer may take, such as 500ms, 30s or 2m.",
                "examples": ["30s"]
            }
        }
    })
}
