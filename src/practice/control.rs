//! The control path, for tests: it resets the streams, switches faults, and lists what was put. It is there if the settings
//! have an [`super::Initial`]; only callers on this machine with the keys get in (`access.rs`), and no fault affects it.

use super::api_error::ApiError;
use super::fault_switch::FaultSwitch;
use super::record_list::records_json;
use super::shared::Shared;
use super::stream::StreamSpec;
use crate::clock::now_ms;
use axum::http::{Method, Uri};
use serde_json::json;

const PATH: &str = "/_tributary/";
const HEALTH: &str = "health";

/// Whether a request is for the control path.
pub(super) fn is_meant(uri: &Uri) -> bool {
    uri.path().starts_with(PATH)
}

/// Whether the call needs no keys.
pub(super) fn is_open(uri: &Uri) -> bool {
    uri.path().strip_prefix(PATH) == Some(HEALTH)
}

/// The answer, which is JSON.
pub(super) fn answer(shared: &Shared, method: &Method, uri: &Uri, body: &[u8]) -> Result<String, ApiError> {
    let name = uri.path().strip_prefix(PATH).unwrap_or_default();
    let done = || Ok(json!({ "status": "ok" }).to_string());
    match (method.as_str(), name) {
        ("GET" | "HEAD", HEALTH) => done(),
        ("POST", "reset") => {
            reset(shared);
            done()
        }
        ("GET", "faults") => Ok(FaultSwitch::json_of(&shared.faults()).to_string()),
        ("PUT", "faults") => {
            let faults =
                FaultSwitch::faults_of(body).map_err(|error| ApiError::argument(error.to_string()))?;
            shared.set_faults(faults);
            Ok(FaultSwitch::json_of(&faults).to_string())
        }
        ("GET", "records") => records_json(shared, uri.query().unwrap_or_default()),
        (_, HEALTH | "faults" | "records" | "reset") => {
            Err(wrong(405, format!("{PATH}{name} has no method {method}.")))
        }
        _ => {
            let calls = ["GET health", "POST reset", "GET or PUT faults", "GET records"].join(", ");
            Err(wrong(404, format!("The control path has no {name:?}. Below {PATH} there are: {calls}.")))
        }
    }
}

fn wrong(status: u16, message: String) -> ApiError {
    ApiError { status, code: "UnknownOperationException", message }
}

/// Brings back the streams and the faults of the start. Streams that were made later are deleted.
fn reset(shared: &Shared) {
    let Some(initial) = &shared.settings.initial else { return };
    let mut streams = shared.streams();
    streams.clear();
    for (name, shards) in &initial.streams {
        streams.create(name, StreamSpec::provisioned(*shards), now_ms().unsigned_abs());
    }
    drop(streams);
    shared.set_faults(initial.faults);
    shared.changed.notify_one();
}
