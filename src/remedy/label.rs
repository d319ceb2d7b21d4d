//! The cause of an error in a few words, for places without room for a sentence.

use super::{
    cause::Cause,
    connection::Connection,
    credentials::{Credentials, Provider},
    permission::Permission,
    signature::Signature,
    spool::Spool,
    stream::Stream,
    throttling::Throttling,
};
use crate::delivery::AwsError;

/// The cause of an error in one to three words, such as `Access denied`. Never empty, for any code.
pub fn label(error: &AwsError) -> &'static str {
    match Cause::of(&error.code, &error.message) {
        Cause::Endpoint(_) => "Rejected",
        Cause::Throttling(cause) => throttling(cause),
        Cause::Connection(cause) => connection(cause),
        Cause::Credentials(cause) => credentials(cause),
        Cause::Signature(cause) => signature(cause),
        Cause::Permission(cause) => permission(cause),
        Cause::Stream(cause) => stream(cause),
        Cause::Spool(cause) => spool(cause),
        Cause::Public(_) => "Not reachable",
        Cause::Unknown => "Unknown error",
    }
}

fn throttling(cause: Throttling) -> &'static str {
    match cause {
        Throttling::Throughput => "Shards at limit",
        Throttling::RateLimit => "Rate limit",
        Throttling::StreamBusy => "Stream changing",
        Throttling::Kms => "KMS rate limit",
    }
}

fn connection(cause: Connection) -> &'static str {
    match cause {
        Connection::ServiceFailing => "Server error",
        Connection::NoAnswer => "No answer",
        Connection::Lost => "Connection lost",
        Connection::Failed => "No connection",
        Connection::UnclearAnswer => "Unclear answer",
        Connection::CertificateNotTrusted => "TLS not trusted",
        Connection::ProxyRefused => "Proxy refused",
    }
}

fn credentials(cause: Credentials) -> &'static str {
    match cause {
        Credentials::NotFound => "No AWS keys",
        Credentials::Unreachable(_) | Credentials::ServiceSilent => "Keys unreachable",
        Credentials::Failed(provider) => match provider {
            Provider::Sso | Provider::Login => "Sign in to AWS",
            Provider::SsoRole | Provider::Role => "Role refused",
            Provider::Mfa => "MFA needed",
            Provider::NoProfile => "No such profile",
            Provider::Files => "AWS file mistake",
            Provider::NoKeys | Provider::Machine | Provider::Other => "No AWS keys",
            Provider::Process | Provider::ProcessSilent => "Key program failed",
            Provider::Waiting => "Getting AWS keys",
            Provider::Keychain => "Keychain failed",
        },
    }
}

fn signature(cause: Signature) -> &'static str {
    match cause {
        Signature::SessionExpired => "Session expired",
        Signature::KeyUnknown => "Unknown key",
        Signature::SecretWrong => "Wrong secret",
        Signature::Missing => "Not signed",
        Signature::ClockWrong => "Wrong clock",
    }
}

fn permission(cause: Permission) -> &'static str {
    match cause {
        Permission::Denied => "Access denied",
        Permission::NotSubscribed => "Account not ready",
        Permission::KmsDenied => "KMS access denied",
        Permission::KmsKeyUnusable | Permission::KmsKeyNotFound | Permission::KmsNotSubscribed => {
            "KMS key unusable"
        }
        Permission::IamNameTaken => "Name taken",
        Permission::IamNotFound => "Not in IAM",
    }
}

fn stream(cause: Stream) -> &'static str {
    match cause {
        Stream::NotFound => "No such stream",
        Stream::OtherAccount => "Other account",
        Stream::AggregatesLost => "Cannot aggregate",
        Stream::RecordRefused => "Record refused",
        Stream::RequestRefused => "Request refused",
        Stream::Unreadable => "Not understood",
        Stream::DryRun => "Dry run",
        Stream::ReadPositionExpired | Stream::ReadPositionRefused => "Position refused",
        Stream::RecordDiffers => "Record differs",
        Stream::ReaderCannotDecode => "Reader mismatch",
        Stream::RecordMissing => "Record missing",
    }
}

fn spool(cause: Spool) -> &'static str {
    match cause {
        Spool::Damaged => "Damaged event",
        Spool::Unreadable => "Spool unreadable",
        Spool::Repeat => "Repeat",
        Spool::SetAside | Spool::SetAsideAsRefused => "Set aside",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remedy::cause::CODES;

    #[test]
    fn the_label_of_every_code_fits_into_a_box_of_the_strip() {
        for (code, _) in CODES {
            let words = label(&AwsError::new(*code, ""));
            assert!((3..=18).contains(&words.len()), "{code}: {words}");
        }
        assert_eq!(label(&AwsError::new("AccessDeniedException", "no")), "Access denied");
        assert_eq!(label(&AwsError::new("Whatever", "")), "Unknown error");
    }
}
