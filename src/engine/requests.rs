//! Carries out [`Request`]s: they have one reply and do not need the supervisor.

use std::sync::Arc;

use super::{
    alerts,
    command::Request,
    export,
    message::{Failure, Outcome, Reply},
    presets, resend,
    shared::Shared,
    test_event,
};
use crate::{config, delivery::AwsProfiles, kinesis};

pub(super) async fn carry_out(shared: &Arc<Shared>, request: Request) -> Outcome {
    Ok(match request {
        Request::SetAsideStuck => Reply::SetAside(shared.set_aside_stuck().await?),
        Request::CountResend(selection) => Reply::Resent(resend::count(shared, selection).await?),
        Request::Resend { selection, per_sec } => {
            Reply::Resent(resend::run(shared, selection, per_sec).await?)
        }
        Request::Export(export) => Reply::Exported(export::run(shared, export).await?),
        Request::SendTest(event) => Reply::TestSent(test_event::send(shared, event).await?),
        Request::Presets => {
            let data_dir = shared.paths.data_dir.clone();
            Reply::Presets(shared.tasks.blocking(move || presets::read(&data_dir)).await??)
        }
        Request::SavePresets(presets) => {
            let data_dir = shared.paths.data_dir.clone();
            shared.tasks.blocking(move || presets::write(&data_dir, presets)).await??;
            Reply::Done
        }
        Request::ReadRecord(receipt) => {
            let connection = shared.connection.borrow().clone();
            let client = kinesis::Client::connect(&connection.config, connection.practice.as_ref()).await;
            Reply::Record(client.record_at(&receipt).await.map_err(Failure::Aws)?)
        }
        Request::AwsProfiles => {
            let profiles = kinesis::profiles().await?;
            Reply::Profiles(AwsProfiles { profiles, has_cli: config::program("aws").is_some() })
        }
        Request::KeyOwner(config) => Reply::KeyOwner(kinesis::who_am_i(&config).await.map_err(Failure::Aws)?),
        Request::StoreKeys { destination, keys } => {
            kinesis::store_keys(&destination, &keys.access_key_id, &keys.secret_access_key).await?;
            shared.try_now.notify_one();
            Reply::Done
        }
        Request::ListStreams(config) => {
            Reply::Streams(kinesis::list_streams(&config).await.map_err(Failure::Aws)?)
        }
        Request::DescribeStream(config) => {
            Reply::Stream(kinesis::describe_stream(&config).await.map_err(Failure::Aws)?)
        }
        Request::OnDemandBilling(config) => {
            Reply::OnDemandBilling(kinesis::on_demand_billing(&config).await.map_err(Failure::Aws)?)
        }
        Request::TestAlert(alert) => {
            alerts::send_test_from(shared, &alert)
                .await
                .map_err(|error| Failure::Other(error.to_string()))?;
            Reply::Done
        }
    })
}
