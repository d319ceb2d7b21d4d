//! Every place where Tributary can run, and a stream in another account: the texts, compared with those in `golden`.

use serde_json::{Value, json};

use super::{
    Assumed, Field, Format, Grants, Host, Missing, Writer, key_statement, missing, render, render_share,
    role_steps, trust_policy,
};
use crate::config::Config;

const STREAM: &str = "arn:aws:kinesis:eu-west-1:111111111111:stream/clicks";
const KEY: &str = "arn:aws:kms:eu-west-1:111111111111:key/k-1";
const ISSUER: &str = "https://oidc.eks.eu-west-1.amazonaws.com/id/D43C";
const ANCHOR: &str = "arn:aws:rolesanywhere:eu-central-1:222222222222:trust-anchor/0a-1b";

fn config() -> Config {
    let mut config = Config::default();
    "eu-west-1".clone_into(&mut config.destination.region);
    "111111111111".clone_into(&mut config.destination.account_id);
    "clicks".clone_into(&mut config.destination.stream);
    config
}

/// A writer there about whom everything is known.
fn writer(host: Host) -> Writer {
    let mut writer = Writer { host, ..Writer::default() };
    for (field, value) in [
        (Field::Cluster, "prod"),
        (Field::Namespace, "analytics"),
        (Field::ServiceAccount, "tributary"),
        (Field::OidcIssuer, ISSUER),
        (Field::TrustAnchor, ANCHOR),
        (Field::CertificateName, "collector-1"),
    ] {
        writer.values.set(field, value);
    }
    writer
}

fn from_other_account(host: Host) -> Writer {
    Writer { account_id: Some("222222222222".to_owned()), ..writer(host) }
}

fn with_key() -> Grants {
    Grants { kms_key_arn: Some(KEY.to_owned()), ..Grants::default() }
}

/// One text of a golden file, below its title.
fn part(title: &str, text: &str) -> String {
    format!("======== {title}\n{text}")
}

fn all_formats(of: impl Fn(Format) -> String) -> String {
    Format::ALL.map(|format| part(format.as_str(), &of(format))).concat()
}

/// Everything that is said for a role in one account. The policy itself is the same everywhere.
fn said(host: Host) -> String {
    let (config, writer, grants) = (config(), writer(host), Grants::default());
    assert_eq!(missing(&config, &grants, &writer), [], "{host:?}");
    let trust = trust_policy(&config, &writer).expect("a role");
    let steps = role_steps(&config, &writer, Format::Json);
    let steps: Vec<_> = steps.iter().map(|step| format!("{}:\n{}\n", step.what, step.text)).collect();
    part("trust policy", &trust)
        + &part("after the role exists", &steps.concat())
        + &all_formats(|format| render(&config, &grants, &writer, format))
}

#[test]
fn each_place_has_its_texts() {
    for (host, golden) in [
        (Host::Ec2, include_str!("golden/ec2.txt")),
        (Host::Ecs, include_str!("golden/ecs.txt")),
        (Host::EksPodIdentity, include_str!("golden/eks-pod-identity.txt")),
        (Host::Irsa, include_str!("golden/irsa.txt")),
        (Host::Lambda, include_str!("golden/lambda.txt")),
        (Host::RolesAnywhere, include_str!("golden/roles-anywhere.txt")),
    ] {
        assert_eq!(said(host), golden, "{host:?}");
    }
}

#[test]
fn a_stream_in_another_account_has_two_halves_that_say_who_runs_them() {
    let (config, writer, grants) = (config(), from_other_account(Host::Ecs), with_key());
    let share = |format| render_share(&config, &grants, &writer, format).expect("two accounts");
    let text = part("writer: trust policy", &trust_policy(&config, &writer).expect("a role"))
        + &all_formats(|format| render(&config, &grants, &writer, format))
        + &part("stream: statement of the key", &key_statement(&config, &grants, &writer).expect("a key"))
        + &all_formats(share);
    assert_eq!(text, include_str!("golden/other-account.txt"));
    for format in [Format::AwsCli, Format::Terraform, Format::CloudFormation] {
        let half = render(&config, &grants, &writer, format);
        assert!(half.contains("# Run in account 222222222222 (writer)."), "{half}");
        assert!(half.contains(&format!("as its ARN: {STREAM}\n")), "{half}");
        let half = share(format);
        assert!(half.contains("# Run in account 111111111111 (stream), after"), "{half}");
        assert!(half.contains("arn:aws:iam::222222222222:role/tributary-clicks"), "{half}");
    }
}

