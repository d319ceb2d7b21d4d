//! Makes a few calls of IAM in order, and undoes them if one fails: a user, a policy, the attachment, an access key.

mod answer;
mod api;

use std::time::Duration;

use aws_config::SdkConfig;

use self::{answer::text_of, api::Api};
use super::{
    credentials::{self, check_account, check_keychain, find, identity_of},
    retry::ClockOffset,
};
use crate::{
    aws::Arn,
    config::{Config, Destination},
    delivery::{AwsError, CheckStep, Verdict, error_code},
    policy::IamCall,
    remedy,
};

/// Retries of a call for an object that IAM does not find. IAM takes a while to see its own changes: the next call may
/// not find a user that was just created.
const NOT_FOUND_RETRIES: u32 = 10;
const NOT_FOUND_PAUSE: Duration = Duration::from_secs(1);

/// Parameters of a call: names and values.
type Parameters = Vec<(&'static str, String)>;

/// The call that undoes one that was made.
struct Undo {
    action: &'static str,
    parameters: Parameters,
}

/// A call that was made.
struct Made {
    detail: String,
    undo: Undo,
}

/// A call that failed.
struct NotMade {
    error: AwsError,
    /// Set if something was made all the same.
    undo: Option<Undo>,
}

impl From<AwsError> for NotMade {
    fn from(error: AwsError) -> Self {
        Self { error, undo: None }
    }
}

/// Makes the calls with the credentials of these settings, and reports each. If one fails, undoes the calls before it, the
/// last first, and reports that too. An access key goes into the destination's entry of the keychain, where it replaces an
/// earlier one, and is shown to nobody.
pub async fn attach(config: &Config, calls: &[IamCall], mut report: impl FnMut(CheckStep) + Send) {
    let iam = match Iam::connect(config, calls).await {
        Ok(iam) => iam,
        Err(Unready { step, error }) => return report(failed(step, error, config)),
    };
    let mut made: Vec<Undo> = Vec::new();
    let mut policy_arn = None;
    for call in calls {
        match iam.make(call, policy_arn.as_deref()).await {
            Ok(Made { detail, undo }) => {
                if call.action == "CreatePolicy" {
                    policy_arn = undo.parameters.first().map(|(_, arn)| arn.clone());
                }
                made.push(undo);
                report(CheckStep { name: call.action.into(), verdict: Verdict::Passed, detail, found: None });
            }
            Err(NotMade { error, undo }) => {
                let is_unclear = answer_was_lost(&error) && undo.is_none();
                report(failed(call.action, error, config));
                if is_unclear {
                    report(may_be_left(call));
                }
                made.extend(undo);
                for undo in made.iter().rev() {
                    report(iam.undo(undo, config).await);
                }
                return;
            }
        }
    }
}

/// Whether the call may have been carried out. An internal failure of IAM may come after that, too.
fn answer_was_lost(error: &AwsError) -> bool {
    let of_iam = ["ServiceFailure", "InternalFailure", "InternalError", "ServiceUnavailable"];
    matches!(&*error.code, error_code::NO_ANSWER | error_code::CONNECTION_LOST)
        || of_iam.contains(&&*error.code)
        || error.code.starts_with("Http5")
}

/// An object of that name may belong to someone else: undoing the call could delete it, which is worse than leaving it.
fn may_be_left(call: &IamCall) -> CheckStep {
    let name = call.parameters.first().map_or("", |(_, name)| name);
    let detail = format!(
        "Not undone: no clear answer to {} came, so it may or may not have been carried out. Look for “{name}” in the IAM \
         console, and delete it if it is new.",
        call.action
    );
    CheckStep { name: call.undo.action.into(), verdict: Verdict::Skipped, detail, found: None }
}

fn failed(name: &'static str, error: AwsError, config: &Config) -> CheckStep {
    let remedy = remedy::remedy_once(&error, config);
    let detail = format!("{} {} {}", remedy.what, remedy.why, remedy.action);
    CheckStep { name: name.into(), verdict: Verdict::Failed(error), detail, found: None }
}

/// The calls cannot begin.
struct Unready {
    step: &'static str,
    error: AwsError,
}

impl Unready {
    fn credentials(error: AwsError) -> Self {
        Self { step: "credentials", error }
    }
}

struct Iam {
    api: Api,
    /// The destination in whose entry of the keychain an access key goes.
    destination: Destination,
}

impl Iam {
    /// Checks the account, and the keychain if it is needed, before anything is made.
    async fn connect(config: &Config, calls: &[IamCall]) -> Result<Self, Unready> {
        let aws = find(config).await.map_err(Unready::credentials)?.aws;
        same_account(&aws, calls).await.map_err(|error| Unready { step: "account", error })?;
        if calls.iter().any(|call| call.action == "CreateAccessKey") {
            let keychain = check_keychain().await;
            keychain.map_err(|error| Unready::credentials(keychain_error(&error)))?;
        }
        let api = Api::new(aws, &config.destination).map_err(Unready::credentials)?;
        Ok(Self { api, destination: config.destination.clone() })
    }

    async fn make(&self, call: &IamCall, policy_arn: Option<&str>) -> Result<Made, NotMade> {
        let mut parameters = call.parameters.clone();
        for (name, value) in &mut parameters {
            if let ("PolicyArn", Some(arn)) = (*name, policy_arn) {
                arn.clone_into(value);
            }
        }
        let answer = self.call(call.action, &parameters).await?;
        for (element, parameter) in [("Arn", "PolicyArn"), ("AccessKeyId", "AccessKeyId")] {
            if call.undo.parameters.contains(&parameter)
                && !parameters.iter().any(|(name, _)| *name == parameter)
                && let Some(value) = text_of(&answer, element)
            {
                parameters.push((parameter, value));
            }
        }
        parameters.retain(|(name, _)| call.undo.parameters.contains(name));
        let undo = Undo { action: call.undo.action, parameters };
        if call.action != "CreateAccessKey" {
            let detail = text_of(&answer, "Arn").unwrap_or_else(|| call.what.to_owned());
            return Ok(Made { detail, undo });
        }
        match self.store_keys(&answer).await {
            Ok(()) => Ok(Made { detail: "It is in the system keychain.".to_owned(), undo }),
            Err(error) => Err(NotMade { error, undo: Some(undo) }),
        }
    }

    async fn call(&self, action: &'static str, parameters: &Parameters) -> Result<String, NotMade> {
        let mut retries = 0;
        loop {
            match self.api.call(action, parameters).await {
                Err(error) if &*error.code == "NoSuchEntity" && retries < NOT_FOUND_RETRIES => {
                    retries += 1;
                    tokio::time::sleep(NOT_FOUND_PAUSE).await;
                }
                // User and policy are ours, so the attachment is undone whether it was made or not.
                Err(error) if answer_was_lost(&error) && action == "AttachUserPolicy" => {
                    let undo = Undo { action: "DetachUserPolicy", parameters: parameters.clone() };
                    return Err(NotMade { error, undo: Some(undo) });
                }
                Err(error) => return Err(error.into()),
                Ok(answer) => return Ok(answer),
            }
        }
    }

    /// Stores the access key of the answer.
    async fn store_keys(&self, answer: &str) -> Result<(), AwsError> {
        let keys = (text_of(answer, "AccessKeyId"), text_of(answer, "SecretAccessKey"));
        let (Some(id), Some(secret)) = keys else {
            return Err(AwsError::new(error_code::UNCLEAR_ANSWER, "the answer holds no key"));
        };
        let stored = credentials::store_keys(&self.destination, &id, &secret).await;
        stored.map_err(|error| keychain_error(&error))
    }

    async fn undo(&self, undo: &Undo, config: &Config) -> CheckStep {
        match self.api.call(undo.action, &undo.parameters).await {
            Ok(_) => {
                let detail = "Undone: nothing is left.".to_owned();
                CheckStep { name: undo.action.into(), verdict: Verdict::Passed, detail, found: None }
            }
            Err(error) => failed(undo.action, error, config),
        }
    }
}

fn keychain_error(error: &credentials::KeychainError) -> AwsError {
    AwsError::new(error_code::CREDENTIALS_FAILED, error.to_string())
}

/// Checks that the keys belong to the account of the policy: a policy of one account allows nothing on another one's
/// stream. If STS does not say whose keys these are, IAM will refuse.
async fn same_account(aws: &SdkConfig, calls: &[IamCall]) -> Result<(), AwsError> {
    let Ok(identity) = identity_of(aws, &mut ClockOffset::default()).await else { return Ok(()) };
    let mut parameters = calls.iter().flat_map(|call| &call.parameters);
    let policy = parameters.find_map(|(name, value)| (*name == "PolicyArn").then(|| Arn::parse(value))?);
    policy.map_or(Ok(()), |arn| check_account(&identity, arn.account_id))
}
