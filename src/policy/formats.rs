//! The policy in four languages: the document itself, shell commands, Terraform, and CloudFormation.
//!
//! Each text stands alone and can be pasted as it is once no placeholder is left. All four say the same document;
//! the last three also make the IAM user and attach the policy. Only the commands make an access key: in the other two
//! the secret would be written into Terraform's state or the stack's outputs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Document, Grants, Missing, Partition, regions::partition_named};
use crate::{config::Config, policy, shell};

/// A language in which the policy can be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// The policy document, for the console's JSON editor.
    #[default]
    Json,
    /// Commands of the AWS CLI, for bash, zsh or `CloudShell`.
    AwsCli,
    /// A Terraform file.
    Terraform,
    /// A CloudFormation template in YAML.
    CloudFormation,
}

impl Format {
    /// Every format, the default first.
    pub const ALL: [Self; 4] = [Self::Json, Self::AwsCli, Self::Terraform, Self::CloudFormation];

    /// The word of `tributary policy --format`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::AwsCli => "aws-cli",
            Self::Terraform => "terraform",
            Self::CloudFormation => "cloudformation",
        }
    }

    /// The format of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == word)
    }

    /// Its name on screen.
    pub fn title(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::AwsCli => "AWS CLI",
            Self::Terraform => "Terraform",
            Self::CloudFormation => "CloudFormation",
        }
    }
}

/// The policy as text that ends with a line end.
pub fn render(config: &Config, grants: &Grants, format: Format) -> String {
    let document = Document::new(config, grants);
    let place = Place::of(config);
    let text = match format {
        Format::Json => to_json(&document),
        Format::AwsCli => aws_cli(&document, &place),
        Format::Terraform => terraform(&document, &place),
        Format::CloudFormation => cloudformation(&document, &place),
    };
    text.trim_end().to_owned() + "\n"
}

/// Where the stream is, as far as that is known; an ARN says it better than the other settings.
pub(super) struct Place {
    pub(super) partition: &'static Partition,
    pub(super) region: Option<String>,
    pub(super) account: String,
    stream: String,
    /// What the user and the policy are called.
    pub(super) name: String,
}

impl Place {
    pub(super) fn of(config: &Config) -> Self {
        let destination = &config.destination;
        let arn = policy::stream_arn(&destination.region, &destination.account_id, &destination.stream).arn;
        let fields: Vec<&str> = arn.splitn(6, ':').collect();
        let field = |at: usize, missing: Missing| match fields.get(at) {
            Some(text) if !text.is_empty() => (*text).to_owned(),
            Some(_) | None => missing.placeholder().to_owned(),
        };
        let region = field(3, Missing::Region);
        let resource = field(5, Missing::StreamName);
        let stream = resource.strip_prefix("stream/").unwrap_or(&resource).to_owned();
        let by_region = policy::partition_of(&region);
        Self {
            partition: fields.get(1).and_then(|name| partition_named(name)).unwrap_or(by_region),
            region: Some(region).filter(|region| region != Missing::Region.placeholder()),
            account: field(4, Missing::AccountId),
            name: iam_name(&stream),
            stream,
        }
    }

    /// IAM is the same in all regions of a partition, but the CLI finds the partition by the region.
    pub(super) fn cli_region(&self) -> String {
        match &self.region {
            Some(region) if self.partition.name != "aws" => format!(" --region {}", shell::word(region)),
            Some(_) | None => String::new(),
        }
    }

    pub(super) fn title(&self) -> String {
        let region = self.region.as_deref().unwrap_or(Missing::Region.placeholder());
        one_line(&format!("{} in {region}", self.stream))
    }
}

/// A name that IAM takes for users (at most 64 of `A-Za-z0-9+=,.@_-`) and policies; a placeholder stays visible.
fn iam_name(stream: &str) -> String {
    if stream == Missing::StreamName.placeholder() {
        return format!("tributary-{stream}");
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c);
    let stream = stream.chars().map(|c| if fits(c) { c } else { '-' });
    "tributary-".chars().chain(stream).take(64).collect()
}

