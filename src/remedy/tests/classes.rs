//! What the forwarder does about each code and message.

use super::{super::cause::Cause, *};
use crate::delivery::Outcome;

/// Every error of the calls that we make, as the Kinesis model names them, and what AWS adds unmodelled.
const CLASSES: &[(Class, &[&str])] = &[
    (
        Class::Throttled,
        &[
            "ProvisionedThroughputExceededException",
            "LimitExceededException",
            "ThrottlingException",
            "Throttling",
            "ThrottledException",
            "RequestLimitExceeded",
            "TooManyRequestsException",
            "SlowDown",
            "KMSThrottlingException",
            "ResourceInUseException",
        ],
    ),
    (
        Class::Offline,
        &[
            "InternalFailure",
            "InternalFailureException",
            "InternalServerError",
            "InternalServiceErrorException",
            "ServiceUnavailable",
            "ServiceUnavailableException",
            "RequestTimeout",
            "RequestTimeoutException",
            "NoAnswer",
            "ConnectionFailed",
            "ConnectionLost",
            "UnclearAnswer",
            "DryRunOperationException",
            "ExpiredIteratorException",
            "ExpiredNextTokenException",
        ],
    ),
    (
        Class::Blocked,
        &[
            "CredentialsNotFound",
            "CredentialsFailed",
            "AccessDenied",
            "AccessDeniedException",
            "NotAuthorized",
            "OptInRequired",
            "SubscriptionRequiredException",
            "ResourceNotFoundException",
            "AggregationNotSupported",
            "ExpiredToken",
            "ExpiredTokenException",
            "UnrecognizedClientException",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "SignatureDoesNotMatch",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
            "IncompleteSignature",
            "IncompleteSignatureException",
            "RequestExpired",
            "RequestTimeTooSkewed",
            "RequestInTheFuture",
            "SerializationException",
            "UnknownOperationException",
            "KMSAccessDeniedException",
            "KMSDisabledException",
            "KMSInvalidStateException",
            "KMSNotFoundException",
            "KMSOptInRequired",
            "ValidationException",
            "InvalidArgumentException",
        ],
    ),
];

#[test]
fn every_known_code_has_its_class_whatever_the_status() {
    for (class, codes) in CLASSES {
        for code in *codes {
            assert_ne!(Cause::of(code, ""), Cause::Unknown, "{code}");
            for status in [None, Some(200), Some(400), Some(403), Some(500), Some(503)] {
                assert_eq!(class_of(code, "", status), *class, "{code} {status:?}");
            }
        }
    }
}

#[test]
fn a_code_that_is_not_known_goes_by_the_status() {
    for (status, class) in [
        (None, Class::Offline),
        (Some(200), Class::Offline),
        (Some(301), Class::Blocked),
        (Some(400), Class::Blocked),
        (Some(404), Class::Blocked),
        (Some(407), Class::Blocked),
        (Some(408), Class::Offline),
        (Some(413), Class::Refused),
        (Some(429), Class::Throttled),
        (Some(500), Class::Offline),
        (Some(503), Class::Offline),
    ] {
        for code in ["", "SomethingNewException", "Exception"] {
            assert_eq!(class_of(code, "PartitionKey", status), class, "{code:?} {status:?}");
        }
    }
    assert_eq!(class_of("Http404", "", None), Class::Blocked);
    assert_eq!(class_of("Http502", "<html>", None), Class::Offline);
    assert_eq!(class_of("HttpError", "", None), Class::Offline);
}

