//! Set-up against ministack with `AUTH=true`, with independent code for signatures, IAM policies and STS. A user with
//! exactly our policy can do exactly what the program needs.

use std::collections::BTreeSet;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tributary::config::{Config, DestinationKind};
use tributary::delivery::Verdict;
use tributary::policy::{Attachment, Grants};

use crate::processes::{Ministack, python, run, sender};

const TRIBUTARY: &str = env!("CARGO_BIN_EXE_tributary");
const ARN: [&str; 6] = ["--region", "eu-west-1", "--account-id", "000000000000", "--stream", "clicks"];

/// The output of `tributary policy`.
fn policy(words: &[&str]) -> String {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(TRIBUTARY);
    command.arg("policy").args(ARN).args(words).env_clear().env("HOME", home.path());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The calls that a user with this policy may make.
fn tried(ministack: &Ministack, document: &str) -> Value {
    tried_with(ministack, &[], document)
}

/// The same, with these KMS keys.
fn tried_with(ministack: &Ministack, kms_keys: &[&str], document: &str) -> Value {
    let mut command = Command::new(python());
    command.arg(sender("policy.py")).arg(&ministack.url).args(kms_keys);
    serde_json::from_str(&run(&mut command, document)).unwrap()
}

fn allowed(results: &Value) -> BTreeSet<String> {
    let results = results.as_object().unwrap().iter();
    results
        .filter(|(_, said)| !said.as_str().unwrap().starts_with("AccessDenied"))
        .map(|(name, _)| name.clone())
        .collect()
}

#[test]
fn a_user_with_our_policy_can_do_what_was_asked_for_and_nothing_else() {
    let ministack = Ministack::start();
    let read = ["ListShards", "GetShardIterator", "GetRecords"];
    let options: [(&[&str], Vec<&str>, &[&str]); 6] = [
        (&[], vec!["PutRecord"], &[]),
        (&["--operation", "put-records"], vec!["PutRecords"], &[]),
        (&["--describe"], vec!["PutRecord", "DescribeStreamSummary"], &[]),
        (&["--read-back"], [&["PutRecord"], &read[..]].concat(), &[]),
        (&["--list-streams"], vec!["PutRecord"], &["ListStreams"]),
        (
            &["--operation", "put-records", "--describe", "--read-back", "--list-streams"],
            [&["PutRecords", "DescribeStreamSummary"], &read[..]].concat(),
            &["ListStreams"],
        ),
    ];
    for (words, wanted, in_account) in options {
        let results = tried(&ministack, &policy(words));
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(allowed(&results["clicks"]), set(&wanted), "{words:?}: {results}");
        assert_eq!(allowed(&results["other"]), set(&[]), "{words:?}: {results}");
        assert_eq!(allowed(&results["account"]), set(in_account), "{words:?}: {results}");
    }
}

#[test]
fn a_key_that_encrypts_the_stream_may_be_used_for_what_was_asked_for_and_no_other_key() {
    let ministack = Ministack::start();
    let keys = python_iam(&ministack, "[kms.create_key()['KeyMetadata']['Arn'] for _ in range(2)]");
    let [ours, other] = [0, 1].map(|at| keys[at].as_str().unwrap());
    let options: [(&[&str], &[&str]); 3] = [
        (&[], &[]),
        (&["--kms-key-arn", ours], &["GenerateDataKey"]),
        (&["--kms-key-arn", ours, "--read-back"], &["Decrypt", "GenerateDataKey"]),
    ];
    for (words, wanted) in options {
        let results = tried_with(&ministack, &[ours, other], &policy(words));
        let wanted: BTreeSet<_> = wanted.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(allowed(&results["kms"][0]), wanted, "{words:?}: {results}");
        assert_eq!(allowed(&results["kms"][1]), BTreeSet::new(), "{words:?}: {results}");
    }
}

/// Runs `tributary check --put-record` with these keys.
fn check(ministack: &Ministack, key: (&str, &str), words: &[&str]) -> (Option<i32>, Vec<String>, Value) {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(TRIBUTARY);
    command.args(["check", "--json", "--put-record", "--region", "eu-west-1"]);
    if !words.contains(&"--stream") {
        command.args(["--stream", "clicks"]);
    }
    command.args(["--endpoint-url", &ministack.url]).args(words).env_clear().env("HOME", home.path());
    command.env("AWS_ACCESS_KEY_ID", key.0).env("AWS_SECRET_ACCESS_KEY", key.1);
    let (output, lines, answer) = checked(&mut command);
    (output.status.code(), lines, answer)
}

/// The result of a `check --json`, its steps, and its answer.
pub fn checked(command: &mut Command) -> (Output, Vec<String>, Value) {
    let output = command.output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let line =
        |step: &Value| format!("{} {}", step["step"].as_str().unwrap(), step["result"].as_str().unwrap());
    let lines = answer["steps"].as_array().unwrap().iter().map(line).collect();
    (output, lines, answer)
}

/// The steps of a check with exactly the default policy.
pub const PASSED: [&str; 7] = [
    "credentials passed",
    "identity passed",
    "stream skipped",
    "put passed",
    "record passed",
    "read-back skipped",
    "reader skipped",
];

#[test]
fn the_check_tells_what_real_permissions_allow() {
    let ministack = Ministack::start();
    let key_of = |results: &Value| {
        let key = |at: usize| results["key"][at].as_str().unwrap().to_owned();
        (key(0), key(1))
    };
    let (id, secret) = key_of(&tried(&ministack, &policy(&[])));
    let (code, lines, answer) = check(&ministack, (&id, &secret), &[]);
    assert_eq!((code, &lines[..]), (Some(0), &PASSED.map(str::to_owned)[..]), "{answer}");
    assert_eq!(answer["steps"][1]["account"], "000000000000");

    let (code, lines, answer) = check(&ministack, (&id, &secret), &["--operation", "put-records"]);
    assert_eq!((code, lines.last().unwrap().as_str()), (Some(1), "put failed"), "{answer}");
    assert!(answer["steps"][3]["detail"].as_str().unwrap().contains("kinesis:PutRecords"), "{answer}");

    let (code, lines, answer) = check(&ministack, (&id, "wrong"), &[]);
    assert_eq!((code, lines.last().unwrap().as_str()), (Some(1), "identity failed"), "{answer}");
    let (code, lines, answer) = check(&ministack, ("AKIAUNKNOWNUNKNOWN00", &secret), &[]);
    assert_eq!((code, lines.last().unwrap().as_str()), (Some(1), "identity failed"), "{answer}");
    let role = ["--role-arn", "arn:aws:iam::000000000000:role/nobody"];
    let (code, lines, answer) = check(&ministack, (&id, &secret), &role);
    assert_eq!((code, lines.last().unwrap().as_str()), (Some(1), "credentials failed"), "{answer}");

    let everything = policy(&["--describe", "--read-back"]);
    let (id, secret) = key_of(&tried(&ministack, &everything));
    // ministack identifies the stream of a read only by its ARN.
    let by_arn =
        ["--encoding", "json-lines", "--stream", "arn:aws:kinesis:eu-west-1:000000000000:stream/clicks"];
    let (code, lines, answer) = check(&ministack, (&id, &secret), &by_arn);
    // Nobody said who reads the stream.
    let (reader, lines) = lines.split_last().unwrap();
    assert_eq!((code, reader.as_str()), (Some(0), "reader skipped"));
    assert!(lines.iter().all(|line| line.ends_with("passed")), "{answer}");
}

#[test]
fn a_role_made_of_our_texts_is_assumed_by_whom_it_names_with_the_external_id_and_may_put_alone() {
    let ministack = Ministack::start();
    // Users who may assume any role: the trust policy decides about this one.
    let users = python_iam(
        &ministack,
        "[[iam.create_user(UserName=name), iam.put_user_policy(UserName=name, PolicyName='assume', \
         PolicyDocument='{\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\", \"Action\": \
         \"sts:AssumeRole\", \"Resource\": \"*\"}]}'), iam.create_access_key(UserName=name)['AccessKey']][2] for name \
         in ('ada', 'bob')]",
    );
    let key = |at: usize| {
        let text = |name: &str| users[at][name].as_str().unwrap().to_owned();
        (text("AccessKeyId"), text("SecretAccessKey"))
    };
    let (ada, bob) = (key(0), key(1));
    let words = ["--external-id", "x-1", "--trusted", "arn:aws:iam::000000000000:user/ada"];
    let trust = policy(&[&words[..], &["--trust-policy"]].concat());
    let permissions = policy(&words);
    let any = policy(&["--trusted", "arn:aws:iam::000000000000:user/ad*", "--trust-policy"]);
    let made = format!(
        "[iam.create_role(RoleName='forwarder', AssumeRolePolicyDocument={trust:?}), \
         iam.create_role(RoleName='of-any', AssumeRolePolicyDocument={any:?}), \
         iam.create_policy(PolicyName='forwarder', PolicyDocument={permissions:?}), \
         iam.attach_role_policy(RoleName='forwarder', PolicyArn='arn:aws:iam::000000000000:policy/forwarder'), \
         iam.attach_role_policy(RoleName='of-any', PolicyArn='arn:aws:iam::000000000000:policy/forwarder'), \
         kinesis.create_stream(StreamName='clicks', ShardCount=1), True][-1]"
    );
    assert_eq!(python_iam(&ministack, &made), json!(true));
    let check_as = |role: &str, (id, secret): &(String, String), words: &[&str]| {
        let role = format!("arn:aws:iam::000000000000:role/{role}");
        check(&ministack, (id, secret), &[&["--role-arn", &role], words].concat())
    };
    let check = |who: &(String, String), external_id: &str, words: &[&str]| {
        check_as("forwarder", who, &[&["--external-id", external_id], words].concat())
    };
    let (code, lines, answer) = check(&ada, "x-1", &[]);
    assert_eq!((code, &lines[..]), (Some(0), &PASSED.map(str::to_owned)[..]), "{answer}");
    let arn = answer["steps"][1]["arn"].as_str().unwrap();
    assert!(arn.starts_with("arn:aws:sts::000000000000:assumed-role/forwarder/"), "{answer}");
    let refused = [
        (&ada, "x-2", &[][..], "credentials failed"),
        (&bob, "x-1", &[], "credentials failed"),
        (&ada, "x-1", &["--operation", "put-records"], "put failed"),
    ];
    for (who, external_id, words, last) in refused {
        let (code, lines, answer) = check(who, external_id, words);
        assert_eq!((code, lines.last().unwrap().as_str()), (Some(1), last), "{answer}");
    }
    let (code, _, answer) = check_as("of-any", &ada, &[]);
    assert_eq!(code, Some(0), "{answer}");
    let (code, lines, answer) = check_as("of-any", &bob, &[]);
    assert_eq!((code, lines.last().unwrap().as_str()), (Some(1), "credentials failed"), "{answer}");
}

/// Settings that deliver to this stream, with the keys of the environment.
pub fn delivering_to(ministack: &Ministack, stream: &str) -> Config {
    let mut config = Config::default();
    config.destination.kind = DestinationKind::Kinesis;
    "eu-west-1".clone_into(&mut config.destination.region);
    stream.clone_into(&mut config.destination.stream);
    "000000000000".clone_into(&mut config.destination.account_id);
    config.destination.endpoint_url.clone_from(&ministack.url);
    config
}

/// The keys belong to the process: the test runs itself again with root's.
#[test]
fn what_is_attached_for_the_user_is_what_an_independent_iam_holds() {
    const ROOT: &str = "test";
    if crate::from_environment("AWS_ACCESS_KEY_ID").as_deref() != Some(ROOT) {
        let this = std::env::current_exe().unwrap();
        let name = "account::what_is_attached_for_the_user_is_what_an_independent_iam_holds";
        let mut command = Command::new(this);
        command.args(["--exact", name, "--nocapture"]).stdin(Stdio::null());
        command
            .env("AWS_ACCESS_KEY_ID", ROOT)
            .env("AWS_SECRET_ACCESS_KEY", ROOT)
            .env("NO_PROXY", "127.0.0.1");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    let ministack = Ministack::start();
    let config = delivering_to(&ministack, "clicks");
    let attachment =
        Attachment { grants: Grants::default(), name: "tributary-clicks".to_owned(), access_key: false };
    let calls = attachment.calls(&config);
    let attach = || {
        let mut steps = Vec::new();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(tributary::kinesis::attach(&config, &calls, |step| steps.push(step)));
        steps
    };
    let steps = attach();
    assert!(steps.len() == 3 && steps.iter().all(|step| step.verdict == Verdict::Passed), "{steps:?}");
    let held = python_iam(
        &ministack,
        "iam.get_policy_version(PolicyArn=arn, VersionId='v1')['PolicyVersion']['Document']",
    );
    let document: Value = serde_json::from_str(&calls[1].parameters[1].1).unwrap();
    assert_eq!(held, document);
    let attached = python_iam(
        &ministack,
        "iam.list_attached_user_policies(UserName='tributary-clicks')['AttachedPolicies']",
    );
    assert_eq!(attached[0]["PolicyName"], "tributary-clicks");

    // The name is taken now: the second try changes nothing.
    let steps = attach();
    let Verdict::Failed(fault) = &steps[0].verdict else { panic!("{steps:?}") };
    assert_eq!((steps.len(), &*fault.code), (1, "EntityAlreadyExists"), "{steps:?}");
    let users = python_iam(&ministack, "[user['UserName'] for user in iam.list_users()['Users']]");
    assert_eq!(users, json!(["tributary-clicks"]));
}

/// The answer of IAM, KMS or Kinesis to botocore, with root's keys.
fn python_iam(ministack: &Ministack, expression: &str) -> Value {
    let script = format!(
        "import botocore.session, json\n\
         iam, kms, kinesis = (botocore.session.get_session().create_client(name, region_name='eu-west-1', endpoint_url='{}', \
         aws_access_key_id='test', aws_secret_access_key='test') for name in ('iam', 'kms', 'kinesis'))\n\
         arn = 'arn:aws:iam::000000000000:policy/tributary-clicks'\n\
         print(json.dumps({expression}, default=str))\n",
        ministack.url
    );
    serde_json::from_str(&run(Command::new(python()).arg("-c").arg(script), "")).unwrap()
}
