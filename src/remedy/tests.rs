//! The tables row by row.

use super::*;
use crate::config::{CredentialsSource, DestinationKind};

fn config() -> Config {
    let mut config = Config::default();
    config.destination.kind = DestinationKind::Kinesis;
    "clicks".clone_into(&mut config.destination.stream);
    "eu-west-1".clone_into(&mut config.destination.region);
    config.credentials.source = CredentialsSource::Profile;
    "work".clone_into(&mut config.credentials.profile);
    config
}

fn remedy_of(code: &str, message: &str) -> Remedy {
    remedy(&AwsError::new(code, message), &config())
}

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
            assert_ne!(cause_of(code, ""), Cause::Unknown, "{code}");
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
fn a_sequence_number_that_is_refused_is_named_as_the_cause_and_nothing_else() {
    let config = Config::default();
    for (code, message) in [
        (
            "InvalidArgumentException",
            "StartingSequenceNumber 123 used in GetShardIterator on shard shardId-000000000000 in stream s under account 1 is invalid.",
        ),
        (
            "InvalidArgumentException",
            "Invalid StartingSequenceNumber. It encodes shardId-000000000001, while it was used in a call to a shard with shardId-000000000000",
        ),
        (
            "ValidationException",
            "1 validation error detected: Value '0123' at 'startingSequenceNumber' failed to satisfy constraint: Member must satisfy regular expression pattern: 0|([1-9]\\d{0,128})",
        ),
    ] {
        let remedy = remedy_once(&AwsError::new(code, message), &config);
        assert_eq!(
            remedy.what, "Records of the practice stream cannot be read from this sequence number on.",
            "{message}"
        );
        assert!(remedy.place.is_none() && !remedy.action.contains("Events are kept"), "{remedy:?}");
    }
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

#[test]
fn what_the_endpoint_refuses_is_refused_and_what_it_puts_off_is_not() {
    for (code, cause) in CODES {
        if let Cause::Endpoint(refusal) = cause {
            let class = match *code {
                "overloaded" | "source_spool_full" => Class::Throttled,
                "unavailable" | "internal" => Class::Offline,
                _ => Class::Refused,
            };
            assert_eq!((refusal.class(), class_of(code, "", Some(400))), (class, class), "{code}");
        }
    }
}

#[test]
fn no_code_is_listed_twice() {
    let mut codes: Vec<&str> = CODES.iter().map(|(code, _)| *code).collect();
    let all = codes.len();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), all);
}

/// Each message leads to another cause of the same code.
const TELLING: [&str; 9] = [
    "",
    "failed to load the cached SSO token",
    "MFA code needed",
    "AssumeRole was refused",
    "credential_process ended",
    "profile `x` was not defined: y",
    "the keychain is locked",
    "Signature expired: now",
    "Value at 'data' failed to satisfy constraint",
];

#[test]
fn every_code_has_words_for_what_why_and_what_to_do_with_any_settings() {
    let mut by_arn = config();
    "arn:aws:kinesis:us-east-1:123456789012:stream/other".clone_into(&mut by_arn.destination.stream);
    "arn:aws:iam::123456789012:role/r".clone_into(&mut by_arn.credentials.role_arn);
    let mut keychain = config();
    keychain.credentials.source = CredentialsSource::Keychain;
    let codes = CODES.iter().map(|(code, _)| *code).chain(["", "SomethingNewException", "Http502"]);
    for code in codes {
        for config in [&Config::default(), &config(), &by_arn, &keychain] {
            for message in TELLING {
                let remedy = remedy(&AwsError::new(code, message), config);
                for text in [&remedy.what, &remedy.why, &remedy.action] {
                    assert!(
                        text.len() > 10 && !text.contains('\n') && !text.contains("  "),
                        "{code}: {text:?}"
                    );
                    assert!(text.starts_with(|c: char| !c.is_lowercase()), "{code}: {text:?}");
                    assert!(text.ends_with(['.', ')', '}']), "{code}: {text:?}");
                }
                assert!(remedy.link.is_none_or(|link| link.starts_with("https://")));
            }
        }
    }
}

