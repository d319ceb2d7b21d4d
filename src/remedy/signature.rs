//! The server refuses the keys, or the request's signature.

use super::{
    context::{Context, RETRIES},
    text::{Location, Remedy, SignIn, SignInWith},
};
use crate::config::CredentialsSource;

const KEYS: &str = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html";
const SSO: &str = "https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-sso.html";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signature {
    SessionExpired,
    KeyUnknown,
    /// The secret is not that of the access key.
    SecretWrong,
    Missing,
    ClockWrong,
}

impl Signature {
    pub(super) fn remedy(self, context: &Context) -> Remedy {
        let (who, signer) = (context.who(), context.signer());
        let remedy = match self {
            Self::SessionExpired => Remedy::new(
                format!("The AWS session of {signer} has expired."),
                "Temporary keys (from SSO, a role or MFA) last for some hours only.",
                renew(context),
            )
            .see(SSO),
            Self::KeyUnknown if !context.is_aws => Remedy::new(
                format!("{who} does not know {}.", context.access_key()),
                "The key was deleted or switched off there, belongs to another server, or is temporary and lacks its session token.",
                "Check the server's address and the access key, or use a key that this server knows.",
            ),
            Self::KeyUnknown => Remedy::new(
                format!("AWS does not know {}.", context.access_key()),
                format!("The key was deleted or switched off, belongs to another part of AWS than {} (China and GovCloud have their own keys), or is temporary and lacks its session token. AWS gives the same answer for a region that is not enabled for the account.", context.named_region()),
                "Check that the access key is still active in the AWS console (IAM, Users, Security credentials), or make a new one. Then check the region.",
            )
            .see(KEYS),
            Self::SecretWrong => Remedy::new(
                format!("The secret key of {signer} does not belong to its access key."),
                format!("{who} checked the request's signature with the secret that it knows, and the two did not match. Most often the secret was copied with a character too few or too many."),
                "Enter access key and secret again, both from the same download. A lost secret cannot be shown again: make a new access key.",
            )
            .see(KEYS),
            Self::Missing => Remedy::new(
                format!("The request reached {who} without a complete signature."),
                format!("The keys of {signer} are empty or incomplete, or a proxy changed the request on its way."),
                "Check the access key and its secret for missing characters, and the proxy where there is one.",
            )
            .see(KEYS),
            Self::ClockWrong => return clock_wrong(context),
        };
        remedy.at(Location::SetUpCredentials)
    }
}

fn renew(context: &Context) -> String {
    let credentials = &context.config.credentials;
    let profile = match credentials.source {
        CredentialsSource::Keychain => {
            return "Enter new keys, preferably those of an IAM user: they do not expire.".to_owned();
        }
        CredentialsSource::Default => String::new(),
        CredentialsSource::Profile => credentials.profile.clone(),
    };
    format!(
        "Sign in again (`{}` if you use SSO), or renew the session the way you created it. {}",
        SignIn { profile, with: SignInWith::Sso }.command(),
        context.promise("Tributary sees new keys by itself.")
    )
}

fn clock_wrong(context: &Context) -> Remedy {
    let retry = context.promise(RETRIES);
    if context.is_aws {
        Remedy::new(
            "This computer's clock is wrong.",
            "AWS refuses requests whose time differs from its own by more than five minutes.",
            format!("Turn on automatic time setting (on a server: chrony or systemd-timesyncd). {retry}"),
        )
    } else {
        Remedy::new(
            format!("The clocks of this computer and of {} differ.", context.who()),
            "A server refuses requests whose time differs from its own by more than some minutes.",
            format!("Turn on automatic time setting on both (chrony or systemd-timesyncd). {retry}"),
        )
    }
}
