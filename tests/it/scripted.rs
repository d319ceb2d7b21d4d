//! A Kinesis that answers by a rule and records every put: its content, the order, the time, and the other puts in
//! flight. It listens on loopback and speaks just enough AWS JSON 1.1 for `PutRecord`, `PutRecords` and
//! `DescribeStreamSummary` of the real SDK. Other requests (STS, SSO) have a rule of their own.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::body::{Body, to_bytes};
use axum::http::{Request, Response};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{net::TcpListener, runtime::Runtime, task::JoinSet};

/// One put.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its number, 0 for the first.
    pub number: usize,
    /// `PutRecord` or `PutRecords`.
    pub operation: String,
    /// The stream's ARN, or its name.
    pub stream: String,
    pub records: Vec<Sent>,
    /// The access key that signed it.
    pub access_key: String,
    pub token: String,
    /// When it had arrived completely.
    pub at: Instant,
    /// Number of other puts in flight when it came.
    pub beside: usize,
}

impl Call {
    /// Whether a record of this call holds the text.
    pub fn holds(&self, text: &str) -> bool {
        self.events().any(|event| event.text().contains(text))
    }

    /// The events of its records.
    pub fn events(&self) -> impl Iterator<Item = Sent> {
        self.records.iter().flat_map(Sent::events)
    }
}

/// A record, or an event of a record.
#[derive(Clone, Debug)]
pub struct Sent {
    pub key: String,
    pub hash_key: Option<u128>,
    pub data: Vec<u8>,
}

impl Sent {
    /// The events in it, each as a record of its own. An event of an aggregated record has the key of its user.
    pub fn events(&self) -> Vec<Self> {
        let event = |part: tributary::event::Part<'_>| {
            let sent =
                Self { key: part.key.to_string(), hash_key: self.hash_key, data: part.stored.to_vec() };
            let is_line = part.place.is_some() && sent.key == self.key;
            match sent.json()["userId"].as_str() {
                Some(user) if is_line => Self { key: user.to_owned(), ..sent },
                _ => sent,
            }
        };
        tributary::event::parts(&self.key.as_str().into(), &self.data).into_iter().map(event).collect()
    }

    /// The event's JSON, for any encoding.
    pub fn text(&self) -> String {
        tributary::event::Encoding::decode(&self.data)
            .map_or_else(|| String::from_utf8_lossy(&self.data).into_owned(), |(text, _)| text.into_owned())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text()).unwrap_or_default()
    }
}

/// How a put ends.
#[derive(Clone, Debug)]
pub enum Answer {
    /// All records are written, and the answer says so.
    Success,
    /// Each record, by position, is written or fails with this code.
    Each(Vec<Option<&'static str>>),
    /// An error in AWS's form; nothing is written.
    Error(u16, &'static str, &'static str),
    /// An error page of a server in front of AWS; nothing is written.
    Html(u16),
    /// 200 and `{}`; nothing is written.
    Empty,
    /// A success about one record fewer than was sent; all are written.
    OneShort,
    /// The connection closes, and nothing is written.
    CutBefore,
    /// The records are written, and the connection closes without an answer.
    CutAfter,
    /// The connection closes without an answer, and the records are written after this time.
    CutAndLate(Duration),
    /// No answer comes, and nothing is written.
    Silence,
}

pub const THROTTLED: Answer = Answer::Error(
    400,
    "ProvisionedThroughputExceededException",
    "Rate exceeded for shard shardId-000000000000",
);
pub const FAILING: Answer = Answer::Error(500, "InternalFailure", "");
pub const DENIED: Answer =
    Answer::Error(400, "AccessDeniedException", "User: arn:aws:iam::123456789012:user/t is not authorized");
pub const TOO_LARGE: Answer = Answer::Error(
    400,
    "ValidationException",
    "1 validation error detected: Value at 'data' failed to satisfy constraint: Member must have length less than or \
     equal to 1048576",
);

type Rule = Box<dyn FnMut(&Call) -> Answer + Send>;

/// A request that is not a call of Kinesis.
#[derive(Clone, Debug)]
pub struct Asked {
    pub path: String,
    pub body: String,
    pub access_key: String,
    pub headers: hyper::HeaderMap,
}

/// Answers such a request with a status and a body.
type OtherRule = Box<dyn FnMut(&Asked) -> (u16, String) + Send>;

pub struct Memory {
    rule: Rule,
    other: OtherRule,
    summary: Option<Value>,
    delay: Duration,
    /// The server's time minus the real time, in seconds. Signatures of a time minutes away are refused.
    clock: Option<i64>,
    calls: Vec<Call>,
    written: Vec<Sent>,
    in_flight: HashMap<String, usize>,
    puts_in_flight: usize,
    most_of_a_key: usize,
    most_puts: usize,
}

/// Serves until dropped.
pub struct Scripted {
    pub url: String,
    memory: Arc<Mutex<Memory>>,
    runtime: Option<Runtime>,
}

impl Scripted {
    /// A server that answers each put by the rule.
    pub fn start(rule: impl FnMut(&Call) -> Answer + Send + 'static) -> Self {
        let memory = Arc::new(Mutex::new(Memory {
            rule: Box::new(rule),
            other: Box::new(|_| (404, String::new())),
            summary: None,
            delay: Duration::ZERO,
            clock: None,
            calls: Vec::new(),
            written: Vec::new(),
            in_flight: HashMap::new(),
            puts_in_flight: 0,
            most_of_a_key: 0,
            most_puts: 0,
        }));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("the system gives a thread");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        runtime.spawn(accept(listener, Arc::clone(&memory)));
        Self { url: format!("http://{address}"), memory, runtime: Some(runtime) }
    }

