//! Sources of AWS keys that fail or take long: each has a message of its own, and no log has a secret. The real program
//! in a home of its own, the real SDK, and loopback servers in place of AWS's sign-in services.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    binary::{Home, Serve},
    scripted::{Answer, Asked, Scripted},
    wire::{metric, wait_until},
};

type Variables<'v> = Vec<(&'v str, Option<String>)>;

/// The file of a session in `~/.aws/sso/cache`. Its name is the SHA-1 of the session's name or, if the profile has no
/// session, of its address.
const OF_SESSION: &str = ".aws/sso/cache/71b21161ffa1e6516bcc072aaf5ef38cbe85b511.json";
const OF_ADDRESS: &str = ".aws/sso/cache/e8be5486177c5b5392bd9aa76563515b29358e6e.json";
/// The folder of `aws login`. The name of a file is the SHA-256 of the session's ARN.
const OF_LOGIN: &str = ".aws/login/cache/";

const SESSION: &str = "[profile work]\nsso_session = company\nsso_account_id = 123456789012\nsso_role_name = writer\n\
                       [sso-session company]\nsso_region = us-east-1\n\
                       sso_start_url = https://example.awsapps.com/start\n";
const LEGACY: &str = "[profile work]\nsso_start_url = https://example.awsapps.com/start\nsso_region = us-east-1\n\
                      sso_account_id = 123456789012\nsso_role_name = writer\n";
const SECRETS: [&str; 3] = ["very-secret-key", "very-secret-token", "very-secret-refresh"];

fn write(home: &Home, path: &str, text: impl AsRef<[u8]>) {
    let path = home.folder().join(path);
    fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is ours");
    fs::write(path, text).expect("the folder is ours");
}

/// Variables without keys, with the scripted server in place of AWS's services.
fn variables<'v>(server: &Scripted) -> Variables<'v> {
    let mut variables: Variables<'v> = vec![
        ("AWS_ACCESS_KEY_ID", None),
        ("AWS_SECRET_ACCESS_KEY", None),
        ("PATH", Some("/usr/local/bin:/usr/bin:/bin".to_owned())),
    ];
    for service in [
        "AWS_ENDPOINT_URL_SSO",
        "AWS_ENDPOINT_URL_SSO_OIDC",
        "AWS_ENDPOINT_URL_SIGNIN",
        "AWS_ENDPOINT_URL_STS",
    ] {
        variables.push((service, Some(server.url.clone())));
    }
    variables
}

fn serve(home: &Home, words: &[&str], variables: &Variables<'_>) -> Serve {
    let borrowed: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_deref())).collect();
    home.serve_with(words, &borrowed)
}

#[derive(Debug)]
struct Checked {
    code: Option<i32>,
    /// Everything that was printed.
    said: String,
    /// The step about credentials.
    step: Value,
}

impl Checked {
    fn error(&self) -> &str {
        self.step["error"].as_str().unwrap_or_default()
    }

    fn remedy(&self) -> &str {
        self.step["remedy"].as_str().unwrap_or_default()
    }
}

/// Runs `tributary check --json`, and checks that its output has no secret.
fn check(home: &Home, words: &[&str], variables: &Variables<'_>) -> Checked {
    let mut command = home.command(&[&["check", "--json"], words].concat());
    for (name, value) in variables {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let output = command.output().expect("the program starts");
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let answer: Value =
        serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}{stderr}"));
    let said = format!("{stdout}{stderr}");
    assert!(SECRETS.iter().all(|secret| !said.contains(secret)), "{said}");
    Checked { code: output.status.code(), step: answer["steps"][0].clone(), said }
}

fn in_seconds(seconds: i64) -> jiff::Timestamp {
    jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds)
}

/// The file of `aws sso login`.
fn sso_token(expires_at: &str) -> String {
    json!({
        "startUrl": "https://example.awsapps.com/start", "region": "us-east-1", "accessToken": "very-secret-token",
        "expiresAt": expires_at, "clientId": "c", "clientSecret": "very-secret-key",
        "registrationExpiresAt": format!("{:.0}", in_seconds(3600 * 24 * 60)), "refreshToken": "very-secret-refresh",
    })
    .to_string()
}

