//! `http.request`: sends a request for each batch or for each record.

use std::collections::BTreeSet;
use std::time::Duration;

use ropewalk_sdk::{Action, Context, Failure, Outcome, Records, Rejection, Value, http};
use serde::Deserialize;
use serde_json::Map;
use values::template::{self, Templates};

use crate::address::{self, Address};
use crate::answer::{self, Reading, Use};
use crate::content::{self, Content};
use crate::fill::Fill;
use crate::schema;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parameters {
    #[serde(default)]
    url: String,
    method: Option<String>,
    #[serde(default)]
    headers: Map<String, Value>,
    per: Option<Per>,
    body: Option<Value>,
    records_in: Option<String>,
    per_record: Option<PerRecord>,
    #[serde(default)]
    response: Use,
    field: Option<String>,
    pointer: Option<String>,
    expect: Option<Vec<u16>>,
    timeout: Option<String>,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Per {
    Batch,
    Record,
}

#[derive(Deserialize)]
struct PerRecord {
    url: Option<String>,
    #[serde(default)]
    headers: Map<String, Value>,
    body: Option<Value>,
}

pub struct Request {
    /// The parts that all requests share.
    base: http::Request,
    per: Per,
    content: Content,
    address: Option<Address>,
    headers: Vec<(String, Fill)>,
    reading: Reading,
    templates: Templates,
    /// Whether requests are only described, because this is a dry run and they change something.
    only_describes: bool,
    /// The response to the one request that serves all batches.
    shared_response: Option<http::Response>,
    sent: usize,
    servers: BTreeSet<String>,
}

impl Action for Request {
    const NAME: &'static str = "http.request";
    const TITLE: &'static str = "Send an HTTP request";
    const SUMMARY: &'static str = "Sends the records to an HTTP server, in batches or one by one, or fetches records from it. A response that is not a success fails the line, or rejects the record of the request.";
    type Parameters = Parameters;

    fn schema() -> Value {
        schema::schema()
    }

    fn open(parameters: Parameters, context: &Context) -> Result<Request, Failure> {
        let per = parameters.per()?;
        let method = parameters.method(per);
        let made = parameters.per_record.as_ref().is_some_and(|made| made.url.is_some());
        if parameters.url.is_empty() && !made {
            return Err(Failure::new("url: write the URL of the request"));
        }
        let Parameters {
            url, headers, per_record, body, records_in, response, field, pointer, expect, timeout, ..
        } = parameters;
        answer::check_pointer(pointer.as_deref().unwrap_or_default())?;
        if response == Use::Field && field.is_none() {
            return Err(Failure::new("field: name the field for the response"));
        }
        let mut base = http::Request::new(method, url);
        for (name, value) in headers {
            base = base.header(name, value.as_str().unwrap_or_default());
        }
        if response != Use::Ignore && !base.has_header("accept") {
            base = base.header("accept", "application/json");
        }
        base.timeout = timeout.as_deref().map(duration).transpose()?;
        let per_record = per_record.unwrap_or(PerRecord { url: None, headers: Map::new(), body: None });
        let header = |(name, value): (String, Value)| {
            let fill = Fill::parse(value, &format!("perRecord.headers.{name}"))?;
            Ok::<_, Failure>((name, fill))
        };
        Ok(Request {
            per,
            content: read_content(&base.method, per, body, records_in, per_record.body)?,
            address: per_record.url.as_deref().map(Address::parse).transpose()?,
            headers: per_record.headers.into_iter().map(header).collect::<Result<_, _>>()?,
            reading: Reading { used: response, field: field.unwrap_or_default(), pointer, expected: expect },
            templates: Templates::of_record(),
            only_describes: context.dry_run && !matches!(base.method.as_str(), "GET" | "HEAD"),
            shared_response: None,
            sent: 0,
            servers: BTreeSet::new(),
            base,
        })
    }

    fn take(&mut self, records: Records) -> Result<Outcome, Failure> {
        let records = records.values()?;
        let outcome = match self.per {
            Per::Record => self.take_each(records)?,
            Per::Batch => self.take_batch(records)?,
        };
        Ok(outcome.saying(self.message()))
    }

    /// A request that does not depend on records is sent even if there are none.
    fn close(&mut self) -> Result<Outcome, Failure> {
        if self.sent > 0 || self.per == Per::Record || self.content.depends_on_records() {
            return Ok(Outcome::unchanged());
        }
        let outcome = self.take_batch(Vec::new())?;
        Ok(outcome.saying(self.message()))
    }
}

impl Parameters {
    fn per(&self) -> Result<Per, Failure> {
        match (self.per, &self.per_record) {
            (Some(Per::Batch), Some(_)) => Err(Failure::new(
                "per: perRecord sends one request for each record; write `per: record` or leave it out",
            )),
            (None, Some(_)) => Ok(Per::Record),
            (per, _) => Ok(per.unwrap_or(Per::Batch)),
        }
    }

    /// POST, unless the method is given or the request only fetches something: its response is used,
    /// and no record has to be in its body.
    fn method(&self, per: Per) -> String {
        let made = self.per_record.as_ref();
        let body = self.body.is_some() || self.records_in.is_some() || made.is_some_and(|made| made.body.is_some());
        // A request for one record has the record in its URL or its headers, or else in its body.
        let addressed = per == Per::Batch || made.is_some();
        let fetches = self.response != Use::Ignore && !body && addressed;
        self.method.clone().unwrap_or_else(|| if fetches { "GET" } else { "POST" }.to_owned())
    }
}

/// Reads what the bodies of requests are made from.
fn read_content(
    method: &str,
    per: Per,
    body: Option<Value>,
    within: Option<String>,
    made: Option<Value>,
) -> Result<Content, Failure> {
    if matches!(method, "GET" | "HEAD") && (body.is_some() || within.is_some() || made.is_some()) {
        return Err(Failure::new(format!("method: a {method} request has no body; write POST, PUT or PATCH")));
    }
    match (body, within, made) {
        (None, None, Some(made)) => Ok(Content::Made(Fill::parse(made, "perRecord.body")?)),
        (Some(_), _, Some(_)) => Err(Failure::new("body: perRecord.body replaces it; write only one of them")),
        (_, Some(_), _) if per == Per::Record => {
            Err(Failure::new("recordsIn: each request has only one record; write perRecord.body instead"))
        }
        (None, Some(name), _) => Ok(Content::Within(Map::new(), name)),
        (Some(Value::Object(around)), Some(name), _) => Ok(Content::Within(around, name)),
        (Some(_), Some(_), _) => {
            Err(Failure::new("recordsIn: the body is not an object, so it cannot have a field for records"))
        }
        (Some(body), None, None) => Ok(Content::Fixed(body)),
        (None, None, None) if matches!(method, "POST" | "PUT" | "PATCH") => Ok(Content::Records),
        (None, None, None) => Ok(Content::Nothing),
    }
}

impl Request {
    fn take_batch(&mut self, mut records: Vec<Value>) -> Result<Outcome, Failure> {
        let first = self.shared_response.is_none();
        let response = match self.shared_response.take() {
            Some(response) => response,
            None => {
                let request = content::put(self.base.clone(), self.content.of_batch(&records))?;
                let response = request.send().map_err(|error| self.failure_after(error.into()))?;
                if !self.reading.accepts(&response) {
                    return Err(self.failure_after(response.failure()));
                }
                self.note(&response);
                response
            }
        };
        let outcome = match self.reading.used {
            _ if self.only_describes => Outcome::unchanged(),
            Use::Ignore => Outcome::unchanged(),
            Use::Records if !first => Outcome::of(Vec::new()),
            Use::Records => Outcome::of(self.reading.records(&response).map_err(Failure::new)?),
            Use::Field => {
                let value = self.reading.value(&response).map_err(Failure::new)?;
                records.iter_mut().for_each(|record| record[self.reading.field.as_str()] = value.clone());
                Outcome::of(records)
            }
        };
        if !self.content.depends_on_records() {
            self.shared_response = Some(response);
        }
        Ok(outcome)
    }

    fn take_each(&mut self, records: Vec<Value>) -> Result<Outcome, Failure> {
        let (mut kept, mut rejected) = (Vec::new(), Vec::new());
        for (index, record) in records.into_iter().enumerate() {
            match self.take_one(record)? {
                Ok(records) => kept.extend(records),
                Err(reason) => rejected.push(Rejection { index: index as u32, reason }),
            }
        }
        let unchanged = self.only_describes || self.reading.used == Use::Ignore;
        let outcome = if unchanged { Outcome::unchanged() } else { Outcome::of(kept) };
        Ok(outcome.rejecting(rejected))
    }

    /// The records that replace one record, or the reason for its rejection. A fault that would
    /// affect the next record too is a failure of the line.
    fn take_one(&mut self, record: Value) -> Result<Result<Vec<Value>, String>, Failure> {
        let mut data = template::Context::from(record);
        let request = match self.request_for(&data) {
            Ok(request) => request,
            Err(reason) => return Ok(Err(reason)),
        };
        let response = match request.send() {
            Err(http::Error::Invalid(reason)) => return Ok(Err(reason)),
            Err(error) => return Err(self.failure_after(error.into())),
            Ok(response) => response,
        };
        let accepted = self.reading.accepts(&response);
        if !accepted && response.is_temporary() {
            return Err(self.failure_after(response.failure()));
        }
        self.note(&response);
        if !accepted {
            return Ok(Err(response.failure().message));
        }
        Ok(match self.reading.used {
            _ if self.only_describes => Ok(Vec::new()),
            Use::Ignore => Ok(Vec::new()),
            Use::Records => self.reading.records(&response),
            Use::Field => self.reading.value(&response).map(|value| {
                let mut record = data.data_mut().take();
                record[self.reading.field.as_str()] = value;
                vec![record]
            }),
        })
    }

    fn request_for(&self, record: &template::Context) -> Result<http::Request, String> {
        let mut request = self.base.clone();
        if let Some(address) = &self.address {
            let url = address.of(&self.templates, record)?;
            let absolute = url.starts_with("https://") || url.starts_with("http://");
            request.url = if absolute { url } else { address::join(&request.url, &url)? };
        }
        for (name, fill) in &self.headers {
            let value =
                fill.of(&self.templates, record).map_err(|error| format!("perRecord.headers.{name}: {error}"))?;
            request = request.header(name, value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        }
        let content = match &self.content {
            Content::Nothing | Content::Within(..) => None,
            Content::Records => Some(record.data().clone()),
            Content::Fixed(value) => Some(value.clone()),
            Content::Made(fill) => {
                Some(fill.of(&self.templates, record).map_err(|error| format!("perRecord.body: {error}"))?)
            }
        };
        content::put(request, content).map_err(|failure| failure.message)
    }

    /// Counts a request that got a response.
    fn note(&mut self, response: &http::Response) {
        self.sent += 1;
        self.servers.insert(server(&response.url));
    }

    /// The failure of a request, with the number of requests before it that got a response, because the
    /// person who repairs this has to know what was sent already.
    fn failure_after(&self, failure: Failure) -> Failure {
        let before = match self.sent {
            0 => return failure,
            1 => "1 request before it got a response".to_owned(),
            sent => format!("{sent} requests before it got a response"),
        };
        Failure { message: format!("{} ({before})", failure.message), ..failure }
    }

    fn message(&self) -> String {
        let verb = if self.only_describes { "Would send" } else { "Sent" };
        let requests = words::counted(self.sent, "request");
        match self.servers.iter().collect::<Vec<_>>()[..] {
            [] => format!("{verb} {requests}."),
            [server] => format!("{verb} {requests} to {server}."),
            ref many => format!("{verb} {requests} to {} servers.", many.len()),
        }
    }
}

/// The server in a URL, such as `api.example.com:8080`.
fn server(url: &str) -> String {
    let after = url.split_once("://").map_or(url, |(_, after)| after);
    after.split(['/', '?', '#']).next().unwrap_or_default().to_owned()
}

/// Reads `500ms`, `30s`, `2m`.
fn duration(text: &str) -> Result<Duration, Failure> {
    let fault = || Failure::new(format!("timeout: \"{text}\" is not a duration; write 500ms, 30s or 2m"));
    let end = text.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(fault)?;
    let number: u64 = text[..end].parse().map_err(|_| fault())?;
    match &text[end..] {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number.saturating_mul(60))),
        _ => Err(fault()),
    }
}

#[cfg(test)]
mod tests;
