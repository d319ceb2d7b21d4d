//! Rejections as lines of the delivery log, without the write keys that were sent.

use std::collections::BTreeMap;

use super::{error_response::ErrorResponse, response::RejectedItem, secrets::Secrets};
use crate::{
    delivery::AwsError,
    event::{Kind, Rejection},
    spool::{LinesOfRequest, Rejected},
};

/// The rejected items of a batch as lines of the log.
#[derive(Default)]
pub(super) struct Lines {
    pub(super) lines: Vec<Rejected>,
    /// By code, the rejected items without a line. Masking the keys in them would be wasted work, up to 10,000 times a
    /// request.
    pub(super) counted: Vec<(&'static str, u64)>,
}

impl Lines {
    pub(super) fn of(rejected: &[RejectedItem], secrets: &Secrets) -> Self {
        let mut limit = LinesOfRequest::default();
        let (mut lines, mut counted) = (Vec::new(), BTreeMap::new());
        for RejectedItem { rejection, .. } in rejected {
            let code = rejection.code.as_str();
            if limit.takes(code) {
                lines.push(line(rejection, None, secrets));
            } else {
                *counted.entry(code).or_default() += 1;
            }
        }
        Self { lines, counted: counted.into_iter().collect() }
    }
}

/// The line of one rejection. `kind`: the call that the path names.
pub(super) fn line(rejection: &Rejection, kind: Option<Kind>, secrets: &Secrets) -> Rejected {
    let (excerpt, bytes) = secrets.excerpt(rejection);
    Rejected {
        kind: kind.or(rejection.kind),
        message_id: rejection.message_id.clone(),
        user: rejection.user.clone(),
        fault: AwsError::new(rejection.code.as_str(), secrets.text(&rejection.message)),
        name: rejection.name.as_deref().map(|name| secrets.text(name).into()),
        excerpt,
        bytes,
    }
}

/// The line of a request whose body could not be read: it has no text to show.
pub(super) fn line_without_body(error: &ErrorResponse, kind: Option<Kind>) -> Rejected {
    let fault = AwsError::new(error.code.as_str(), error.message.as_str());
    Rejected { kind, message_id: None, user: None, fault, name: None, excerpt: Vec::new(), bytes: 0 }
}