/// A comment that holds the user's own text must not end before it ends.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

pub(super) fn to_json(document: &Document) -> String {
    serde_json::to_string_pretty(document).expect("a document of strings is JSON")
}

fn aws_cli(document: &Document, place: &Place) -> String {
    let name = shell::word(&place.name);
    let policy_arn = format!("arn:{}:iam::{}:policy/{}", place.partition.name, place.account, place.name);
    let policy_arn = shell::word(&policy_arn);
    let region = place.cli_region();
    format!(
        "\
# Lets Tributary use the Kinesis stream {title}.
# For bash, zsh or AWS CloudShell, signed in as someone who may manage IAM.

# 1. Create the IAM user that Tributary signs in as.
aws iam create-user{region} --user-name {name}

# 2. Create the policy.
aws iam create-policy{region} --policy-name {name} --policy-document {document}

# 3. Attach the policy to the user.
aws iam attach-user-policy{region} --user-name {name} --policy-arn {policy_arn}

# 4. Create the user's access key. The answer shows its secret this one time: enter both in Tributary.
aws iam create-access-key{region} --user-name {name}
",
        title = place.title(),
        document = shell::word(&to_json(document)),
    )
}

/// A Terraform string: JSON's escapes, and no template starts in it.
pub(super) fn hcl(text: &str) -> String {
    json!(text).to_string().replace("${", "$${").replace("%{", "%%{")
}

fn list<T: AsRef<str>>(items: &[T], quote: fn(&str) -> String) -> String {
    items.iter().map(|item| quote(item.as_ref())).collect::<Vec<_>>().join(", ")
}

/// The statements as items of a list in HCL.
pub(super) fn hcl_statements(document: &Document) -> String {
    let mut statements = String::new();
    for statement in &document.statement {
        let action = list(&statement.action, hcl);
        let resource = list(&statement.resource, hcl);
        write!(
            statements,
            "
      {{
        Effect   = {effect}
        Action   = [{action}]
        Resource = [{resource}]
      }},",
            effect = hcl(statement.effect),
        )
        .expect("a string takes all text");
    }
    statements
}

fn terraform(document: &Document, place: &Place) -> String {
    let statements = hcl_statements(document);
    format!(
        r#"# Lets Tributary use the Kinesis stream {title}.
# Not here on purpose: the user's access key, because Terraform would keep its secret in the state file.
# Create it afterwards with: aws iam create-access-key{region} --user-name {user}

resource "aws_iam_user" "tributary" {{
  name = {name}
}}

resource "aws_iam_policy" "tributary" {{
  name = {name}
  policy = jsonencode({{
    Version = {version}
    Statement = [{statements}
    ]
  }})
}}

resource "aws_iam_user_policy_attachment" "tributary" {{
  user       = aws_iam_user.tributary.name
  policy_arn = aws_iam_policy.tributary.arn
}}
"#,
        title = place.title(),
        region = place.cli_region(),
        user = shell::word(&place.name),
        name = hcl(&place.name),
        version = hcl(document.version),
    )
}

/// A YAML string in double quotes: JSON's escapes are YAML's too.
pub(super) fn yaml(text: &str) -> String {
    Value::from(text).to_string()
}

/// The statements as items of a list in YAML.
pub(super) fn yaml_statements(document: &Document) -> String {
    let mut statements = String::new();
    for statement in &document.statement {
        let item = |text: &str| format!("              - {}\n", yaml(text));
        let action: String = statement.action.iter().map(|action| item(action)).collect();
        let resource: String = statement.resource.iter().map(|resource| item(resource)).collect();
        write!(
            statements,
            "          - Effect: {}\n            Action:\n{action}            Resource:\n{resource}",
            statement.effect
        )
        .expect("a string takes all text");
    }
    statements
}