fn past() -> String {
    format!("{:.0}", in_seconds(-3600))
}

fn future() -> String {
    format!("{:.0}", in_seconds(3600 * 8))
}

fn role_keys(seconds: i64) -> (u16, String) {
    let keys = json!({ "accessKeyId": "ASIASSO", "secretAccessKey": "very-secret-key",
        "sessionToken": "very-secret-token", "expiration": in_seconds(seconds).as_millisecond() });
    (200, json!({ "roleCredentials": keys }).to_string())
}

fn error(code: &str, status: u16) -> (u16, String) {
    (status, json!({ "__type": code, "message": "Session token not found or invalid" }).to_string())
}

fn is_portal(asked: &Asked) -> bool {
    asked.path.starts_with("/federation/credentials")
}

/// The sign-in services refuse to renew, and the portal knows no token.
fn refuse(asked: &Asked) -> (u16, String) {
    if is_portal(asked) {
        error("UnauthorizedException", 401)
    } else if asked.path.ends_with("/token") {
        error("InvalidGrantException", 400)
    } else {
        (404, String::new())
    }
}

#[test]
fn an_answer_that_cannot_be_read_shows_no_secret_in_any_log() {
    for level in [None, Some("debug"), Some("trace"), Some("aws_config=trace")] {
        let server = Scripted::start(|_| Answer::Success);
        server.set_other(|asked| if is_portal(asked) || asked.path == "/container" {
                let keys = json!({ "accessKeyId": "ASIASSO", "secretAccessKey": "very-secret-key",
                    "sessionToken": "very-secret-token", "expiration": "soon" });
                (200, json!({ "roleCredentials": keys, "AccessKeyId": "ASIA", "SecretAccessKey": "very-secret-key",
                    "Token": "very-secret-token", "Expiration": "soon" })
                .to_string())
            } else { (404, String::new()) });
        for words in [&["--profile", "work"][..], &[]] {
            let home = Home::with_kinesis(&server.url, "");
            let mut variables = variables(&server);
            variables.push(("TRIBUTARY_LOG", level.map(str::to_owned)));
            variables.push(("AWS_CONTAINER_CREDENTIALS_FULL_URI", Some(format!("{}/container", server.url))));
            write(&home, ".aws/config", SESSION);
            write(&home, OF_SESSION, sso_token(&future()));
            let serve = serve(&home, words, &variables);
            serve.accept("/v1/track", r#"{"userId":"u","event":"e"}"#);
            serve.wait_state("blocked");
            let log = serve.stop();
            for secret in SECRETS {
                assert!(!log.contains(secret), "{level:?} {words:?}: {log}");
            }
            assert!(log.lines().all(|line| line.len() < 1200), "no dump: {log}");
        }
    }
}

#[test]
fn a_sign_in_that_cannot_be_renewed_asks_for_a_new_one() {
    let server = Scripted::start(|_| Answer::Success);
    server.set_other(refuse);
    for (name, config, file, expires) in [
        ("expired", SESSION, OF_SESSION, Some(past())),
        ("revoked", SESSION, OF_SESSION, Some(future())),
        ("never made", SESSION, OF_SESSION, None),
        ("expired, without a session", LEGACY, OF_ADDRESS, Some(past())),
        ("revoked, without a session", LEGACY, OF_ADDRESS, Some(future())),
        ("never made, without a session", LEGACY, OF_ADDRESS, None),
    ] {
        let home = Home::with_kinesis(&server.url, "");
        write(&home, ".aws/config", config);
        if let Some(expires) = expires {
            write(&home, file, sso_token(&expires));
        }
        let checked = check(&home, &["--profile", "work"], &variables(&server));
        assert_eq!(checked.code, Some(1), "{name}: {checked:?}");
        assert!(checked.remedy().contains("`aws sso login --profile work`"), "{name}: {checked:?}");
        assert!(checked.error().starts_with("SsoSignInNeeded"), "{name}: {checked:?}");
    }
}

#[test]
fn a_role_on_top_of_a_sign_in_names_the_profile_that_signs_in() {
    let server = Scripted::start(|_| Answer::Success);
    server.set_other(refuse);
    let home = Home::with_kinesis(&server.url, "");
    let role = "[profile role]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = work\n";
    write(&home, ".aws/config", format!("{SESSION}{role}"));
    let mut variables = variables(&server);
    variables.push(("AWS_PROFILE", Some("role".to_owned())));
    let checked = check(&home, &[], &variables);
    assert!(checked.remedy().contains("`aws sso login --profile work`"), "{checked:?}");
}

#[test]
fn a_sign_in_that_runs_out_while_events_are_delivered_is_named_in_the_log() {
    let server = Scripted::start(|_| Answer::Success);
    let mut is_first = true;
    server.set_other(move |asked| {
        if is_portal(asked) && std::mem::take(&mut is_first) { role_keys(11) } else { refuse(asked) }
    });
    let home = Home::with_kinesis(&server.url, "");
    write(&home, ".aws/config", SESSION);
    write(&home, OF_SESSION, sso_token(&future()));
    let serve = serve(&home, &["--profile", "work"], &variables(&server));
    let event = r#"{"userId":"u","event":"e"}"#;
    serve.accept("/v1/track", event);
    wait_until("the first record", || server.written_count() == 1);
    wait_until("the log names the sign-in", || {
        serve.accept("/v1/track", event);
        serve.log().contains("aws sso login --profile work")
    });
    let log = serve.stop();
    assert!(SECRETS.iter().all(|secret| !log.contains(secret)), "{log}");
}

#[test]
fn a_role_that_is_not_assigned_is_no_matter_of_signing_in() {
    let server = Scripted::start(|_| Answer::Success);
    server.set_other(|asked| if is_portal(asked) { error("ForbiddenException", 403) } else { refuse(asked) });
    let home = Home::with_kinesis(&server.url, "");
    write(&home, ".aws/config", SESSION);
    write(&home, OF_SESSION, sso_token(&future()));
    let checked = check(&home, &["--profile", "work"], &variables(&server));
    assert!(checked.remedy().contains("`aws configure sso`"), "{checked:?}");
    assert!(!checked.remedy().contains("aws sso login"), "{checked:?}");
}

#[test]
fn a_token_file_with_another_spelling_of_its_time_is_read() {
    let server = Scripted::start(|call: &crate::scripted::Call| match &*call.token {
        "very-secret-token" => Answer::Success,
        _ => Answer::Error(400, "ExpiredTokenException", "no"),
    });
    server.set_other(|asked| if is_portal(asked) { role_keys(3600) } else { refuse(asked) });
    for ending in ["UTC", "+00:00", "Z"] {
        for (config, file) in [(SESSION, OF_SESSION), (LEGACY, OF_ADDRESS)] {
            let home = Home::with_kinesis(&server.url, "");
            write(&home, ".aws/config", config);
            write(&home, file, sso_token(&future().replace('Z', ending)));
            let checked = check(&home, &["--profile", "work"], &variables(&server));
            assert_eq!(checked.code, Some(0), "{ending}: {checked:?}");
        }
        let home = Home::with_kinesis(&server.url, "");
        write(&home, ".aws/config", LEGACY);
        write(&home, OF_ADDRESS, sso_token(&past().replace('Z', ending)));
        let checked = check(&home, &["--profile", "work"], &variables(&server));
        assert!(ending == "Z" || checked.error().starts_with("SsoSignInNeeded"), "{ending}: {checked:?}");
    }
}

const LOGIN: &str = "[profile console]\nlogin_session = arn:aws:iam::123456789012:user/ada\n\
                     [profile role]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = console\n";

/// The file of `aws login`. The key of its proof is the example for RFC 9449 in AWS's documentation.
fn login_token(expires_at: &str) -> String {
    let key = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIFDZHUzOG1Pzq+6F0mjMlOSp1syN9LRPBuHMoCFXTcXhoAoGCCqGSM49\n\
               AwEHoUQDQgAE9qhj+KtcdHj1kVgwxWWWw++tqoh7H7UHs7oXh8jBbgF47rrYGC+t\n\
               djiIaHK3dBvvdE7MGj5HsepzLm3Kj91bqA==\n-----END EC PRIVATE KEY-----\n";
    json!({
        "accessToken": { "accessKeyId": "ASIALOGIN", "secretAccessKey": "very-secret-key",
            "sessionToken": "very-secret-token", "accountId": "123456789012", "expiresAt": expires_at },
        "tokenType": "aws_sigv4", "refreshToken": "very-secret-refresh", "idToken": "x.y.z",
        "clientId": "arn:aws:signin:::devtools/same-device", "dpopKey": key,
    })
    .to_string()
}

fn login_file() -> String {
    format!("{OF_LOGIN}397b11bbda6668a5a8d17d42c91036373f4a376627089c204bef61ce0ae993c2.json")
}

#[test]
fn a_profile_of_aws_login_delivers_shows_its_time_and_is_renewed() {
    let server = Scripted::start(|call: &crate::scripted::Call| match &*call.access_key {
        "ASIALOGIN" | "ASIARENEWED" => Answer::Success,
        _ => Answer::Error(400, "UnrecognizedClientException", "no"),
    });
    server.set_other(|asked| {
        if asked.path != "/v1/token" {
            return refuse(asked);
        }
        assert!(asked.headers.contains_key("dpop"), "{asked:?}");
        let keys = json!({ "accessKeyId": "ASIARENEWED", "secretAccessKey": "very-secret-key", "sessionToken": "t" });
        (
            200,
            json!({ "accessToken": keys, "tokenType": "aws_sigv4", "expiresIn": 900, "refreshToken": "next" })
                .to_string(),
        )
    });
    for (expires, key) in [(future(), "…OGIN"), (past(), "…EWED")] {
        let home = Home::with_kinesis(&server.url, "");
        write(&home, ".aws/config", LOGIN);
        write(&home, &login_file(), login_token(&expires));
        let checked = check(&home, &["--profile", "console"], &variables(&server));
        assert_eq!(checked.code, Some(0), "{checked:?}");
        let detail = checked.step["detail"].as_str().unwrap_or_default();
        assert!(
            detail.contains(key) && detail.contains("“console”") && detail.contains("more minutes"),
            "{detail}"
        );
    }
}

#[test]
fn a_login_that_has_ended_asks_for_aws_login_and_not_for_sso() {
    let server = Scripted::start(|_| Answer::Success);
    server.set_other(refuse);
    for expires in [Some(past()), None] {
        let home = Home::with_kinesis(&server.url, "");
        write(&home, ".aws/config", LOGIN);
        if let Some(expires) = expires {
            write(&home, &login_file(), login_token(&expires));
        }
        for profile in ["console", "role"] {
            let checked = check(&home, &["--profile", profile], &variables(&server));
            assert!(checked.remedy().contains("`aws login --profile console`"), "{profile}: {checked:?}");
            assert!(checked.error().starts_with("LoginNeeded"), "{profile}: {checked:?}");
        }
    }
}

#[test]
fn what_is_wrong_in_aws_s_files_is_said_with_file_line_and_rule() {
    let server = Scripted::start(|_| Answer::Success);
    let utf16: Vec<u8> = "\u{feff}[profile x]\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let long = "sso_account_id = 1\nsso_role_name = r\n";
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("x", b"[profile x]\nregion = eu-west-1\n".to_vec(), "config, line 1: the profile has no keys"),
        ("x", b"[profile y]\n".to_vec(), "have no profile of that name"),
        ("x", b"[profile x]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = gone\n".to_vec(), "config, line 3: the profile “gone”"),
        ("x", b"[profile x]\nsso_session = s\n[sso-session s]\nsso_region = a\nsso_start_url = https://b\n".to_vec(), "line 1: the profile signs in with SSO and has no `sso_account_id`"),
        ("x", format!("[profile x]\nsso_session = s\n{long}").into_bytes(), "line 2: there is no section [sso-session s]"),
        ("x", format!("[profile x]\nsso_session = s\n{long}sso_region = a\n[sso-session s]\nsso_region = a\nsso_start_url = https://b\n").into_bytes(), "line 5: `sso_region` belongs"),
        ("x", utf16, "config, line 1: the file is UTF-16"),
        ("my work", b"[profile 'my work']\nregion = a\n".to_vec(), "config, line 1: the section [profile 'my work'] is there"),
        ("müller", "[profile müller]\nregion = a\n".as_bytes().to_vec(), "config, line 1: the section [profile müller] is there"),
        ("x", b"[profile x]\nstray\n".to_vec(), "config, line 2: the line is no"),
        ("x", b"\xef\xbb\xbf[profile x]\n".to_vec(), "config, line 1: the file begins with a byte order mark"),
        ("x", b"[profile x]\n  region = a\n".to_vec(), "config, line 2: the line is indented"),
        ("x", b"[profile x]\nregion: a\n".to_vec(), "config, line 2: a setting is written"),
    ];
    for (profile, config, wanted) in cases {
        let home = Home::with_kinesis(&server.url, "");
        write(&home, ".aws/config", &config);
        let checked = check(&home, &["--profile", profile], &variables(&server));
        assert!(checked.error().contains(wanted), "{wanted}: {checked:?}");
        assert!(!checked.remedy().contains("aws sso login"), "{wanted}: {checked:?}");
        assert!(checked.code == Some(1) && !checked.remedy().is_empty(), "{wanted}: {checked:?}");
    }
}

