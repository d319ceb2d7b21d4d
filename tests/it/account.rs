//! A stand-in for an AWS account on loopback, on one address: the parts of Kinesis, STS and IAM that set-up needs. It
//! answers as AWS does (also to a dry run) unless a rule sets another answer for an action, and records the requests.
//! It checks no signature: ministack does that, in `tests/peers`.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    http::{HeaderValue, Request, Response, StatusCode},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, runtime::Runtime};

pub const ACCOUNT_ID: &str = "123456789012";
pub const USER_ARN: &str = "arn:aws:iam::123456789012:user/ada";

/// One request.
#[derive(Clone, Debug)]
pub struct Asked {
    /// For example `PutRecord`, `GetCallerIdentity`, `CreateUser`. A put that is a dry run is `PutRecord?`.
    pub action: String,
    /// The body of a request to Kinesis.
    pub json: Value,
    /// The body of a request to STS or IAM.
    pub form: BTreeMap<String, String>,
    /// The access key id that signed it.
    pub access_key_id: String,
}

/// How an action ends.
#[derive(Clone, Debug)]
pub enum Reply {
    /// The usual answer of AWS.
    Usual,
    /// An error in AWS's form: code and message.
    Error(&'static str, String),
    /// A body of Kinesis, with 200.
    Body(Value),
    /// The action is done, and the connection is cut before the answer is sent.
    Lost,
}

pub fn denied(action: &str) -> Reply {
    let text = format!("User: {USER_ARN} is not authorized to perform: {action} because no policy allows it");
    let code = if action.starts_with("kinesis") { "AccessDeniedException" } else { "AccessDenied" };
    Reply::Error(code, text)
}

type Rule = Box<dyn FnMut(&Asked) -> Reply + Send>;

struct Memory {
    rule: Rule,
    asked: Vec<Asked>,
    streams: BTreeMap<String, Vec<Value>>,
    /// What was asked for when a stream was created, with its retention.
    made: BTreeMap<String, Value>,
    iam: BTreeMap<String, String>,
}

/// Serves until dropped.
pub struct Account {
    pub url: String,
    memory: Arc<Mutex<Memory>>,
    runtime: Option<Runtime>,
}

impl Account {
    /// An account with these streams.
    pub fn start(streams: &[&str]) -> Self {
        let memory = Arc::new(Mutex::new(Memory {
            rule: Box::new(|_| Reply::Usual),
            asked: Vec::new(),
            streams: streams.iter().map(|name| ((*name).to_owned(), Vec::new())).collect(),
            made: BTreeMap::new(),
            iam: BTreeMap::new(),
        }));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("the system gives a thread");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::clone(&memory);
        let router = Router::new().fallback(move |request| answer(request, Arc::clone(&shared)));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { url: format!("http://{address}"), memory, runtime: Some(runtime) }
    }

    /// Sets the rule for all further requests.
    pub fn set_rule(&self, rule: impl FnMut(&Asked) -> Reply + Send + 'static) {
        lock(&self.memory).rule = Box::new(rule);
    }

