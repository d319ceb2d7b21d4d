//! Where requests go: AWS's own variables and profile entries count as in every AWS tool, an address in the settings
//! wins, and a server that cannot be reached is named. Nothing can leave this machine: the proxy is a closed port.

use crate::{
    account::Account,
    binary::Home,
    scripted::{Answer, Scripted},
    wire::wait_until,
};

/// A closed port.
const NOWHERE: &str = "http://127.0.0.1:9";

/// A destination of AWS itself.
const AWS: &str = "[destination]\nkind = \"kinesis\"\nregion = \"eu-west-1\"\nstream = \"clicks\"\n";

/// Exit code, stdout and stderr of a check with these variables.
fn check(home: &Home, words: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut command = home.command(&[&["check"], words].concat());
    command.env("HTTPS_PROXY", NOWHERE).env("NO_PROXY", "127.0.0.1").envs(variables.iter().copied());
    let output = command.output().expect("the program starts");
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    (output.status.code(), said.concat())
}

fn write(home: &Home, text: &str) {
    let folder = home.folder().join(".aws");
    std::fs::create_dir_all(&folder).expect("the folder is ours");
    std::fs::write(folder.join("config"), text).expect("the folder is ours");
}

const CALLS: [&str; 3] = ["GetCallerIdentity", "DescribeStreamSummary", "PutRecord?"];

#[test]
fn the_variables_of_aws_name_the_server_of_every_service_and_it_is_said() {
    for (variables, named) in [
        (&["AWS_ENDPOINT_URL"][..], "(AWS_ENDPOINT_URL)"),
        (&["AWS_ENDPOINT_URL_KINESIS", "AWS_ENDPOINT_URL_STS"], "(AWS_ENDPOINT_URL_KINESIS)"),
    ] {
        let (account, home) = (Account::start(&["clicks"]), Home::new(AWS));
        let variables: Vec<_> = variables.iter().map(|name| (*name, &*account.url)).collect();
        let (code, said) = check(&home, &[], &variables);
        assert_eq!((code, account.actions()), (Some(0), CALLS.map(str::to_owned).to_vec()), "{said}");
        assert!(said.contains(&format!("Requests to Kinesis go to {} {named}", account.url)), "{said}");
        assert!(said.contains("STS was asked at"), "{said}");
    }
}

#[test]
fn the_profile_names_the_server_of_every_service_or_of_one() {
    let account = Account::start(&["clicks"]);
    let url = &account.url;
    for config in [
        format!("[profile here]\nendpoint_url = {url}\n"),
        format!(
            "[profile here]\nservices = local\n[services local]\nkinesis =\n  endpoint_url = {url}\nsts =\n  \
             endpoint_url = {url}\n"
        ),
    ] {
        let home = Home::new(AWS);
        let keys = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = example\n";
        write(&home, &config.replace("[profile here]\n", &format!("[profile here]\n{keys}")));
        let before = account.actions().len();
        let (code, said) = check(&home, &["--profile", "here"], &[]);
        assert_eq!((code, &account.actions()[before..]), (Some(0), &CALLS.map(str::to_owned)[..]), "{said}");
        assert!(said.contains("(endpoint_url of the AWS profile)"), "{said}");
    }
}

#[test]
fn an_address_of_our_settings_wins_over_the_variables() {
    let account = Account::start(&["clicks"]);
    let home = Home::with_kinesis(&account.url, "");
    let elsewhere =
        ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_KINESIS", "AWS_ENDPOINT_URL_STS"].map(|name| (name, NOWHERE));
    let (code, said) = check(&home, &[], &elsewhere);
    assert_eq!((code, account.actions()), (Some(0), CALLS.map(str::to_owned).to_vec()), "{said}");
    assert!(!said.contains("AWS_ENDPOINT_URL"), "{said}");
}

