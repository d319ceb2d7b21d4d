//! Reads the newest records of the stream for the Stream place, while that place is open.

use std::{sync::Arc, time::Duration};

use super::{
    command::ReadPlan,
    job::Run,
    record_windows::RecordWindows,
    shards::Shards,
    shared::Shared,
    stream_view::{ShardView, StreamView},
};
use crate::{
    delivery::{AwsError, Millis, Record},
    forward::ConnectionSettings,
    kinesis::{Client, Reader},
};

/// AWS allows five reads per second and shard, shared by all consumers: one per second leaves the others theirs.
const PAUSE_AWS: Duration = Duration::from_secs(1);
const PAUSE_PRACTICE: Duration = Duration::from_millis(200);

/// The pause after a failed read.
const PAUSE_FAULT: Duration = Duration::from_secs(5);

/// Reads until the run is stopped. Starts again where `plan` says when the destination changes.
pub(super) async fn run(shared: Arc<Shared>, run: Run<Arc<StreamView>>, plan: ReadPlan) {
    let mut connections = shared.connection.subscribe();
    loop {
        let connection = connections.borrow_and_update().clone();
        tokio::select! {
            () = run.stop().cancelled() => return,
            () = read(&shared, &run, &connection, &plan) => {}
            // The sender lives in `shared`.
            _never_closed = connections.changed() => run.report(Arc::default()),
        }
    }
}

async fn read(shared: &Shared, run: &Run<Arc<StreamView>>, connection: &ConnectionSettings, plan: &ReadPlan) {
    let pause = if connection.practice.is_some() { PAUSE_PRACTICE } else { PAUSE_AWS };
    let client = Client::connect(&connection.config, connection.practice.as_ref()).await;
    let mut filter = shared.stream_filter.subscribe();
    let mut windows = RecordWindows::new(Arc::clone(&filter.borrow_and_update()), &plan.from);
    let mut view = StreamView { filter: Arc::clone(&filter.borrow()), ..StreamView::default() };
    let publish = |view: &mut StreamView, windows: &RecordWindows| {
        windows.show_in(view);
        run.report(Arc::new(view.clone()));
        shared.faces.wake();
    };
    let mut reader = None;
    loop {
        let wait = match round(&client, &mut reader, plan).await {
            Ok(round) => {
                if view.shards.len() != round.shards.len()
                    && let Some(reader) = &reader
                {
                    shared.shards.send_replace(Arc::new(Shards::of(&connection.config.destination, reader)));
                }
                let is_new = !round.records.is_empty() || view.shards != round.shards || view.fault.is_some();
                windows.take(round.records);
                (view.behind_ms, view.shards, view.fault) = (round.behind_ms, round.shards, None);
                if is_new {
                    publish(&mut view, &windows);
                }
                pause
            }
            Err(fault) => {
                if view.fault.as_ref() != Some(&fault) {
                    view.fault = Some(fault);
                    publish(&mut view, &windows);
                }
                PAUSE_FAULT
            }
        };
        let until = tokio::time::Instant::now() + wait;
        // The sender lives in `shared`: it does not close while this runs.
        while let Ok(Ok(())) = tokio::time::timeout_at(until, filter.changed()).await {
            windows.filter_by(Arc::clone(&filter.borrow_and_update()));
            publish(&mut view, &windows);
        }
    }
}

/// The result of one read of all shards.
struct Round {
    records: Vec<Record>,
    behind_ms: Option<Millis>,
    shards: Vec<ShardView>,
}

async fn round(client: &Client, reader: &mut Option<Reader>, plan: &ReadPlan) -> Result<Round, AwsError> {
    let reader = match reader {
        Some(reader) => reader,
        None => reader.insert(Reader::open(client, plan.from.clone(), plan.shard.as_deref()).await?),
    };
    let round = reader.round().await?;
    let shards = reader.shards();
    let shards =
        shards.map(|(id, is_read, behind_ms)| ShardView { id: Arc::clone(id), is_read, behind_ms }).collect();
    Ok(Round { records: round.records, behind_ms: round.behind_ms, shards })
}