    pub fn set_rule(&self, rule: impl FnMut(&Call) -> Answer + Send + 'static) {
        lock(&self.memory).rule = Box::new(rule);
    }

    /// What the stream says about itself from now on: these members beside the required ones. `null`: the call is
    /// refused.
    pub fn set_summary(&self, more: &Value) {
        let mut summary = json!({
            "StreamName": "clicks", "StreamARN": "arn:aws:kinesis:us-east-1:123456789012:stream/clicks",
            "StreamStatus": "ACTIVE", "RetentionPeriodHours": 24, "StreamCreationTimestamp": 1.7e9,
            "EnhancedMonitoring": [], "OpenShardCount": 4, "StreamModeDetails": { "StreamMode": "ON_DEMAND" },
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            summary[name] = value.clone();
        }
        lock(&self.memory).summary = more.is_object().then_some(summary);
    }

    /// Sets the rule for requests that are not calls of Kinesis.
    pub fn set_other(&self, rule: impl FnMut(&Asked) -> (u16, String) + Send + 'static) {
        lock(&self.memory).other = Box::new(rule);
    }

    /// What [`serve_on`] needs, and the runtime for it.
    pub fn parts(&self) -> (Arc<Mutex<Memory>>, &Runtime) {
        (Arc::clone(&self.memory), self.runtime.as_ref().expect("it runs until it is dropped"))
    }

    /// Sends every answer this much later.
    pub fn set_delay(&self, delay: Duration) {
        lock(&self.memory).delay = delay;
    }

    /// From now on the server's clock, as in all its answers, differs by this number of seconds.
    pub fn set_clock(&self, seconds: i64) {
        lock(&self.memory).clock = Some(seconds);
    }

    /// Every put so far, with any result.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.memory).calls.clone()
    }

    /// The events in the stream, in its order.
    pub fn written(&self) -> Vec<Sent> {
        lock(&self.memory).written.clone()
    }

    pub fn written_count(&self) -> usize {
        lock(&self.memory).written.len()
    }

    /// Maximum number of records with one key that were in flight together.
    pub fn most_of_a_key(&self) -> usize {
        lock(&self.memory).most_of_a_key
    }

    /// Maximum number of puts that were in flight together.
    pub fn most_puts(&self) -> usize {
        lock(&self.memory).most_puts
    }

    /// The values of `field` of the events by key, in the order in which each event first arrived.
    pub fn first_arrivals(&self, field: &str) -> BTreeMap<String, Vec<Value>> {
        first_arrivals(&self.written(), field)
    }
}

pub fn first_arrivals(written: &[Sent], field: &str) -> BTreeMap<String, Vec<Value>> {
    let mut seen: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for record in written {
        let place = seen.entry(record.key.clone()).or_default();
        let value = record.json()[field].clone();
        if !place.contains(&value) {
            place.push(value);
        }
    }
    seen
}

impl Drop for Scripted {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn lock(memory: &Mutex<Memory>) -> MutexGuard<'_, Memory> {
    memory.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, memory: Arc<Mutex<Memory>>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        drop(stream.set_nodelay(true));
        connections.spawn(serve_on(stream, Arc::clone(&memory)));
        while connections.try_join_next().is_some() {}
    }
}

/// Serves one connection over any transport.
pub async fn serve_on<S>(stream: S, memory: Arc<Mutex<Memory>>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let service = service_fn(move |request| answer(request, Arc::clone(&memory)));
    // A connection that a rule cuts is an expected error.
    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
}

