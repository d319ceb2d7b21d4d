//! The readers, by name.

/// Who reads the stream. `None` where it is optional: nobody has said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reader {
    /// An AWS Lambda function with the stream as its event source.
    Lambda,
    /// An application on the Kinesis Client Library, in any language.
    Kcl,
    /// Apache Flink, Amazon's managed service for it included.
    Flink,
    /// Amazon Data Firehose with the stream as its source, which writes files to S3.
    Firehose,
    /// A channel of Kinesis itself: a streaming table or delivery to S3.
    #[serde(rename = "table")]
    StreamingTable,
    /// Own code with an AWS SDK: `GetRecords` or `SubscribeToShard`.
    Sdk,
    /// A reader made for the predecessor or for early Segment: it expects base64 text.
    #[serde(rename = "base64")]
    Legacy,
}

impl Reader {
    /// All of them, in the order in which faces list them.
    pub const ALL: [Self; 7] =
        [Self::Lambda, Self::Kcl, Self::Flink, Self::Firehose, Self::StreamingTable, Self::Sdk, Self::Legacy];

    /// The word in the settings, and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lambda => "lambda",
            Self::Kcl => "kcl",
            Self::Flink => "flink",
            Self::Firehose => "firehose",
            Self::StreamingTable => "table",
            Self::Sdk => "sdk",
            Self::Legacy => "base64",
        }
    }

    /// The reader of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reader| reader.as_str() == word)
    }

    /// Its name in a list.
    pub fn title(self) -> &'static str {
        match self {
            Self::Lambda => "AWS Lambda",
            Self::Kcl => "KCL",
            Self::Flink => "Flink",
            Self::Firehose => "Firehose",
            Self::StreamingTable => "Streaming table",
            Self::Sdk => "AWS SDK",
            Self::Legacy => "base64 reader",
        }
    }

    /// What it is, in a few words that follow "read by".
    pub fn described(self) -> &'static str {
        match self {
            Self::Lambda => "an AWS Lambda function",
            Self::Kcl => "a KCL application (Java, Python, Node)",
            Self::Flink => "Apache Flink",
            Self::Firehose => "Firehose, which writes to S3",
            Self::StreamingTable => "a streaming table or an S3 channel of Kinesis",
            Self::Sdk => "your own code with an AWS SDK",
            Self::Legacy => "a reader made for Clickstream or early Segment (base64 text)",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_json_a_reader_has_the_word_of_the_settings() {
        for reader in Reader::ALL {
            assert_eq!(serde_json::to_value(reader).expect("a word"), reader.as_str());
        }
    }
}
