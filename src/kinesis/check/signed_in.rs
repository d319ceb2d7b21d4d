//! The steps `credentials` and `identity`.

use super::run::{Failed, Run};
use crate::{
    config,
    delivery::CheckFact,
    kinesis::{
        client::Client,
        credentials::{self, FoundKeys},
        error::CallError,
        sdk_config,
    },
    remedy::{self, Class},
};

/// Finds the keys, asks who they belong to, and gives a client that uses them.
pub(super) async fn client(run: &mut Run<'_>) -> Result<Client, Failed> {
    let FoundKeys { aws, keys, text } = match credentials::find(run.config).await {
        Ok(found) => found,
        Err(error) => return Err(run.failed("credentials", error)),
    };
    run.passed("credentials", text);
    let is_other_server = config::other_server(&run.config.destination.endpoint_url).is_some();
    match credentials::identity_of(&aws, &mut run.clock).await {
        Ok(identity) => {
            let mut text = format!("{} in account {}.", identity.arn, identity.account_id);
            let endpoint = sdk_config::configured_endpoint(&aws, "STS").filter(|_| !is_other_server);
            if let Some(endpoint) = endpoint {
                let server = sdk_config::endpoint_with_origin("STS", &endpoint);
                text = format!("{text} STS was asked at {server}.");
            }
            run.found("identity", text, CheckFact::Identity(identity));
        }
        Err(CallError { error, http_status })
            if remedy::says_nothing_of_keys(&error)
                || remedy::class_of(&error.code, &error.message, http_status) == Class::Offline =>
        {
            let asked = if is_other_server { "This server" } else { "AWS STS" };
            let text =
                format!("{asked} did not say whose keys these are ({error}). Delivery does not need it.");
            run.skipped("identity", text);
        }
        Err(failure) => return Err(run.failed("identity", failure.error)),
    }
    let client = Client::with_keys(&aws, &keys, run.config);
    run.server = client.configured_server();
    Ok(client)
}