fn cloudformation(document: &Document, place: &Place) -> String {
    let statements = yaml_statements(document);
    let region = match &place.region {
        Some(region) => format!(" --region {}", shell::word(region)),
        None => String::new(),
    };
    format!(
        "\
# Lets Tributary use the Kinesis stream {title}. Save as tributary.yaml, then:
# aws cloudformation deploy{region} --template-file tributary.yaml --stack-name {stack} --capabilities CAPABILITY_NAMED_IAM
# Not here on purpose: the user's access key, because a template can only show its secret in the stack's outputs.
# Create it afterwards with: aws iam create-access-key{cli_region} --user-name {user}
AWSTemplateFormatVersion: \"2010-09-09\"
Description: {description}
Resources:
  TributaryUser:
    Type: AWS::IAM::User
    Properties:
      UserName: {name}
  TributaryPolicy:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      ManagedPolicyName: {name}
      Users:
        - !Ref TributaryUser
      PolicyDocument:
        Version: {version}
        Statement:
{statements}",
        title = place.title(),
        stack = stack_name(&place.name),
        cli_region = place.cli_region(),
        user = shell::word(&place.name),
        description = yaml(&format!("Lets Tributary use the Kinesis stream {}", place.title())),
        name = yaml(&place.name),
        version = yaml(document.version),
    )
}