#[test]
fn who_asked_once_is_promised_nothing_that_only_the_forwarder_does() {
    // Nobody asks once for the spool to be read.
    let codes = CODES.iter().map(|(code, _)| *code).filter(|code| *code != "SpoolUnreadable");
    for (code, message) in codes.flat_map(|code| TELLING.iter().map(move |text| (code, *text))) {
        for config in [&Config::default(), &config()] {
            let Remedy { why, action, .. } = remedy_once(&AwsError::new(code, message), config);
            for promise in [
                "Tributary tries",
                "Tributary sees",
                "is lost",
                "sent again",
                "Events are kept",
                "are sent as soon",
            ] {
                assert!(!why.contains(promise) && !action.contains(promise), "{code}: {why} {action}");
            }
            assert!(action.len() > 10 && action.ends_with(['.', ')', '}']), "{code}: {action}");
        }
    }
}

#[test]
fn whatever_blocks_says_where_in_the_app_or_at_aws_to_mend_it() {
    for (class, codes) in CLASSES {
        for code in codes.iter().filter(|_| *class == Class::Blocked) {
            let remedy = remedy_of(code, "");
            let is_clock = cause_of(code, "") == Cause::ClockWrong;
            assert!(remedy.place.is_some() || remedy.link.is_some() || is_clock, "{code}");
        }
    }
}

#[test]
fn the_words_name_the_stream_the_region_and_the_profile() {
    let missing = remedy_of("ResourceNotFoundException", "");
    assert_eq!(missing.what, "The stream “clicks” in eu-west-1 does not exist for these AWS keys.");
    assert_eq!(missing.place, Some(Location::SetUpStream));

    let denied = remedy_of(
        "AccessDeniedException",
        "User: arn:aws:iam::1:user/u is not authorized to perform: kinesis:PutRecords on resource: arn because no identity-based policy allows it",
    );
    assert_eq!(
        denied.what,
        "The profile “work” may not do `kinesis:PutRecords` on the stream “clicks” in eu-west-1."
    );
    assert_eq!(denied.place, Some(Location::SetUpPolicy));
    assert!(
        remedy_of("AccessDeniedException", "with an explicit deny in a service control policy")
            .why
            .contains("explicit deny")
    );

    let expired = remedy_of("CredentialsFailed", "failed to load the cached SSO token");
    assert!(
        expired.action.starts_with("Run `aws sso login --profile work` in a terminal"),
        "{}",
        expired.action
    );
    assert_eq!(expired.place, Some(Location::SetUpCredentials));
    assert!(remedy_of("ExpiredTokenException", "").action.contains("`aws sso login --profile work`"));
}

#[test]
fn each_way_of_getting_keys_has_its_own_words() {
    let expected = [
        Source::Other,
        Source::Sso,
        Source::Mfa,
        Source::Role,
        Source::Process,
        Source::NoProfile,
        Source::Keychain,
    ];
    let mut seen = Vec::new();
    for (message, source) in TELLING.iter().zip(expected) {
        assert_eq!(source_in(message), source, "{message}");
        seen.push(remedy_of("CredentialsFailed", message).what);
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), expected.len(), "{seen:?}");
    assert_eq!(source_in("profile `sso` was not defined: y"), Source::NoProfile);
}

