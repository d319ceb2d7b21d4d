//! The AWS regions that have Kinesis, by partition.
//!
//! Sources: the partition table of `aws-sdk-kinesis` 1.130, which is private, so a test compares this table with the
//! answers of the SDK's endpoint resolver; and the region list of Kinesis in botocore 1.44. Regions that are not listed
//! work too: like the SDK, [`partition_of`] decides by the shape of the code.

/// A part of AWS with accounts, ARNs and host names of its own.
#[derive(Debug, PartialEq, Eq)]
pub struct Partition {
    /// The second field of every ARN in it, such as `aws-cn`.
    pub name: &'static str,
    /// AWS's name for it, such as `AWS China`.
    pub title: &'static str,
    /// The end of its host names, such as `amazonaws.com.cn`.
    pub dns_suffix: &'static str,
    /// The host of its web console; `None` if the console is not public.
    pub console_host: Option<&'static str>,
    /// A region code is one of these prefixes, a word and a number, joined by hyphens: `^(us|eu|…)-\w+-\d+$`.
    pub prefixes: &'static [&'static str],
    /// Its regions, by code.
    pub regions: &'static [Region],
}

/// An AWS region in which a stream can be.
#[derive(Debug, PartialEq, Eq)]
pub struct Region {
    /// Such as `eu-west-1`.
    pub code: &'static str,
    /// Such as `Europe (Ireland)`.
    pub name: &'static str,
}

impl Region {
    /// The partition it belongs to.
    pub fn partition(&self) -> &'static Partition {
        partition_of(self.code)
    }
}

impl Partition {
    /// Whether a region code has the shape of this partition's regions.
    fn covers(&self, code: &str) -> bool {
        self.prefixes.iter().any(|prefix| {
            let place = code.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-'));
            let Some((word, number)) = place.and_then(|place| place.split_once('-')) else { return false };
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            !word.is_empty()
                && word.chars().all(is_word)
                && !number.is_empty()
                && number.chars().all(|c| c.is_ascii_digit())
        })
    }
}

/// The partition whose regions have codes like this one, listed or not; `None` for a code of an unknown shape.
pub fn partition_like(region: &str) -> Option<&'static Partition> {
    PARTITIONS.iter().find(|partition| partition.covers(region))
}

/// The partition of a region, listed or not. Like the SDK, takes `aws` for a code of an unknown shape.
pub fn partition_of(region: &str) -> &'static Partition {
    partition_like(region).unwrap_or(&PARTITIONS[0])
}

/// The partition with that name, as the second field of an ARN has it.
pub fn partition_named(name: &str) -> Option<&'static Partition> {
    PARTITIONS.iter().find(|partition| partition.name == name)
}

/// Every listed region, `aws` first.
pub fn regions() -> impl Iterator<Item = &'static Region> {
    PARTITIONS.iter().flat_map(|partition| partition.regions)
}

/// The listed region with that code.
pub fn region(code: &str) -> Option<&'static Region> {
    regions().find(|region| region.code == code)
}

/// The listed regions whose code or name contains every word of the text, in any case. An empty text matches all.
pub fn search(text: &str) -> Vec<&'static Region> {
    let text = text.to_lowercase();
    let words: Vec<&str> = text.split_whitespace().collect();
    regions()
        .filter(|region| {
            let name = region.name.to_lowercase();
            words.iter().all(|word| region.code.contains(word) || name.contains(word))
        })
        .collect()
}

