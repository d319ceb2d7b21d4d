//! The check: each thing that a put needs, step by step.
//!
//! It writes a record only when it is asked to, or if the server does not know AWS's dry run. Such a record is marked as a
//! test event.

mod aggregation;
mod put;
mod read_back;
mod reader;
mod run;
mod signed_in;
mod stream;
mod test_record;

use self::{
    run::{Failed, Run},
    test_record::TestRecord,
};
use super::client::{Access, Client};
use crate::{
    config::{Config, DestinationKind},
    delivery::{CheckKind, CheckStep},
    event::Aggregation,
};

/// Checks the destination of these settings, and reports each step as soon as it is known. Ends with the first step that
/// fails. If all steps passed or were skipped, a record can be put.
pub async fn check(
    config: &Config,
    practice: Option<&Access>,
    kind: CheckKind,
    mut report: impl FnMut(CheckStep) + Send,
) {
    let mut run = Run::new(config, kind, &mut report);
    // The failed step has been reported.
    let _ended = all(&mut run, practice).await;
}

async fn all(run: &mut Run<'_>, practice: Option<&Access>) -> Result<(), Failed> {
    let client = match run.config.destination.kind {
        DestinationKind::Practice => Client::connect(run.config, practice).await,
        DestinationKind::Kinesis => signed_in::client(run).await?,
    };
    stream::describe(run, &client).await?;
    let record = TestRecord::of_one_event(run.config);
    let written = put::try_put(run, &client, &record).await?;
    if run.kind == CheckKind::PutOne {
        let receipt = put::put_one(run, &client, &record, written).await?;
        read_back::compare(run, &client, &record, &receipt).await?;
    }
    match run.config.destination.aggregation {
        Aggregation::None => {}
        Aggregation::Kpl | Aggregation::Lines => aggregation::check(run, &client).await?,
    }
    reader::check(run)
}
