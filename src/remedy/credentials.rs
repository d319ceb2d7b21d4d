//! No AWS keys: the place that has them did not give them, or there is none.

use super::{
    class::Class,
    context::{Context, EVENTS_KEPT, EVENTS_SAFE, RETRIES, RETRIES_SAFELY, profile_in},
    message::{api_talked_to, host_talked_to},
    text::{Location, Remedy, SignIn, SignInWith},
};
use crate::config::CredentialsSource;

const KEYS: &str = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html";
const SSO: &str = "https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-sso.html";
const LOGIN: &str = "https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-sign-in.html";
const PROCESS: &str = "https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html";
const PROFILES: &str = "https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html";
const MFA: &str =
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_mfa_configure-api-require.html";
const ROLES: &str = "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_roles.html";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Credentials {
    /// No place has keys.
    NotFound,
    Failed(Provider),
    /// Nothing answered at the provider's address, or at a service that it needs.
    Unreachable(Provider),
    /// The service that hands out keys does not answer.
    ServiceSilent,
}

/// The way of getting AWS keys that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Provider {
    Sso,
    /// The portal knows the sign-in, and does not give this role to it.
    SsoRole,
    Login,
    Mfa,
    Role,
    /// There is no such profile.
    NoProfile,
    /// The profile has no keys.
    NoKeys,
    /// AWS's files have a mistake.
    Files,
    /// The place that `credential_source` names has no keys.
    Machine,
    Process,
    /// The program did not end.
    ProcessSilent,
    /// No failure yet.
    Waiting,
    Keychain,
    Other,
}

impl Credentials {
    pub(super) fn class(self) -> Class {
        match self {
            Self::NotFound | Self::Failed(_) => Class::Blocked,
            Self::Unreachable(_) | Self::ServiceSilent => Class::Offline,
        }
    }

    pub(super) fn remedy(self, context: &Context) -> Remedy {
        let remedy = match self {
            // Where the settings name one place, words about all places would mislead.
            Self::NotFound => match context.config.credentials.source {
                CredentialsSource::Profile => Provider::NoProfile.remedy(context),
                CredentialsSource::Keychain => Provider::Keychain.remedy(context),
                CredentialsSource::Default => not_found(context),
            },
            Self::Failed(provider) => provider.remedy(context),
            Self::Unreachable(provider) => unreachable(provider, context),
            Self::ServiceSilent => Remedy::new(
                format!("The service that hands out {} does not answer.", context.keys_in_place()),
                "The error message names the service and its address. It is not Kinesis: Tributary needs the keys before it can put a record.",
                format!(
                    "Check the network, the proxy (HTTPS_PROXY, NO_PROXY), and whether this address can be reached from here. {}",
                    context.promise(RETRIES_SAFELY)
                ),
            ),
        };
        remedy.at(Location::SetUpCredentials)
    }
}

fn not_found(context: &Context) -> Remedy {
    Remedy::new(
        "No AWS keys were found.",
        "Tributary looked where every AWS tool looks: environment variables, the AWS files in ~/.aws, SSO, and the roles of containers and EC2 machines.",
        format!("Choose a profile, or enter the access key of the IAM user. {}", context.promise(EVENTS_KEPT)),
    )
    .see(KEYS)
}