#[test]
fn addresses_that_are_to_be_ignored_are() {
    let (account, home) = (Account::start(&["clicks"]), Home::new(AWS));
    let variables = [("AWS_ENDPOINT_URL", &*account.url), ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")];
    let (code, said) = check(&home, &[], &variables);
    assert_eq!((code, account.actions().len()), (Some(1), 0), "AWS itself is out of reach here: {said}");
}

#[test]
fn the_engine_delivers_where_the_variables_say_and_logs_it() {
    let server = Scripted::start(|_| Answer::Success);
    let home = Home::new(AWS);
    let serve =
        home.serve_with(&[], &[("AWS_ENDPOINT_URL", Some(&*server.url)), ("HTTPS_PROXY", Some(NOWHERE))]);
    serve.accept("/v1/track", r#"{"userId":"u","event":"e"}"#);
    serve.wait_drained();
    assert_eq!(server.written_count(), 1);
    let said = format!("Requests to Kinesis go to {} (AWS_ENDPOINT_URL)", server.url);
    wait_until("the log says it", || serve.log().contains(&said));
    serve.stop();
}

#[test]
fn an_address_wins_over_fips_and_dual_stack_host_names() {
    for variable in ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"] {
        let role = ["--role-arn", "arn:aws:iam::123456789012:role/forwarder"];
        for words in [&[][..], &role] {
            let account = Account::start(&["clicks"]);
            let (code, said) = check(&Home::with_kinesis(&account.url, ""), words, &[(variable, "true")]);
            assert_eq!(code, Some(0), "{variable}: {said}");
            let variables = [(variable, "true"), ("AWS_ENDPOINT_URL", &*account.url)];
            let (code, said) = check(&Home::new(AWS), words, &variables);
            assert_eq!(code, Some(0), "{variable}: {said}");
        }
    }
}

/// A service that issues keys is not Kinesis: the message names its host, its purpose and a workaround.
#[test]
fn a_service_that_hands_out_keys_and_cannot_be_reached_is_named() {
    let server = Scripted::start(|_| Answer::Success);
    let role = "[profile x]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = keys\n[profile keys]\n\
                aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = example\n";
    let sso = "[profile x]\nsso_session = company\nsso_account_id = 123456789012\nsso_role_name = writer\n\
               [sso-session company]\nsso_region = us-east-1\nsso_start_url = https://example.awsapps.com/start\n";
    let token = r#"{"accessToken":"t","expiresAt":"2999-01-01T00:00:00Z","region":"us-east-1",
                    "startUrl":"https://example.awsapps.com/start"}"#;
    for (config, variable, service, way) in [
        (role, ("AWS_ENDPOINT_URL_STS", NOWHERE), "AWS STS at 127.0.0.1:9", "com.amazonaws.us-east-1.sts"),
        (
            sso,
            ("AWS_ENDPOINT_URL_SSO", NOWHERE),
            "the AWS access portal at 127.0.0.1:9",
            "role of the machine",
        ),
        (
            "",
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/keys"),
            "the address that gives AWS keys at 127.0.0.1:9",
            "AWS_CONTAINER_CREDENTIALS",
        ),
    ] {
        let home = Home::with_kinesis(&server.url, "");
        write(&home, config);
        let cache = home.folder().join(".aws/sso/cache");
        std::fs::create_dir_all(&cache).expect("the folder is ours");
        std::fs::write(cache.join("71b21161ffa1e6516bcc072aaf5ef38cbe85b511.json"), token)
            .expect("the folder is ours");
        let words: &[&str] = if config.is_empty() { &[] } else { &["--profile", "x"] };
        let variables =
            [("AWS_ACCESS_KEY_ID", None), ("AWS_SECRET_ACCESS_KEY", None), (variable.0, Some(variable.1))];
        let serve = home.serve_with(words, &variables);
        serve.accept("/v1/track", r#"{"userId":"u","event":"e"}"#);
        serve.wait_state("offline");
        wait_until(service, || serve.log().contains(&format!("No connection to {service}")));
        let log = serve.stop();
        assert!(log.contains(way), "{log}");
        // The chain of causes in words, without a dump of the SDK's types.
        for dump in ["source:", "Unhandled(", "DispatchFailure", "ConnectorError", "Some(", "Provider {"] {
            assert!(!log.contains(dump), "{dump}: {log}");
        }
        let repeats = home.run(&["log", "--summary", "--json"]).line();
        assert_eq!(repeats["repeatsPossible"], 0, "nothing was sent: {repeats}");
    }
}

/// A laptop wakes up: AWS refuses the signatures, and each answer tells its time.
#[test]
fn a_clock_that_is_off_stops_nothing_and_the_check_says_so() {
    let server = Scripted::start(|_| Answer::Success);
    server.set_summary(&serde_json::json!({}));
    server.set_other(|_| (200, "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::1:user/t</Arn>\
         <UserId>A</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>".to_owned()));
    let home = Home::with_kinesis(&server.url, "");
    let serve = home.serve(&[]);
    let send = || serve.accept("/v1/track", r#"{"userId":"u","event":"e"}"#);
    send();
    serve.wait_drained();
    for (n, minutes) in [(2, 10), (3, -10), (4, 0)] {
        server.set_clock(minutes * 60);
        send();
        wait_until("it is delivered", || server.written_count() == n);
        serve.wait_drained();
    }
    server.set_clock(600);
    let (code, said) = check(&home, &[], &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("clock is about 10 minutes slow"), "{said}");
    serve.stop();
}
