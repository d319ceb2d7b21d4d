//! A limit on the bytes of an answer. The SDK reads every answer into memory as a whole, whatever the server sends.

use aws_sdk_kinesis::config::SharedHttpClient;
use aws_smithy_runtime_api::client::{
    http::{HttpConnector as _, HttpConnectorFuture, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_smithy_types::body::SdkBody;
use http_body_util::Limited;

use super::layer::layered;

/// Bytes of an answer to `PutRecord`. It normally has 200, and many are in flight.
const PUT_RECORD: usize = 256 << 10;
/// Bytes of an answer to `PutRecords`: 500 receipts or errors.
const PUT_RECORDS: usize = 2 << 20;
/// Bytes of an answer to `GetRecords`: 10 MiB of records in base64
/// (<https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html>), with room for streams that are
/// configured for larger records.
const GET_RECORDS: usize = 64 << 20;
/// Bytes of an answer to any other call of any service. Lists come in pages.
pub(crate) const OTHER_CALLS: usize = 8 << 20;

/// A client that returns an error, without reading on, for an answer longer than its call allows.
pub(super) fn limiting(client: SharedHttpClient) -> SharedHttpClient {
    layered(client, call)
}

fn call(connector: &SharedHttpConnector, request: HttpRequest) -> HttpConnectorFuture {
    let bytes_max = bytes_max(request.headers().get("x-amz-target").unwrap_or_default());
    let answer = connector.call(request);
    HttpConnectorFuture::new(async move {
        answer.await.map(|response: HttpResponse| response.map(|body| limited(body, bytes_max)))
    })
}

/// A body that fails when it exceeds `bytes_max`.
pub(crate) fn limited(body: SdkBody, bytes_max: usize) -> SdkBody {
    SdkBody::from_body_1_x(Limited::new(body, bytes_max))
}

/// The limit for a target such as `Kinesis_20131202.PutRecord`: the call's name follows the dot.
fn bytes_max(target: &str) -> usize {
    match target.rsplit('.').next().unwrap_or_default() {
        "PutRecord" => PUT_RECORD,
        "PutRecords" => PUT_RECORDS,
        "GetRecords" => GET_RECORDS,
        _ => OTHER_CALLS,
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
            ("Kinesis_20131202.ListShards", OTHER_CALLS),
            ("", OTHER_CALLS),
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
