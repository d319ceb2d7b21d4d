//! AWS keys that change while the program runs: rotated, expired, renewed by a sign-in. Real files in a home of their
//! own, the real SDK, and a Kinesis that knows the valid keys.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::json;

use crate::{
    binary::{Home, Serve},
    scripted::{Answer, Asked, Call, Scripted},
    wire::wait_until,
};

const UNKNOWN: Answer = Answer::Error(
    400,
    "UnrecognizedClientException",
    "The security token included in the request is invalid.",
);
const EXPIRED: Answer =
    Answer::Error(400, "ExpiredTokenException", "The security token included in the request is expired");

/// No keys in the environment: only the files decide.
const FILES_ALONE: [(&str, Option<&str>); 2] = [("AWS_ACCESS_KEY_ID", None), ("AWS_SECRET_ACCESS_KEY", None)];

/// Writes a file in the home's `.aws`.
fn write(home: &Home, name: &str, text: &str) {
    let path = home.folder().join(".aws").join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is ours");
    std::fs::write(path, text).expect("the folder is ours");
}

fn keys(id: &str, token: &str) -> String {
    let token = if token.is_empty() { String::new() } else { format!("aws_session_token = {token}\n") };
    format!("aws_access_key_id = {id}\naws_secret_access_key = secret-of-{id}\n{token}")
}

/// A Kinesis that accepts the signatures of one key or token. The key can be changed.
#[derive(Clone, Default)]
struct Good(Arc<Mutex<String>>);

