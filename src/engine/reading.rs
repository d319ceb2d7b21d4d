//! Reading the stream for the Stream place: a window of the newest records, as long as somebody looks.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use super::{Shared, StreamView};
use crate::{
    delivery::{ReadFrom, Record},
    forward::Setup,
    kinesis::{Client, Reader},
};

/// Records in the window.
const RECORDS_KEPT: usize = 1000;

/// AWS allows five reads a second and shard, shared by all consumers: one a second leaves the others theirs.
const PAUSE_AWS: Duration = Duration::from_secs(1);
const PAUSE_PRACTICE: Duration = Duration::from_millis(200);

/// How long after a fault it tries again.
const PAUSE_FAULT: Duration = Duration::from_secs(5);

/// Reads until it is dropped.
pub(super) async fn run(shared: Arc<Shared>, setup: Setup, from: ReadFrom) {
    let pause = if setup.practice.is_some() { PAUSE_PRACTICE } else { PAUSE_AWS };
    let client = Client::connect(&setup.config, setup.practice.as_ref()).await;
    let mut view = StreamView::default();
    let mut reader = None;
    loop {
        match round(&client, &mut reader, from).await {
            Ok((mut records, behind_ms, shards)) => {
                let changed = !records.is_empty() || view.behind_ms != behind_ms || view.fault.is_some();
                view.read += records.len() as u64;
                // Of different shards: as they arrived. Within a shard that changes nothing.
                records.sort_by_key(|record| record.arrived_at);
                keep(&mut view.records, records);
                view.behind_ms = behind_ms;
                view.fault = None;
                view.shards = shards;
                if changed {
                    publish(&shared, &view);
                }
                tokio::time::sleep(pause).await;
            }
            Err(fault) => {
                if view.fault.as_ref() != Some(&fault) {
                    view.fault = Some(fault);
                    publish(&shared, &view);
                }
                tokio::time::sleep(PAUSE_FAULT).await;
            }
        }
    }
}

type Round = (Vec<Record>, Option<i64>, Vec<Arc<str>>);

async fn round(
    client: &Client,
    reader: &mut Option<Reader>,
    from: ReadFrom,
) -> Result<Round, crate::delivery::Fault> {
    if reader.is_none() {
        *reader = Some(Reader::open(client, from).await?);
    }
    let Some(reader) = reader else { return Ok((Vec::new(), None, Vec::new())) };
    let round = reader.round().await?;
    Ok((round.records, round.behind_ms, reader.shard_ids()))
}

fn keep(window: &mut VecDeque<Arc<Record>>, records: Vec<Record>) {
    window.extend(records.into_iter().map(Arc::new));
    let excess = window.len().saturating_sub(RECORDS_KEPT);
    window.drain(..excess);
}

fn publish(shared: &Shared, view: &StreamView) {
    shared.stream.send_replace(Arc::new(view.clone()));
    shared.wake_faces();
}
