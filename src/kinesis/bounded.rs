//! A limit on the bytes of an answer: the SDK reads each whole, whatever its server sends.

use aws_sdk_kinesis::config::SharedHttpClient;
use aws_smithy_runtime_api::client::{
    http::{HttpConnector as _, HttpConnectorFuture, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_smithy_types::body::SdkBody;
use http_body_util::Limited;

use super::around::around;

/// Bytes of an answer, by the call's name. `PutRecord` has many in flight, and its answer is 200 bytes.
const PUT_RECORD: usize = 256 << 10;
/// 500 receipts or errors.
const PUT_RECORDS: usize = 2 << 20;
/// 10 MiB of records, and the base64 around them (<https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html>).
/// A stream may be configured for larger ones.
const GET_RECORDS: usize = 64 << 20;
/// Of all other calls, to whatever service: lists come in pages.
pub(super) const OTHERS: usize = 8 << 20;

/// The same client; an answer that is longer than its call allows is an error, and is not read to its end.
pub(super) fn bounded(client: SharedHttpClient) -> SharedHttpClient {
    around(client, call)
}

fn call(connector: &SharedHttpConnector, request: HttpRequest) -> HttpConnectorFuture {
    let bytes_max = bytes_max(request.headers().get("x-amz-target").unwrap_or_default());
    let answer = connector.call(request);
    HttpConnectorFuture::new(async move {
        answer.await.map(|response: HttpResponse| response.map(|body| limited(body, bytes_max)))
    })
}

/// The body up to so many bytes; more are an error.
pub(super) fn limited(body: SdkBody, bytes_max: usize) -> SdkBody {
    SdkBody::from_body_1_x(Limited::new(body, bytes_max))
}

/// `Kinesis_20131202.PutRecord`: the call's name is behind the dot.
fn bytes_max(target: &str) -> usize {
    match target.rsplit('.').next().unwrap_or_default() {
        "PutRecord" => PUT_RECORD,
        "PutRecords" => PUT_RECORDS,
        "GetRecords" => GET_RECORDS,
        _ => OTHERS,
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::byte_stream::ByteStream;

    use super::*;

    #[test]
    fn the_call_says_how_long_its_answer_may_be() {
        for (target, expected) in [
            ("Kinesis_20131202.PutRecord", PUT_RECORD),
            ("Kinesis_20131202.PutRecords", PUT_RECORDS),
            ("Kinesis_20131202.GetRecords", GET_RECORDS),
            ("Kinesis_20131202.ListShards", OTHERS),
            ("", OTHERS),
        ] {
            assert_eq!(bytes_max(target), expected, "{target}");
        }
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit_and_no_further() {
        let read = |bytes_max| async move {
            ByteStream::new(limited(SdkBody::from("12345"), bytes_max)).collect().await
        };
        assert_eq!(read(5).await.expect("it fits").into_bytes(), "12345");
        assert!(read(4).await.is_err());
    }
}