#[test]
fn a_step_is_left_to_the_user_where_the_format_does_not_take_it() {
    let left = |host, format| {
        role_steps(&config(), &writer(host), format).iter().map(|step| step.what).collect::<Vec<_>>()
    };
    assert_eq!(left(Host::ThisComputer, Format::Json), [""; 0], "a user");
    for (host, json, commands, files) in [
        (Host::Ec2, 2, 1, 1),
        (Host::Ecs, 1, 1, 1),
        (Host::EksPodIdentity, 1, 0, 0),
        (Host::Irsa, 2, 1, 2),
        (Host::Lambda, 1, 1, 1),
        (Host::RolesAnywhere, 2, 1, 1),
    ] {
        let counts = Format::ALL.map(|format| left(host, format).len());
        assert_eq!(counts, [json, commands, files, files], "{host:?}");
    }
}

#[test]
fn one_account_needs_no_half_of_the_stream() {
    let same = Writer { account_id: Some("111111111111".to_owned()), ..writer(Host::Ecs) };
    for one in [Writer::default(), writer(Host::Lambda), same.clone()] {
        assert_eq!(render_share(&config(), &with_key(), &one, Format::Json), None);
        assert_eq!(key_statement(&config(), &with_key(), &one), None);
    }
    let text = |writer| render(&config(), &with_key(), writer, Format::AwsCli);
    assert_eq!(text(&same), text(&writer(Host::Ecs)), "the stream's own account, spelt out");
}

#[test]
fn the_stream_s_half_allows_the_named_writer_what_its_own_policy_allows() {
    let everything =
        Grants { put_records: true, describe: true, read_back: true, list_streams: true, ..with_key() };
    let json =
        |text: Option<String>| serde_json::from_str::<Value>(&text.expect("two accounts")).expect("JSON");
    let user = Writer { name: "ada".to_owned(), ..from_other_account(Host::ThisComputer) };
    let policy = json(render_share(&config(), &everything, &user, Format::Json));
    let statement = &policy["Statement"][0];
    assert_eq!(statement["Principal"], json!({ "AWS": "arn:aws:iam::222222222222:user/ada" }));
    // Listing is about the account of the caller, and a stream's policy cannot allow it.
    assert_eq!(
        statement["Action"],
        json!([
            "kinesis:PutRecord",
            "kinesis:PutRecords",
            "kinesis:DescribeStreamSummary",
            "kinesis:ListShards",
            "kinesis:GetShardIterator",
            "kinesis:GetRecords"
        ])
    );
    assert_eq!(statement["Resource"], STREAM);
    let key = json(key_statement(&config(), &everything, &user));
    assert_eq!(key["Action"], json!(["kms:GenerateDataKey", "kms:Decrypt"]));
    assert_eq!((&key["Resource"], &key["Sid"]), (&json!("*"), &json!("ada222222222222")));
    assert_eq!(key_statement(&config(), &Grants::default(), &user), None, "no key, no statement");
}

#[test]
fn the_service_is_named_as_its_partition_names_it() {
    let service = |region: &str, host| {
        let mut config = config();
        region.clone_into(&mut config.destination.region);
        let trust: Value =
            serde_json::from_str(&trust_policy(&config, &writer(host)).expect("a role")).expect("JSON");
        trust["Statement"][0]["Principal"]["Service"].as_str().expect("a service").to_owned()
    };
    for (region, ec2) in [
        ("eu-west-1", "ec2.amazonaws.com"),
        ("us-gov-west-1", "ec2.amazonaws.com"),
        ("us-iso-east-1", "ec2.amazonaws.com"),
        ("cn-north-1", "ec2.amazonaws.com.cn"),
    ] {
        assert_eq!(service(region, Host::Ec2), ec2);
        assert_eq!(service(region, Host::Ecs), "ecs-tasks.amazonaws.com");
        assert_eq!(service(region, Host::Lambda), "lambda.amazonaws.com");
    }
}

