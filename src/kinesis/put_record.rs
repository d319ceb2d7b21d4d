//! `PutRecord` without the SDK's machinery, which takes two thirds of the CPU of a put, mostly to look up again what is
//! the same for every request. `docs/performance.md` has the measurement.
//!
//! 1. The SDK makes the first request of a client, up to its signature, and the request is not sent.
//! 2. From it [`RequestTemplate`] takes everything that requests have in common: the URL (which depends on region, FIPS,
//!    dual-stack, ARN and `AWS_ENDPOINT_URL`), the headers, the HTTP client (proxy, certificates, connections), and the
//!    scope of the signature.
//! 3. For each record, the body, the signature (by the SDK's own signer) and the reading of the answer happen here.
//!
//! A test compares requests and outcomes with the SDK's.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime},
};

use aws_credential_types::Credentials;
use aws_sdk_kinesis::error::SdkError;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4::SigningParams,
};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        connection::CaptureSmithyConnection,
        http::{HttpClient as _, HttpConnector as _, HttpConnectorSettings, SharedHttpConnector},
        interceptors::{Intercept, context::BeforeTransmitInterceptorContextRef, dyn_dispatch_hint},
        orchestrator::{HttpRequest, HttpResponse},
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_schema::protocol::SharedClientProtocol;
use aws_smithy_types::{
    DateTime, body::SdkBody, byte_stream::ByteStream, config_bag::ConfigBag, date_time::Format,
    error::ErrorMetadata, timeout::TimeoutConfig,
};
use aws_types::{SigningName, region::SigningRegion};
use serde::{Deserialize, Deserializer};
use uuid::Uuid;

use super::{
    http::ANSWER_TIMEOUT,
    payload_hash::payload_hash,
    put_body,
    record::{Outgoing, Target},
};
use crate::{event::Encoding, remedy};

/// Statuses after which the connection is not used again, as with the SDK: the server may fail the next request too.
const FAILING: [u16; 4] = [500, 502, 503, 504];

/// What all requests of a client have in common.
#[derive(Debug)]
pub(super) struct RequestTemplate {
    url: String,
    headers: Vec<(String, String)>,
    connector: SharedHttpConnector,
    region: String,
    service: String,
    protocol: SharedClientProtocol,
    timeout: Duration,
    /// How far the server's clock is ahead of ours. Learned when the server refuses a request for its time.
    clock_offset_ms: AtomicI64,
}

/// A successful answer.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Stored {
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(super) shard_id: Box<str>,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(super) sequence_number: Box<str>,
}

impl Stored {
    fn read(body: &[u8]) -> Result<Self, BoxError> {
        // Like the SDK: no body counts as an empty object, and an array, which serde would take, is refused.
        if body.is_empty() {
            Ok(Self::default())
        } else if body.trim_ascii_start().starts_with(b"{") {
            Ok(serde_json::from_slice(body)?)
        } else {
            Err("the answer is no JSON object".into())
        }
    }
}

/// Reads `null` as an empty string, like the SDK.
fn null_as_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<str>, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A failed put, as the SDK would report it.
pub(super) type Failure = SdkError<ErrorMetadata, HttpResponse>;

impl RequestTemplate {
    /// Has the SDK make a request. `Err`: it could not make one.
    pub(super) async fn new(sdk: &aws_sdk_kinesis::Client, target: &Target) -> Result<Self, Failure> {
        let seen = Arc::<Mutex<_>>::default();
        let capture = Capture(Arc::clone(&seen));
        let answer = sdk
            .put_record()
            .set_stream_name(target.name())
            .set_stream_arn(target.arn())
            .partition_key("none")
            .data(aws_sdk_kinesis::primitives::Blob::new([]))
            .customize()
            .interceptor(capture)
            .send()
            .await;
        let template = seen.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (template, answer) {
            (Some(template), _) => Ok(template),
            (None, Err(error)) => Err(error.map_service_error(|_| ErrorMetadata::builder().build())),
            (None, Ok(_)) => Err(SdkError::construction_failure("the request was not seen")),
        }
    }

