//! Every way in which a put can end, through the real SDK, and the forwarder's outcome for it.

use tributary::{
    config::{Config, Operation},
    delivery::Outcome,
    kinesis::{Access, Client, Outgoing},
};

use crate::scripted::{Answer, Scripted};

/// How a put ended, without the details.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    Delivered,
    Throttled,
    Offline,
    Blocked,
    Refused,
}

fn end_of(outcome: &Outcome) -> Ends {
    match outcome {
        Outcome::Delivered(_) => Ends::Delivered,
        Outcome::Throttled(_) => Ends::Throttled,
        Outcome::Offline(_) => Ends::Offline,
        Outcome::Blocked(_) => Ends::Blocked,
        Outcome::Refused(_) => Ends::Refused,
    }
}

/// Status, code and message of each error that AWS documents for `PutRecord` and `PutRecords`, whether it is in the
/// service model or not, and of the servers in front of AWS.
const ERRORS: &[(u16, &str, &str, Ends)] = &[
    // In the service model (API reference, PutRecord and PutRecords).
    (400, "AccessDeniedException", "not authorized to perform: kinesis:PutRecord", Ends::Blocked),
    (400, "DryRunOperationException", "would have succeeded", Ends::Offline),
    (500, "InternalFailureException", "", Ends::Offline),
    (400, "InvalidArgumentException", "Invalid StreamARN", Ends::Blocked),
    (400, "InvalidArgumentException", "Records size exceeds 10 MB limit", Ends::Refused),
    (400, "KMSAccessDeniedException", "", Ends::Blocked),
    (400, "KMSDisabledException", "", Ends::Blocked),
    (400, "KMSInvalidStateException", "", Ends::Blocked),
    (400, "KMSNotFoundException", "", Ends::Blocked),
    (400, "KMSOptInRequired", "", Ends::Blocked),
    (400, "KMSThrottlingException", "", Ends::Throttled),
    (400, "ProvisionedThroughputExceededException", "Rate exceeded for shard", Ends::Throttled),
    (400, "ResourceNotFoundException", "Stream clicks under account 1 not found.", Ends::Blocked),
    // Not in the service model.
    (400, "ValidationException", "Value at 'streamName' failed to satisfy constraint", Ends::Blocked),
    (400, "ValidationException", "Value at 'partitionKey' failed to satisfy constraint: x", Ends::Refused),
    (
        400,
        "ValidationException",
        "Value at 'records.3.member.data' failed to satisfy constraint: x",
        Ends::Refused,
    ),
    (400, "SerializationException", "", Ends::Blocked),
    (413, "SerializationException", "", Ends::Refused),
    (400, "MalformedHttpRequestException", "", Ends::Blocked),
    (400, "UnknownOperationException", "", Ends::Blocked),
    (413, "RequestEntityTooLargeException", "", Ends::Refused),
    (400, "RequestAbortedException", "", Ends::Offline),
    (400, "RequestTimeoutException", "", Ends::Offline),
    (400, "ThrottlingException", "Rate exceeded", Ends::Throttled),
    (400, "LimitExceededException", "", Ends::Throttled),
    (400, "RequestLimitExceeded", "", Ends::Throttled),
    (500, "InternalFailure", "", Ends::Offline),
    (500, "InternalServerError", "", Ends::Offline),
    (503, "ServiceUnavailable", "", Ends::Offline),
    (503, "ServiceUnavailableException", "", Ends::Offline),
    // Errors of the signature.
    (400, "ExpiredTokenException", "The security token included in the request is expired", Ends::Blocked),
    (403, "ExpiredTokenException", "", Ends::Blocked),
    (
        400,
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
        Ends::Blocked,
    ),
    (400, "InvalidSignatureException", "The request signature we calculated does not match", Ends::Blocked),
    (
        400,
        "InvalidSignatureException",
        "Signature expired: 20261126T0 is now earlier than 20261126T1",
        Ends::Blocked,
    ),
    (403, "InvalidClientTokenId", "", Ends::Blocked),
    (403, "SignatureDoesNotMatch", "", Ends::Blocked),
    (400, "MissingAuthenticationTokenException", "Missing Authentication Token", Ends::Blocked),
    (400, "IncompleteSignatureException", "", Ends::Blocked),
    (400, "RequestExpired", "", Ends::Blocked),
    (400, "NotAuthorized", "", Ends::Blocked),
    (403, "OptInRequired", "", Ends::Blocked),
    (403, "SubscriptionRequiredException", "", Ends::Blocked),
    // Unknown codes are classified by their status.
    (400, "SomethingNewException", "", Ends::Blocked),
    (429, "SomethingNewException", "", Ends::Throttled),
    (500, "SomethingNewException", "", Ends::Offline),
];

