//! A record as each decoder shows it, from the bytes of the API to the events.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::event::{Inside, parts};

/// A decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoder {
    /// The API's own answer, and `kinesis.data` of a Lambda event: base64 of the record's bytes.
    Api,
    /// What an SDK, the KCL, Flink and Firehose make of it: the bytes.
    Bytes,
    /// The bytes decoded as base64.
    Base64,
    /// A JSON parser on the bytes.
    Json,
    /// A de-aggregation module, or a split at line ends.
    UserRecords,
}

impl Decoder {
    /// All of them, in the order in which a reader applies them.
    pub const ALL: [Self; 5] = [Self::Api, Self::Bytes, Self::Base64, Self::Json, Self::UserRecords];

    /// The member in `tail --decoders`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Bytes => "bytes",
            Self::Base64 => "base64",
            Self::Json => "json",
            Self::UserRecords => "userRecords",
        }
    }

    /// Its name in a list.
    pub fn title(self) -> &'static str {
        match self {
            Self::Api => "API answer, Lambda event",
            Self::Bytes => "Bytes (AWS SDK, KCL)",
            Self::Base64 => "Bytes decoded as base64",
            Self::Json => "JSON parser",
            Self::UserRecords => "De-aggregated",
        }
    }
}

/// What a decoder gets of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The decoder.
    pub decoder: Decoder,
    /// Its result as text. Several user records: one a line. `Err`: why there is none.
    pub result: Result<String, &'static str>,
}

/// What each decoder gets of these bytes, in the order of [`Decoder::ALL`].
pub fn views(key: &str, data: &[u8]) -> Vec<View> {
    let view = |decoder| View { decoder, result: result(decoder, key, data) };
    Decoder::ALL.into_iter().map(view).collect()
}

fn result(decoder: Decoder, key: &str, data: &[u8]) -> Result<String, &'static str> {
    let text = std::str::from_utf8(data).ok();
    match decoder {
        Decoder::Api => Ok(STANDARD.encode(data)),
        Decoder::Bytes => text.map(str::to_owned).ok_or("not text: binary data"),
        Decoder::Base64 => {
            let inner = text.and_then(|text| STANDARD.decode(text.trim_end()).ok());
            let inner = inner.filter(|inner| !inner.is_empty()).ok_or("not base64")?;
            String::from_utf8(inner).ok().ok_or("base64 of binary data")
        }
        Decoder::Json => {
            let text = text.ok_or("not JSON: binary data")?;
            let is_json = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
            is_json.then(|| text.trim_end().to_owned()).ok_or("not one JSON value")
        }
        Decoder::UserRecords => {
            let parts = parts(&key.into(), data);
            if parts.iter().all(|part| part.place.is_none()) {
                return Err("not aggregated: one record");
            }
            let line = |part: &crate::event::Part<'_>| match &part.content.inside {
                Inside::Json(text) => text.replace(['\n', '\r'], " "),
                Inside::JsonLines(..) | Inside::Text(_) | Inside::Binary(_) => STANDARD.encode(part.stored),
            };
            Ok(parts.iter().map(line).collect::<Vec<_>>().join("\n"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Bucket, Encoding, RecordData, UserRecord};

    const JSON: &str = "{\"type\":\"track\"}";

    fn shown(data: &[u8]) -> Vec<Result<String, &'static str>> {
        views("ada", data).into_iter().map(|view| view.result).collect()
    }

    #[test]
    fn each_decoder_shows_what_it_gets_or_why_it_gets_nothing() {
        let base64 = Encoding::Base64.encode(JSON.as_bytes());
        let found = shown(&base64);
        assert_eq!(found[0], Ok(STANDARD.encode(&base64)));
        assert_eq!(found[1], Ok(String::from_utf8(base64.clone()).expect("text")));
        assert_eq!(found[2], Ok(JSON.to_owned()));
        assert_eq!(found[3..], [Err("not one JSON value"), Err("not aggregated: one record")]);

        let line = shown(&Encoding::JsonLines.encode(JSON.as_bytes()));
        assert_eq!(line[1..4], [Ok(format!("{JSON}\n")), Err("not base64"), Ok(JSON.to_owned())]);
    }

    #[test]
    fn an_aggregated_record_is_binary_to_all_but_the_one_that_splits_it() {
        let events = [UserRecord { key: "ada", json: JSON.as_bytes() }; 2];
        let mut data = Vec::new();
        RecordData::Kpl(Bucket::of("ada"), &events).encode_into(Encoding::Base64, &mut data);
        let found = shown(&data);
        assert_eq!(
            found[1..4],
            [Err("not text: binary data"), Err("not base64"), Err("not JSON: binary data")]
        );
        assert_eq!(found[4], Ok(format!("{JSON}\n{JSON}")));
    }
}