    /// Puts one record.
    pub(super) async fn put(
        &self,
        record: &Outgoing<'_>,
        (target, encoding): (&Target, Encoding),
        keys: Credentials,
    ) -> Result<Stored, Failure> {
        let body = put_body::record(target, record, encoding);
        let request = self.signed(body, keys, self.server_time(), &Uuid::new_v4().to_string());
        let mut request = request.map_err(SdkError::construction_failure)?;
        let connection = CaptureSmithyConnection::new();
        request.add_extension(connection.clone());
        let answer = tokio::time::timeout(self.timeout, self.answer(request)).await;
        let raw = answer.map_err(SdkError::timeout_error)??;
        if FAILING.contains(&raw.status().as_u16())
            && let Some(connection) = connection.get()
        {
            connection.poison();
        }
        if raw.status().is_success() {
            return match Stored::read(raw.body().bytes().unwrap_or_default()) {
                Ok(stored) => Ok(stored),
                Err(error) => Err(SdkError::response_error(error, raw)),
            };
        }
        let error = match self.protocol.parse_error_metadata(&raw, &ConfigBag::base()) {
            Ok(error) => error.build(),
            Err(error) => return Err(SdkError::response_error(error, raw)),
        };
        let Some(code) = error.code() else {
            return Err(SdkError::response_error("no code of an error", raw));
        };
        if remedy::is_the_clock(code, error.message().unwrap_or_default()) {
            self.learn_time(&raw);
        }
        Err(SdkError::service_error(error, raw))
    }

    /// A signed request. `invocation` is its id, which the SDK takes for each call.
    fn signed(
        &self,
        body: Vec<u8>,
        keys: Credentials,
        at: SystemTime,
        invocation: &str,
    ) -> Result<HttpRequest, BoxError> {
        let identity = keys.into();
        let hash = payload_hash(&body);
        let length = body.len().to_string();
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_method("POST")?;
        request.set_uri(self.url.as_str())?;
        for (name, value) in &self.headers {
            request.headers_mut().insert(name.clone(), value.clone());
        }
        request.headers_mut().insert("content-length", length);
        let settings = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(&self.service)
            .time(at)
            .settings(SigningSettings::default())
            .build()?
            .into();
        let signable = SignableRequest::new(
            "POST",
            &self.url,
            request.headers().iter(),
            SignableBody::Precomputed(hash),
        )?;
        let (instructions, _signature) = sign(signable, &settings)?.into_parts();
        for (name, value) in instructions.headers() {
            request.headers_mut().insert(name.to_owned(), value.to_owned());
        }
        // Like the SDK, adds these after signing.
        request.headers_mut().insert("amz-sdk-invocation-id", invocation.to_owned());
        request.headers_mut().insert("amz-sdk-request", "attempt=1; max=1");
        Ok(request)
    }

    async fn answer(&self, request: HttpRequest) -> Result<HttpResponse, Failure> {
        let mut raw = self.connector.call(request).await.map_err(SdkError::dispatch_failure)?;
        let body = std::mem::replace(raw.body_mut(), SdkBody::taken());
        match ByteStream::new(body).collect().await {
            Ok(bytes) => *raw.body_mut() = SdkBody::from(bytes.into_bytes()),
            Err(error) => return Err(SdkError::response_error(error, raw)),
        }
        Ok(raw)
    }

    fn server_time(&self) -> SystemTime {
        let now = SystemTime::now();
        let offset_ms = self.clock_offset_ms.load(Ordering::Relaxed);
        let offset = Duration::from_millis(offset_ms.unsigned_abs());
        let server = if offset_ms < 0 { now.checked_sub(offset) } else { now.checked_add(offset) };
        server.unwrap_or(now)
    }

    /// Learns the server's time from the answer's `Date`.
    fn learn_time(&self, raw: &HttpResponse) {
        // `Age` marks an answer from a cache: its date is old.
        let date = raw.headers().get("date").filter(|_| raw.headers().get("age").is_none());
        let Some(date) = date else { return };
        let Ok(server) = DateTime::from_str(date, Format::HttpDate).map(|date| date.secs()) else { return };
        let offset = server - DateTime::from(SystemTime::now()).secs();
        self.clock_offset_ms.store(offset.saturating_mul(1000), Ordering::Relaxed);
    }
}

/// Takes the template from a request of the SDK, and ends the call before anything is sent.
#[derive(Debug)]
struct Capture(Arc<Mutex<Option<RequestTemplate>>>);