/// A name that CloudFormation takes: letters, digits and hyphens.
pub(super) fn stack_name(name: &str) -> String {
    let name = name.replace(['{', '}'], "");
    name.replace(|c: char| !c.is_ascii_alphanumeric(), "-").trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn the_default_document_is_the_page_s() {
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
        let ours = render(&Config::default(), &Grants::default(), Format::Json);
        let lines = |text: &str| text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>();
        assert_eq!(lines(&ours), lines(page));
    }

    #[test]
    fn the_document_is_indented_by_two_and_ends_with_a_line_end() {
        let text = render(&clicks(), &Grants::default(), Format::Json);
        assert_eq!(
            text,
            r#"{
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
}
"#
        );
    }

    #[test]
    fn each_grant_adds_its_actions_on_the_narrowest_resource() {
        let text = render(&clicks(), &everything(), Format::Json);
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
            let document: Value = serde_json::from_str(&render(&clicks(), &grants, Format::Json)).unwrap();
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
        let text = render(&clicks(), &Grants::default(), Format::AwsCli);
        assert_eq!(
            text,
            r#"# Lets Tributary use the Kinesis stream clicks in eu-west-1.
# For bash, zsh or AWS CloudShell, signed in as someone who may manage IAM.

# 1. Create the IAM user that Tributary signs in as.
aws iam create-user --user-name tributary-clicks

# 2. Create the policy.
aws iam create-policy --policy-name tributary-clicks --policy-document '{
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
}'

# 3. Attach the policy to the user.
aws iam attach-user-policy --user-name tributary-clicks --policy-arn arn:aws:iam::123456789012:policy/tributary-clicks

# 4. Create the user's access key. The answer shows its secret this one time: enter both in Tributary.
aws iam create-access-key --user-name tributary-clicks
"#
        );
    }

    #[test]
    fn the_terraform_file_is_as_terraform_fmt_writes_it() {
        let text = render(&clicks(), &everything(), Format::Terraform);
        assert_eq!(text, include_str!("golden/everything.tf"));
    }

    #[test]
    fn the_cloudformation_template_makes_user_and_policy() {
        let text = render(&clicks(), &everything(), Format::CloudFormation);
        assert_eq!(text, include_str!("golden/everything.yaml"));
    }

    #[test]
    fn every_format_names_the_stream_s_arn_and_its_partition() {
        for partition in &policy::PARTITIONS {
            let region = partition.regions[0].code;
            let config = config(region, "123456789012", "clicks");
            let arn = format!("arn:{}:kinesis:{region}:123456789012:stream/clicks", partition.name);
            for format in Format::ALL {
                let text = render(&config, &Grants::default(), format);
                assert!(text.contains(&format!("\"{arn}\"")), "{text}");
                assert!(text.contains("kinesis:PutRecord\""), "{text}");
            }
            let commands = render(&config, &Grants::default(), Format::AwsCli);
            let iam =
                format!("--policy-arn arn:{}:iam::123456789012:policy/tributary-clicks\n", partition.name);
            assert!(commands.contains(&iam), "{commands}");
            let flag = format!("aws iam create-user --region {region} --user-name");
            assert_eq!(commands.contains(&flag), partition.name != "aws", "{commands}");
            for format in [Format::AwsCli, Format::Terraform, Format::CloudFormation] {
                let text = render(&config, &Grants::default(), format);
                let flag = format!("aws iam create-access-key --region {region} --user-name");
                assert_eq!(text.contains(&flag), partition.name != "aws", "{text}");
            }
        }
    }

    #[test]
    fn what_is_missing_stays_visible_in_every_format() {
        for format in Format::ALL {
            let text = render(&Config::default(), &Grants::default(), format);
            assert!(text.contains("arn:aws:kinesis:{region}:{account-id}:stream/{stream-name}"), "{text}");
        }
        let commands = render(&Config::default(), &Grants::default(), Format::AwsCli);
        assert!(commands.contains("--user-name 'tributary-{stream-name}'\n"), "{commands}");
        assert!(
            commands.contains("--policy-arn 'arn:aws:iam::{account-id}:policy/tributary-{stream-name}'\n")
        );
    }

    #[test]
    fn a_stream_given_as_arn_names_account_partition_and_user() {
        let config = config("eu-west-1", "", "arn:aws-cn:kinesis:cn-north-1:210987654321:stream/clicks");
        let text = render(&config, &Grants::default(), Format::AwsCli);
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
        let commands = render(&wild, &Grants::default(), Format::AwsCli);
        let words = shlex::split(&commands).expect("every quote is closed");
        let document = words.iter().find(|word| word.starts_with('{')).expect("the document is one word");
        assert_eq!(*document, to_json(&Document::new(&wild, &Grants::default())), "{commands}");
        assert!(document.contains(r#"stream/a'b\"c\nrm ${HOME} %{x} $(id) \\""#), "{commands}");
        assert!(commands.starts_with(
            "# Lets Tributary use the Kinesis stream a'b\"c rm ${HOME} %{x} $(id) \\ in eu-west-1.\n#"
        ));
        let terraform = render(&wild, &Grants::default(), Format::Terraform);
        assert!(terraform.contains(r#"stream/a'b\"c\nrm $${HOME} %%{x} $(id) \\""#), "{terraform}");
        let template = render(&wild, &Grants::default(), Format::CloudFormation);
        assert!(
            template.contains(r#"- "arn:aws:kinesis:eu-west-1:1:stream/a'b\"c\nrm ${HOME} %{x} $(id) \\""#)
        );
        let yaml_comments = template.lines().take_while(|line| line.starts_with('#')).count();
        assert_eq!(yaml_comments, 4, "{template}");
    }

    #[test]
    fn names_are_such_as_iam_and_cloudformation_take() {
        let long = "x".repeat(128);
        assert_eq!(iam_name(&long).len(), 64);
        assert_eq!(iam_name("click.stream_1"), "tributary-click.stream_1");
        assert_eq!(iam_name("a b/c"), "tributary-a-b-c");
        assert_eq!(stack_name("tributary-click.stream_1"), "tributary-click-stream-1");
        assert_eq!(stack_name("tributary-{stream-name}"), "tributary-stream-name");
    }

    #[test]
    fn format_words_are_read_and_written() {
        for format in Format::ALL {
            assert_eq!(Format::parse(format.as_str()), Some(format));
            assert!(!format.title().is_empty());
        }
        assert_eq!(Format::parse("JSON"), None);
    }
}