    /// From now on every put is denied by the policy.
    pub fn deny_puts(&self) {
        self.set_rule(|asked| {
            if asked.action.starts_with("Put") { denied("kinesis:PutRecord") } else { Reply::Usual }
        });
    }

    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.memory).asked.clone()
    }

    pub fn actions(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.action).collect()
    }

    /// The records that were put into a stream.
    pub fn records(&self, stream: &str) -> Vec<Value> {
        lock(&self.memory).streams.get(stream).cloned().unwrap_or_default()
    }

    /// The objects of IAM: `user/NAME`, `policy/ARN`, `attachment/NAME/ARN`, `key/NAME`.
    pub fn iam(&self) -> Vec<String> {
        lock(&self.memory).iam.keys().cloned().collect()
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn lock(memory: &Mutex<Memory>) -> MutexGuard<'_, Memory> {
    memory.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(request: Request<Body>, memory: Arc<Mutex<Memory>>) -> Response<Body> {
    let target = request.headers().get("x-amz-target").and_then(|name| name.to_str().ok());
    let kinesis = target.and_then(|target| target.rsplit('.').next()).map(str::to_owned);
    let access_key_id = signer(request.headers().get("authorization"));
    let body: Bytes = to_bytes(request.into_body(), 16 << 20).await.unwrap_or_default();
    let asked = if let Some(action) = &kinesis {
        let json: Value = serde_json::from_slice(&body).unwrap_or_default();
        let dry = if json["DryRun"] == true { "?" } else { "" };
        Asked { action: format!("{action}{dry}"), json, form: BTreeMap::new(), access_key_id }
    } else {
        let form = form(&String::from_utf8_lossy(&body));
        Asked {
            action: form.get("Action").cloned().unwrap_or_default(),
            json: Value::Null,
            form,
            access_key_id,
        }
    };
    let reply = {
        let mut held = lock(&memory);
        held.asked.push(asked.clone());
        (held.rule)(&asked)
    };
    let is_kinesis = kinesis.is_some();
    let is_lost = matches!(reply, Reply::Lost);
    let (status, body) = match reply {
        Reply::Usual | Reply::Lost if is_kinesis => of_kinesis(&mut lock(&memory), &asked),
        Reply::Usual | Reply::Lost => of_query(&mut lock(&memory), &asked),
        Reply::Error(code, message) if is_kinesis => {
            (400, json!({ "__type": code, "message": message }).to_string())
        }
        Reply::Error(code, message) => (400, xml_error(code, &message)),
        Reply::Body(body) => (200, body.to_string()),
    };
    let kind = if is_kinesis { "application/x-amz-json-1.1" } else { "text/xml" };
    let response = Response::builder().status(StatusCode::from_u16(status).expect("a status"));
    let cut = async { Err::<Bytes, _>(std::io::Error::other("cut")) };
    let body = if is_lost { Body::from_stream(futures_util::stream::once(cut)) } else { Body::from(body) };
    response.header("content-type", kind).header("x-amzn-requestid", "r").body(body).expect("a valid answer")
}

/// The access key id in a signature: `AWS4-HMAC-SHA256 Credential=AKIA…/date/…`.
fn signer(authorization: Option<&HeaderValue>) -> String {
    let text = authorization.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (_, rest) = text.split_once("Credential=").unwrap_or_default();
    rest.split('/').next().unwrap_or_default().to_owned()
}

fn form(body: &str) -> BTreeMap<String, String> {
    let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (plain(name), plain(value))).collect()
}

fn plain(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = [rest.next().unwrap_or(b'0'), rest.next().unwrap_or(b'0')];
                let digits = String::from_utf8_lossy(&digits).into_owned();
                bytes.push(u8::from_str_radix(&digits, 16).unwrap_or(b'?'));
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn xml_error(code: &str, message: &str) -> String {
    format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
    )
}

fn kinesis_error(code: &str, message: &str) -> (u16, String) {
    (400, json!({ "__type": code, "message": message }).to_string())
}

fn summary(name: &str) -> Value {
    json!({
        "StreamName": name, "StreamARN": format!("arn:aws:kinesis:eu-west-1:{ACCOUNT_ID}:stream/{name}"),
        "StreamStatus": "ACTIVE", "StreamModeDetails": { "StreamMode": "ON_DEMAND" },
        "RetentionPeriodHours": 24, "StreamCreationTimestamp": 1.0, "EnhancedMonitoring": [],
        "EncryptionType": "NONE", "OpenShardCount": 4, "ConsumerCount": 0,
    })
}

/// The summary of a stream with what was asked for when it was created.
fn described(memory: &Memory, name: &str) -> Value {
    let mut described = summary(name);
    let made = memory.made.get(name).cloned().unwrap_or_default();
    for member in ["StreamModeDetails", "RetentionPeriodHours", "MaxRecordSizeInKiB"] {
        if !made[member].is_null() {
            described[member] = made[member].clone();
        }
    }
    if !made["ShardCount"].is_null() {
        described["OpenShardCount"] = made["ShardCount"].clone();
    }
    described
}

fn of_kinesis(memory: &mut Memory, asked: &Asked) -> (u16, String) {
    let json = &asked.json;
    let name = json["StreamName"].as_str().or_else(|| json["StreamARN"].as_str()?.rsplit('/').next());
    let name = name.unwrap_or_default().to_owned();
    match &*asked.action {
        "ListStreams" => {
            let streams: Vec<_> = memory.streams.keys().map(|name| summary(name)).collect();
            let names: Vec<_> = memory.streams.keys().collect();
            let list = json!({ "StreamNames": names, "StreamSummaries": streams, "HasMoreStreams": false });
            (200, list.to_string())
        }
        "CreateStream" => {
            if memory.streams.contains_key(&name) {
                return kinesis_error("ResourceInUseException", "Stream exists already");
            }
            memory.made.insert(name.clone(), json.clone());
            memory.streams.insert(name, Vec::new());
            (200, String::new())
        }
        "DescribeAccountSettings" => {
            (200, json!({ "MinimumThroughputBillingCommitment": { "Status": "DISABLED" } }).to_string())
        }
        "GetRecords" => {
            let place = json["ShardIterator"].as_str().unwrap_or_default().to_owned();
            let (stream, from) = place.split_once('/').unwrap_or_default();
            let from: usize = from.parse().unwrap_or_default();
            let records = memory.streams.get(stream).cloned().unwrap_or_default();
            let next = format!("{stream}/{}", records.len());
            let records = records.get(from..).unwrap_or_default();
            let answer = json!({ "Records": records, "NextShardIterator": next, "MillisBehindLatest": 0 });
            (200, answer.to_string())
        }
        _ if !memory.streams.contains_key(&name) => kinesis_error(
            "ResourceNotFoundException",
            &format!("Stream {name} under account {ACCOUNT_ID} not found."),
        ),
        _ => of_stream(memory, asked, name),
    }
}

