//! The set-up in four formats: the documents themselves, commands of the AWS CLI, Terraform, and CloudFormation.
//!
//! Each text stands alone and can be pasted as it is once no placeholder is left. All four hold the same documents; the
//! last three also make the IAM user or role, attach the policy, and give a role to its host. Only the commands make an access
//! key: Terraform would write its secret into its state, CloudFormation into the stack's outputs.

use super::{
    cloudformation, commands,
    document::{Document, Grants},
    format::Format,
    scope::Scope,
    share::Share,
    terraform,
    trust::trust,
    writer::Writer,
};
use crate::config::Config;

/// What the writer's account runs, as text that ends with a line end. JSON is the policy alone: a role's trust policy is a
/// document of its own ([`super::trust_policy`]).
pub fn render(config: &Config, grants: &Grants, writer: &Writer, format: Format) -> String {
    let document = Document::new(config, grants);
    let scope = Scope::of(config, writer);
    let trust = trust(writer, &scope);
    let text = match format {
        Format::Json => document.to_json(),
        Format::AwsCli => commands::writer(&document, &scope, writer, trust.as_ref()),
        Format::Terraform => terraform::writer(&document, &scope, writer, trust.as_ref()),
        Format::CloudFormation => cloudformation::writer(&document, &scope, writer, trust.as_ref()),
    };
    text.trim_end().to_owned() + "\n"
}

