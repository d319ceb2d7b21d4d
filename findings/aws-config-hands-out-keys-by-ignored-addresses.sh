#!/usr/bin/env bash
# aws-config 1.13.0 (SDK for Rust): AWS_IGNORE_CONFIGURED_ENDPOINT_URLS does not count where keys are got.
#
# With AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true, addresses of services that variables or profiles name are to be
# ignored, and a client that is made from the loaded settings does so. But a profile with `role_arn` gets its keys from
# AWS STS through a client that the SDK makes for itself, and that one still asks the address in AWS_ENDPOINT_URL_STS
# (in `ProviderConfig::client_config`, the flag is always off).
#
# Seen:
#   address of the client's settings: None
#   STS at the ignored address was asked: AssumeRole
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "shown"
version = "0.0.0"
edition = "2021"
[dependencies]
aws-config = { version = "=1.13.0", default-features = false, features = ["rt-tokio"] }
aws-credential-types = "1"
aws-smithy-http-client = { version = "1", default-features = false, features = ["default-client"] }
tokio = { version = "1", features = ["rt", "macros"] }
TOML
cat >src/main.rs <<'RUST'
use std::io::{Read, Write};
use aws_credential_types::provider::ProvideCredentials;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    std::env::set_var("AWS_ENDPOINT_URL_STS", format!("http://{}", listener.local_addr().unwrap()));
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut text, mut bytes) = (String::new(), [0; 4096]);
        while !text.contains("Action=") {
            let count = stream.read(&mut bytes).unwrap();
            text.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
        let body = "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA</AccessKeyId>\
                    <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
                    <Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>";
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
        text
    });
    let http = aws_smithy_http_client::Builder::new().build_http();
    let settings = aws_config::defaults(aws_config::BehaviorVersion::latest())
        .region("eu-west-1").profile_name("role").http_client(http).load().await;
    println!("address of the client's settings: {:?}", settings.endpoint_url());
    settings.credentials_provider().unwrap().provide_credentials().await.unwrap();
    let asked = server.join().unwrap();
    assert!(asked.contains("Action=AssumeRole"));
    println!("STS at the ignored address was asked: AssumeRole");
}
RUST
cat >config <<'INI'
[profile role]
role_arn = arn:aws:iam::123456789012:role/r
source_profile = keys
[profile keys]
aws_access_key_id = AKIAIOSFODNN7EXAMPLE
aws_secret_access_key = example
INI
export CARGO_TARGET_DIR="$work/target"
cargo build --quiet
env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY -u AWS_PROFILE -u HTTP_PROXY -u http_proxy \
  AWS_CONFIG_FILE="$work/config" AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true \
  AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true timeout 60 ./target/debug/shown >seen.txt
cat seen.txt
grep -q "^address of the client's settings: None$" seen.txt
grep -q 'STS at the ignored address was asked: AssumeRole' seen.txt