#[test]
fn a_refused_argument_fails_the_event_only_when_the_record_is_meant() {
    for (message, class) in [
        // As AWS and kinesalite say it.
        (
            "1 validation error detected: Value at 'data' failed to satisfy constraint: Member must have length less than or equal to 1048576",
            Class::Refused,
        ),
        (
            "1 validation error detected: Value 'java.nio.HeapByteBuffer[pos=0 lim=9 cap=9]' at 'data' failed to satisfy constraint: Member must have length less than or equal to 1048576",
            Class::Refused,
        ),
        (
            "1 validation error detected: Value '' at 'partitionKey' failed to satisfy constraint: Member must have length greater than or equal to 1",
            Class::Refused,
        ),
        (
            "1 validation error detected: Value at 'records.17.member.data' failed to satisfy constraint: Member must have length less than or equal to 1048576",
            Class::Refused,
        ),
        ("Record size 1048600 exceeds the limit of the stream", Class::Refused),
        ("Records size exceeds 10 MB limit", Class::Refused),
        ("The record is too large for this stream.", Class::Refused),
        ("PartitionKey must be given", Class::Refused),
        ("Invalid partition key", Class::Refused),
        ("The record's size exceeds the stream's limit", Class::Refused),
        ("The stream\'s \'data size\' is not valid", Class::Blocked),
        ("Data must not be longer than 1048576 bytes", Class::Refused),
        (
            "1 validation error detected: Value 'bad name' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
            Class::Blocked,
        ),
        (
            "1 validation error detected: Value 'data size' at 'streamName' failed to satisfy constraint: Member must have length less than or equal to 128",
            Class::Blocked,
        ),
        (
            "2 validation errors detected: Value 'a b' at 'streamName' failed to satisfy constraint: x; Value '' at 'partitionKey' failed to satisfy constraint: y",
            Class::Blocked,
        ),
        (
            "1 validation error detected: Value at 'records' failed to satisfy constraint: Member must have length less than or equal to 500",
            Class::Blocked,
        ),
        ("Invalid StreamARN", Class::Blocked),
        ("StreamName is not valid: it is too large", Class::Blocked),
        ("Stream 'data' is not ACTIVE", Class::Blocked),
        ("SequenceNumberForOrdering is not supported by this stream", Class::Blocked),
        ("", Class::Blocked),
    ] {
        for code in ["ValidationException", "InvalidArgumentException"] {
            assert_eq!(class_of(code, message, Some(400)), class, "{code}: {message}");
        }
    }
    // The message of another error says nothing about the record.
    assert_eq!(
        class_of("ResourceNotFoundException", "Stream data size not found", Some(400)),
        Class::Blocked
    );
}

#[test]
fn a_request_that_is_too_large_as_a_whole_is_refused_so_that_it_can_be_narrowed_down() {
    assert_eq!(class_of("SerializationException", "", Some(413)), Class::Refused);
    assert_eq!(class_of("RequestEntityTooLargeException", "", None), Class::Refused);
}

#[test]
fn a_class_makes_the_outcome_of_its_name() {
    let fault = AwsError::new("X", "");
    assert_eq!(Class::Throttled.outcome(fault.clone()), Outcome::Throttled(fault.clone()));
    assert_eq!(Class::Offline.outcome(fault.clone()), Outcome::Offline(fault.clone()));
    assert_eq!(Class::Blocked.outcome(fault.clone()), Outcome::Blocked(fault.clone()));
    assert_eq!(Class::Refused.outcome(fault.clone()), Outcome::Refused(fault));
}

/// The table has no code of the endpoint's, so that each is found by its type.
#[test]
fn the_endpoints_codes_are_its_own_and_are_refused_unless_a_retry_helps() {
    for code in EndpointCode::ALL {
        let name = code.as_str();
        assert_eq!(Cause::of(name, ""), Cause::Endpoint(code));
        assert!(cause::CODES.iter().all(|(listed, _)| *listed != name), "{name}");
        let class = match name {
            "overloaded" | "source_spool_full" | "too_many_requests_of_peer" => Class::Throttled,
            "unavailable" | "body_too_slow" => Class::Offline,
            _ => Class::Refused,
        };
        assert_eq!(class_of(name, "", Some(400)), class, "{name}");
        let remedy = remedy_of(name, "");
        assert!(!remedy.what.contains(name), "{name} has no words of its own: {remedy:?}");
    }
}

#[test]
fn no_code_is_listed_twice() {
    let mut codes: Vec<&str> = codes().collect();
    let all = codes.len();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), all);
}

#[test]
fn whatever_blocks_says_where_in_the_app_or_at_aws_to_mend_it() {
    for (class, codes) in CLASSES {
        for code in codes.iter().filter(|_| *class == Class::Blocked) {
            let remedy = remedy_of(code, "");
            let is_clock = is_the_clock(code, "");
            assert!(remedy.location.is_some() || remedy.link.is_some() || is_clock, "{code}");
        }
    }
}
