//! The step `reader`: whether the stream's readers can decode what is put. Pure: the stream was described before.

use super::run::{Failed, Run};
use crate::{
    delivery::{AwsError, error_code},
    reader::{Fit, Known, conflict, judge, sees},
};

const NAME: &str = "reader";

/// Says what the reader gets of a record, and fails if it cannot decode it.
pub(super) fn check(run: &mut Run<'_>) -> Result<(), Failed> {
    let format = run.config.destination.format();
    // What a stream that spreads records by itself makes of aggregated ones is in the step `aggregation`.
    let channels = run.facts.map_or(0, |facts| facts.channels);
    if conflict(Known { channels, spreads_keys: false }, format).is_some() {
        let counted = if channels == 1 { "1 channel".to_owned() } else { format!("{channels} channels") };
        let said = format!("the stream has {counted}, and the format is {}", format.words());
        return Err(run.failed(NAME, AwsError::new(error_code::READER_CANNOT_DECODE, said)));
    }
    let Some(reader) = run.config.destination.reader else {
        let text = format!(
            "Who reads the stream is not said (destination.reader), so this is not checked. {} `tributary reader` says what \
             each reader needs.",
            sees(None, format)
        );
        run.skipped(NAME, text);
        return Ok(());
    };
    let judgement = judge(reader, format);
    if judgement.fit == Fit::CannotDecode {
        let said = format!("the reader is {}, and the format is {}", reader.as_str(), format.words());
        return Err(run.failed(NAME, AwsError::new(error_code::READER_CANNOT_DECODE, said)));
    }
    let (title, format_is, fit) = (reader.title(), format.words(), judgement.fit.words());
    let sees = sees(Some(reader), format);
    run.passed(NAME, format!("{title} reads the stream, and {format_is} {fit}. {sees} {}", judgement.why));
    Ok(())
}
