//! The policies for the places where the program can run, and for a stream in another account, before independent judges:
//! iam-simulate, an IAM engine, decides about requests; cfn-lint and python-hcl2 read the templates; AWS's models of its services
//! (botocore) check every command; and ministack, which signs and evaluates policies itself, runs both halves.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::account::checked;
use crate::processes::{Ministack, node, python, run, sender};

const TRIBUTARY: &str = env!("CARGO_BIN_EXE_tributary");
const STREAM: &str = "arn:aws:kinesis:eu-west-1:111111111111:stream/clicks";
const ISSUER: &str = "oidc.eks.eu-west-1.amazonaws.com/id/D43C";
/// The engine knows the claims of public issuers alone: findings/iam-simulate-drops-the-claims-of-oidc-providers.sh.
const KNOWN_ISSUER: &str = "accounts.google.com";
const ANCHOR: &str =
    "arn:aws:rolesanywhere:eu-west-1:111111111111:trust-anchor/0a1b0a1b-0a1b-0a1b-0a1b-0a1b0a1b0a1b";

/// The places, and what is known about each.
fn places() -> Vec<Vec<&'static str>> {
    let pod = ["--namespace", "analytics", "--service-account", "tributary"];
    vec![
        vec!["--trusted", "arn:aws:iam::111111111111:user/ada", "--external-id", "x-1"],
        vec!["--runs-on", "ec2"],
        vec!["--runs-on", "ecs"],
        [&["--runs-on", "eks-pod-identity", "--cluster", "prod"], &pod[..]].concat(),
        [&["--runs-on", "irsa", "--oidc-issuer", ISSUER], &pod[..]].concat(),
        vec!["--runs-on", "lambda"],
        vec!["--runs-on", "roles-anywhere", "--trust-anchor-arn", ANCHOR, "--certificate-name", "collector"],
    ]
}

