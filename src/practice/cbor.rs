//! CBOR to JSON and back, as the AWS SDK for Java speaks it to Kinesis by default: data is a string of bytes, and a time
//! is tag 1 with milliseconds (CBOR itself would have seconds).
//!
//! A request is read in one pass into JSON, which the operations parse; data goes straight from the bytes into its
//! base64. Absent: numbers of 16 bits with fractions, which no SDK sends.

use super::call::milliseconds;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use std::fmt::Write as _;

/// Maximum depth of a request. Records in a batch have the greatest, which is 3.
const DEPTH_MAX: usize = 16;
const BREAK: u8 = 0xff;
/// The tag of a time.
const TIME: u64 = 1;

/// The JSON of a request; `None`: this is not one value of CBOR.
pub(super) fn to_json(body: &[u8]) -> Option<String> {
    let mut reader = Reader { rest: body, out: String::with_capacity(body.len() * 3 / 2) };
    reader.value(DEPTH_MAX)?;
    reader.rest.is_empty().then_some(reader.out)
}

struct Reader<'a> {
    rest: &'a [u8],
    out: String,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(usize::try_from(count).ok()?)?;
        self.rest = rest;
        Some(taken)
    }

    /// The major type, the five bits beside it, and the argument, which is `None` for an indefinite length or a break.
    fn head(&mut self) -> Option<(u8, u8, Option<u64>)> {
        let first = *self.take(1)?.first()?;
        let (major, info) = (first >> 5, first & 0x1f);
        let argument = match info {
            0..24 => u64::from(info),
            24..28 => self.take(1 << (info - 24))?.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)),
            31 => return Some((major, info, None)),
            _ => return None,
        };
        Some((major, info, Some(argument)))
    }

    /// Whether the break comes next, which is then consumed.
    fn is_break(&mut self) -> bool {
        let is_break = self.rest.first() == Some(&BREAK);
        self.rest = &self.rest[usize::from(is_break)..];
        is_break
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match self.head()? {
            (0, _, Some(number)) => self.number(i128::from(number)),
            (1, _, Some(number)) => self.number(-1 - i128::from(number)),
            (2, _, len) => {
                let bytes = self.string(2, len)?;
                self.out.push('"');
                STANDARD.encode_string(bytes, &mut self.out);
                self.out.push('"');
                Some(())
            }
            (3, _, len) => self.text(len),
            (4, _, len) => self.members(len, '[', ']', |reader| reader.value(depth)),
            (5, _, len) => self.members(len, '{', '}', |reader| {
                let (3, _, len) = reader.head()? else { return None };
                reader.text(len)?;
                reader.out.push(':');
                reader.value(depth)
            }),
            (6, _, Some(TIME)) => self.time(),
            (6, _, Some(_)) => self.value(depth),
            (7, info, Some(bits)) => self.simple(info, bits),
            _ => None,
        }
    }

    fn number(&mut self, number: i128) -> Option<()> {
        write!(self.out, "{number}").ok()
    }

    /// Milliseconds, which JSON has as seconds.
    fn time(&mut self) -> Option<()> {
        let ms = match self.head()? {
            (0, _, Some(ms)) => ms as f64,
            (7, 27, Some(bits)) => f64::from_bits(bits),
            _ => return None,
        };
        ms.is_finite().then(|| write!(self.out, "{}", ms / 1000.0).ok())?
    }

    fn simple(&mut self, info: u8, bits: u64) -> Option<()> {
        let float = match info {
            20 => return write!(self.out, "false").ok(),
            21 => return write!(self.out, "true").ok(),
            22 | 23 => return write!(self.out, "null").ok(),
            26 => f64::from(f32::from_bits(u32::try_from(bits).ok()?)),
            27 => f64::from_bits(bits),
            _ => return None,
        };
        float.is_finite().then(|| write!(self.out, "{float}").ok())?
    }

    fn text(&mut self, len: Option<u64>) -> Option<()> {
        let bytes = self.string(3, len)?;
        self.out.push_str(&serde_json::to_string(std::str::from_utf8(&bytes).ok()?).ok()?);
        Some(())
    }

    /// The bytes of a string, or of the pieces of one with an indefinite length.
    fn string(&mut self, major: u8, len: Option<u64>) -> Option<std::borrow::Cow<'a, [u8]>> {
        if let Some(len) = len {
            return self.take(len).map(Into::into);
        }
        let mut joined = Vec::new();
        while !self.is_break() {
            let (found, _, len) = self.head()?;
            if found != major {
                return None;
            }
            joined.extend_from_slice(self.take(len?)?);
        }
        Some(joined.into())
    }

    fn members(
        &mut self,
        len: Option<u64>,
        open: char,
        close: char,
        mut member: impl FnMut(&mut Self) -> Option<()>,
    ) -> Option<()> {
        self.out.push(open);
        let mut at = 0;
        while len.map_or_else(|| !self.is_break(), |len| at < len) {
            if at > 0 {
                self.out.push(',');
            }
            member(self)?;
            at += 1;
        }
        self.out.push(close);
        Some(())
    }
}

/// The CBOR of an answer.
pub(super) fn from_json(answer: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write_value(answer, "", &mut out);
    out
}

