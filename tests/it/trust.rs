//! Roles for the places where the program can run, and streams in other accounts: the command line and the window.

use egui_kittest::kittest::Queryable as _;
use serde_json::{Value, json};
use tributary::config::DestinationKind;

use crate::binary::{Ended, Home};
use crate::opened_window::{
    OpenedWindow, Window, click, copied, edit, flip, open, retype, says, settings, type_into,
};

const KNOWN: [&str; 6] = ["--region", "eu-west-1", "--account-id", "111111111111", "--stream", "clicks"];
const KEY: &str = "arn:aws:kms:eu-west-1:111111111111:key/k-1";
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
        (&["--trust-policy"], 2, "--trusted"),
        (&["--trust-policy", "--runs-on", "this-computer"], 1, "a user has no trust policy"),
        (&["--resource-policy"], 2, "--writer-account"),
        (
            &["--resource-policy", "--writer-account", "111111111111"],
            1,
            "stream and writer are in one account",
        ),
        (&["--key-policy", "--writer-account", "222222222222"], 2, "--kms-key-arn"),
        (
            &["--key-policy", "--writer-account", "111111111111", "--kms-key-arn", KEY],
            1,
            "only a key in another account",
        ),
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

    let with_key = [&FROM_OTHER[..], &["--kms-key-arn", KEY, "--name", "forwarder"]].concat();
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
            stream.contains(word) && stream.contains("role/forwarder") && stream.contains(KEY),
            "{stream}"
        );
    }
}

/// The step that has the policy, for the stream “clicks” of account 111111111111.
fn permission() -> OpenedWindow {
    let mut config = settings();
    config.destination.kind = DestinationKind::Kinesis;
    "eu-west-1".clone_into(&mut config.destination.region);
    "clicks".clone_into(&mut config.destination.stream);
    "111111111111".clone_into(&mut config.destination.account_id);
    // Nobody answers there, and no test here asks.
    "http://127.0.0.1:9".clone_into(&mut config.destination.endpoint_url);
    let mut opened = open(config);
    edit(&mut opened.window, "Permission");
    opened
}

/// What the button copies.
fn copy(window: &mut Window, button: &str) -> String {
    click(window, button);
    let text = copied(window).expect(button);
    window.run();
    text
}

#[test]
fn each_place_asks_for_what_it_needs_and_gives_its_trust_policy() {
    let mut opened = permission();
    let window = &mut opened.window;
    let pod =
        [("EKS cluster", "prod"), ("Kubernetes namespace", "analytics"), ("Service account", "tributary")];
    let issuer = "https://oidc.eks.eu-west-1.amazonaws.com/id/D43C";
    let anchor = "arn:aws:rolesanywhere:eu-west-1:111111111111:trust-anchor/0a-1b";
    assert!(says(window, "Where will it run?") && says(window, "Attach it for me"), "a user, as ever");
    for (place, values, service, comes_with_it) in [
        ("EC2", &[][..], "ec2.amazonaws.com", "create-instance-profile"),
        ("ECS", &[], "ecs-tasks.amazonaws.com", "taskRoleArn"),
        ("EKS Pod Identity", &pod, "pods.eks.amazonaws.com", "create-pod-identity-association"),
        (
            "EKS IRSA",
            &[("OIDC issuer", issuer)],
            "system:serviceaccount:analytics:tributary",
            "kubectl annotate",
        ),
        ("Lambda", &[], "lambda.amazonaws.com", "update-function-configuration"),
        ("Roles Anywhere", &[("ARN of the trust anchor", anchor)], anchor, "credential_process"),
    ] {
        click(window, place);
        window.run();
        assert_eq!(says(window, "Still missing"), !values.is_empty(), "{place}");
        for (field, value) in values {
            type_into(window, field, value);
        }
        assert!(!says(window, "Still missing"), "{place}: the namespace is known from the place before");
        let trust = copy(window, "Copy trust policy");
        assert!(trust.contains(service) && !trust.contains('…'), "{place}: {trust}");
        assert!(says(window, comes_with_it), "{place}");
        assert!(!says(window, "Attach it for me"), "{place}: a role is not made for the user");
    }
    click(window, "CloudFormation");
    window.run();
    assert!(
        says(window, "AWS::RolesAnywhere::Profile"),
        "the text has the trust policy and what comes with it"
    );
    assert!(window.query_by_label("Copy trust policy").is_none());
}

#[test]
fn an_empty_field_of_a_place_is_a_placeholder_and_a_wrong_one_says_its_rule() {
    let mut opened = permission();
    let window = &mut opened.window;
    click(window, "EKS IRSA");
    window.run();
    assert!(says(window, "Still missing: the OIDC issuer, the Kubernetes namespace, the service account"));
    let trust = copy(window, "Copy trust policy");
    assert!(
        trust.contains("{oidc-issuer}:sub") && trust.contains("{namespace}:{service-account}"),
        "{trust}"
    );
    assert!(says(window, "Trust policy with placeholders copied"));
    type_into(window, "Kubernetes namespace", "My Space");
    assert!(says(window, "A namespace has 1 to 63 lower-case letters"));
    assert!(copy(window, "Copy trust policy").contains("{namespace}"), "a wrong value is none");
    retype(window, "Kubernetes namespace", "my-space");
    assert!(!says(window, "A namespace has 1 to 63"));
    assert!(copy(window, "Copy trust policy").contains(":my-space:"));
}

#[test]
fn another_account_gives_two_halves_that_say_who_runs_them() {
    let mut opened = permission();
    let window = &mut opened.window;
    click(window, "ECS");
    flip(window, "Another account");
    assert!(says(window, "Still missing: the account that it runs in"));
    assert!(says(window, "aws/kinesis"), "the key of AWS cannot be shared");
    assert_eq!(copy(window, "Copy stream as arn"), "arn:aws:kinesis:eu-west-1:111111111111:stream/clicks");
    type_into(window, "Account it runs in", "111111111111");
    assert!(says(window, "This is the stream's account"));
    retype(window, "Account it runs in", "222222222222");
    window.get_by_label("1. Run in account 222222222222 (writer)");
    window.get_by_label("2. Run in account 111111111111 (stream)");
    let trust = copy(window, "Copy trust policy");
    assert!(trust.contains("arn:aws:ecs:eu-west-1:222222222222:*"), "the task's account: {trust}");
    let shared: Value = serde_json::from_str(&copy(window, "Copy resource policy")).expect("JSON");
    assert_eq!(shared["Statement"][0]["Principal"]["AWS"], "arn:aws:iam::222222222222:role/tributary-clicks");
    flip(window, "Policy allows: Customer key");
    type_into(window, "ARN of the KMS key", KEY);
    assert!(copy(window, "Copy key statement").contains("kms:GenerateDataKey"));
    assert!(!says(window, "aws/kinesis"));
    for (format, half) in [
        ("AWS CLI", "put-resource-policy"),
        ("Terraform", "aws_kinesis_resource_policy"),
        ("CloudFormation", "AWS::Kinesis::ResourcePolicy"),
    ] {
        click(window, format);
        window.run();
        let text = copy(window, "Copy resource policy");
        assert!(text.contains(half) && text.contains("# Run in account 111111111111 (stream)"), "{text}");
        assert!(copy(window, "Copy policy").contains("# Run in account 222222222222 (writer)"));
    }
    click(window, "This computer");
    window.run();
    assert!(copy(window, "Copy resource policy").contains("user/tributary-clicks"));
    assert!(!says(window, "Attach it for me"), "the keys of the form are those of one account");
    flip(window, "Another account");
    assert!(says(window, "Attach it for me") && !says(window, "2. Run in account"));
}
