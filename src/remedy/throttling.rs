//! The stream or AWS throttles requests.

use super::{
    context::Context,
    text::{Location, Remedy},
};

const CAPACITY: &str = "https://docs.aws.amazon.com/streams/latest/dev/how-do-i-size-a-stream.html";
pub(super) const LIMITS: &str =
    "https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html";
const KMS: &str = "https://docs.aws.amazon.com/streams/latest/dev/permissions-user-key-KMS.html";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Throttling {
    /// The shards of the stream are at their limit.
    Throughput,
    /// A limit of the account or server.
    RateLimit,
    /// The stream is being created, changed or deleted.
    StreamBusy,
    Kms,
}

impl Throttling {
    pub(super) fn remedy(self, context: &Context) -> Remedy {
        let Context { stream, server, .. } = context;
        let retry = context.only_retry();
        match self {
            Self::Kms => Remedy::new(
                format!("AWS KMS, which encrypts the records of {stream}, is throttling requests."),
                "The account's limit of requests to AWS KMS (the key service) is used up, perhaps by other programs too.",
                format!("{retry} If it stays so, ask for a higher KMS request limit in the AWS console."),
            )
            .see(KMS),
            Self::StreamBusy => Remedy::new(
                format!("{stream} is being created, changed or deleted right now."),
                format!("{} refuses such requests until the change is done.", context.who()),
                retry,
            )
            .at(Location::SetUpStream),
            Self::RateLimit if !context.is_aws => Remedy::new(
                format!("{server} is throttling requests, or a limit of the server is reached."),
                "It limits how often it is asked.",
                retry,
            ),
            Self::RateLimit => Remedy::new(
                format!("{server} is throttling requests, or a limit of the account is reached."),
                "AWS limits an account's request rate.",
                retry,
            )
            .see(LIMITS),
            Self::Throughput => Remedy::new(
                format!("{stream} is over its throughput limit."),
                "Each shard (part of a stream) takes 1,000 records and 1 MB a second. All events of one user go to the same shard, so one very busy user can fill it.",
                format!("{retry} If it happens often, switch the stream to on-demand capacity or give it more shards."),
            )
            .at(Location::SetUpStream)
            .see(CAPACITY),
        }
    }
}