/// Every partition, `aws` first.
pub const PARTITIONS: [Partition; 8] = [
    Partition {
        name: "aws",
        title: "AWS",
        dns_suffix: "amazonaws.com",
        console_host: Some("console.aws.amazon.com"),
        prefixes: &["us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx"],
        regions: AWS,
    },
    Partition {
        name: "aws-cn",
        title: "AWS China",
        dns_suffix: "amazonaws.com.cn",
        console_host: Some("console.amazonaws.cn"),
        prefixes: &["cn"],
        regions: &[
            Region { code: "cn-north-1", name: "China (Beijing)" },
            Region { code: "cn-northwest-1", name: "China (Ningxia)" },
        ],
    },
    Partition {
        name: "aws-us-gov",
        title: "AWS GovCloud (US)",
        dns_suffix: "amazonaws.com",
        console_host: Some("console.amazonaws-us-gov.com"),
        prefixes: &["us-gov"],
        regions: &[
            Region { code: "us-gov-east-1", name: "AWS GovCloud (US-East)" },
            Region { code: "us-gov-west-1", name: "AWS GovCloud (US-West)" },
        ],
    },
    Partition {
        name: "aws-eusc",
        title: "AWS European Sovereign Cloud",
        dns_suffix: "amazonaws.eu",
        console_host: Some("console.amazonaws-eusc.eu"),
        prefixes: &["eusc-de"],
        regions: &[Region { code: "eusc-de-east-1", name: "AWS European Sovereign Cloud (Germany)" }],
    },
    Partition {
        name: "aws-iso",
        title: "AWS ISO (US)",
        dns_suffix: "c2s.ic.gov",
        console_host: None,
        prefixes: &["us-iso"],
        regions: &[
            Region { code: "us-iso-east-1", name: "US ISO East" },
            Region { code: "us-iso-west-1", name: "US ISO West" },
        ],
    },
    Partition {
        name: "aws-iso-b",
        title: "AWS ISOB (US)",
        dns_suffix: "sc2s.sgov.gov",
        console_host: None,
        prefixes: &["us-isob"],
        regions: &[
            Region { code: "us-isob-east-1", name: "US ISOB East (Ohio)" },
            Region { code: "us-isob-west-1", name: "US ISOB West" },
        ],
    },
    Partition {
        name: "aws-iso-e",
        title: "AWS ISOE (Europe)",
        dns_suffix: "cloud.adc-e.uk",
        console_host: None,
        prefixes: &["eu-isoe"],
        regions: &[Region { code: "eu-isoe-west-1", name: "EU ISOE West" }],
    },
    Partition {
        name: "aws-iso-f",
        title: "AWS ISOF",
        dns_suffix: "csp.hci.ic.gov",
        console_host: None,
        prefixes: &["us-isof"],
        regions: &[
            Region { code: "us-isof-east-1", name: "US ISOF East" },
            Region { code: "us-isof-south-1", name: "US ISOF South" },
        ],
    },
];

