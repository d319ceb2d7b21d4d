//! An Amazon Resource Name in its fields
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>).

use std::fmt;

/// `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`. A field may be empty or a placeholder: what a service demands of
/// its own ARNs is the caller's to check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arn<'a> {
    /// Such as `aws` or `aws-cn`.
    pub partition: &'a str,
    /// Such as `kinesis` or `iam`.
    pub service: &'a str,
    /// Such as `eu-west-1`; empty for IAM and STS, which are one for a whole partition.
    pub region: &'a str,
    /// The twelve digits of the account that owns the resource.
    pub account_id: &'a str,
    /// Everything after the fifth colon, such as `stream/clicks` or `user/team/ada`.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Whether the text is meant as an ARN, right or wrong, and not as a name.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with("arn:")
    }

    /// Splits an ARN; `None` if the text does not have six fields that begin with `arn`.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut fields = text.splitn(6, ':');
        let mut field = || fields.next();
        if field()? != "arn" {
            return None;
        }
        Some(Self {
            partition: field()?,
            service: field()?,
            region: field()?,
            account_id: field()?,
            resource: field()?,
        })
    }

    /// The name of a resource of that type: `clicks` for the type `stream` of `stream/clicks`.
    pub fn resource_of_type(&self, kind: &str) -> Option<&'a str> {
        self.resource.strip_prefix(kind)?.strip_prefix('/')
    }
}

impl fmt::Display for Arn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, service, region, account_id, resource } = self;
        write!(f, "arn:{partition}:{service}:{region}:{account_id}:{resource}")
    }
}

/// Whether the text has the form of an AWS account id.
pub fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_comes_apart_and_together_again() {
        for text in [
            "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks",
            "arn:aws-cn:iam::123456789012:role/a/b",
            "arn:aws:sts::123456789012:assumed-role/a/b:c",
            "arn:::::",
        ] {
            assert_eq!(Arn::parse(text).expect(text).to_string(), text);
        }
        let arn = Arn::parse("arn:aws:kinesis:eu-west-1:123456789012:stream/clicks").expect("an ARN");
        assert_eq!((arn.region, arn.resource_of_type("stream")), ("eu-west-1", Some("clicks")));
        assert_eq!((arn.resource_of_type("str"), arn.resource_of_type("consumer")), (None, None));
    }

    #[test]
    fn a_text_without_six_fields_is_no_arn() {
        for text in ["", "clicks", "arn:aws:kinesis:eu-west-1:123456789012", "ARN:aws:iam::1:user/a"] {
            assert_eq!(Arn::parse(text), None, "{text}");
        }
        assert!(Arn::is_meant("arn:aws") && !Arn::is_meant("clicks"));
    }

    #[test]
    fn an_account_id_has_twelve_digits() {
        assert!(is_account_id("000000000000"));
        for text in ["", "12345678901", "1234567890123", "12345678901a", "1234-5678-90"] {
            assert!(!is_account_id(text), "{text}");
        }
    }
}
