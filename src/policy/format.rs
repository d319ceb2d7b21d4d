//! The formats in which a set-up can be written.

/// A format in which the policy can be written.
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

    /// Its value for `tributary policy --format`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::AwsCli => "aws-cli",
            Self::Terraform => "terraform",
            Self::CloudFormation => "cloudformation",
        }
    }

    /// The format with that value.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format_words_are_read_and_written() {
        for format in Format::ALL {
            assert_eq!(Format::parse(format.as_str()), Some(format));
            assert!(!format.title().is_empty());
        }
        assert_eq!(Format::parse("JSON"), None);
    }
}
