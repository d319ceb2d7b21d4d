//! The mistakes in the draft by field, and the reason why it cannot be applied.

use super::super::widgets;
use crate::{
    aws,
    config::{self, Config, CredentialsSource, DestinationKind, RuleError, StreamArn},
};

/// The mistakes in the draft, one text per field.
#[derive(Default)]
pub(super) struct DraftFaults {
    pub region: Option<String>,
    /// The region has a valid form, but is not in this version's list of AWS regions.
    pub is_region_unknown: bool,
    pub stream: Option<String>,
    pub account_id: Option<String>,
    pub endpoint_url: Option<String>,
    pub profile: Option<String>,
    pub role_arn: Option<String>,
    pub external_id: Option<String>,
}

impl DraftFaults {
    pub(super) fn of(draft: &Config) -> Self {
        let destination = &draft.destination;
        if destination.kind == DestinationKind::Practice {
            return Self::default();
        }
        let given = |text: &str, check: fn(&str) -> Result<(), RuleError>| {
            if text.is_empty() { None } else { check(text).err().map(|why| why.to_string()) }
        };
        let stream_fault = given(&destination.stream, config::check_stream);
        let arn_region = match StreamArn::parse(&destination.stream) {
            Ok(arn) if !destination.region.is_empty() && arn.region != destination.region => {
                Some(format!("the stream's ARN names the region {}", arn.region))
            }
            Ok(_) | Err(_) => None,
        };
        let wants_profile = draft.credentials.source == CredentialsSource::Profile;
        Self {
            region: given(&destination.region, config::check_region).or(arn_region),
            is_region_unknown: !destination.region.is_empty()
                && destination.endpoint_url.is_empty()
                && aws::region(&destination.region).is_none(),
            stream: stream_fault,
            account_id: given(&destination.account_id, config::check_account_id),
            endpoint_url: given(&destination.endpoint_url, config::check_endpoint_url),
            profile: (wants_profile && draft.credentials.profile.trim().is_empty())
                .then(|| "name a profile of your AWS files, such as default".to_owned()),
            role_arn: given(&draft.credentials.role_arn, config::check_role_arn).or_else(|| {
                let of_aws = destination.endpoint_url.is_empty() && !destination.region.is_empty();
                let fits = config::check_role_in(&draft.credentials.role_arn, &destination.region);
                fits.err().filter(|_| of_aws).map(|why| why.to_string())
            }),
            external_id: given(&draft.credentials.external_id, config::check_external_id),
        }
    }

    /// Why AWS cannot be asked whose keys these are.
    pub(super) fn of_credentials(&self) -> Option<String> {
        let all = [&self.region, &self.endpoint_url, &self.profile, &self.role_arn, &self.external_id];
        all.into_iter().flatten().next().map(|fault| widgets::capital(fault))
    }

    /// Why AWS cannot be asked about the account's streams yet.
    pub(super) fn of_account(&self, draft: &Config) -> Option<String> {
        let is_missing = draft.destination.region.is_empty();
        is_missing.then(|| "The region is missing".to_owned()).or_else(|| self.of_credentials())
    }

    pub(super) fn first(&self) -> Option<String> {
        let all = [
            &self.region,
            &self.stream,
            &self.account_id,
            &self.endpoint_url,
            &self.profile,
            &self.role_arn,
            &self.external_id,
        ];
        all.into_iter().flatten().next().cloned()
    }
}

/// Why the draft cannot be applied, in a few words.
pub(super) fn reason(draft: &Config) -> Option<String> {
    let destination = &draft.destination;
    if destination.kind == DestinationKind::Kinesis {
        if destination.region.is_empty() {
            return Some("The region is missing".to_owned());
        }
        if destination.stream.is_empty() {
            return Some("The stream is missing".to_owned());
        }
    }
    DraftFaults::of(draft)
        .first()
        .map(|fault| widgets::capital(&fault))
        .or_else(|| config::check(draft).err().map(|error| error.to_string()))
}