/// AWS keys come from another service than Kinesis, which a network may not let through.
fn unreachable(provider: Provider, context: &Context) -> Remedy {
    let host = host_talked_to(context.message);
    let api = api_talked_to(context.message);
    let provider = match api {
        Some("sts") => Provider::Role,
        Some("sso" | "ssooidc") => Provider::Sso,
        Some(_) | None => provider,
    };
    let (service, task, advice) = match provider {
        Provider::Sso if api == Some("ssooidc") || host.starts_with("oidc.") => (
            "AWS's sign-in service",
            "renews an SSO sign-in",
            "allow this host in the network or its proxy (HTTPS_PROXY), or sign in again where it can be reached"
                .to_owned(),
        ),
        Provider::Sso => (
            "the AWS access portal",
            "gives the keys of an SSO sign-in",
            "allow this host in the network or its proxy (HTTPS_PROXY): there is no VPC endpoint for it. On a server, \
             use a role of the machine instead of an SSO sign-in"
                .to_owned(),
        ),
        Provider::Role | Provider::Mfa => (
            "AWS STS",
            "gives the keys of a role",
            format!(
                "allow this host in the network or its proxy (HTTPS_PROXY); in a private subnet, add an interface \
                 endpoint for STS (com.amazonaws.{}.sts) beside the one for Kinesis",
                context.region().unwrap_or("REGION")
            ),
        ),
        _ => (
            "the address that gives AWS keys",
            "gives the keys of this container or machine",
            "make sure that this address is right (AWS_CONTAINER_CREDENTIALS_FULL_URI, \
             AWS_CONTAINER_CREDENTIALS_RELATIVE_URI) and that no proxy is in front of it (NO_PROXY)"
                .to_owned(),
        ),
    };
    let at = if host.is_empty() { String::new() } else { format!(" at {host}") };
    Remedy::new(
        format!("No connection to {service}{at}."),
        format!(
            "It {task}. Without keys nothing can be sent to {}, even if that can be reached.",
            context.stream
        ),
        format!("Check the network: {advice}. {}", context.promise(RETRIES_SAFELY)),
    )
}

impl Provider {
    /// The provider that a message comes from, by the words of `aws-config` 1.13 and of AWS STS.
    pub(super) fn in_message(message: &str) -> Self {
        let message = message.to_ascii_lowercase();
        let has = |signs: &[&str]| signs.iter().any(|sign| message.contains(sign));
        let is_word =
            |word: &str| message.split(|c: char| !c.is_ascii_alphanumeric()).any(|other| other == word);
        // First, because it quotes the profile's name, which may hold any of the other words.
        if has(&["was not defined", "no profiles were defined", "no such profile"]) {
            Self::NoProfile
        } else if is_word("sso") || has(&["sso_", "sso-"]) {
            Self::Sso
        } else if is_word("mfa") || has(&["mfa_serial", "multi-factor", "multifactor"]) {
            Self::Mfa
        } else if has(&["assumerole", "assume role", "assume_role"]) {
            Self::Role
        } else if has(&["credential_process", "credential process"]) {
            Self::Process
        } else if has(&["keychain", "keyring", "secret service"]) {
            Self::Keychain
        } else {
            Self::Other
        }
    }

    fn remedy(self, context: &Context) -> Remedy {
        let keys = &context.keys;
        match self {
            Self::Sso | Self::Login | Self::SsoRole => self.signed_out(context),
            Self::Process | Self::ProcessSilent | Self::Waiting => self.program(context),
            Self::Mfa => Remedy::new(
                format!("An MFA code is needed for {keys}."),
                "The profile asks for multi-factor authentication (a second proof besides the key), and a background program cannot enter the code.",
                "Use keys that need no code: an IAM user for Tributary with only the policy shown in Set up, or a profile with a session that you renew (`aws sts get-session-token`).",
            )
            .see(MFA),
            Self::Role => Remedy::new(
                format!("{} could not be assumed.", context.role().as_deref().unwrap_or("the role")),
                format!("The role's trust policy must name the user or role behind {keys} (and the external id, where it asks for one), and that user must be allowed `sts:AssumeRole` on it."),
                format!("Check the role's ARN and the external id, and let the owner of the role check its trust policy. {}", context.promise(RETRIES)),
            )
            .see(ROLES),
            Self::NoProfile => Remedy::new(
                format!("{keys} could not be found in the AWS files."),
                "Profiles are read from ~/.aws/config and ~/.aws/credentials of the user that runs Tributary. In the first of them a section is called [profile NAME].",
                "Choose a profile from the list, or make it with `aws configure --profile NAME`.",
            )
            .see(PROFILES),
            Self::Machine => Remedy::new(
                format!("There are no AWS keys in the place that {keys} names."),
                "The profile takes its keys from where its `credential_source` says: environment variables, the role of a container, or the role of an EC2 machine. There are none here.",
                "Run Tributary where that place has keys, give the container or machine a role, or choose another profile.",
            )
            .see(PROFILES),
            Self::NoKeys => Remedy::new(
                format!("{keys} is in the AWS files, but has no keys."),
                "It has no access key, no sign-in (SSO or `aws login`), no role and no program that hands out keys.",
                "Add one of these with `aws configure`, `aws configure sso` or `aws login`, or choose another profile.",
            )
            .see(PROFILES),
            Self::Files => Remedy::new(
                format!("A mistake in the AWS files prevents the use of {keys}."),
                // Only our own words are said, which begin with the profile's name.
                profile_in(context.message)
                    .map_or("The error message names the file, the line and AWS's rule.", |(_, text)| text),
                format!("Correct the file; `aws configure list` shows whether the AWS CLI can read it. {}", context.promise("Tributary sees the change by itself.")),
            )
            .see(PROFILES),
            Self::Keychain => Remedy::new(
                "The system keychain did not give out the AWS keys.",
                "It is locked, was emptied, or this system has none (a server often has none).",
                "Unlock the keychain, or enter the keys again. Without a keychain, use a profile of the AWS files.",
            ),
            Self::Other => Remedy::new(
                format!("Tributary could not get {}.", context.keys_in_place()),
                "The place that keeps or hands out the keys answered with an error: see the error message.",
                format!("Check that place with `aws sts get-caller-identity` (it shows who AWS thinks you are), or choose another source of keys. {}", context.promise(RETRIES)),
            )
            .see(PROFILES),
        }
    }