#[test]
fn nothing_behind_a_credential_source_is_said_to_be_that() {
    let server = Scripted::start(|_| Answer::Success);
    let home = Home::with_kinesis(&server.url, "");
    let config = "[profile x]\nrole_arn = arn:aws:iam::1:role/r\ncredential_source = EcsContainer\n";
    write(&home, ".aws/config", config);
    let checked = check(&home, &["--profile", "x"], &variables(&server));
    assert!(checked.error().contains("EcsContainer"), "{checked:?}");
    assert!(!checked.remedy().contains("aws configure --profile"), "{checked:?}");
}

#[test]
fn serve_says_why_a_profile_cannot_be_used_and_says_the_next_reason_too() {
    let server = Scripted::start(|_| Answer::Success);
    server.set_summary(&json!({}));
    let home = Home::with_kinesis(&server.url, "");
    write(
        &home,
        ".aws/config",
        "[profile work]\nsso_session = company\nsso_account_id = 1\nsso_role_name = r\n",
    );
    let serve = serve(&home, &["--profile", "work"], &variables(&server));
    serve.accept("/v1/track", r#"{"userId":"u","event":"e"}"#);
    wait_until("the reason", || serve.log().contains("there is no section [sso-session company]"));
    assert!(!serve.log().contains("already taken"), "{}", serve.log());
    write(&home, ".aws/config", "[profile work]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = gone\n");
    wait_until("the next reason", || serve.log().contains("the profile “gone”"));
    write(&home, ".aws/credentials", "[work]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = s\n");
    write(&home, ".aws/config", "");
    serve.wait_drained();
    serve.stop();
}

/// A profile whose keys come from this command.
fn with_program(server: &Scripted, command: &str) -> Home {
    let home = Home::with_kinesis(&server.url, "");
    write(&home, ".aws/config", format!("[profile work]\ncredential_process = {command}\n"));
    home
}

const PRINTED: &str = r#"{"Version":1,"AccessKeyId":"AKIAPROGRAM","SecretAccessKey":"very-secret-key"}"#;

fn script(home: &Home, text: &str) -> String {
    write(home, "program.sh", text);
    format!("sh {}", home.folder().join("program.sh").display())
}

#[test]
fn a_program_that_fails_is_named_and_quoted_whatever_words_it_uses() {
    let server = Scripted::start(|_| Answer::Success);
    for (text, wanted) in [
        (
            "echo 'sso: the session has expired, aws sso login' >&2\necho more >&2\nexit 1\n",
            "it said: sso: the session has expired",
        ),
        ("echo 'connect: timed out' >&2\nexit 1\n", "it said: connect: timed out"),
        ("exec /no/such/program\n", "is not there"),
        ("echo nothing useful\n", "did not print the JSON"),
        (
            "echo '{\"Version\":2,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"very-secret-key\"}'\n",
            "Version 2",
        ),
        (
            "echo '{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"very-secret-key\",\"Expiration\":\"2001-01-01T00:00:00Z\"}'\n",
            "already expired",
        ),
    ] {
        let home = with_program(&server, "");
        let command = script(&home, text);
        write(&home, ".aws/config", format!("[profile work]\ncredential_process = {command}\n"));
        let checked = check(&home, &["--profile", "work"], &variables(&server));
        assert_eq!(checked.code, Some(1), "{text}: {checked:?}");
        assert!(checked.error().starts_with("CredentialProcessFailed"), "{text}: {checked:?}");
        assert!(checked.error().contains(wanted), "{text}: {checked:?}");
        assert!(checked.remedy().contains("Run that program in a terminal"), "{text}: {checked:?}");
    }
}

#[test]
fn a_program_that_prints_keys_is_used_and_a_role_is_assumed_with_them() {
    let server = Scripted::start(|_| Answer::Success);
    server.set_other(|asked| {
        if !asked.body.contains("Action=AssumeRole") || asked.access_key != "AKIAPROGRAM" {
            return (404, String::new());
        }
        let expires = in_seconds(3600);
        (
            200,
            format!(
                "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>\
                 <AssumedRoleUser><AssumedRoleId>A:t</AssumedRoleId><Arn>arn:aws:sts::1:assumed-role/r/t</Arn>\
                 </AssumedRoleUser><Credentials><AccessKeyId>ASIAOFTHEROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
                 <SessionToken>t</SessionToken><Expiration>{expires}</Expiration></Credentials></AssumeRoleResult>\
                 </AssumeRoleResponse>"
            ),
        )
    });
    let home = with_program(&server, "");
    let command = script(&home, &format!("echo '{PRINTED}'\n"));
    write(
        &home,
        ".aws/config",
        format!(
            "[profile work]\ncredential_process = {command}\n[profile role]\nrole_arn = arn:aws:iam::1:role/r\n\
             source_profile = work\n"
        ),
    );
    for (profile, key) in [("work", "…GRAM"), ("role", "…ROLE")] {
        let checked = check(&home, &["--profile", profile], &variables(&server));
        assert_eq!(checked.code, Some(0), "{checked:?}");
        assert!(checked.step["detail"].as_str().is_some_and(|detail| detail.contains(key)), "{checked:?}");
    }
}

/// A program that prints keys once a file permits it, and records that it runs.
fn approving(home: &Home) {
    let folder = home.folder().display();
    let text = format!(
        "echo $$ >> {folder}/started\nwhile [ ! -e {folder}/approved ]; do sleep 0.1; done\necho '{PRINTED}'\n"
    );
    let command = script(home, &text);
    write(home, ".aws/config", format!("[profile work]\ncredential_process = {command}\n"));
}

fn started(home: &Home) -> Vec<String> {
    let text = fs::read_to_string(home.folder().join("started")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn runs(pid: &str) -> bool {
    // A zombie has ended: its parent has not collected it yet.
    fs::read_to_string(Path::new("/proc").join(pid).join("stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn keys_that_wait_for_an_approval_are_waited_for_once_and_nothing_counts_as_sent() {
    let server = Scripted::start(|_| Answer::Success);
    let home = with_program(&server, "");
    approving(&home);
    let serve = serve(&home, &["--profile", "work"], &variables(&server));
    let start = Instant::now();
    for n in 0..8 {
        serve.accept("/v1/track", &format!(r#"{{"userId":"u{n}","event":"e"}}"#));
    }
    serve.wait_state("blocked");
    wait_until("the log says what is waited for", || serve.log().contains("waits for the AWS keys"));
    // A put has 15 seconds. The wait for keys is not part of them.
    wait_until("longer than a put may take", || start.elapsed() > Duration::from_secs(16));
    assert_eq!(started(&home).len(), 1, "{}", serve.log());
    write(&home, "approved", "");
    serve.wait_drained();
    serve.wait_state("running");
    assert_eq!((started(&home).len(), server.written_count()), (1, 8));
    assert_eq!(metric(&serve.metrics(), "tributary_repeats_possible_total"), 0);
    let log = serve.stop();
    assert!(log.contains("“sh”") && SECRETS.iter().all(|secret| !log.contains(secret)), "{log}");
}

#[test]
fn a_program_that_is_waited_for_ends_with_the_engine() {
    let server = Scripted::start(|_| Answer::Success);
    let home = with_program(&server, "");
    approving(&home);
    let serve = serve(&home, &["--profile", "work"], &variables(&server));
    serve.accept("/v1/track", r#"{"userId":"u","event":"e"}"#);
    wait_until("the program runs", || started(&home).len() == 1);
    serve.stop();
    wait_until("the program has ended", || started(&home).iter().all(|pid| !runs(pid)));
}

#[test]
fn a_container_that_does_not_answer_is_named() {
    let server = Scripted::start(|_| Answer::Success);
    let home = Home::with_kinesis(&server.url, "");
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = format!("http://{}/keys", silent.local_addr().expect("it is bound"));
    let mut variables = variables(&server);
    variables.push(("AWS_CONTAINER_CREDENTIALS_FULL_URI", Some(address.clone())));
    let checked = check(&home, &[], &variables);
    assert!(
        checked.error().starts_with("KeyServiceSilent") && checked.error().contains(&address),
        "{checked:?}"
    );
}

#[test]
fn the_profile_of_the_environment_is_called_by_its_name() {
    let server = Scripted::start(|_| Answer::Success);
    let home = Home::with_kinesis(&server.url, "");
    write(&home, ".aws/credentials", "[other]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = s\n");
    let with = |profile: &str| {
        let mut variables = variables(&server);
        variables.push(("AWS_PROFILE", Some(profile.to_owned())));
        check(&home, &[], &variables)
    };
    let checked = with("other");
    let detail = checked.step["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("the profile “other” (AWS_PROFILE)"), "{checked:?}");
    let checked = with("missing");
    assert!(
        checked.error().starts_with("ProfileNotFound") && checked.said.contains("“missing”"),
        "{checked:?}"
    );
}

#[test]
fn a_comment_that_is_indented_is_no_part_of_the_secret() {
    let server = Scripted::start(|_| Answer::Success);
    let signed = |text: &str| {
        let home = Home::with_kinesis(&server.url, "");
        write(&home, ".aws/credentials", text);
        let serve = serve(&home, &["--profile", "work"], &variables(&server));
        let before = server.written_count();
        serve.accept("/v1/track", r#"{"userId":"u","event":"e"}"#);
        wait_until("the record", || server.written_count() > before);
        serve.stop();
    };
    // A secret with a line break would change the signature. The scripted server checks none, so the key id shows the
    // error.
    signed("[work]\naws_secret_access_key = s\naws_access_key_id = AKIAEXAMPLE\n  # made in May\n");
    assert_eq!(server.calls().last().map(|call| call.access_key.clone()).as_deref(), Some("AKIAEXAMPLE"));
}

/// The request has the token of the container, which is as secret as the keys.
#[test]
fn a_proxy_does_not_get_the_request_for_the_container_s_keys() {
    let proxy = Scripted::start(|_| Answer::Success);
    let container = Scripted::start(|_| Answer::Success);
    container.set_other(|asked| {
        assert_eq!(
            asked.headers.get("authorization").and_then(|text| text.to_str().ok()),
            Some("very-secret-token")
        );
        let keys = json!({ "AccessKeyId": "ASIACONTAINER", "SecretAccessKey": "very-secret-key", "Token": "t",
            "Expiration": in_seconds(3600).to_string() });
        (200, keys.to_string())
    });
    proxy.set_other(|asked| {
        assert!(!asked.path.ends_with("/keys"), "{asked:?}");
        (404, String::new())
    });
    let home = Home::with_kinesis("http://kinesis.test:4567", "");
    let mut variables = variables(&proxy);
    variables.retain(|(name, _)| !name.starts_with("AWS_ENDPOINT"));
    variables.push(("HTTP_PROXY", Some(proxy.url.clone())));
    variables.push(("AWS_CONTAINER_CREDENTIALS_FULL_URI", Some(format!("{}/keys", container.url))));
    variables.push(("AWS_CONTAINER_AUTHORIZATION_TOKEN", Some("very-secret-token".to_owned())));
    let checked = check(&home, &[], &variables);
    assert!(checked.step["detail"].as_str().is_some_and(|detail| detail.contains("…INER")), "{checked:?}");
    assert_eq!(checked.code, Some(0), "Kinesis goes through the proxy: {checked:?}");
}

#[test]
fn a_region_of_the_environment_is_named_where_ours_is_missing() {
    let home = Home::new("[destination]\nkind = \"kinesis\"\nstream = \"clicks\"\n");
    let mut command = home.command(&["check"]);
    command.env("AWS_REGION", "eu-west-1");
    let output = command.output().expect("the program starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("AWS_REGION"), "{said}");
}

/// Keys expire while Kinesis cannot be reached.
#[test]
fn keys_that_expire_in_an_outage_are_renewed_and_every_event_arrives() {
    let server = Scripted::start(|_| Answer::CutBefore);
    let mut count = 0;
    server.set_other(move |asked| {
        if !is_portal(asked) {
            return refuse(asked);
        }
        count += 1;
        // They are renewed ten seconds before they expire.
        let expires = in_seconds(12).as_millisecond();
        let keys = json!({ "accessKeyId": format!("ASIA{count}"), "secretAccessKey": "very-secret-key",
            "sessionToken": format!("t{count}"), "expiration": expires });
        (200, json!({ "roleCredentials": keys }).to_string())
    });
    let home = Home::with_kinesis(&server.url, "");
    write(&home, ".aws/config", SESSION);
    write(&home, OF_SESSION, sso_token(&future()));
    let serve = serve(&home, &["--profile", "work"], &variables(&server));
    for n in 0..3 {
        serve.accept("/v1/track", &format!(r#"{{"userId":"u","event":"e","n":{n}}}"#));
    }
    serve.wait_state("offline");
    let tokens =
        || server.calls().into_iter().map(|call| call.token).collect::<std::collections::BTreeSet<_>>();
    wait_until("other keys", || tokens().len() > 1);
    let newest = server.calls().last().map(|call| call.token.clone()).unwrap_or_default();
    let old: Vec<String> = tokens().into_iter().filter(|token| *token != newest).collect();
    server.set_rule(move |call| {
        if old.contains(&call.token) {
            return Answer::Error(
                400,
                "ExpiredTokenException",
                "The security token included in the request is expired",
            );
        }
        Answer::Success
    });
    serve.wait_drained();
    let log = serve.stop();
    assert!(!log.contains("blocked"), "{log}");
    assert_eq!(server.first_arrivals("n")["u"], [json!(0), json!(1), json!(2)]);
}

#[test]
fn a_malformed_arn_is_refused_before_anything_is_asked() {
    let server = Scripted::start(|_| Answer::Success);
    for arn in [
        "arn:aws:kinesis:us-east-1:12:stream/clicks",
        "arn:aws:s3:::bucket",
        "arn:aws:kinesis:us-east-1:123456789012:table/x",
    ] {
        let home = Home::with_kinesis(&server.url, "");
        let ended = home.run(&["check", "--stream", arn]);
        assert!(ended.code != Some(0) && !ended.stderr.is_empty(), "{arn}: {ended:?}");
    }
    assert!(server.calls().is_empty());
}
