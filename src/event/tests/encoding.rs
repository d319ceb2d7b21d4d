//! Partition keys, encodings and pixels.

use super::*;

#[test]
fn a_key_is_hashed_only_where_it_is_longer_than_kinesis_takes() {
    for (id, shortened) in [
        ("k".repeat(256), false),
        ("é".repeat(256), false),
        ("k".repeat(257), true),
        ("é".repeat(257), true),
        // 129 code points, but 258 UTF-16 units.
        ("😀".repeat(129), true),
        ("😀".repeat(128), false),
    ] {
        let key = PartitionKey::new(&id).unwrap();
        assert_eq!(key.shortened(), shortened, "{id}");
        assert!(shortened || key.as_str() == id);
    }
    let key = PartitionKey::new(&"a".repeat(300)).unwrap();
    // sha256sum of 300 times `a`.
    assert_eq!(key.as_str(), "9835fa6bf4e20a9b9ea812506302e98982721a6cf8d2cae67af57129bf21ae90");
    assert_eq!(PartitionKey::new(""), None);
}

#[test]
fn records_are_encoded_as_the_settings_say() {
    let json = "{\n \"a\": \"\\n\",\r\n\"b\":1}".as_bytes();
    assert_eq!(Encoding::Base64.encode(b"{\"a\":1}"), b"eyJhIjoxfQ==");
    assert_eq!(Encoding::Json.encode(json), json);
    assert_eq!(Encoding::JsonLines.encode(json), b"{  \"a\": \"\\n\",  \"b\":1}\n");
    for encoding in Encoding::ALL {
        for len in 0..20 {
            assert_eq!(encoding.encode(&vec![b'x'; len]).len(), encoding.encoded_len(len));
        }
        assert_eq!(Encoding::parse(encoding.as_str()), Some(encoding));
    }
}

#[test]
fn a_pixels_data_is_read_in_every_form() {
    let json = r#"{"a":"??>>~~~~"}"#;
    for data in ["eyJhIjoiPz8+Pn5+fn4ifQ==", "eyJhIjoiPz8-Pn5-fn4ifQ", "eyJhIjoiPz8 Pn5 fn4ifQ=", json] {
        assert_eq!(decode_pixel(data).unwrap(), json.as_bytes(), "{data}");
    }
    assert_eq!(decode_pixel("§").unwrap_err().code, EndpointCode::BadEncoding);
}