impl Good {
    fn set(&self, good: &str) {
        good.clone_into(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn is(&self, given: &str) -> bool {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) == given
    }
}

fn send(serve: &Serve, n: usize) {
    serve.accept("/v1/track", &format!(r#"{{"userId":"u","event":"e","n":{n}}}"#));
}

fn deliver(serve: &Serve, server: &Scripted, n: usize) {
    send(serve, n);
    wait_until("the record", || server.written_count() == n + 1);
}

fn assert_in_order(server: &Scripted, count: usize) {
    let wanted: Vec<_> = (0..count).map(serde_json::Value::from).collect();
    assert_eq!(server.first_arrivals("n")["u"], wanted);
}

#[test]
fn rotated_keys_are_picked_up_from_the_files_and_nobody_notices() {
    for profile in ["default", "work"] {
        let good = Good::default();
        let known = good.clone();
        let server = Scripted::start(
            move |call: &Call| if known.is(&call.access_key) { Answer::Success } else { UNKNOWN },
        );
        let home = Home::with_kinesis(&server.url, "");
        let words: &[&str] = if profile == "work" { &["--profile", "work"] } else { &[] };
        good.set("AKIAOLD");
        write(&home, "credentials", &format!("[{profile}]\n{}", keys("AKIAOLD", "")));
        let serve = home.serve_with(words, &FILES_ALONE);
        for n in 0..3 {
            deliver(&serve, &server, n);
        }
        write(&home, "credentials", &format!("[{profile}]\n{}", keys("AKIANEW", "")));
        good.set("AKIANEW");
        for n in 3..6 {
            deliver(&serve, &server, n);
        }
        serve.wait_drained();
        let log = serve.stop();
        assert!(!log.contains("blocked"), "{log}");
        assert!(!log.contains("secret-of"), "{log}");
        assert_in_order(&server, 6);
    }
}

#[test]
fn new_keys_in_the_files_are_used_although_the_old_ones_still_work() {
    let server = Scripted::start(|_| Answer::Success);
    let home = Home::with_kinesis(&server.url, "");
    write(&home, "credentials", &format!("[default]\n{}", keys("AKIAOLD", "")));
    let serve = home.serve_with(&[], &FILES_ALONE);
    deliver(&serve, &server, 0);
    assert_eq!(server.calls()[0].access_key, "AKIAOLD");
    write(&home, "credentials", &format!("[default]\n{}", keys("AKIANEW", "")));
    let mut count = 1;
    wait_until("the new keys", || {
        deliver(&serve, &server, count);
        count += 1;
        server.calls().last().is_some_and(|call| call.access_key == "AKIANEW")
    });
    serve.wait_drained();
    let log = serve.stop();
    assert!(!log.contains("blocked") && !log.contains("secret-of"), "{log}");
    assert_in_order(&server, count);
}

#[test]
fn a_session_that_expired_blocks_until_its_keys_are_renewed_in_the_files() {
    let good = Good::default();
    let known = good.clone();
    let server =
        Scripted::start(move |call: &Call| if known.is(&call.token) { Answer::Success } else { EXPIRED });
    let home = Home::with_kinesis(&server.url, "");
    good.set("first");
    write(&home, "credentials", &format!("[work]\n{}", keys("ASIA1", "first")));
    let serve = home.serve_with(&["--profile", "work"], &FILES_ALONE);
    deliver(&serve, &server, 0);
    good.set("second");
    send(&serve, 1);
    serve.wait_state("blocked");
    send(&serve, 2);
    write(&home, "credentials", &format!("[work]\n{}", keys("ASIA2", "second")));
    serve.wait_drained();
    serve.wait_state("running");
    let log = serve.stop();
    assert!(log.contains("ExpiredTokenException") && !log.contains("second"), "{log}");
    assert_in_order(&server, 3);
}

fn in_seconds(seconds: u64) -> String {
    let at =
        SystemTime::now().duration_since(UNIX_EPOCH).expect("it is past 1970") + Duration::from_secs(seconds);
    jiff::Timestamp::from_second(i64::try_from(at.as_secs()).expect("soon")).expect("a time").to_string()
}

/// An STS that issues a new session each time, with this lifetime.
fn sts(asked: &Asked, count: &mut usize, seconds: u64) -> (u16, String) {
    assert!(asked.body.contains("Action=AssumeRole"), "{asked:?}");
    assert!(asked.body.contains("ExternalId=outside"), "{asked:?}");
    *count += 1;
    let expires = in_seconds(seconds);
    (
        200,
        format!(
            "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>\
             <AssumedRoleUser><AssumedRoleId>A:t</AssumedRoleId><Arn>arn:aws:sts::1:assumed-role/r/t</Arn></AssumedRoleUser>\
             <Credentials><AccessKeyId>ASIA{count}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
             <SessionToken>token-{count}-of-{}</SessionToken><Expiration>{expires}</Expiration></Credentials>\
             </AssumeRoleResult></AssumeRoleResponse>",
            asked.access_key
        ),
    )
}

#[test]
fn an_assumed_role_goes_on_past_the_expiry_of_its_sessions_and_the_rotation_of_its_source() {
    let server = Scripted::start(|_| Answer::Success);
    let mut count = 0;
    server.set_other(move |asked| sts(asked, &mut count, 2));
    let role =
        "\n[credentials]\nrole_arn = \"arn:aws:iam::123456789012:role/r\"\nexternal_id = \"outside\"\n";
    let home = Home::with_kinesis(&server.url, role);
    write(&home, "credentials", &format!("[work]\n{}", keys("AKIAOLD", "")));
    let here = [("AWS_ENDPOINT_URL_STS", Some(&*server.url))];
    let serve = home.serve_with(&["--profile", "work"], &[&FILES_ALONE[..], &here].concat());
    deliver(&serve, &server, 0);
    // Signatures of the last session are refused from now on, as by AWS after it has expired.
    let stale: BTreeSet<String> = server.calls().into_iter().map(|call| call.token).collect();
    assert!(stale.iter().all(|token| token.ends_with("-of-AKIAOLD")), "{stale:?}");
    server.set_rule(move |call| if stale.contains(&call.token) { EXPIRED } else { Answer::Success });
    write(&home, "credentials", &format!("[work]\n{}", keys("AKIANEW", "")));
    for n in 1..4 {
        deliver(&serve, &server, n);
    }
    serve.wait_drained();
    let log = serve.stop();
    assert!(!log.contains("blocked") && !log.contains("token-"), "{log}");
    assert_in_order(&server, 4);
}

/// The file in which `aws sso login` keeps the token of the session `company`. Its name is the SHA-1 of the session's.
const SSO_FILE: &str = "sso/cache/71b21161ffa1e6516bcc072aaf5ef38cbe85b511.json";

#[test]
fn a_new_sso_sign_in_is_seen_without_a_restart() {
    let server =
        Scripted::start(|call: &Call| if call.token == "of-sso" { Answer::Success } else { EXPIRED });
    server.set_other(|asked| {
        let bearer = asked.headers.get("x-amz-sso_bearer_token").and_then(|token| token.to_str().ok());
        if bearer != Some("signed-in-again") {
            return (
                401,
                json!({ "__type": "UnauthorizedException", "message": "Session token not found" })
                    .to_string(),
            );
        }
        let expiration =
            (SystemTime::now() + Duration::from_hours(1)).duration_since(UNIX_EPOCH).expect("now");
        let keys = json!({ "accessKeyId": "ASIASSO", "secretAccessKey": "s", "sessionToken": "of-sso",
            "expiration": u64::try_from(expiration.as_millis()).expect("soon") });
        (200, json!({ "roleCredentials": keys }).to_string())
    });
    let home = Home::with_kinesis(&server.url, "");
    write(
        &home,
        "config",
        "[profile work]\nsso_session = company\nsso_account_id = 123456789012\nsso_role_name = writer\n\
         [sso-session company]\nsso_region = us-east-1\nsso_start_url = https://example.awsapps.com/start\n",
    );
    let token = |text: &str, hours: u64| {
        json!({ "accessToken": text, "expiresAt": in_seconds(3600 * hours), "region": "us-east-1",
            "startUrl": "https://example.awsapps.com/start" })
        .to_string()
    };
    let here = [("AWS_ENDPOINT_URL_SSO", Some(&*server.url))];
    let serve = home.serve_with(&["--profile", "work"], &[&FILES_ALONE[..], &here].concat());
    send(&serve, 0);
    serve.wait_state("blocked");
    wait_until("the log says what to do", || serve.log().contains("aws sso login --profile work"));
    write(&home, SSO_FILE, &token("signed-in-again", 8));
    serve.wait_drained();
    deliver(&serve, &server, 1);
    let log = serve.stop();
    assert!(!log.contains("signed-in-again"), "{log}");
    assert_in_order(&server, 2);
}