/// The output of `tributary policy`.
fn policy(words: &[&str]) -> String {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(TRIBUTARY);
    command.args(["policy", "--region", "eu-west-1", "--account-id", "111111111111", "--stream", "clicks"]);
    let output = command.args(words).env_clear().env("HOME", home.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn document(words: &[&str]) -> Value {
    serde_json::from_str(&policy(words)).unwrap()
}

/// A request to the IAM engine.
struct Asked<'a> {
    principal: &'a str,
    action: &'a str,
    resource: &'a str,
    context: &'a Value,
    identity: Option<&'a Value>,
    policy: Option<&'a Value>,
}

/// Whether each request is allowed. Every resource is of account 111111111111.
fn allowed(requests: &[Asked<'_>]) -> Vec<bool> {
    let requests: Vec<Value> = requests
        .iter()
        .map(|asked| {
            json!({
                "principal": asked.principal, "action": asked.action, "resource": asked.resource,
                "account": "111111111111", "context": asked.context,
                "identity": asked.identity.into_iter().collect::<Vec<_>>(), "policy": asked.policy,
            })
        })
        .collect();
    let results: Vec<String> =
        serde_json::from_str(&run(&mut node("simulate.js"), &json!(requests).to_string())).unwrap();
    results.iter().map(|result| result == "Allowed").collect()
}

/// Who may assume the role of a place, and with which request.
struct Trusted {
    words: Vec<&'static str>,
    principal: String,
    actions: &'static [&'static str],
    context: Value,
    /// Changes of the request, each of which must be refused.
    wrong: Vec<(&'static str, &'static str)>,
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn trusted() -> Vec<Trusted> {
    let assume = &["sts:AssumeRole"][..];
    let service = |name: &str| name.to_owned();
    let [ada, ec2, ecs, pods, irsa, lambda, anywhere] =
        <[Vec<_>; 7]>::try_from(places()).expect("seven places");
    let of_token = |name: &str| format!("{KNOWN_ISSUER}:{name}");
    vec![
        Trusted {
            words: ada,
            principal: service("arn:aws:iam::111111111111:user/ada"),
            actions: assume,
            context: json!({ "sts:ExternalId": "x-1" }),
            wrong: vec![("sts:ExternalId", "x-2"), ("", "arn:aws:iam::111111111111:user/bob")],
        },
        Trusted {
            words: ec2,
            principal: service("ec2.amazonaws.com"),
            actions: assume,
            context: json!({}),
            wrong: vec![("", "lambda.amazonaws.com"), ("", "arn:aws:iam::111111111111:user/ada")],
        },
        Trusted {
            words: ecs,
            principal: service("ecs-tasks.amazonaws.com"),
            actions: assume,
            context: json!({
                "aws:SourceArn": "arn:aws:ecs:eu-west-1:111111111111:task/prod/0a1b",
                "aws:SourceAccount": "111111111111",
            }),
            wrong: vec![
                ("aws:SourceAccount", "222222222222"),
                ("aws:SourceArn", "arn:aws:ecs:eu-west-1:222222222222:task/prod/0a1b"),
                ("", "ec2.amazonaws.com"),
            ],
        },
        Trusted {
            words: pods,
            principal: service("pods.eks.amazonaws.com"),
            actions: &["sts:AssumeRole", "sts:TagSession"],
            context: json!({
                "aws:RequestTag/eks-cluster-arn": "arn:aws:eks:eu-west-1:111111111111:cluster/prod",
                "aws:RequestTag/kubernetes-namespace": "analytics",
                "aws:RequestTag/kubernetes-service-account": "tributary",
            }),
            wrong: vec![
                ("aws:RequestTag/eks-cluster-arn", "arn:aws:eks:eu-west-1:111111111111:cluster/test"),
                ("aws:RequestTag/kubernetes-namespace", "default"),
                ("aws:RequestTag/kubernetes-service-account", "default"),
            ],
        },
        Trusted {
            words: irsa,
            principal: format!("arn:aws:iam::111111111111:oidc-provider/{KNOWN_ISSUER}"),
            actions: &["sts:AssumeRoleWithWebIdentity"],
            context: json!({
                of_token("aud"): "sts.amazonaws.com",
                of_token("sub"): "system:serviceaccount:analytics:tributary",
            }),
            wrong: vec![
                ("accounts.google.com:sub", "system:serviceaccount:analytics:default"),
                ("accounts.google.com:aud", "vault"),
                ("", "arn:aws:iam::111111111111:oidc-provider/accounts.example.org"),
            ],
        },
        Trusted {
            words: lambda,
            principal: service("lambda.amazonaws.com"),
            actions: assume,
            context: json!({}),
            wrong: vec![("", "ec2.amazonaws.com")],
        },
        Trusted {
            words: anywhere,
            principal: service("rolesanywhere.amazonaws.com"),
            actions: &["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
            context: json!({ "aws:SourceArn": ANCHOR, "aws:PrincipalTag/x509Subject/CN": "collector" }),
            wrong: vec![
                ("aws:SourceArn", "arn:aws:rolesanywhere:eu-west-1:111111111111:trust-anchor/other"),
                ("aws:PrincipalTag/x509Subject/CN", "laptop"),
            ],
        },
    ]
}

/// A service or a user that assumes the role with this trust policy.
fn assuming<'a>(principal: &'a str, action: &'a str, context: &'a Value, trust: &'a Value) -> Asked<'a> {
    let resource = "arn:aws:iam::111111111111:role/tributary-clicks";
    Asked { principal, action, resource, context, identity: None, policy: Some(trust) }
}

#[test]
fn the_right_service_with_the_right_request_may_assume_the_role_and_nobody_else() {
    for Trusted { words, principal, actions, context, wrong } in trusted() {
        let trust = policy(&[&words[..], &["--trust-policy"]].concat()).replace(ISSUER, KNOWN_ISSUER);
        let trust: Value = serde_json::from_str(&trust).unwrap();
        let right: Vec<_> =
            actions.iter().map(|action| assuming(&principal, action, &context, &trust)).collect();
        assert!(allowed(&right).iter().all(|is| *is), "{words:?}: {trust:#}");
        for (key, value) in wrong {
            if key.is_empty() {
                let asked = assuming(value, actions[0], &context, &trust);
                assert_eq!(allowed(&[asked]), [false], "{words:?}: {value}");
                continue;
            }
            let (mut changed, mut without) = (context.clone(), context.clone());
            changed[key] = json!(value);
            without.as_object_mut().unwrap().remove(key);
            for context in [&changed, &without] {
                let asked = assuming(&principal, actions[0], context, &trust);
                assert_eq!(allowed(&[asked]), [false], "{words:?}: {key} in {context}");
            }
        }
    }
}

#[test]
fn a_writer_of_another_account_may_put_if_both_halves_allow_it_and_nobody_else_may() {
    let key = "arn:aws:kms:eu-west-1:111111111111:key/0a1b0a1b-0a1b-0a1b-0a1b-0a1b0a1b0a1b";
    let words = ["--runs-on", "ecs", "--writer-account", "222222222222", "--kms-key-arn", key];
    let identity = document(&words);
    let shared = document(&[&words[..], &["--resource-policy"]].concat());
    let own = json!({ "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::111111111111:root" }, "Action": "kms:*",
        "Resource": "*" });
    let of_key = |more: Option<Value>| {
        let statements: Vec<_> = std::iter::once(own.clone()).chain(more).collect();
        json!({ "Version": "2012-10-17", "Statement": statements })
    };
    let (with, without) = (of_key(Some(document(&[&words[..], &["--key-policy"]].concat()))), of_key(None));
    let writer = "arn:aws:sts::222222222222:assumed-role/tributary-clicks/task";
    let other = "arn:aws:sts::222222222222:assumed-role/other/task";
    let stranger = "arn:aws:sts::333333333333:assumed-role/tributary-clicks/task";
    let context = json!({});
    let (put, data_key) = ("kinesis:PutRecord", "kms:GenerateDataKey");
    let ask = |principal, action, resource, identity, policy| Asked {
        principal,
        action,
        resource,
        context: &context,
        identity,
        policy,
    };
    let elsewhere = "arn:aws:kinesis:eu-west-1:111111111111:stream/other";
    let (identity, shared) = (Some(&identity), Some(&shared));
    for (what, asked, is_allowed) in [
        ("both halves", ask(writer, put, STREAM, identity, shared), true),
        ("no resource policy", ask(writer, put, STREAM, identity, None), false),
        ("no identity policy", ask(writer, put, STREAM, None, shared), false),
        ("another role", ask(other, put, STREAM, identity, shared), false),
        ("another account", ask(stranger, put, STREAM, identity, shared), false),
        ("another action", ask(writer, "kinesis:PutRecords", STREAM, identity, shared), false),
        ("deleting", ask(writer, "kinesis:DeleteStream", STREAM, identity, shared), false),
        ("another stream", ask(writer, put, elsewhere, identity, shared), false),
        ("the key", ask(writer, data_key, key, identity, Some(&with)), true),
        ("the key without the statement", ask(writer, data_key, key, identity, Some(&without)), false),
        ("the key by another role", ask(other, data_key, key, identity, Some(&with)), false),
        ("decrypting", ask(writer, "kms:Decrypt", key, identity, Some(&with)), false),
    ] {
        assert_eq!(allowed(&[asked]), [is_allowed], "{what}");
    }
}

/// What cfn-lint or python-hcl2 reads in a text.
fn read(form: &str, text: &str) -> BTreeMap<String, Value> {
    let mut command = Command::new(python());
    command.arg(sender("templates.py")).arg(form);
    let answer: Value = serde_json::from_str(&run(&mut command, text)).unwrap();
    assert_eq!(answer["found"], json!([]), "{text}");
    serde_json::from_value(answer["policies"].clone()).unwrap()
}

#[test]
fn cfn_lint_has_nothing_to_say_and_every_format_holds_the_same_policies() {
    let mut all = places();
    all.push(vec![]);
    for words in all {
        let with = |more: &[&str]| policy(&[&words[..], more].concat());
        let json_of = |more: &[&str]| -> Value { serde_json::from_str(&with(more)).unwrap() };
        let mut expected = vec![json_of(&[])];
        if !words.is_empty() {
            expected.insert(0, json_of(&["--trust-policy"]));
        }
        for (form, format) in [("yaml", "cloudformation"), ("tf", "terraform")] {
            let mut found: Vec<_> = read(form, &with(&["--format", format])).into_values().collect();
            found.sort_by_key(|policy| policy["Statement"][0]["Principal"].is_null());
            assert_eq!(found, expected, "{words:?} {format}");
        }
    }
    let key = "arn:aws:kms:eu-west-1:111111111111:key/k-1";
    let words =
        ["--runs-on", "ecs", "--writer-account", "222222222222", "--kms-key-arn", key, "--resource-policy"];
    let expected = document(&words);
    for (form, format) in [("yaml", "cloudformation"), ("tf", "terraform")] {
        let found = read(form, &policy(&[&words[..], &["--format", format]].concat()));
        assert_eq!(found.into_values().collect::<Vec<_>>(), std::slice::from_ref(&expected), "{format}");
    }
}

/// A folder with `aws` and `kubectl` for the commands of a text.
fn tools() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let aws = format!("#!/bin/sh\nexec {} {} \"$@\"\n", python(), sender("aws.py").display());
    for (name, script) in [("aws", aws.as_str()), ("kubectl", "#!/bin/sh\necho kubectl \"$@\"\n")] {
        let path = folder.path().join(name);
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

/// Runs a text by bash, as a person would who pastes it.
fn bash(tools: &Path, text: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new("bash");
    command.args(["-e", "-c", text]).stdin(Stdio::null()).env_clear();
    command.env("PATH", format!("{}:/usr/bin:/bin", tools.display())).env("HOME", tools);
    let output = command.envs(variables.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
    output
}

#[test]
fn every_command_is_one_that_aws_s_models_of_its_services_know() {
    let tools = tools();
    let key = "arn:aws:kms:eu-west-1:111111111111:key/k-1";
    let shared =
        ["--writer-account", "222222222222", "--runs-on", "ecs", "--kms-key-arn", key, "--resource-policy"];
    let mut all = places();
    all.push(shared.to_vec());
    for words in all {
        let text = policy(&[&words[..], &["--format", "aws-cli"]].concat());
        // Commands in comments are for the user to complete: with the words in capitals they are whole.
        let text = text.replace("\n# aws ", "\naws ");
        let output = bash(tools.path(), &text, &[("AWS_CHECK_ONLY", "1")]);
        let checked = String::from_utf8(output.stderr).unwrap().matches("checked:").count();
        assert!(checked >= 3, "{words:?}: {checked} commands were checked");
    }
}

#[test]
fn both_halves_run_as_they_are_printed_and_an_independent_iam_then_allows_the_writer_alone() {
    let ministack = Ministack::start();
    let tools = tools();
    let in_account = |account: &str, text: &str| -> String {
        let output = bash(
            tools.path(),
            text,
            &[
                ("AWS_ENDPOINT_URL", ministack.url.as_str()),
                ("AWS_ACCESS_KEY_ID", account),
                ("AWS_SECRET_ACCESS_KEY", "test"),
                ("NO_PROXY", "127.0.0.1"),
            ],
        );
        String::from_utf8(output.stdout).unwrap()
    };
    let (of_stream, of_writer) = ("111111111111", "222222222222");
    in_account(of_stream, "aws kinesis create-stream --region eu-west-1 --stream-name clicks");
    let made: Value =
        serde_json::from_str(&in_account(of_stream, "aws kms create-key --region eu-west-1")).unwrap();
    let key = made["KeyMetadata"]["Arn"].as_str().unwrap();
    let words = ["--writer-account", of_writer, "--kms-key-arn", key, "--format", "aws-cli"];
    let key_of = |output: &str| {
        let last: Value = serde_json::from_str(output.lines().last().unwrap()).unwrap();
        ["AccessKeyId", "SecretAccessKey"].map(|name| last["AccessKey"][name].as_str().unwrap().to_owned())
    };
    let writer = key_of(&in_account(of_writer, &policy(&words)));
    let other = key_of(&in_account(
        of_writer,
        "aws iam create-user --user-name other\n\
         aws iam attach-user-policy --user-name other --policy-arn arn:aws:iam::222222222222:policy/tributary-clicks\n\
         aws iam create-access-key --user-name other",
    ));
    let put = |[id, secret]: &[String; 2]| {
        let home = tempfile::tempdir().unwrap();
        let mut command = Command::new(TRIBUTARY);
        command.args(["check", "--json", "--put-record", "--region", "eu-west-1", "--stream", STREAM]);
        command.args(["--endpoint-url", &ministack.url]).env_clear().env("HOME", home.path());
        command.env("AWS_ACCESS_KEY_ID", id).env("AWS_SECRET_ACCESS_KEY", secret);
        let (_, lines, answer) = checked(&mut command);
        assert!(lines.iter().any(|line| line.starts_with("put ")), "{answer}");
        answer.to_string()
    };
    // The key's half is judged by the IAM engine above: ministack looks for a key in the account of the caller alone.
    let denied = "may not do `kinesis:PutRecord`";
    assert!(put(&writer).contains(denied), "the stream's half is missing");
    let half = policy(&[&words[..], &["--resource-policy"]].concat());
    in_account(of_stream, &half);
    // ministack has allowed the put then, and looks for the stream in the account of the keys.
    let answer = put(&writer);
    assert!(!answer.contains(denied) && answer.contains("has no stream"), "{answer}");
    assert!(put(&other).contains(denied), "another user with the same policy");

    // A second run changes nothing, and the key's own statements stay.
    in_account(of_stream, &half);
    let shown = format!(
        "aws kms get-key-policy --region eu-west-1 --key-id {key} --policy-name default --query Policy --output text"
    );
    let held: Value = serde_json::from_str(&in_account(of_stream, &shown)).unwrap();
    let principals: Vec<_> =
        held["Statement"].as_array().unwrap().iter().map(|one| &one["Principal"]["AWS"]).collect();
    assert_eq!(
        principals,
        ["arn:aws:iam::111111111111:root", "arn:aws:iam::222222222222:user/tributary-clicks"]
    );
}