#[test]
fn a_host_is_in_the_writer_s_account_and_in_its_own_region() {
    let condition = |writer: &Writer| {
        let text = trust_policy(&config(), writer).expect("a role");
        serde_json::from_str::<Value>(&text).expect("JSON")["Statement"][0]["Condition"].take()
    };
    let mut tasks = from_other_account(Host::Ecs);
    tasks.values.set(Field::ClusterRegion, "eu-central-1");
    assert_eq!(
        condition(&tasks),
        json!({
            "ArnLike": { "aws:SourceArn": "arn:aws:ecs:eu-central-1:222222222222:*" },
            "StringEquals": { "aws:SourceAccount": "222222222222" },
        })
    );
    let mut pods = from_other_account(Host::EksPodIdentity);
    pods.values.set(Field::ClusterRegion, "eu-central-1");
    assert_eq!(
        condition(&pods)["StringEquals"]["aws:RequestTag/eks-cluster-arn"],
        "arn:aws:eks:eu-central-1:222222222222:cluster/prod"
    );
    let mut any = writer(Host::RolesAnywhere);
    any.values.set(Field::CertificateName, " ");
    assert_eq!(condition(&any), json!({ "ArnEquals": { "aws:SourceArn": ANCHOR } }));
}

#[test]
fn what_is_unknown_about_a_host_stays_visible_in_every_text_that_needs_it() {
    for host in Host::ALL {
        let unknown = Writer {
            host,
            assumed: Some(Assumed::default()),
            account_id: Some(String::new()),
            ..Writer::default()
        };
        let missing = missing(&Config::default(), &Grants::default(), &unknown);
        assert!(missing.len() >= 4, "{missing:?}");
        for format in [Format::AwsCli, Format::Terraform, Format::CloudFormation] {
            let text = render(&Config::default(), &Grants::default(), &unknown, format);
            for one in &missing {
                assert!(text.contains(one.placeholder()), "{host:?} {one:?}: {text}");
            }
        }
    }
}

#[test]
fn a_wrong_arn_of_who_is_trusted_is_missing_in_the_list_and_in_the_text() {
    for trusted in ["", "ada", "arn:aws:iam::12:role/a*", "arn:aws:sts::123456789012:assumed-role/*"] {
        let assumed = Some(Assumed { trusted: trusted.to_owned(), ..Assumed::default() });
        let wrong = Writer { assumed, ..Writer::default() };
        assert_eq!(missing(&config(), &Grants::default(), &wrong), [Missing::Trusted], "{trusted}");
        let text = trust_policy(&config(), &wrong).expect("a role");
        let trust: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(trust["Statement"][0]["Principal"], json!({ "AWS": "{trusted-arn}" }), "{trusted}");
    }
}

#[test]
fn no_value_of_a_host_can_break_out_of_its_quotes() {
    let wild = "a'b\"c${x}%{y}\n*$(id)";
    for host in Host::ALL {
        let mut writer = Writer { host, name: "n".to_owned(), ..Writer::default() };
        for field in host.fields() {
            writer.values.set(*field, wild);
            assert!(field.check(wild).is_err(), "{field:?}");
        }
        for format in Format::ALL {
            let text = render(&config(), &Grants::default(), &writer, format);
            assert!(!text.contains("$(id)"), "{host:?}: {text}");
        }
    }
    let named = Writer { account_id: Some("x\ny".to_owned()), ..writer(Host::RolesAnywhere) };
    let text = render(&config(), &Grants::default(), &named, Format::Terraform);
    assert!(text.contains("{writer-account-id}") && !text.contains("x\ny"), "{text}");
}

#[test]
fn no_character_that_ends_a_line_somewhere_is_in_a_comment() {
    let mut config = config();
    for end in ['\n', '\r', '\u{b}', '\u{85}', '\u{2028}', '\u{2029}'] {
        config.destination.stream = format!("a{end}b");
        for format in [Format::AwsCli, Format::Terraform, Format::CloudFormation] {
            let text = render(&config, &Grants::default(), &Writer::default(), format);
            assert!(text.starts_with("# Lets Tributary use the Kinesis stream a b in eu-west-1."), "{text}");
        }
    }
}

#[test]
fn an_account_id_of_any_text_stays_one_value_in_the_lines_that_come_with_a_role() {
    let wild = "1\" $(id) '2";
    let mut config = config();
    wild.clone_into(&mut config.destination.account_id);
    let role = format!("arn:aws:iam::{wild}:role/tributary-clicks");
    let last = |host| role_steps(&config, &writer(host), Format::Json).pop().expect("a step").text;
    let task: Value = serde_json::from_str(&format!("{{{}}}", last(Host::Ecs))).expect("a member of JSON");
    assert_eq!(task["taskRoleArn"], role);
    let profile = last(Host::RolesAnywhere);
    let (_, command) = profile.split_once("credential_process = ").expect("a command");
    let words = shlex::split(command).expect("every quote is closed");
    assert_eq!(words.last(), Some(&role), "{command}");
}