#[dyn_dispatch_hint]
impl Intercept for Capture {
    fn name(&self) -> &'static str {
        "Capture"
    }

    fn read_before_signing(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        components: &RuntimeComponents,
        settings: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request();
        let times = settings.load::<TimeoutConfig>().cloned().unwrap_or_else(TimeoutConfig::disabled);
        let mut connections = HttpConnectorSettings::builder();
        connections.set_connect_timeout(times.connect_timeout());
        connections.set_read_timeout(times.read_timeout());
        let client = components.http_client().ok_or("no HTTP client")?;
        let template = RequestTemplate {
            url: request.uri().to_owned(),
            headers: request
                .headers()
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            connector: client.http_connector(&connections.build(), components),
            region: settings.load::<SigningRegion>().ok_or("no region to sign for")?.as_ref().to_owned(),
            service: settings.load::<SigningName>().ok_or("no service to sign for")?.as_ref().to_owned(),
            protocol: settings.load::<SharedClientProtocol>().cloned().ok_or("no protocol")?,
            timeout: times.operation_attempt_timeout().unwrap_or(ANSWER_TIMEOUT),
            clock_offset_ms: AtomicI64::new(0),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(template);
        Err("nothing is sent".into())
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_kinesis::{
        Client, Config,
        config::{BehaviorVersion, Region, SharedHttpClient, retry::RetryConfig},
        error::ProvideErrorMetadata,
        primitives::Blob,
    };
    use aws_smithy_runtime_api::{
        client::http::{HttpClient, HttpConnector, HttpConnectorFuture},
        http::{Response, StatusCode},
    };

    use super::*;
    use crate::kinesis::error::call_error;

    /// Remembers each request and gives all of them the same answer.
    #[derive(Clone, Debug, Default)]
    struct Server(Arc<Mutex<(Vec<HttpRequest>, Answer)>>);

    #[derive(Clone, Debug, Default)]
    struct Answer {
        status: u16,
        headers: Vec<(&'static str, &'static str)>,
        body: &'static str,
    }

    impl Server {
        fn answers(&self, status: u16, headers: &[(&'static str, &'static str)], body: &'static str) {
            self.0.lock().expect("one thread").1 = Answer { status, headers: headers.to_vec(), body };
        }

        fn last(&self) -> HttpRequest {
            self.0.lock().expect("one thread").0.pop().expect("a request")
        }
    }

    impl HttpConnector for Server {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let mut state = self.0.lock().expect("one thread");
            state.0.push(request);
            let answer = state.1.clone();
            let status = StatusCode::try_from(answer.status).expect("a status");
            let mut response = Response::new(status, SdkBody::from(answer.body));
            for (name, value) in answer.headers {
                response.headers_mut().insert(name, value);
            }
            HttpConnectorFuture::ready(Ok(response))
        }
    }

    impl HttpClient for Server {
        fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
            SharedHttpConnector::new(self.clone())
        }
    }

    fn keys() -> Credentials {
        Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", Some("token".to_owned()), None, "test")
    }

    fn client(
        server: &Server,
        more: impl FnOnce(aws_sdk_kinesis::config::Builder) -> aws_sdk_kinesis::config::Builder,
    ) -> Client {
        let settings = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .http_client(SharedHttpClient::new(server.clone()))
            .credentials_provider(keys())
            .retry_config(RetryConfig::disabled());
        Client::from_conf(more(settings).build())
    }

    /// The SDK's request for the same record.
    async fn by_the_sdk(
        client: &Client,
        record: &Outgoing<'_>,
        (target, encoding): (&Target, Encoding),
    ) -> Result<
        (String, String),
        SdkError<aws_sdk_kinesis::operation::put_record::PutRecordError, HttpResponse>,
    > {
        let mut data = Vec::new();
        record.data.encode_into(encoding, &mut data);
        let put = client
            .put_record()
            .set_stream_name(target.name())
            .set_stream_arn(target.arn())
            .partition_key(&*record.key)
            .set_explicit_hash_key(record.hash_key.map(|key| key.to_string()))
            .data(Blob::new(data));
        put.send().await.map(|output| (output.shard_id().to_owned(), output.sequence_number().to_owned()))
    }

    fn headers(request: &HttpRequest) -> Vec<(String, String)> {
        let mut all: Vec<_> =
            request.headers().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        all.sort();
        all
    }

    #[tokio::test]
    async fn a_request_is_the_sdks_to_the_byte_and_so_is_its_signature() {
        const ARN: &str = "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks";
        let records = [
            Outgoing::of("user-1", b"{\"a\":1}"),
            Outgoing::of("says \"hi\" \\ / \u{e9}\u{1f600}", b"{\n\"b\":\r\n2}"),
            Outgoing { hash_key: Some(0), ..Outgoing::of("3", b"{}") },
        ];
        let server = Server::default();
        server.answers(200, &[], r#"{"ShardId":"shardId-000000000000","SequenceNumber":"49"}"#);
        let mut addresses = Vec::new();
        for (name, fips, dual_stack, url) in [
            ("clicks", false, false, None),
            (ARN, false, false, None),
            ("clicks", true, false, None),
            (ARN, true, true, None),
            ("clicks", false, true, None),
            ("clicks", false, false, Some("http://127.0.0.1:4567/path")),
        ] {
            let target = Target::new(name);
            let sdk = client(&server, |mut settings| {
                settings.set_endpoint_url(url.map(str::to_owned));
                settings.use_fips(fips).use_dual_stack(dual_stack)
            });
            let template = RequestTemplate::new(&sdk, &target).await.expect("a request");
            let each = records.iter().flat_map(|record| Encoding::ALL.map(|encoding| (record, encoding)));
            for (record, encoding) in each {
                let to = (&target, encoding);
                by_the_sdk(&sdk, record, to).await.expect("taken");
                let theirs = server.last();
                let date = theirs.headers().get("x-amz-date").expect("signed").to_owned();
                let at = DateTime::from_str(&iso(&date), Format::DateTime).expect("a time");
                let call = theirs.headers().get("amz-sdk-invocation-id").expect("one").to_owned();
                let body = put_body::record(&target, record, encoding);
                let at = SystemTime::try_from(at).expect("after 1970");
                let ours = template.signed(body, keys(), at, &call).expect("signed");
                assert_eq!(ours.uri(), theirs.uri());
                assert_eq!(ours.method(), theirs.method());
                assert_eq!(headers(&ours), headers(&theirs));
                assert_eq!(ours.body().bytes(), theirs.body().bytes());
                addresses.push(ours.uri().to_owned());
            }
        }
        addresses.dedup();
        assert_eq!(addresses.len(), 6, "{addresses:?}");
        assert!(server.0.lock().expect("one thread").0.is_empty(), "making the template sends nothing");
    }

    /// `20261129T101112Z` in the form of RFC 3339.
    fn iso(date: &str) -> String {
        let part = |from: usize, to: usize| date.get(from..to).expect("digits");
        format!(
            "{}-{}-{}T{}:{}:{}Z",
            part(0, 4),
            part(4, 6),
            part(6, 8),
            part(9, 11),
            part(11, 13),
            part(13, 15)
        )
    }

    type Headers = &'static [(&'static str, &'static str)];

    const OF_HEADER: Headers = &[("x-amzn-errortype", "AccessDeniedException:http://a.example/")];

    #[tokio::test]
    async fn an_answer_means_what_it_means_to_the_sdk() {
        let server = Server::default();
        let sdk = client(&server, |settings| settings);
        let target = Target::new("clicks");
        let template = RequestTemplate::new(&sdk, &target).await.expect("a request");
        let record = Outgoing::of("u", b"{}");
        let answers: [(u16, Headers, &str); 16] = [
            (200, &[], ""),
            (200, &[], r#"{"SequenceNumber":"49","ShardId":"s","EncryptionType":"KMS","New":[{}]}"#),
            (200, &[], r#"{"ShardId":"\u0073"}"#),
            (200, &[], r#"{"ShardId":null,"SequenceNumber":null}"#),
            (200, &[], "{}"),
            (200, &[], r#"{"ShardId":1}"#),
            (200, &[], "<html>"),
            (200, &[], "[]"),
            (400, &[], r#"{"__type":"com.amazonaws.kinesis#ResourceNotFoundException","message":"Stream"}"#),
            (400, &[], r#"{"__type":"ValidationException","Message":"at 'data'"}"#),
            (400, &[], r#"{"code":"One","__type":"Two","errorMessage":"three"}"#),
            (400, OF_HEADER, r#"{"__type":"Other","message":"m"}"#),
            (500, &[], r#"{"__type":"InternalFailure"}"#),
            (503, &[], "<html>"),
            (502, &[], ""),
            (302, &[], "{}"),
        ];
        for (status, headers, body) in answers {
            server.answers(status, headers, body);
            let to = (&target, Encoding::Json);
            let theirs = by_the_sdk(&sdk, &record, to).await;
            let ours = template.put(&record, to, keys()).await;
            match (ours, theirs) {
                (Ok(ours), Ok((shard, sequence))) => {
                    assert_eq!((&*ours.shard_id, &*ours.sequence_number), (&*shard, &*sequence), "{body}");
                }
                (Err(ours), Err(theirs)) => {
                    assert_eq!((ours.code(), ours.message()), (theirs.code(), theirs.message()), "{body}");
                    let (ours, theirs) = (call_error(&ours), call_error(&theirs));
                    assert_eq!(ours, theirs, "{status} {body}");
                }
                (ours, theirs) => panic!("{status} {body}: {ours:?}, and by the SDK {theirs:?}"),
            }
        }
    }
}