/// What the stream's account runs so that a writer of another account may use the stream, as text that ends with a line end.
/// JSON is the stream's resource policy alone: the key has a text of its own ([`super::key_statement`]). `None` if stream and
/// writer are in one account.
pub fn render_share(config: &Config, grants: &Grants, writer: &Writer, format: Format) -> Option<String> {
    let scope = Scope::of(config, writer);
    let share = Share::of(grants, &scope)?;
    let text = match format {
        Format::Json => share.resource_policy.to_json(),
        Format::AwsCli => commands::share(&share, &scope),
        Format::Terraform => terraform::share(&share, &scope),
        Format::CloudFormation => cloudformation::share(&share, &scope),
    };
    Some(text.trim_end().to_owned() + "\n")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        aws,
        policy::{trust::trust_policy, writer::Assumed},
    };

    fn config(region: &str, account_id: &str, stream: &str) -> Config {
        let mut config = Config::default();
        region.clone_into(&mut config.destination.region);
        account_id.clone_into(&mut config.destination.account_id);
        stream.clone_into(&mut config.destination.stream);
        config
    }

    fn clicks() -> Config {
        config("eu-west-1", "123456789012", "clicks")
    }

    fn everything() -> Grants {
        Grants {
            put_record: true,
            put_records: true,
            describe: true,
            read_back: true,
            list_streams: true,
            kms_key_arn: Some("arn:aws:kms:eu-west-1:123456789012:key/k-1".to_owned()),
        }
    }

    fn for_user(config: &Config, grants: &Grants, format: Format) -> String {
        render(config, grants, &Writer::default(), format)
    }

    fn role_of(trusted: &str) -> Writer {
        let assumed = Assumed { trusted: trusted.to_owned(), external_id: "x-1".to_owned() };
        Writer { assumed: Some(assumed), ..Writer::default() }
    }

    fn role() -> Writer {
        role_of("arn:aws:iam::210987654321:user/ada")
    }

    #[test]
    fn the_default_document_is_that_of_the_predecessors_page() {
        let page = r#"{
   "Version": "2012-10-17",
   "Statement": [
       {
           "Effect": "Allow",
           "Action": [
               "kinesis:PutRecord"
           ],
           "Resource": [
               "arn:aws:kinesis:{region}:{account-id}:stream/{stream-name}"
           ]
       }
   ]
}"#;
        let ours = for_user(&Config::default(), &Grants::default(), Format::Json);
        let lines = |text: &str| text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>();
        assert_eq!(lines(&ours), lines(page));
    }

    const DOCUMENT: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": [
        "kinesis:PutRecord"
      ],
      "Resource": [
        "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks"
      ]
    }
  ]
}"#;

    #[test]
    fn the_document_is_indented_by_two_and_ends_with_a_line_end() {
        assert_eq!(for_user(&clicks(), &Grants::default(), Format::Json), format!("{DOCUMENT}\n"));
    }

    #[test]
    fn each_grant_adds_its_actions_on_the_narrowest_resource() {
        let text = for_user(&clicks(), &everything(), Format::Json);
        let document: Value = serde_json::from_str(&text).unwrap();
        let stream = "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks";
        assert_eq!(
            document,
            json!({"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": ["kinesis:PutRecord", "kinesis:PutRecords", "kinesis:DescribeStreamSummary",
                    "kinesis:ListShards", "kinesis:GetShardIterator", "kinesis:GetRecords"], "Resource": [stream]},
                {"Effect": "Allow", "Action": ["kinesis:ListStreams"], "Resource": ["*"]},
                {"Effect": "Allow", "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
                    "Resource": ["arn:aws:kms:eu-west-1:123456789012:key/k-1"]},
            ]})
        );
    }

    #[test]
    fn the_key_is_granted_only_for_what_needs_it() {
        let kms = |grants: Grants| {
            let document: Value = serde_json::from_str(&for_user(&clicks(), &grants, Format::Json)).unwrap();
            document["Statement"]
                .as_array()
                .unwrap()
                .iter()
                .find(|s| s["Resource"][0] == "{kms-key-arn}")
                .cloned()
        };
        let key = Grants { put_record: false, kms_key_arn: Some(" ".to_owned()), ..Grants::default() };
        assert_eq!(kms(key.clone()), None);
        let put = Grants { put_records: true, ..key.clone() };
        assert_eq!(kms(put).unwrap()["Action"], json!(["kms:GenerateDataKey"]));
        let read = Grants { read_back: true, ..key };
        assert_eq!(kms(read).unwrap()["Action"], json!(["kms:Decrypt"]));
    }

    #[test]
    fn the_commands_make_the_user_the_policy_the_attachment_and_the_key() {
        let text = for_user(&clicks(), &Grants::default(), Format::AwsCli);
        let expected = format!(
            "\
# Lets Tributary use the Kinesis stream clicks in eu-west-1.
# For bash, zsh or AWS CloudShell, signed in as someone who may manage IAM.

# 1. Create the IAM user that Tributary signs in as.
aws iam create-user --user-name tributary-clicks

# 2. Create the policy.
aws iam create-policy --policy-name tributary-clicks --policy-document '{DOCUMENT}'

# 3. Attach the policy to the user.
aws iam attach-user-policy --user-name tributary-clicks --policy-arn arn:aws:iam::123456789012:policy/tributary-clicks

# 4. Create the user's access key. The answer shows its secret this one time: enter both in Tributary.
aws iam create-access-key --user-name tributary-clicks
"
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn terraform_and_cloudformation_files_are_those_in_the_golden_folder() {
        let user = |format| for_user(&clicks(), &everything(), format);
        assert_eq!(user(Format::Terraform), include_str!("golden/everything.tf"));
        assert_eq!(user(Format::CloudFormation), include_str!("golden/everything.yaml"));
        let role = |format| render(&clicks(), &Grants::default(), &role(), format);
        assert_eq!(role(Format::Terraform), include_str!("golden/role.tf"));
        assert_eq!(role(Format::CloudFormation), include_str!("golden/role.yaml"));
    }

    #[test]
    fn every_format_names_the_stream_s_arn_and_its_partition() {
        for partition in &aws::PARTITIONS {
            let region = partition.regions[0].code;
            let config = config(region, "123456789012", "clicks");
            let arn = format!("arn:{}:kinesis:{region}:123456789012:stream/clicks", partition.name);
            for format in Format::ALL {
                let text = for_user(&config, &Grants::default(), format);
                assert!(text.contains(&format!("\"{arn}\"")), "{text}");
                assert!(text.contains("kinesis:PutRecord\""), "{text}");
            }
            let commands = for_user(&config, &Grants::default(), Format::AwsCli);
            let iam =
                format!("--policy-arn arn:{}:iam::123456789012:policy/tributary-clicks\n", partition.name);
            assert!(commands.contains(&iam), "{commands}");
            let flag = format!("aws iam create-user --region {region} --user-name");
            assert_eq!(commands.contains(&flag), partition.name != "aws", "{commands}");
            for format in [Format::AwsCli, Format::Terraform, Format::CloudFormation] {
                let text = for_user(&config, &Grants::default(), format);
                let flag = format!("aws iam create-access-key --region {region} --user-name");
                assert_eq!(text.contains(&flag), partition.name != "aws", "{text}");
            }
        }
    }

    #[test]
    fn what_is_missing_stays_visible_in_every_format() {
        for format in Format::ALL {
            let text = for_user(&Config::default(), &Grants::default(), format);
            assert!(text.contains("arn:aws:kinesis:{region}:{account-id}:stream/{stream-name}"), "{text}");
        }
        let commands = for_user(&Config::default(), &Grants::default(), Format::AwsCli);
        assert!(commands.contains("--user-name 'tributary-{stream-name}'\n"), "{commands}");
        assert!(
            commands.contains("--policy-arn 'arn:aws:iam::{account-id}:policy/tributary-{stream-name}'\n")
        );
    }

    #[test]
    fn a_stream_given_as_arn_names_account_partition_and_user() {
        let config = config("eu-west-1", "", "arn:aws-cn:kinesis:cn-north-1:210987654321:stream/clicks");
        let text = for_user(&config, &Grants::default(), Format::AwsCli);
        assert!(text.contains("# Lets Tributary use the Kinesis stream clicks in cn-north-1.\n"), "{text}");
        assert!(
            text.contains("aws iam attach-user-policy --region cn-north-1 --user-name tributary-clicks ")
        );
        assert!(
            text.contains("--policy-arn arn:aws-cn:iam::210987654321:policy/tributary-clicks\n"),
            "{text}"
        );
    }

    #[test]
    fn no_text_of_the_user_can_break_out_of_its_quotes() {
        let wild = config("eu-west-1", "1", "a'b\"c\nrm ${HOME} %{x} $(id) \\");
        let commands = for_user(&wild, &Grants::default(), Format::AwsCli);
        let words = shlex::split(&commands).expect("every quote is closed");
        let document = words.iter().find(|word| word.starts_with('{')).expect("the document is one word");
        assert_eq!(*document, Document::new(&wild, &Grants::default()).to_json(), "{commands}");
        assert!(document.contains(r#"stream/a'b\"c\nrm ${HOME} %{x} $(id) \\""#), "{commands}");
        assert!(commands.starts_with(
            "# Lets Tributary use the Kinesis stream a'b\"c rm ${HOME} %{x} $(id) \\ in eu-west-1.\n#"
        ));
        let terraform = for_user(&wild, &Grants::default(), Format::Terraform);
        assert!(terraform.contains(r#"stream/a'b\"c\nrm $${HOME} %%{x} $(id) \\""#), "{terraform}");
        let template = for_user(&wild, &Grants::default(), Format::CloudFormation);
        assert!(
            template.contains(r#"- "arn:aws:kinesis:eu-west-1:1:stream/a'b\"c\nrm ${HOME} %{x} $(id) \\""#)
        );
        let yaml_comments = template.lines().take_while(|line| line.starts_with('#')).count();
        assert_eq!(yaml_comments, 4, "{template}");
    }

    #[test]
    fn the_role_comes_in_every_format() {
        let text = |format| render(&clicks(), &Grants::default(), &role(), format);
        assert_eq!(text(Format::Json), for_user(&clicks(), &Grants::default(), Format::Json));
        let commands = text(Format::AwsCli);
        assert!(
            commands.contains(
                "aws iam create-role --role-name tributary-clicks --assume-role-policy-document '{\n"
            )
        );
        assert!(commands.contains(
            "aws iam attach-role-policy --role-name tributary-clicks --policy-arn arn:aws:iam::123456789012:policy/tributary-clicks\n"
        ));
        assert!(
            commands.ends_with("in Tributary: arn:aws:iam::123456789012:role/tributary-clicks\n"),
            "{commands}"
        );
    }

    #[test]
    fn a_role_whose_path_is_not_known_is_trusted_by_a_condition() {
        let role = "arn:aws:iam::210987654321:role/aws-reserved/sso.amazonaws.com/*AWSReservedSSO_Admin_0a1b";
        let writer = role_of(role);
        let trust: Value = serde_json::from_str(&trust_policy(&clicks(), &writer).unwrap()).unwrap();
        let statement = &trust["Statement"][0];
        assert_eq!(statement["Principal"]["AWS"], "arn:aws:iam::210987654321:root");
        let conditions = json!({
            "ArnLike": { "aws:PrincipalArn": role },
            "StringEquals": { "sts:ExternalId": "x-1" },
        });
        assert_eq!(statement["Condition"], conditions);
        let template = render(&clicks(), &Grants::default(), &writer, Format::CloudFormation);
        let conditions = format!(
            "            Condition:\n              ArnLike:\n                aws:PrincipalArn: \"{role}\"\n              \
             StringEquals:\n                sts:ExternalId: \"x-1\"\n  TributaryPolicy:"
        );
        assert!(template.contains(&conditions), "{template}");
    }
}