const AWS: &[Region] = &[
    Region { code: "af-south-1", name: "Africa (Cape Town)" },
    Region { code: "ap-east-1", name: "Asia Pacific (Hong Kong)" },
    Region { code: "ap-east-2", name: "Asia Pacific (Taipei)" },
    Region { code: "ap-northeast-1", name: "Asia Pacific (Tokyo)" },
    Region { code: "ap-northeast-2", name: "Asia Pacific (Seoul)" },
    Region { code: "ap-northeast-3", name: "Asia Pacific (Osaka)" },
    Region { code: "ap-south-1", name: "Asia Pacific (Mumbai)" },
    Region { code: "ap-south-2", name: "Asia Pacific (Hyderabad)" },
    Region { code: "ap-southeast-1", name: "Asia Pacific (Singapore)" },
    Region { code: "ap-southeast-2", name: "Asia Pacific (Sydney)" },
    Region { code: "ap-southeast-3", name: "Asia Pacific (Jakarta)" },
    Region { code: "ap-southeast-4", name: "Asia Pacific (Melbourne)" },
    Region { code: "ap-southeast-5", name: "Asia Pacific (Malaysia)" },
    Region { code: "ap-southeast-6", name: "Asia Pacific (New Zealand)" },
    Region { code: "ap-southeast-7", name: "Asia Pacific (Thailand)" },
    Region { code: "ca-central-1", name: "Canada (Central)" },
    Region { code: "ca-west-1", name: "Canada West (Calgary)" },
    Region { code: "eu-central-1", name: "Europe (Frankfurt)" },
    Region { code: "eu-central-2", name: "Europe (Zurich)" },
    Region { code: "eu-north-1", name: "Europe (Stockholm)" },
    Region { code: "eu-south-1", name: "Europe (Milan)" },
    Region { code: "eu-south-2", name: "Europe (Spain)" },
    Region { code: "eu-west-1", name: "Europe (Ireland)" },
    Region { code: "eu-west-2", name: "Europe (London)" },
    Region { code: "eu-west-3", name: "Europe (Paris)" },
    Region { code: "il-central-1", name: "Israel (Tel Aviv)" },
    Region { code: "me-central-1", name: "Middle East (UAE)" },
    Region { code: "me-south-1", name: "Middle East (Bahrain)" },
    Region { code: "mx-central-1", name: "Mexico (Central)" },
    Region { code: "sa-east-1", name: "South America (Sao Paulo)" },
    Region { code: "us-east-1", name: "US East (N. Virginia)" },
    Region { code: "us-east-2", name: "US East (Ohio)" },
    Region { code: "us-west-1", name: "US West (N. California)" },
    Region { code: "us-west-2", name: "US West (Oregon)" },
];

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_kinesis::config::endpoint::{DefaultResolver, Params};

    #[test]
    fn an_arn_is_of_the_partition_that_its_region_is_in() {
        for region in regions() {
            let its = region.partition().name;
            for partition in &PARTITIONS {
                let fits = crate::config::check_partition(partition.name, region.code);
                assert_eq!(fits.is_ok(), partition.name == its, "{} {}", partition.name, region.code);
            }
        }
        assert_eq!(crate::config::check_partition("aws-cn", "mars-north-1"), Ok(()));
    }

    fn sdk_url(params: &Params) -> Result<String, String> {
        // The resolver's only public method returns a future; it is ready at once.
        use aws_sdk_kinesis::config::endpoint::ResolveEndpoint as _;
        let resolver = DefaultResolver::new();
        let future = resolver.resolve_endpoint(params);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime
            .block_on(future)
            .map(|endpoint| endpoint.url().to_owned())
            .map_err(|error| format!("{error:?}"))
    }

    #[test]
    fn the_table_has_46_regions_in_8_partitions_and_none_twice() {
        let mut codes: Vec<&str> = regions().map(|region| region.code).collect();
        assert_eq!((PARTITIONS.len(), codes.len(), AWS.len()), (8, 46, 34));
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), 46);
    }

    #[test]
    fn every_region_has_the_shape_of_its_own_partition_only() {
        for partition in &PARTITIONS {
            for region in partition.regions {
                let fits: Vec<&str> =
                    PARTITIONS.iter().filter(|p| p.covers(region.code)).map(|p| p.name).collect();
                assert_eq!(fits, [partition.name], "{}", region.code);
                assert_eq!(region.partition(), partition);
            }
        }
    }

    #[test]
    fn the_sdk_reaches_every_region_at_the_host_name_that_the_table_says() {
        for region in regions() {
            let params = Params::builder().region(region.code).build().unwrap();
            let url = format!("https://kinesis.{}.{}", region.code, region.partition().dns_suffix);
            assert_eq!(sdk_url(&params), Ok(url));
        }
    }

    /// Host names alone cannot tell `aws-us-gov` from `aws`. The SDK refuses an ARN whose partition is not the region's.
    #[test]
    fn the_sdk_takes_the_partition_name_of_every_region_and_no_other() {
        for region in regions() {
            let ask = |partition: &str| {
                let arn = format!("arn:{partition}:kinesis:{}:123456789012:stream/s", region.code);
                let params = Params::builder()
                    .region(region.code)
                    .stream_arn(arn)
                    .operation_type("data")
                    .build()
                    .unwrap();
                sdk_url(&params)
            };
            let name = region.partition().name;
            assert!(ask(name).is_ok(), "{}: {:?}", region.code, ask(name));
            if !name.starts_with("aws-iso") {
                let other = if name == "aws" { "aws-us-gov" } else { "aws" };
                assert!(ask(other).is_err(), "{}: {:?}", region.code, ask(other));
            }
        }
    }

    #[test]
    fn a_region_that_is_not_listed_gets_the_partition_of_its_shape() {
        for (code, partition) in [
            ("us-east-9", "aws"),
            ("mx-north-12", "aws"),
            ("cn-south-1", "aws-cn"),
            ("us-gov-north-1", "aws-us-gov"),
            ("eusc-de-west-2", "aws-eusc"),
            ("us-isof-west-1", "aws-iso-f"),
            ("", "aws"),
            ("moon-base-1", "aws"),
            ("cn-north", "aws"),
            ("cn-north-", "aws"),
            ("cn--1", "aws"),
        ] {
            assert_eq!(partition_of(code).name, partition, "{code}");
        }
    }

    #[test]
    fn regions_are_found_by_code_and_by_name_in_any_case() {
        let codes = |text| search(text).iter().map(|region| region.code).collect::<Vec<_>>();
        assert_eq!(codes("IRELAND"), ["eu-west-1"]);
        assert_eq!(codes(" eu-West-1 "), ["eu-west-1"]);
        assert_eq!(codes("europe london"), ["eu-west-2"]);
        assert_eq!(codes("govcloud"), ["us-gov-east-1", "us-gov-west-1"]);
        assert_eq!(codes("atlantis"), [] as [&str; 0]);
        assert_eq!(codes("").len(), 46);
    }

    #[test]
    fn a_region_is_found_by_its_exact_code() {
        assert_eq!(region("eu-west-1").map(|region| region.name), Some("Europe (Ireland)"));
        assert_eq!(region("eu-west"), None);
    }
}
