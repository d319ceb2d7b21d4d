//! Values to complete a condition with.

use serde::{Deserialize, Serialize};

use super::key::Field;

/// Which values of a field to read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValuesRequest {
    /// The field.
    pub field: Field,
    /// The values must contain this text, in any ASCII case.
    pub part: String,
}

/// A value that the newest lines of the log have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldValue {
    /// The value.
    pub text: String,
    /// How many of the newest lines have it.
    pub lines: u64,
}