/// Counts a put as in flight until it is answered or its sender has given up.
struct InFlight {
    memory: Arc<Mutex<Memory>>,
    keys: Vec<String>,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut memory = lock(&self.memory);
        memory.puts_in_flight -= 1;
        for key in &self.keys {
            *memory.in_flight.entry(key.clone()).or_default() -= 1;
        }
    }
}

/// The access key and the session token that signed it.
fn signer(headers: &hyper::HeaderMap) -> (String, String) {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let key = text("authorization").split_once("Credential=").and_then(|(_, rest)| rest.split('/').next());
    (key.unwrap_or_default().to_owned(), text("x-amz-security-token").to_owned())
}

fn arrived(
    memory: &Arc<Mutex<Memory>>,
    operation: &str,
    body: &Value,
    (access_key, token): (String, String),
) -> (InFlight, Call, Answer, Duration) {
    let record = |value: &Value| Sent {
        key: value["PartitionKey"].as_str().unwrap_or_default().to_owned(),
        hash_key: value["ExplicitHashKey"].as_str().and_then(|number| number.parse().ok()),
        data: STANDARD.decode(value["Data"].as_str().unwrap_or_default()).unwrap_or_default(),
    };
    let records: Vec<_> = match body["Records"].as_array() {
        Some(list) => list.iter().map(record).collect(),
        None => vec![record(body)],
    };
    // A key counts once for each record.
    let keys_of =
        |record: &Sent| -> BTreeSet<_> { record.events().into_iter().map(|event| event.key).collect() };
    let keys: Vec<_> = records.iter().flat_map(keys_of).collect();
    let mut held = lock(memory);
    let held_memory = &mut *held;
    for key in &keys {
        let count = held_memory.in_flight.entry(key.clone()).or_default();
        *count += 1;
        held_memory.most_of_a_key = held_memory.most_of_a_key.max(*count);
    }
    let call = Call {
        number: held_memory.calls.len(),
        operation: operation.to_owned(),
        stream: body["StreamARN"].as_str().or(body["StreamName"].as_str()).unwrap_or_default().to_owned(),
        records,
        access_key,
        token,
        at: Instant::now(),
        beside: held_memory.puts_in_flight,
    };
    held_memory.puts_in_flight += 1;
    held_memory.most_puts = held_memory.most_puts.max(held_memory.puts_in_flight);
    held_memory.calls.push(call.clone());
    let answer = (held_memory.rule)(&call);
    let delay = held_memory.delay;
    drop(held);
    (InFlight { memory: Arc::clone(memory), keys }, call, answer, delay)
}

/// Writes a record and returns its result in the answer.
fn write(memory: &mut Memory, record: &Sent) -> Value {
    memory.written.extend(record.events());
    let shard = record.key.bytes().map(u32::from).sum::<u32>() % 4;
    let sequence = memory.written.len();
    json!({
        "ShardId": format!("shardId-{shard:012}"),
        "SequenceNumber": format!("4959033827149025660855969253836157109592157598913658{sequence:04}"),
    })
}

async fn answer(
    request: Request<Incoming>,
    memory: Arc<Mutex<Memory>>,
) -> Result<Response<Body>, std::io::Error> {
    let Some(off) = lock(&memory).clock else { return answer_in_time(request, memory).await };
    let there = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(off);
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let signed = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text("x-amz-date"));
    let signed = signed.ok().and_then(|at| at.in_tz("UTC").ok()).map(|at| at.timestamp());
    let is_late = signed.is_none_or(|at| at.duration_since(there).abs() > jiff::SignedDuration::from_mins(5));
    let is_kinesis = !text("x-amz-target").is_empty();
    let mut response = if is_late {
        // The connection would close if the body were not read.
        drop(to_bytes(Body::new(request.into_body()), 16 << 20).await);
        let said = format!("Signature expired: {signed:?} is now earlier than {there}");
        let (code, body) = if is_kinesis {
            (400, json!({ "__type": "InvalidSignatureException", "message": said }).to_string())
        } else {
            let code = "<Code>SignatureDoesNotMatch</Code>";
            (403, format!("<ErrorResponse><Error>{code}<Message>{said}</Message></Error></ErrorResponse>"))
        };
        let response = Response::builder().status(code).header("content-type", "application/x-amz-json-1.1");
        response.body(Body::from(body)).map_err(std::io::Error::other)?
    } else {
        answer_in_time(request, memory).await?
    };
    let date = there.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    response.headers_mut().insert("date", date.parse().map_err(std::io::Error::other)?);
    Ok(response)
}

