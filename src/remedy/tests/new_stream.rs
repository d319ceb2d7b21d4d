//! The words about a stream that cannot be created.

use super::{codes, config};
use crate::{
    delivery::{AwsError, NewStream, StreamTag},
    remedy::{Location, Remedy, demands_tags, is_rate_limit, remedy_of_new_stream},
};

const ON: &str = "User: arn:aws:iam::123456789012:user/ada is not authorized to perform: kinesis:CreateStream on resource: \
                  arn:aws:kinesis:eu-west-1:123456789012:stream/clicks";

fn tagged() -> NewStream {
    let tag = StreamTag { key: "team".to_owned(), value: "web".to_owned() };
    NewStream { tags: vec![tag], ..NewStream::default() }
}

fn said(code: &str, message: &str, stream: &NewStream) -> Remedy {
    remedy_of_new_stream(&AwsError::new(code, message), &config(), stream)
}

#[test]
fn a_denial_by_the_organisation_s_policies_says_that_tags_are_demanded() {
    for kind in
        ["service control policy", "resource control policy", "permissions boundary", "identity-based policy"]
    {
        let article = if kind.starts_with('i') { "an" } else { "a" };
        let message = format!("{ON} with an explicit deny in {article} {kind}");
        let denied = said("AccessDeniedException", &message, &NewStream::default());
        assert_eq!(
            denied.what,
            "Your AWS account's policies deny creating the stream “clicks” in eu-west-1."
        );
        assert!(
            denied.why.contains(&format!("explicit deny in {article} {kind}. Most often it demands tags")),
            "{denied:?}"
        );
        assert!(denied.action.starts_with("Add the tags your organisation demands"), "{denied:?}");
        assert!(demands_tags(&AwsError::new("AccessDeniedException", message)));
    }
    let newer = format!(
        "{ON} with an explicit deny in a service control policy: arn:aws:organizations::1:policy/o-1/p-1"
    );
    let denied = said("AccessDeniedException", &newer, &tagged());
    assert!(denied.why.contains("in a service control policy. "), "{denied:?}");
    assert!(denied.why.contains("one may be missing, or have a value that is not allowed"), "{denied:?}");
    let policy = "The tag policy does not allow the specified value for the following tag key: 'CostCenter'.";
    for code in ["InvalidArgumentException", "AccessDeniedException", "TagPolicyException"] {
        let refused = said(code, policy, &tagged());
        assert!(
            refused.what.starts_with("A tag policy of your AWS organisation refuses the tags"),
            "{refused:?}"
        );
        assert!(demands_tags(&AwsError::new(code, policy)));
    }
}

#[test]
fn a_permission_that_is_missing_is_named_with_the_policy_that_gives_it() {
    let no = |action: &str| {
        let on = ON.replace("kinesis:CreateStream", action);
        format!("{on} because no identity-based policy allows the {action} action")
    };
    let create = said("AccessDeniedException", &no("kinesis:CreateStream"), &NewStream::default());
    assert_eq!(create.what, "The profile “work” may not create the stream “clicks” in eu-west-1.");
    assert!(create.action.starts_with("Copy the policy for creating"), "{create:?}");
    assert!(!demands_tags(&AwsError::new("AccessDeniedException", no("kinesis:CreateStream"))));
    let tags = said("AccessDeniedException", &no("kinesis:AddTagsToStream"), &tagged());
    assert!(tags.what.contains("may not give the stream “clicks” in eu-west-1 tags"), "{tags:?}");
    let created = NewStream { is_created: true, retention_hours: 168, ..tagged() };
    let action = "kinesis:IncreaseStreamRetentionPeriod";
    for message in [no(action), format!("{} with an explicit deny in a service control policy", no(action))] {
        let retention = said("AccessDeniedException", &message, &created);
        assert!(
            retention.why.contains(action) && retention.why.contains("The stream exists"),
            "{retention:?}"
        );
        assert!(!demands_tags(&AwsError::new("AccessDeniedException", message)));
    }
    let scp = format!("{ON} because no service control policy allows the kinesis:CreateStream action");
    let scp = said("AccessDeniedException", &scp, &NewStream::default());
    assert!(scp.what.starts_with("Your AWS organisation does not allow creating"), "{scp:?}");
}

#[test]
fn a_reached_limit_is_no_throttling_and_a_taken_name_can_be_used() {
    let limit = "This request would exceed the shard limit for the account 123456789012 in eu-west-1. Current shard count for \
                 the account: 500. Limit: 500. Number of additional shards that would have resulted from this request: 4.";
    let reached = said("LimitExceededException", limit, &NewStream::default());
    assert_eq!(
        reached.what,
        "A limit of the account keeps the stream “clicks” in eu-west-1 from being created."
    );
    assert!(reached.action.contains("ask AWS for a higher limit") && !reached.action.contains("in a moment"));
    for (code, message) in
        [("LimitExceededException", "Rate exceeded for account 123456789012."), ("ThrottlingException", "")]
    {
        let throttled = said(code, message, &NewStream::default());
        assert_eq!(throttled.action, "Try again in a moment.", "{code}");
        assert!(is_rate_limit(&AwsError::new(code, message)));
    }
    assert!(!is_rate_limit(&AwsError::new("LimitExceededException", limit)));
    let exists = "Stream clicks under account 123456789012 already exists.";
    let taken = said("ResourceInUseException", exists, &NewStream::default());
    assert_eq!(taken.what, "The stream “clicks” in eu-west-1 exists already.");
    assert!(taken.action.starts_with("Use the existing stream"));
    let created = NewStream { is_created: true, ..NewStream::default() };
    let busy = said("ResourceInUseException", "Stream clicks is not ACTIVE.", &created);
    assert!(busy.what.ends_with("is being created, changed or deleted right now."), "{busy:?}");
}

#[test]
fn a_value_that_is_refused_is_not_taken_for_a_record() {
    for (code, message, what) in [
        (
            "ValidationException",
            "1 validation error detected: Value '99' at 'maxRecordSizeInKiB' failed to satisfy constraint: Member must have value less than or equal to 10240",
            "does not accept how the stream",
        ),
        (
            "InvalidArgumentException",
            "The maximum record size is not supported in this region.",
            "does not accept how",
        ),
        (
            "ValidationException",
            "WarmThroughputMiBps needs MinimumThroughputBillingCommitment.",
            "does not accept the warm throughput",
        ),
    ] {
        let refused = said(code, message, &NewStream::default());
        assert!(refused.what.contains(what), "{refused:?}");
        assert!(refused.speaks_of_message(), "{refused:?}");
        assert_eq!(refused.location, Some(Location::SetUpStream));
    }
    for code in ["NoAnswer", "ConnectionLost", "InternalFailure"] {
        let unclear = said(code, "", &NewStream::default());
        assert!(unclear.what.starts_with("It is not known whether the stream"), "{code}: {unclear:?}");
    }
}

#[test]
fn every_code_has_words_about_a_new_stream_that_promise_nothing() {
    for code in codes().filter(|code| *code != "SpoolUnreadable") {
        for stream in [NewStream::default(), NewStream { is_created: true, ..tagged() }] {
            let Remedy { what, why, action, .. } = said(code, "", &stream);
            for text in [&what, &why, &action] {
                assert!(
                    text.len() > 10 && !text.contains("  ") && text.ends_with(['.', ')', '}']),
                    "{code}: {text}"
                );
            }
            for promise in ["Tributary tries", "Tributary sees", "is lost", "sent again", "Events are kept"] {
                assert!(!why.contains(promise) && !action.contains(promise), "{code}: {why} {action}");
            }
        }
    }
}