/// Ends without an error in AWS's form: proxies, load balancers, broken connections, answers that prove nothing.
const OTHERS: &[(Answer, Ends)] = &[
    (Answer::Success, Ends::Delivered),
    (Answer::Empty, Ends::Offline),
    (Answer::CutBefore, Ends::Offline),
    (Answer::CutAfter, Ends::Offline),
    (Answer::Html(301), Ends::Blocked),
    (Answer::Html(403), Ends::Blocked),
    (Answer::Html(404), Ends::Blocked),
    (Answer::Html(407), Ends::Blocked),
    (Answer::Html(408), Ends::Offline),
    (Answer::Html(413), Ends::Refused),
    (Answer::Html(429), Ends::Throttled),
    (Answer::Html(500), Ends::Offline),
    (Answer::Html(502), Ends::Offline),
    (Answer::Html(503), Ends::Offline),
    (Answer::Html(504), Ends::Offline),
];

/// Puts three records, one by one or together, and returns their outcomes.
fn put(url: &str, operation: Operation) -> Vec<Outcome> {
    let mut config = Config::default();
    config.destination.operation = operation;
    let access = Access {
        endpoint_url: url.to_owned(),
        stream: "clicks".to_owned(),
        access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret_access_key: "secret".to_owned(),
        puts_max: 1,
    };
    let record = |key| Outgoing::of(key, b"{}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let client = Client::connect(&config, Some(&access)).await;
        client.put(&[record("a"), record("b"), record("c")], config.destination.encoding).await
    })
}

#[test]
fn every_error_of_a_put_comes_to_its_row_of_the_table_through_the_real_sdk() {
    let errors =
        ERRORS.iter().map(|(status, code, message, end)| (Answer::Error(*status, code, message), *end));
    let server = Scripted::start(|_| Answer::Success);
    for (answer, end) in errors.chain(OTHERS.iter().cloned()) {
        for operation in Operation::ALL {
            let of_rule = answer.clone();
            server.set_rule(move |_| of_rule.clone());
            let outcomes = put(&server.url, operation);
            let ends: Vec<_> = outcomes.iter().map(end_of).collect();
            assert_eq!(ends, [end; 3], "{answer:?} to {operation:?}: {outcomes:?}");
        }
    }
}

#[test]
fn each_record_of_a_call_has_its_own_answer() {
    let server = Scripted::start(|_| {
        Answer::Each(vec![Some("ProvisionedThroughputExceededException"), None, Some("InternalFailure")])
    });
    let ends: Vec<_> = put(&server.url, Operation::PutRecords).iter().map(end_of).collect();
    assert_eq!(ends, [Ends::Throttled, Ends::Delivered, Ends::Offline]);
    server.set_rule(|_| Answer::OneShort);
    let ends: Vec<_> = put(&server.url, Operation::PutRecords).iter().map(end_of).collect();
    assert_eq!(ends, [Ends::Offline; 3], "an answer about two says nothing of three");
}

#[test]
fn nobody_there_means_that_nothing_was_sent() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    let url = format!("http://{}", gone.expect("loopback has a free port"));
    for operation in Operation::ALL {
        for outcome in put(&url, operation) {
            let Outcome::Offline(fault) = outcome else { panic!("{outcome:?}") };
            assert_eq!(&*fault.code, "ConnectionFailed", "{fault}");
        }
    }
}