    fn signed_out(self, context: &Context) -> Remedy {
        let Context { keys, profile, .. } = context;
        let (name, why, with, link) = match self {
            Self::SsoRole => {
                return Remedy::new(
                    format!("AWS IAM Identity Center (SSO) does not give the role of {keys} to this sign-in."),
                    "The profile names an account (sso_account_id) and a role (sso_role_name) that are not assigned to the user who signed in, or no longer.",
                    format!("Choose account and role again with `aws configure sso`, or ask whoever looks after the AWS account to assign them. {}", context.promise(RETRIES)),
                )
                .see(SSO);
            }
            Self::Login => (
                "`aws login`",
                "A sign-in with the AWS console lasts for up to 12 hours; then someone must sign in again. The user needs the policy SignInLocalDevelopmentAccess for it. For a server, use a role or an IAM user's keys.",
                SignInWith::Login,
                LOGIN,
            ),
            _ => (
                "SSO",
                "Keys from AWS IAM Identity Center (SSO) last for some hours; then someone must sign in again.",
                SignInWith::Sso,
                SSO,
            ),
        };
        let sign_in = SignIn { profile: profile.clone(), with };
        Remedy::new(
            format!("The AWS sign-in ({name}) of {keys} has expired or was never made."),
            why,
            format!(
                "Run `{}` in a terminal and sign in. {}",
                sign_in.command(),
                context.promise("Tributary sees the new sign-in by itself.")
            ),
        )
        .see(link)
        .sign_in(sign_in)
    }

    fn program(self, context: &Context) -> Remedy {
        let keys = &context.keys;
        let program = "The profile has a `credential_process`: a program that AWS tools run to get keys.";
        let retry = context.promise(RETRIES);
        let remedy = match self {
            Self::Waiting => Remedy::new(
                format!("Tributary waits for {}.", context.keys_in_place()),
                "The source of the keys takes long to answer: it may be waiting for an approval, on a phone or in another window. No event is sent until it answers.",
                format!("Approve the request there. {}", context.promise(EVENTS_SAFE)),
            ),
            Self::ProcessSilent => Remedy::new(
                format!("The program that hands out the keys of {keys} did not finish."),
                format!(
                    "{program} Tributary ended it after two minutes; it may have waited for an approval or a password."
                ),
                format!("Run that program in a terminal to see what it waits for. {retry}"),
            ),
            _ => Remedy::new(
                format!("The program that hands out the keys of {keys} failed."),
                format!("{program} The error message says how it failed."),
                format!("Run that program in a terminal to see what it says, and fix the cause. {retry}"),
            ),
        };
        remedy.see(PROCESS)
    }
}