/// `name`: the member whose value it is.
fn write_value(value: &Value, name: &str, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(0xf6),
        Value::Bool(is_true) => out.push(0xf4 + u8::from(*is_true)),
        Value::Number(number) => match (number.as_f64(), number.as_u64(), number.as_i64()) {
            (Some(seconds), ..) if name.ends_with("Timestamp") => {
                write_head(6, TIME, out);
                write_head(0, milliseconds(seconds), out);
            }
            (_, Some(number), _) => write_head(0, number, out),
            (_, None, Some(number)) => write_head(1, number.unsigned_abs().saturating_sub(1), out),
            (float, None, None) => {
                out.push(0xfb);
                out.extend_from_slice(&float.unwrap_or_default().to_be_bytes());
            }
        },
        Value::String(text) => match (name == "Data").then(|| STANDARD.decode(text)) {
            Some(Ok(data)) => write_string(2, &data, out),
            Some(Err(_)) | None => write_string(3, text.as_bytes(), out),
        },
        Value::Array(items) => {
            write_head(4, items.len() as u64, out);
            for item in items {
                write_value(item, "", out);
            }
        }
        Value::Object(members) => {
            write_head(5, members.len() as u64, out);
            for (name, value) in members {
                write_string(3, name.as_bytes(), out);
                write_value(value, name, out);
            }
        }
    }
}

fn write_string(major: u8, bytes: &[u8], out: &mut Vec<u8>) {
    write_head(major, bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn write_head(major: u8, argument: u64, out: &mut Vec<u8>) {
    let bytes = argument.to_be_bytes();
    let (info, count) = match argument {
        0..24 => (bytes[7], 0),
        24..0x100 => (24, 1),
        0x100..0x1_0000 => (25, 2),
        0x1_0000..0x1_0000_0000 => (26, 4),
        _ => (27, 8),
    };
    out.push(major << 5 | info);
    out.extend_from_slice(&bytes[8 - count..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// A request of the SDK for Java: maps of indefinite length, and data as bytes.
    #[test]
    fn a_put_of_the_sdk_for_java_is_read() {
        let body = b"\xbfjStreamNameatdDataMhello, world!lPartitionKeyfk\xc3\xa9\"\\y\xff";
        let json = r#"{"StreamName":"t","Data":"aGVsbG8sIHdvcmxkIQ==","PartitionKey":"ké\"\\y"}"#;
        assert_eq!(to_json(body).as_deref(), Some(json));
    }

    #[test]
    fn times_are_milliseconds_under_tag_one() {
        let body = b"\xa1iTimestamp\xc1\x1b\x00\x00\x01\xa1\xee\x8d\xf0\x7b";
        let seconds = f64::from(0x01a1_u32) * 4_294_967.296 + f64::from(0xee8d_f07b_u32) / 1000.0;
        let read: Value = serde_json::from_str(&to_json(body).unwrap()).unwrap();
        assert!((read["Timestamp"].as_f64().unwrap() - seconds).abs() < 0.0005, "{read}");
        assert_eq!(from_json(&json!({ "Timestamp": seconds })), body);
    }

    #[test]
    fn pieces_and_simple_values_are_read() {
        let body = b"\x86\x5f\x41a\x42bc\xff\x7f\x61x\x61y\xff\xf5\xf6\x38\x63\xfa\x3f\x00\x00\x00";
        assert_eq!(to_json(body).as_deref(), Some(r#"["YWJj","xy",true,null,-100,0.5]"#));
    }

    #[test]
    fn what_is_not_one_value_is_refused() {
        for bad in [
            &b""[..],
            b"\xa1",
            b"\xa1\x01\x01",
            b"\x62a",
            b"\x61\xff",
            b"\x1c",
            b"\xff",
            b"\x00\x00",
            b"\xbfaa\xff",
            b"\x5f\x61a\xff",
            b"\xfb\x7f\xf0\x00\x00\x00\x00\x00\x00",
            b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
            &[0x81; 10_000],
        ] {
            assert_eq!(to_json(bad), None, "{bad:02x?}");
        }
    }

    #[test]
    fn data_is_bytes_in_the_answer() {
        let answer = json!({ "Records": [{ "Data": "AAE=", "PartitionKey": "AAE=" }], "n": -1 });
        let wanted = b"\xa2gRecords\x81\xa2dData\x42\x00\x01lPartitionKeydAAE=an\x20";
        assert_eq!(from_json(&answer), wanted);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            ".{0,40}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 8, |inner| {
            let members = proptest::collection::btree_map("[a-z]{0,30}", inner.clone(), 0..8);
            prop_oneof![
                proptest::collection::vec(inner, 0..8).prop_map(Value::from),
                members.prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(value in any_json()) {
            let read = to_json(&from_json(&value)).unwrap();
            prop_assert_eq!(serde_json::from_str::<Value>(&read).unwrap(), value);
        }

        #[test]
        fn no_bytes_do_harm(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Some(read) = to_json(&body) {
                prop_assert!(serde_json::from_str::<Value>(&read).is_ok(), "{}", read);
            }
        }
    }
}
