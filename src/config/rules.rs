//! The rules for single values, as pure functions: the settings file and the fields of the window use the same.
//!
//! Each `Err` is a clause without the value itself, so it can stand below a field and no secret gets into a message.
//! Rules follow AWS's documented patterns and leave room for what AWS adds later: a region or a partition is not
//! looked up in a list.

use std::net::{Ipv6Addr, SocketAddr};

use super::example::PLACEHOLDER;
use crate::aws::{self, Arn, is_account_id};

/// A region is a host label; any is allowed, since AWS opens new ones.
pub fn check_region(region: &str) -> Result<(), String> {
    const ALLOWED: &str = "a region has lower-case letters, digits and hyphens, such as eu-west-1";
    if region.is_empty() {
        return Err("a region is needed, such as eu-west-1".to_owned());
    }
    if region.len() > 63 {
        return Err("a region has at most 63 characters, such as eu-west-1".to_owned());
    }
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !region.chars().all(allowed) || region.starts_with('-') || region.ends_with('-') {
        return Err(ALLOWED.to_owned());
    }
    // eu-west-1a: people copy it from a subnet.
    let zone = region.strip_suffix(|c: char| c.is_ascii_lowercase());
    match zone.filter(|start| start.ends_with(|c: char| c.is_ascii_digit()) && start.contains('-')) {
        Some(start) => Err(format!("this is an availability zone; its region is {start}")),
        None => Ok(()),
    }
}

/// A stream's name or its ARN, as in `CreateStream` and `StreamARN` of the Kinesis API.
pub fn check_stream(stream: &str) -> Result<(), String> {
    if Arn::is_meant(stream) {
        return StreamArn::parse(stream).map(|_| ());
    }
    stream_name(stream)
}

fn stream_name(name: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if name.is_empty() {
        Err("a stream is needed: its name or its ARN".to_owned())
    } else if !name.chars().all(allowed) {
        Err("a stream's name has letters a to z and A to Z, digits, and _ . - only".to_owned())
    } else if name.len() > 128 {
        Err("a stream's name has at most 128 characters".to_owned())
    } else {
        Ok(())
    }
}

/// `arn:PARTITION:kinesis:REGION:ACCOUNT:stream/NAME`, in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamArn<'a> {
    /// Such as `aws`, `aws-cn`.
    pub partition: &'a str,
    /// Such as `eu-west-1`.
    pub region: &'a str,
    /// Twelve digits.
    pub account_id: &'a str,
    /// The stream's name.
    pub name: &'a str,
}

impl<'a> StreamArn<'a> {
    /// Takes an ARN apart; says what is wrong with one that no stream can have.
    pub fn parse(arn: &'a str) -> Result<Self, String> {
        const SHAPE: &str = "a stream's ARN looks like arn:aws:kinesis:eu-west-1:123456789012:stream/NAME";
        let arn = Arn::parse(arn).filter(|arn| arn.service == "kinesis").ok_or(SHAPE)?;
        let Arn { partition, region, account_id, .. } = arn;
        let name = arn.resource_of_type("stream").filter(|_| is_partition(partition)).ok_or(SHAPE)?;
        if name.contains('/') {
            return Err(format!("this is the ARN of a stream's consumer; {SHAPE}"));
        }
        check_region(region).map_err(|why| format!("the ARN's region is wrong: {why}"))?;
        check_partition(partition, region).map_err(|why| format!("the ARN is wrong: {why}"))?;
        if !is_account_id(account_id) {
            return Err(format!("the ARN's account has 12 digits; {SHAPE}"));
        }
        stream_name(name).map_err(|why| format!("the ARN's stream is wrong: {why}"))?;
        Ok(Self { partition, region, account_id, name })
    }
}