#[test]
fn keys_that_cannot_be_fetched_for_want_of_a_network_wait_for_the_network() {
    for message in ["SSO: dispatch failure: dns error", "AssumeRole: operation timed out"] {
        assert_eq!(class_of("CredentialsFailed", message, None), Class::Offline);
        let remedy = remedy_of("CredentialsFailed", message);
        assert!(remedy.what.starts_with("No connection to"), "{remedy:?}");
        assert!(
            !remedy.what.contains("AWS in eu-west-1"),
            "it is not Kinesis that was not reached: {remedy:?}"
        );
    }
    for (said, what, way) in [
        (
            "talking to sts.eu-west-1.amazonaws.com (sts): dns error",
            "AWS STS at sts.eu-west-1.amazonaws.com",
            ".sts)",
        ),
        (
            "talking to portal.sso.eu-west-1.amazonaws.com (sso): timeout",
            "the AWS access portal at",
            "role of the machine",
        ),
        (
            "talking to oidc.eu-west-1.amazonaws.com (ssooidc): timeout",
            "AWS's sign-in service at oidc",
            "sign in again",
        ),
        ("talking to 169.254.170.23: connect error", "gives AWS keys at 169.254.170.23", "NO_PROXY"),
    ] {
        let remedy = remedy_of("CredentialsFailed", said);
        assert!(remedy.what.contains(what) && remedy.action.contains(way), "{remedy:?}");
    }
    for message in ["IMDS: timeout", "profile `timeout` was not defined: x", "the SSO token has expired"] {
        assert_eq!(class_of("CredentialsFailed", message, None), Class::Blocked);
    }
}

#[test]
fn a_wrong_clock_is_told_from_a_wrong_secret() {
    let wrong_clock = remedy_of(
        "InvalidSignatureException",
        "Signature expired: 20261122T1Z is now earlier than 20261122T2Z",
    );
    assert_eq!(wrong_clock, remedy_of("RequestExpired", ""));
    assert_ne!(
        wrong_clock,
        remedy_of("InvalidSignatureException", "The request signature we calculated does not match")
    );
}

#[test]
fn the_profile_is_one_word_of_the_command() {
    let mut config = config();
    "my work".clone_into(&mut config.credentials.profile);
    let remedy = remedy(&AwsError::new("CredentialsFailed", "the SSO token has expired"), &config);
    assert!(remedy.action.contains("`aws sso login --profile \"my work\"`"), "{}", remedy.action);
}

#[test]
fn no_secret_of_the_settings_or_of_the_message_is_said() {
    let mut config = config();
    "https://user:pass-123@kinesis.test:4567/path-123?token=123"
        .clone_into(&mut config.destination.endpoint_url);
    "external-123".clone_into(&mut config.credentials.external_id);
    for (code, _) in CODES {
        let all =
            format!("{:?}", remedy(&AwsError::new(*code, "secret-123 to perform: secret-123"), &config));
        assert!(!all.contains("-123") && !all.contains("token=123"), "{all}");
    }
    let what = remedy(&AwsError::new("ConnectionFailed", ""), &config).what;
    assert_eq!(what, "No connection to https://kinesis.test:4567.");
}

#[test]
fn the_practice_stream_is_not_spoken_of_as_aws() {
    let practice = Config::default();
    for code in [
        "ConnectionFailed",
        "ResourceNotFoundException",
        "NoAnswer",
        "ProvisionedThroughputExceededException",
    ] {
        let what = remedy(&AwsError::new(code, ""), &practice).what;
        assert!(what.to_lowercase().contains("the practice stream") && !what.contains("AWS"), "{what}");
    }
}

#[test]
fn a_practice_stream_never_sends_its_user_to_set_aws_up() {
    let practice = Config::default();
    for (code, _) in CODES {
        let Remedy { place, link, .. } = remedy(&AwsError::new(*code, ""), &practice);
        assert!(
            !matches!(
                place,
                Some(Location::SetUpStream | Location::SetUpCredentials | Location::SetUpPolicy)
            ),
            "{code} leads to {place:?}"
        );
        assert_eq!(link, None, "{code}");
    }
    // What the fault switches answer (practice::Faults).
    for code in [
        "ProvisionedThroughputExceededException",
        "InternalFailure",
        "ConnectionLost",
        "ExpiredTokenException",
        "AccessDeniedException",
    ] {
        let words = remedy(&AwsError::new(code, ""), &practice);
        assert!(words.why.contains("the practice stream's faults"), "{words:?}");
        assert!(!words.action.contains("policy") && !words.action.contains("Sign in"), "{words:?}");
    }
}

