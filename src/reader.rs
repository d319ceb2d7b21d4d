//! Who reads the stream, and what that reader can make of its records. Kinesis stores bytes: whether they are of use is
//! decided where they are read.
//!
//! Pure: texts and tables. [`judge`] says whether a format suits a reader, [`needs`] what else it needs,
//! [`sees`] what it gets of a record, and [`views`] shows a record as each decoder does. Facts about readers are those of
//! AWS's documentation, named where they are used; `docs/readers.md` is the same for people.

mod fit;
mod format;
mod needs;
mod sees;
mod stream;
mod views;
mod who;

pub use fit::{Fit, Judgement, fit_of, fitting, judge, recommended};
pub use format::Format;
pub use needs::needs;
pub use sees::sees;
pub use stream::{Known, conflict};
pub use views::{Decoder, View, views};
pub use who::Reader;