fn is_partition(partition: &str) -> bool {
    partition.starts_with("aws")
        && partition.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// Whether an ARN of that partition can be of something in that region. AWS gives each partition regions of its own; a
/// region that is like none of theirs is not judged.
pub fn check_partition(partition: &str, region: &str) -> Result<(), String> {
    match aws::partition_like(region) {
        Some(its) if its.name != partition => {
            let its = its.name;
            Err(format!("what is in {region} has ARNs that begin with arn:{its}:, not with arn:{partition}:"))
        }
        Some(_) | None => Ok(()),
    }
}

/// The partition of a role's ARN that [`check_role_arn`] takes must be the region's.
pub fn check_role_in(arn: &str, region: &str) -> Result<(), String> {
    match Arn::parse(arn) {
        Some(arn) => check_partition(arn.partition, region),
        None => Ok(()),
    }
}

/// Twelve digits, or empty.
pub fn check_account_id(account_id: &str) -> Result<(), String> {
    if account_id.is_empty() || is_account_id(account_id) {
        return Ok(());
    }
    Err("an AWS account id has 12 digits, without hyphens or spaces; or leave it empty".to_owned())
}

/// Where a page finds a script: a URL, or a path of its own site; or empty.
pub fn check_analytics_js(url: &str) -> Result<(), String> {
    const SHAPE: &str =
        "such as https://cdn.example.com/analytics-next-1.84.3/standalone.js or /js/standalone.js";
    if url.is_empty() {
        return Ok(());
    }
    if !["https://", "http://", "/"].iter().any(|start| url.starts_with(start)) {
        return Err(format!("it must be a URL or a path that begins with /, {SHAPE}; or leave it empty"));
    }
    if !url.bytes().all(|byte| byte.is_ascii_graphic()) || url.contains(['"', '<', '>', '\\']) {
        return Err(format!("it has a character that a URL must not have, {SHAPE}"));
    }
    Ok(())
}

/// The server, where it is not AWS: it has its own STS and IAM, or none. An address of AWS (a VPC endpoint, say) is for
/// Kinesis alone.
pub fn other_server(endpoint_url: &str) -> Option<&str> {
    const ENDS: [&str; 6] = [
        ".api.aws",
        ".amazonwebservices.com.cn",
        ".c2s.ic.gov",
        ".sc2s.sgov.gov",
        ".adc-e.uk",
        ".hci.ic.gov",
    ];
    // What is shown of an address may be followed by what names it.
    let host = endpoint_url.split("://").nth(1)?.split(['/', ':', ' ']).next()?;
    let is_aws = host.contains(".amazonaws.") || ENDS.iter().any(|end| host.ends_with(end));
    (!is_aws).then_some(endpoint_url)
}

/// `http(s)://host[:port][/path]`, or empty for AWS. Names and passwords in it are refused: they would be shown.
pub fn check_endpoint_url(url: &str) -> Result<(), String> {
    const SHAPE: &str = "an endpoint looks like https://kinesis.example.com or http://127.0.0.1:4567";
    if url.is_empty() {
        return Ok(());
    }
    let Some(rest) = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")) else {
        return Err(format!("it must begin with http:// or https://; {SHAPE}; or leave it empty for AWS"));
    };
    if url.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(format!("it has a space or a control character in it; {SHAPE}"));
    }
    if rest.contains(['?', '#', '@']) {
        return Err(format!("it must have no user name, no ? and no #; {SHAPE}"));
    }
    let authority = rest.split('/').next().unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    if port.is_some_and(|port| !port.parse::<u16>().is_ok_and(|number| number > 0)) {
        return Err(format!("its port must be a number from 1 to 65535; {SHAPE}"));
    }
    if !is_host(host) {
        return Err(format!("its host is not a host name or an IP address; {SHAPE}"));
    }
    Ok(())
}

/// A host name or an IP address; IPv6 in brackets.
pub(super) fn is_host(host: &str) -> bool {
    if let Some(v6) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return v6.parse::<Ipv6Addr>().is_ok();
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    host.split('.').all(label)
}

/// An address and a port in numbers; port 0 lets the system choose.
pub fn check_listen(listen: &str) -> Result<SocketAddr, String> {
    let hint = match listen.strip_prefix("localhost:") {
        Some(port) => format!("write localhost as 127.0.0.1:{port}"),
        None => "write an IP address and a port, such as 127.0.0.1:8485 or [::1]:8485".to_owned(),
    };
    listen.parse().ok().ok_or(hint)
}

/// The ARN of an IAM role, or empty.
pub fn check_role_arn(arn: &str) -> Result<(), String> {
    const SHAPE: &str = "a role's ARN looks like arn:aws:iam::123456789012:role/NAME";
    if arn.is_empty() {
        return Ok(());
    }
    let arn = Arn::parse(arn).filter(|arn| arn.service == "iam" && arn.region.is_empty()).ok_or(SHAPE)?;
    let name = arn.resource_of_type("role").filter(|_| is_partition(arn.partition)).ok_or(SHAPE)?;
    if !is_account_id(arn.account_id) {
        return Err(format!("the ARN's account has 12 digits; {SHAPE}"));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-/".contains(c);
    if name.is_empty() || name.ends_with('/') || !name.chars().all(allowed) {
        return Err(format!("the role's name has letters, digits and _ + = , . @ - / only; {SHAPE}"));
    }
    Ok(())
}

/// What `AssumeRole` takes as an external id (STS API reference).
pub fn check_external_id(text: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c);
    if (2..=1224).contains(&text.len()) && text.chars().all(allowed) {
        return Ok(());
    }
    Err("an external id has 2 to 1224 letters, digits and _ + = , . @ : / -".to_owned())
}

/// A source's name: a short line of text.
pub fn check_source_name(name: &str) -> Result<(), String> {
    if name.is_empty() {
        Err("a source needs a name, such as \"Website\"".to_owned())
    } else if name.chars().count() > 100 || name.trim() != name || name.chars().any(char::is_control) {
        Err("a source's name is one line of at most 100 characters that begins and ends with no space"
            .to_owned())
    } else {
        Ok(())
    }
}

