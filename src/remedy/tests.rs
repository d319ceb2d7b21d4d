//! Every code's remedy: what it says to whom, and where it leads.

mod classes;
mod new_stream;

use super::{credentials::Provider, *};
use crate::{
    config::{CredentialsSource, DestinationKind},
    event::{Encoding, EndpointCode},
};

fn config() -> Config {
    let mut config = Config::default();
    config.destination.kind = DestinationKind::Kinesis;
    "clicks".clone_into(&mut config.destination.stream);
    "eu-west-1".clone_into(&mut config.destination.region);
    config.credentials.source = CredentialsSource::Profile;
    "work".clone_into(&mut config.credentials.profile);
    config
}

/// Every known code.
fn codes() -> impl Iterator<Item = &'static str> {
    let of_endpoint = EndpointCode::ALL.map(EndpointCode::as_str);
    let listed = cause::CODES.iter().map(|(code, _)| *code);
    listed.chain(public::CODES.iter().map(|(code, _)| *code)).chain(of_endpoint)
}

fn remedy_of(code: &str, message: &str) -> Remedy {
    remedy(&AwsError::new(code, message), &config())
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
        assert!(remedy.location.is_none() && !remedy.action.contains("Events are kept"), "{remedy:?}");
    }
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
    for code in codes().chain(["", "SomethingNewException", "Http502"]) {
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
    let codes = codes().filter(|code| *code != "SpoolUnreadable");
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
fn the_words_name_the_stream_the_region_and_the_profile() {
    let missing = remedy_of("ResourceNotFoundException", "");
    assert_eq!(missing.what, "The stream “clicks” in eu-west-1 does not exist for these AWS keys.");
    assert_eq!(missing.location, Some(Location::SetUpStream));

    let denied = remedy_of(
        "AccessDeniedException",
        "User: arn:aws:iam::1:user/u is not authorized to perform: kinesis:PutRecords on resource: arn because no identity-based policy allows it",
    );
    assert_eq!(
        denied.what,
        "The profile “work” may not do `kinesis:PutRecords` on the stream “clicks” in eu-west-1."
    );
    assert_eq!(denied.location, Some(Location::SetUpPolicy));
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
    assert_eq!(expired.location, Some(Location::SetUpCredentials));
    assert!(remedy_of("ExpiredTokenException", "").action.contains("`aws sso login --profile work`"));
}

#[test]
fn each_way_of_getting_keys_has_its_own_words() {
    let expected = [
        Provider::Other,
        Provider::Sso,
        Provider::Mfa,
        Provider::Role,
        Provider::Process,
        Provider::NoProfile,
        Provider::Keychain,
    ];
    let mut seen = Vec::new();
    for (message, provider) in TELLING.iter().zip(expected) {
        assert_eq!(Provider::in_message(message), provider, "{message}");
        seen.push(remedy_of("CredentialsFailed", message).what);
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), expected.len(), "{seen:?}");
    assert_eq!(Provider::in_message("profile `sso` was not defined: y"), Provider::NoProfile);
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
    for code in codes() {
        let all = format!("{:?}", remedy(&AwsError::new(code, "secret-123 to perform: secret-123"), &config));
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
    for code in codes() {
        let Remedy { location, link, .. } = remedy(&AwsError::new(code, ""), &practice);
        assert!(
            !matches!(
                location,
                Some(Location::SetUpStream | Location::SetUpCredentials | Location::SetUpPolicy)
            ),
            "{code} leads to {location:?}"
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

#[test]
fn a_record_too_large_says_what_to_change_before_it_is_resent() {
    let error = AwsError::new(
        "InvalidArgumentException",
        "A record of 2000 bytes (data and partition key) exceeds the maximum record size of stream s, 1024 bytes.",
    );
    assert!(refuses_the_record(&error));
    let of = |kind, encoding| {
        let mut config = Config::default();
        (config.destination.kind, config.destination.encoding) = (kind, encoding);
        remedy_once(&error, &config)
    };
    for (kind, encoding, location, first) in [
        (DestinationKind::Kinesis, Encoding::Base64, Location::SetUpFormat, "or choose the encoding `json`."),
        (DestinationKind::Kinesis, Encoding::Json, Location::SetUpStream, "in the AWS console."),
        (
            DestinationKind::Practice,
            Encoding::Base64,
            Location::PracticeFaults,
            "First switch that fault off.",
        ),
    ] {
        let Remedy { action, location: at, .. } = of(kind, encoding);
        assert_eq!(at, Some(location), "{action}");
        let order = [action.find("First "), action.find(first), action.find("Then resend")];
        assert!(order[0].is_some() && order.is_sorted(), "{order:?} {action}");
    }
}