async fn answer_in_time(
    request: Request<Incoming>,
    memory: Arc<Mutex<Memory>>,
) -> Result<Response<Body>, std::io::Error> {
    let target =
        request.headers().get("x-amz-target").and_then(|name| name.to_str().ok()).unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
    let (head, body) = request.into_parts();
    let bytes = to_bytes(Body::new(body), 16 << 20).await.map_err(std::io::Error::other)?;
    let signer = signer(&head.headers);
    if !operation.starts_with("Put") {
        let asked = Asked {
            path: head.uri.path().to_owned(),
            body: String::from_utf8_lossy(&bytes).into_owned(),
            access_key: signer.0,
            headers: head.headers,
        };
        return besides(&operation, &asked, &memory);
    }
    let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let (in_flight, call, answer, delay) = arrived(&memory, &operation, &body, signer);
    let (status, body) = match answer {
        Answer::Html(status) => {
            tokio::time::sleep(delay).await;
            drop(in_flight);
            return Ok(page(status));
        }
        Answer::CutBefore => return Err(std::io::Error::other("cut")),
        Answer::CutAfter => {
            write_all(&memory, &call);
            return Err(std::io::Error::other("cut"));
        }
        Answer::CutAndLate(after) => {
            #[expect(clippy::disallowed_methods, reason = "a test's own server")]
            tokio::spawn(async move {
                tokio::time::sleep(after).await;
                write_all(&memory, &call);
            });
            return Err(std::io::Error::other("cut"));
        }
        Answer::Silence => match std::future::pending::<Infallible>().await {},
        Answer::Success | Answer::Each(_) | Answer::Error(..) | Answer::Empty | Answer::OneShort => {
            body_of(&answer, &memory, &call)
        }
    };
    tokio::time::sleep(delay).await;
    drop(in_flight);
    let response = Response::builder().status(status).header("content-type", "application/x-amz-json-1.1");
    response.header("x-amzn-requestid", "r").body(Body::from(body.to_string())).map_err(std::io::Error::other)
}

/// Writes the records of a call, and returns their results in the answer.
fn write_all(memory: &Mutex<Memory>, call: &Call) -> Vec<Value> {
    let mut memory = lock(memory);
    call.records.iter().map(|record| write(&mut memory, record)).collect()
}

/// A complete answer. The records that it reports as written are written.
fn body_of(answer: &Answer, memory: &Mutex<Memory>, call: &Call) -> (u16, Value) {
    let success = |mut results: Vec<Value>| match results.pop() {
        Some(only) if call.operation == "PutRecord" => only,
        last => {
            results.extend(last);
            let failed = results.iter().filter(|result| result["ErrorCode"].is_string()).count();
            json!({ "FailedRecordCount": failed, "Records": results })
        }
    };
    match answer {
        Answer::Each(fates) => {
            let mut memory = lock(memory);
            let result = |(record, fate): (&Sent, Option<&str>)| match fate {
                None => write(&mut memory, record),
                Some(code) => json!({ "ErrorCode": code, "ErrorMessage": "Internal Service Failure" }),
            };
            let fates = fates.iter().copied().chain(std::iter::repeat(None));
            (200, success(call.records.iter().zip(fates).map(result).collect()))
        }
        Answer::Error(status, code, message) => (*status, json!({ "__type": code, "message": message })),
        Answer::Empty => (200, json!({})),
        Answer::OneShort => {
            let mut results = write_all(memory, call);
            results.pop();
            (200, json!({ "FailedRecordCount": 0, "Records": results }))
        }
        _ => (200, success(write_all(memory, call))),
    }
}

/// Answers requests that put no records.
fn besides(operation: &str, asked: &Asked, memory: &Mutex<Memory>) -> Result<Response<Body>, std::io::Error> {
    let mut memory = lock(memory);
    let (status, body) = match (operation, &memory.summary) {
        ("DescribeStreamSummary", Some(summary)) => {
            (200, json!({ "StreamDescriptionSummary": summary }).to_string())
        }
        ("DescribeStreamSummary", None) => {
            (400, json!({ "__type": "AccessDeniedException", "message": "not authorized" }).to_string())
        }
        (_, _) => (memory.other)(asked),
    };
    let kind = if body.starts_with('<') { "text/xml" } else { "application/x-amz-json-1.1" };
    let response = Response::builder().status(status).header("content-type", kind);
    response.body(Body::from(body)).map_err(std::io::Error::other)
}

fn page(status: u16) -> Response<Body> {
    let response = Response::builder().status(status).header("content-type", "text/html");
    let body = "<html><body><h1>Service Unavailable</h1></body></html>";
    response.body(Body::from(body)).expect("status and header are valid")
}