/// A write key: what fits the user name of Basic auth, which ends at the first colon (RFC 7617).
pub fn check_write_key(key: &str) -> Result<(), String> {
    if key.is_empty() {
        Err("a write key must not be empty".to_owned())
    } else if key == PLACEHOLDER {
        Err("a write key must be your own, not the example's placeholder".to_owned())
    } else if key.len() > 256 || !key.bytes().all(|b| b.is_ascii_graphic() && b != b':') {
        Err("a write key has 1 to 256 visible ASCII characters, without spaces and colons".to_owned())
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Rule = fn(&str) -> Result<(), String>;

    #[test]
    fn the_rules_take_what_aws_takes() {
        let good: [(Rule, &[&str]); 6] = [
            (check_region, &["eu-west-1", "us-gov-west-1", "eusc-de-east-1", "mars-north-12", "local"]),
            (check_stream, &["a", "A_b.c-9", "arn:aws-iso-b:kinesis:us-isob-east-1:000000000000:stream/a.b"]),
            (check_account_id, &["", "123456789012"]),
            (
                check_endpoint_url,
                &["", "http://localhost:4567", "https://a.example/", "http://[::1]", "http://kinesis_1:1"],
            ),
            (check_role_arn, &["", "arn:aws:iam::123456789012:role/a/b/c+=,.@-_"]),
            (|text| check_listen(text).map(|_| ()), &["127.0.0.1:0", "[::]:8485"]),
        ];
        for (rule, texts) in good {
            for text in texts {
                assert_eq!(rule(text), Ok(()), "{text}");
            }
        }
    }

    #[test]
    fn the_rules_refuse_with_a_reason() {
        let (long, shape) = ("a".repeat(129), "stream's ARN looks like");
        let bad: [(Rule, &str, &str); 26] = [
            (check_region, "", "is needed"),
            (check_region, "eu-west-1a", "its region is eu-west-1"),
            (check_region, "eu_west_1", "lower-case"),
            (check_region, "-eu", "lower-case"),
            (check_region, &long, "63"),
            (check_stream, "", "its name or its ARN"),
            (check_stream, &long, "128"),
            (check_stream, "a/b", "letters"),
            (check_stream, "arn:aws:sqs:eu-west-1:123456789012:stream/x", shape),
            (check_stream, "arn:gcp:kinesis:eu-west-1:123456789012:stream/x", shape),
            (check_stream, "arn:aws:kinesis:eu-west-1:123:stream/x", "12 digits"),
            (check_stream, "arn:aws:kinesis::123456789012:stream/x", "the ARN's region"),
            (check_stream, "arn:aws:kinesis:eu-west-1:123456789012:stream/", "the ARN's stream"),
            (check_stream, "arn:aws:kinesis:eu-west-1:123456789012:stream/a/consumer/b:1", "consumer"),
            (check_stream, "arn:aws:kinesis:cn-north-1:123456789012:stream/a", "begin with arn:aws-cn:, not"),
            (check_stream, "arn:aws-cn:kinesis:eu-west-1:123456789012:stream/a", "begin with arn:aws:, not"),
            (check_endpoint_url, "localhost:4567", "begin with http"),
            (check_endpoint_url, "http://", "host"),
            (check_endpoint_url, "http://a b", "space"),
            (check_endpoint_url, "http://a:99999", "port"),
            (check_endpoint_url, "http://a:", "port"),
            (check_role_arn, "arn:aws:iam::123456789012:user/x", "role's ARN"),
            (check_role_arn, "arn:aws:iam::12345678901:role/x", "12 digits"),
            (check_role_arn, "arn:aws:iam::123456789012:role/", "name"),
            (|text| check_listen(text).map(|_| ()), ":8485", "such as 127.0.0.1:8485"),
            (check_source_name, " a", "space"),
        ];
        for (rule, text, part) in bad {
            let why = rule(text).unwrap_err();
            assert!(why.contains(part), "{text}: {why}");
        }
    }

    #[test]
    fn only_a_server_that_is_not_aws_is_asked_for_more_than_kinesis() {
        assert_eq!(other_server("http://127.0.0.1:4631"), Some("http://127.0.0.1:4631"));
        assert_eq!(
            other_server("https://localhost.localstack.cloud/x"),
            Some("https://localhost.localstack.cloud/x")
        );
        for of_aws in [
            "",
            "https://vpce-1-a.kinesis.eu-west-1.vpce.amazonaws.com",
            "https://kinesis.cn-north-1.amazonaws.com.cn:443/",
            "https://kinesis.us-iso-east-1.c2s.ic.gov",
            "https://kinesis.eu-west-1.api.aws",
            "https://kinesis.eu-west-1.api.aws (AWS_ENDPOINT_URL)",
            "https://kinesis.cn-north-1.api.amazonwebservices.com.cn",
        ] {
            assert_eq!(other_server(of_aws), None, "{of_aws}");
        }
    }
}
