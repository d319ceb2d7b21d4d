//! What the keys or the account may not do: on the stream, with its encryption key, or in IAM.

use super::{
    context::{Context, RETRIES},
    text::{Location, Remedy},
};

pub(super) const ATTACH: &str = "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-using.html#attach-managed-policy-console";
pub(super) const DENIED: &str =
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html";
const REGIONS: &str = "https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html";
const KMS: &str = "https://docs.aws.amazon.com/streams/latest/dev/permissions-user-key-KMS.html";
const KMS_STATES: &str = "https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Permission {
    /// No policy allows it.
    Denied,
    /// The account cannot use Kinesis in the region.
    NotSubscribed,
    KmsDenied,
    KmsKeyUnusable,
    KmsKeyNotFound,
    KmsNotSubscribed,
    IamNameTaken,
    IamNotFound,
}

impl Permission {
    pub(super) fn remedy(self, context: &Context) -> Remedy {
        let stream = &context.stream;
        let retry = context.promise(RETRIES);
        match self {
            Self::Denied => denied(context),
            Self::NotSubscribed => Remedy::new(
                format!("This AWS account cannot use Kinesis in {}.", context.named_region()),
                "The account is new and not yet confirmed, its payment details are missing, or the region is not switched on for it.",
                "Open the AWS console with this account, finish its sign-up, and switch the region on (Account, AWS Regions).",
            )
            .at(Location::SetUpStream)
            .see(REGIONS),
            Self::KmsDenied => Remedy::new(
                format!("{} may not use the key that encrypts {stream}.", context.signer()),
                "The stream is encrypted with a key of your account in AWS KMS (the key service). Writing needs `kms:GenerateDataKey` on that key, reading needs `kms:Decrypt`.",
                "Enter the key's ARN in the policy step, and attach the new policy. The key's own policy must allow this account too.",
            )
            .at(Location::SetUpPolicy)
            .see(KMS),
            Self::KmsKeyUnusable => Remedy::new(
                format!("The key that encrypts {stream} is switched off."),
                "The key in AWS KMS (the key service) is disabled, is waiting to be deleted, or cannot be reached.",
                format!("Switch the key on in the AWS console (Key Management Service), cancel its deletion, or give the stream another key. {retry}"),
            )
            .see(KMS_STATES),
            Self::KmsKeyNotFound => Remedy::new(
                format!("The key that encrypts {stream} does not exist."),
                "The stream names a key in AWS KMS (the key service) that was deleted, or that is in another account or region.",
                format!("Give the stream another key, or switch its encryption to the key that AWS keeps (aws/kinesis). {retry}"),
            )
            .see(KMS),
            Self::KmsNotSubscribed => Remedy::new(
                format!("This AWS account cannot use the key service that encrypts {stream}."),
                "AWS KMS (the key service) says that the account is not signed up for it; mostly the account's sign-up is not finished.",
                format!("Open the AWS console with the account that owns the key and finish its sign-up. {retry}"),
            )
            .see(KMS),
            Self::IamNameTaken => Remedy::new(
                "The account already has a user or policy with that name.",
                "Names are unique in an account. It may come from an earlier try, or belong to somebody else.",
                "Choose another name, or delete the old one in the AWS console if nobody needs it.",
            )
            .at(Location::SetUpPolicy),
            Self::IamNotFound => Remedy::new(
                "IAM does not know the user or the policy.",
                "It was deleted, or it is so new that IAM does not know it yet, which can take some seconds.",
                "Try again in a moment.",
            )
            .at(Location::SetUpPolicy),
        }
    }
}

/// AWS says `… is not authorized to perform: kinesis:PutRecord on resource: … because …`.
fn denied(context: &Context) -> Remedy {
    let Context { stream, message, .. } = context;
    let signer = context.signer();
    let action = message
        .split_once("to perform: ")
        .and_then(|(_, rest)| rest.split_whitespace().next())
        .filter(|word| word.chars().all(|c| c.is_ascii_alphanumeric() || c == ':'));
    let allowed = action.map_or_else(|| "this".to_owned(), |action| format!("`{action}`"));
    let remedy = if action.is_some_and(|action| action.starts_with("iam:")) {
        Remedy::new(
            format!("{signer} may not do {allowed}."),
            "Creating users and policies needs permissions of its own, which few keys should have.",
            "Sign the calls with a profile that may manage IAM, or copy the policy and ask whoever looks after the AWS account to attach it.",
        )
        .see(ATTACH)
    } else if message.contains("explicit deny") {
        Remedy::new(
            format!(
                "A rule of your AWS organisation or account forbids {signer} to do {allowed} on {stream}."
            ),
            "AWS said \"explicit deny\": a policy forbids it, and no other policy can override that.",
            format!(
                "Ask whoever looks after the AWS account to lift that rule for this stream. {}",
                context.promise(RETRIES)
            ),
        )
        .see(DENIED)
    } else {
        Remedy::new(
            format!("{signer} may not do {allowed} on {stream}."),
            "No policy that allows it is attached to this user or role, or its policy names another stream, account or region. Each action is a permission of its own: `kinesis:PutRecord` does not include `kinesis:PutRecords`.",
            format!("Attach the policy shown in Set up to this user or role, and compare the ARN in it with the stream's. A change takes some seconds. {}", context.promise(RETRIES)),
        )
        .see(ATTACH)
    };
    remedy.at(Location::SetUpPolicy)
}