/// The answer to a request about a stream that is there.
fn of_stream(memory: &mut Memory, asked: &Asked, name: String) -> (u16, String) {
    let json = &asked.json;
    match &*asked.action {
        "DescribeStreamSummary" => {
            (200, json!({ "StreamDescriptionSummary": described(memory, &name) }).to_string())
        }
        "IncreaseStreamRetentionPeriod" => {
            let made = memory.made.entry(name).or_insert_with(|| json!({}));
            made["RetentionPeriodHours"] = json["RetentionPeriodHours"].clone();
            (200, String::new())
        }
        "GetShardIterator" => {
            let at: usize = json["StartingSequenceNumber"].as_str().and_then(|n| n.parse().ok()).unwrap_or(1);
            (200, json!({ "ShardIterator": format!("{name}/{}", at - 1) }).to_string())
        }
        "PutRecord?" | "PutRecords?" => {
            kinesis_error("DryRunOperationException", "Request would have succeeded.")
        }
        "PutRecord" => {
            let records = memory.streams.get_mut(&name).expect("it is there");
            let number = (records.len() + 1).to_string();
            records.push(json!({
                "SequenceNumber": number, "PartitionKey": json["PartitionKey"], "Data": json["Data"],
                "ApproximateArrivalTimestamp": 1.0,
            }));
            (200, json!({ "ShardId": "shardId-000000000000", "SequenceNumber": number }).to_string())
        }
        other => kinesis_error("UnknownOperationException", other),
    }
}

fn of_query(memory: &mut Memory, asked: &Asked) -> (u16, String) {
    let action = &asked.action;
    let field = |name: &str| asked.form.get(name).cloned().unwrap_or_default();
    let user = field("UserName");
    let exists = |memory: &Memory, what: &str| memory.iam.contains_key(what);
    let result = match &**action {
        "GetCallerIdentity" => {
            format!("<Arn>{USER_ARN}</Arn><UserId>AIDAEXAMPLE</UserId><Account>{ACCOUNT_ID}</Account>")
        }
        "AssumeRole" => "<Credentials><AccessKeyId>ASIAMADEFORTESTS</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
                         <SessionToken>t</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration></Credentials>\
                         <AssumedRoleUser><AssumedRoleId>A:t</AssumedRoleId><Arn>arn:aws:sts::1:assumed-role/r/t</Arn>\
                         </AssumedRoleUser>"
            .to_owned(),
        "CreateUser" | "CreatePolicy" => {
            let (what, arn) = if action == "CreateUser" {
                (format!("user/{user}"), format!("arn:aws:iam::{ACCOUNT_ID}:user/{user}"))
            } else {
                let arn = format!("arn:aws:iam::{ACCOUNT_ID}:policy/{}", field("PolicyName"));
                (format!("policy/{arn}"), arn)
            };
            if exists(memory, &what) {
                return (409, xml_error("EntityAlreadyExists", &format!("{what} already exists.")));
            }
            memory.iam.insert(what, field("PolicyDocument"));
            format!("<It><Arn>{arn}</Arn></It>")
        }
        "AttachUserPolicy" => {
            if !exists(memory, &format!("user/{user}")) {
                return (404, xml_error("NoSuchEntity", "no such user"));
            }
            memory.iam.insert(format!("attachment/{user}/{}", field("PolicyArn")), String::new());
            String::new()
        }
        "CreateAccessKey" => {
            memory.iam.insert(format!("key/{user}"), String::new());
            "<AccessKey><AccessKeyId>AKIAMADEFORTESTS</AccessKeyId><SecretAccessKey>made/for+tests</SecretAccessKey></AccessKey>".to_owned()
        }
        "DeleteUser" => removed(memory, &format!("user/{user}")),
        "DeletePolicy" => removed(memory, &format!("policy/{}", field("PolicyArn"))),
        "DetachUserPolicy" => removed(memory, &format!("attachment/{user}/{}", field("PolicyArn"))),
        "DeleteAccessKey" => removed(memory, &format!("key/{user}")),
        other => return (400, xml_error("InvalidAction", other)),
    };
    (200, format!("<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"))
}

fn removed(memory: &mut Memory, what: &str) -> String {
    memory.iam.remove(what);
    String::new()
}
