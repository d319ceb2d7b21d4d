//! Events: from the bytes of a request to checked, normalised events, and to the records that hold them.
//!
//! [`Body::parse`] walks over a request's body once. [`Body::single`] and [`Body::batch`] then make events whose values
//! are the sender's own bytes; only the members that the tracking API names are added or changed. What cannot
//! become an event is a [`Rejection`], one for each item, so that a broken item never harms its neighbours.
//!
//! Members that occur twice survive as sent. If a documented member occurs twice, the last one counts, as it does for
//! nearly every JSON reader: only that one is read and edited. `writeKey` (a credential), `receivedAt` and the `type`
//! of a single call (the endpoint decides both) are edited wherever they occur.
//!
//! Pure: no clock, no I/O, no async. The arguments decide everything except a made `messageId`, which is random.

mod aggregate;
mod body;
mod call;
mod code;
mod context;
mod decode;
mod growth;
mod index;
mod item;
mod kpl;
mod normalise;
mod preview;
mod record;
mod request;
mod scan;
pub mod shown;
#[cfg(test)]
mod tests;
mod time;
mod walk;

pub use aggregate::{Aggregation, Bucket, RecordData, RecordSize};
pub use body::{Body, Events, decode_pixel};
pub use call::{Event, Kind, Notes, library_of};
pub use code::{EndpointCode, Rejection};
pub use decode::{Content, Inside, Layer, Part, parts};
pub use item::MESSAGE_ID_BYTES_MAX;
pub use kpl::UserRecord;
pub use preview::{Preview, preview};
pub use record::{Encoding, PartitionKey};
pub use request::{Arrival, PathClass};
