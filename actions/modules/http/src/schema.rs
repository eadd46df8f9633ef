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
                "description": "The absolute URL of the request. It can only be left out if Per record has an absolute URL.",
                "examples": ["https://api.example.com/orders"]
            },
            "method": {
                "enum": ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
                "title": "Method",
                "description": "The default is POST. It is GET if the response is used (records or field), there is no body, and the request is sent per batch or has templates under Per record. POST, PUT and PATCH without a body send the records: a batch as a list, one record as an object."
            },
            "headers": {
                "type": "object",
                "title": "Headers",
                "description": "Names and values. Content-Type is set automatically.",
                "additionalProperties": { "type": "string" },
                "default": {},
                "examples": [{ "Authorization": "Bearer $<args.token>" }]
            },
            "per": {
                "enum": ["batch", "record"],
                "default": "batch",
                "title": "Once for",
                "description": "One request for each batch of records, or one for each record. A request per batch that does not contain records is sent once for the whole set."
            },
            "body": {
                "title": "Body",
                "description": "The body of the request: a text as it is, any other value as JSON. An empty text means no body.",
                "examples": [{ "source": "ropewalk" }]
            },
            "recordsIn": {
                "type": "string",
                "minLength": 1,
                "title": "Records in",
                "description": "Name of the field of the body that contains the records of the batch.",
                "examples": ["items"]
            },
            "perRecord": {
                "type": "object",
                "title": "Per record",
                "description": "Templates that are filled in with each record; one request is then sent for each.",
                "additionalProperties": false,
                "minProperties": 1,
                "raw": true,
                "properties": {
                    "url": {
                        "type": "string",
                        "minLength": 1,
                        "title": "URL",
                        "description": "Is appended to the URL above, or is an absolute URL. Values are percent-encoded; write {{{…}}} for a value that is already a part of a URL.",
                        "examples": ["/{{id}}?city={{address.city}}"]
                    },
                    "headers": {
                        "type": "object",
                        "title": "Headers",
                        "description": "Sent in addition to the headers above.",
                        "additionalProperties": { "type": "string" },
                        "examples": [{ "If-Match": "{{etag}}" }]
                    },
                    "body": {
                        "title": "Body",
                        "description": "Replaces the whole record as the body. A template that is a single expression gives a value with its type.",
                        "examples": [{ "name": "{{name}}", "total": "{{mul price quantity}}" }]
                    }
                },
                "examples": [{ "url": "/{{id}}" }]
            },
            "response": {
                "enum": ["ignore", "records", "field"],
                "default": "ignore",
                "title": "Response",
                "description": "ignore leaves the records unchanged; records replaces them with those of the response (JSON: a list of objects or one object); field puts the response into a field of each record."
            },
            "field": {
                "type": "string",
                "minLength": 1,
                "title": "Field",
                "description": "Name of the field for the response.",
                "examples": ["answer"]
            },
            "pointer": {
                "type": "string",
                "title": "Pointer",
                "description": "The part of the response to use (JSON Pointer). Without it, the whole response is used.",
                "examples": ["/data/items"]
            },
            "expect": {
                "type": "array",
                "title": "Expected statuses",
                "description": "Statuses that count as success. The default is 200 to 299. Of the others, 408, 425, 429, 500, 502, 503 and 504 are temporary: they fail the line, and its retry waits at least as long as Retry-After says.",
                "items": { "type": "integer", "minimum": 100, "maximum": 599 },
                "minItems": 1,
                "examples": [[200, 404]]
            },
            "timeout": {
                "type": "string",
                "pattern": "^[0-9]{1,6}(ms|s|m)$",
                "title": "Timeout",
                "description": "How long to wait for one response, such as 500ms, 30s or 2m.",
                "examples": ["30s"]
            }
        }
    })
}