#[test]
fn keys_that_are_missing_where_the_settings_point_are_said_to_be_missing_there() {
    let told = |source: CredentialsSource, profile: &str| {
        let mut config = config();
        config.credentials.source = source;
        profile.clone_into(&mut config.credentials.profile);
        remedy(&AwsError::new("CredentialsNotFound", "the credential provider was not enabled"), &config)
    };
    let of_profile = told(CredentialsSource::Profile, "work");
    assert!(
        of_profile.what.contains("work") && of_profile.action.contains("aws configure"),
        "{of_profile:?}"
    );
    assert!(!of_profile.why.contains("environment"), "{of_profile:?}");
    let of_keychain = told(CredentialsSource::Keychain, "");
    assert!(
        !of_keychain.why.contains("environment") && of_keychain.what.contains("keychain"),
        "{of_keychain:?}"
    );
    assert!(told(CredentialsSource::Default, "").why.contains("environment"));
}

#[test]
fn another_server_is_not_spoken_of_as_aws_when_it_refuses_keys() {
    let mut other = config();
    "http://127.0.0.1:4999".clone_into(&mut other.destination.endpoint_url);
    for code in [
        "UnrecognizedClientException",
        "InvalidSignatureException",
        "RequestExpired",
        "IncompleteSignature",
        "LimitExceededException",
    ] {
        let Remedy { what, why, .. } = remedy(&AwsError::new(code, ""), &other);
        assert!(!format!("{what} {why}").contains("AWS "), "{code}: {what} {why}");
    }
    let what = remedy(&AwsError::new("UnrecognizedClientException", ""), &other).what;
    assert_eq!(what, "http://127.0.0.1:4999 does not know the access key of the profile “work”.");
    "https://vpce-1-a.kinesis.eu-west-1.vpce.amazonaws.com".clone_into(&mut other.destination.endpoint_url);
    let what = remedy(&AwsError::new("UnrecognizedClientException", ""), &other).what;
    assert!(what.starts_with("AWS does not know"), "{what}");
}

#[test]
fn a_connection_that_was_closed_is_not_called_an_answer_that_is_late() {
    let mut other = config();
    "http://127.0.0.1:4999".clone_into(&mut other.destination.endpoint_url);
    let cut = AwsError::new("ConnectionLost", "dispatch failure: connection closed before message completed");
    for config in [&config(), &other, &Config::default()] {
        for remedy in [remedy(&cut, config), remedy_once(&cut, config)] {
            assert!(remedy.what.contains("was lost before an answer came"), "{remedy:?}");
            assert!(!format!("{} {}", remedy.why, remedy.action).contains("in time"), "{remedy:?}");
        }
        let late = remedy(&AwsError::new("NoAnswer", ""), config);
        assert!(late.what.contains("did not answer in time"), "{late:?}");
    }
}

#[test]
fn what_was_found_under_the_practice_stream_s_faults_is_told_as_past() {
    let practice = Config::default();
    for code in [
        "ProvisionedThroughputExceededException",
        "InternalFailure",
        "ConnectionLost",
        "ExpiredTokenException",
        "AccessDeniedException",
        "ResourceNotFoundException",
    ] {
        let Remedy { what, why, action, .. } = remedy_once(&AwsError::new(code, ""), &practice);
        let text = format!("{what} {why} {action}");
        for now in [
            " is switched on",
            " it answers as",
            " refuses ",
            " says that",
            " is over",
            " is gone",
            "once the practice",
        ] {
            assert!(!text.contains(now), "{code}: {text}");
        }
    }
}

#[test]
fn the_place_of_the_keys_is_said_once() {
    let mut config = config();
    config.credentials.source = CredentialsSource::Default;
    let what = remedy(&AwsError::new("CredentialsFailed", "an odd error"), &config).what;
    assert_eq!(what, "Tributary could not get the AWS keys that this computer offers.");
}
