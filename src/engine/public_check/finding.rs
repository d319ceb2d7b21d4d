//! The result of a step of the check of the public address.

use crate::delivery::{AwsError, CheckStep, Verdict};

/// The result of a step that did not fail.
pub(super) struct Finding {
    verdict: Verdict,
    detail: String,
}

impl Finding {
    pub(super) fn of(detail: impl Into<String>) -> Self {
        Self { verdict: Verdict::Passed, detail: detail.into() }
    }

    pub(super) fn skipped(detail: impl Into<String>) -> Self {
        Self { verdict: Verdict::Skipped, detail: detail.into() }
    }
}

pub(super) fn step(name: &'static str, found: Result<Finding, AwsError>) -> CheckStep {
    let (verdict, detail) = match found {
        Ok(Finding { verdict, detail }) => (verdict, detail),
        Err(error) => (Verdict::Failed(error), String::new()),
    };
    CheckStep { name: name.into(), verdict, detail, found: None }
}

/// Makes text from another server safe for a finding: one line, cut to a maximum length.
pub(super) fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
