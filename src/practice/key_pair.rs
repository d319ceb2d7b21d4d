//! The keys that other programs use.

use std::fmt;

/// An access key id and its secret. `Debug` does not show the secret.
#[derive(Clone, Eq, PartialEq)]
pub struct KeyPair {
    /// Of the form that the caller likes.
    pub access_key_id: String,
    /// Clients sign with it. Only the control path compares it.
    pub secret_access_key: String,
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("KeyPair").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}
