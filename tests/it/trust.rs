//! Roles for the places where the program can run, and streams in other accounts: the command line and the window.

use serde_json::{Value, json};

use crate::binary::{Ended, Home};

const KNOWN: [&str; 6] = ["--region", "eu-west-1", "--account-id", "111111111111", "--stream", "clicks"];
const FROM_OTHER: [&str; 4] = ["--writer-account", "222222222222", "--runs-on", "ecs"];

fn policy(home: &Home, words: &[&str]) -> Ended {
    home.run(&[&["policy"], &KNOWN[..], words].concat())
}

fn json_of(ended: &Ended) -> Value {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    serde_json::from_str(&ended.stdout).expect("JSON")
}

#[test]
fn each_place_has_its_trust_policy_and_names_what_is_missing_about_it() {
    let home = Home::new("");
    for (place, principal) in [
        ("ec2", json!({ "Service": "ec2.amazonaws.com" })),
        ("ecs", json!({ "Service": "ecs-tasks.amazonaws.com" })),
        ("eks-pod-identity", json!({ "Service": "pods.eks.amazonaws.com" })),
        ("irsa", json!({ "Federated": "arn:aws:iam::111111111111:oidc-provider/{oidc-issuer}" })),
        ("lambda", json!({ "Service": "lambda.amazonaws.com" })),
        ("roles-anywhere", json!({ "Service": "rolesanywhere.amazonaws.com" })),
    ] {
        let trust = json_of(&policy(&home, &["--runs-on", place, "--trust-policy"]));
        assert_eq!(trust["Statement"][0]["Principal"], principal, "{place}");
        let ended = policy(&home, &["--runs-on", place]);
        let user = policy(&home, &[]);
        assert_eq!(json_of(&ended), json_of(&user), "{place}: the policy is the same everywhere");
        assert!(ended.stderr.contains("--trust-policy") && user.stderr.is_empty(), "{ended:?}");
    }
    let of_pods = policy(&home, &["--runs-on", "eks-pod-identity", "--trust-policy"]).stderr;
    assert_eq!(
        of_pods.trim_end(),
        "still to be filled in: {cluster}, {namespace}, {service-account} (--cluster, --namespace, --service-account)"
    );
    let pod = ["--cluster", "prod", "--namespace", "analytics", "--service-account", "tributary"];
    let words = [&["--runs-on", "eks-pod-identity", "--format", "aws-cli"], &pod[..]].concat();
    let ended = policy(&home, &words);
    assert_eq!(ended.stderr, "", "{ended:?}");
    assert!(ended.stdout.contains("--cluster-name prod --namespace analytics --service-account tributary"));
}

#[test]
fn what_does_not_belong_to_a_place_or_is_no_value_of_it_is_refused() {
    let home = Home::new("");
    for (words, code, why) in [
        (&["--runs-on", "ec2", "--cluster", "prod"][..], 1, "--cluster does not belong to `--runs-on ec2`"),
        (&["--runs-on", "lambda", "--trusted", "arn:aws:iam::111111111111:user/a"], 1, "needs none"),
        (&["--trust-policy"], 1, "a user has no trust policy"),
        (&["--resource-policy"], 1, "stream and writer are in one account"),
        (
            &["--resource-policy", "--writer-account", "111111111111"],
            1,
            "stream and writer are in one account",
        ),
        (&["--key-policy", "--writer-account", "222222222222"], 1, "--kms-key-arn"),
        (&["--writer-account", "22"], 2, "12 digits"),
        (&["--runs-on", "moon"], 2, "roles-anywhere"),
        (&["--runs-on", "irsa", "--namespace", "A B"], 2, "lower-case letters"),
        (&["--runs-on", "roles-anywhere", "--trust-anchor-arn", "x"], 2, "trust-anchor/ID"),
    ] {
        let ended = policy(&home, words);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{words:?}: {ended:?}");
        assert!(ended.stderr.contains(why), "{words:?}: {ended:?}");
    }
}

#[test]
fn both_accounts_of_a_shared_stream_get_their_half() {
    let home = Home::new("");
    let writer = policy(&home, &FROM_OTHER);
    assert_eq!(json_of(&writer)["Statement"][0]["Action"], json!(["kinesis:PutRecord"]));
    assert!(writer.stderr.contains("--resource-policy prints it") && writer.stderr.contains("as its ARN"));
    let stream = policy(&home, &[&FROM_OTHER[..], &["--resource-policy"]].concat());
    let statement = &json_of(&stream)["Statement"][0];
    assert_eq!(statement["Principal"]["AWS"], "arn:aws:iam::222222222222:role/tributary-clicks");
    assert_eq!(statement["Resource"], "arn:aws:kinesis:eu-west-1:111111111111:stream/clicks");
    assert!(
        stream.stderr.contains("aws/kinesis") && stream.stderr.contains("cannot be shared"),
        "{stream:?}"
    );

    let key = "arn:aws:kms:eu-west-1:111111111111:key/k-1";
    let with_key = [&FROM_OTHER[..], &["--kms-key-arn", key, "--name", "forwarder"]].concat();
    let statement = json_of(&policy(&home, &[&with_key[..], &["--key-policy"]].concat()));
    assert_eq!(statement["Action"], json!(["kms:GenerateDataKey"]));
    assert_eq!(statement["Principal"]["AWS"], "arn:aws:iam::222222222222:role/forwarder");
    for (format, word) in [
        ("aws-cli", "aws kinesis put-resource-policy"),
        ("terraform", "aws_kinesis_resource_policy"),
        ("cloudformation", "AWS::Kinesis::ResourcePolicy"),
    ] {
        let half =
            |more: &[&str]| policy(&home, &[&with_key[..], &["--format", format], more].concat()).stdout;
        let (writer, stream) = (half(&[]), half(&["--resource-policy"]));
        assert!(
            writer.contains("Run in account 222222222222 (writer)") && !writer.contains(word),
            "{writer}"
        );
        assert!(stream.contains("Run in account 111111111111 (stream)"), "{stream}");
        assert!(
            stream.contains(word) && stream.contains("role/forwarder") && stream.contains(key),
            "{stream}"
        );
    }
}
