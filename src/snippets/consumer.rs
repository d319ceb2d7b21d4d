//! The ways to read the stream.

/// A way to read the stream, in the order in which they are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Consumer {
    /// boto3.
    Python,
    /// The AWS SDK for JavaScript, version 3.
    Node,
    /// A Lambda function in Python.
    LambdaPython,
    /// A Lambda function in Node.js.
    LambdaNode,
    /// The Kinesis Client Library, version 3, in Java.
    Kcl,
    /// Flink SQL.
    Flink,
    /// Athena, over the files that Firehose writes.
    Athena,
}

impl Consumer {
    /// Every way.
    pub const ALL: [Self; 7] = [
        Self::Python,
        Self::Node,
        Self::LambdaPython,
        Self::LambdaNode,
        Self::Kcl,
        Self::Flink,
        Self::Athena,
    ];

    /// Its name on screen.
    pub fn title(self) -> &'static str {
        match self {
            Self::Python => "Python",
            Self::Node => "Node.js",
            Self::LambdaPython => "Lambda (Python)",
            Self::LambdaNode => "Lambda (Node.js)",
            Self::Kcl => "Java (KCL 3)",
            Self::Flink => "Flink SQL",
            Self::Athena => "Athena (Firehose)",
        }
    }

    /// The language of its code, as highlighters call it.
    pub fn language(self) -> &'static str {
        match self {
            Self::Python | Self::LambdaPython => "python",
            Self::Node | Self::LambdaNode => "js",
            Self::Kcl => "java",
            Self::Flink | Self::Athena => "sql",
        }
    }

    /// The name of its file. In `examples/consumers`, the file is its code with the default settings.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Python => "consumer.py",
            Self::Node => "consumer.mjs",
            Self::LambdaPython => "lambda.py",
            Self::LambdaNode => "lambda.mjs",
            Self::Kcl => "Consumer.java",
            Self::Flink => "flink.sql",
            Self::Athena => "athena.sql",
        }
    }

    /// How it reads the practice stream, or why it cannot.
    pub fn practice_note(self) -> &'static str {
        match self {
            Self::Python | Self::Node => {
                "To read the practice stream, set its address and keys in the environment: AWS_ENDPOINT_URL_KINESIS, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. They are below."
            }
            Self::LambdaPython | Self::LambdaNode => {
                "AWS Lambda cannot reach the practice stream on this computer. Call the handler with a local event to try it."
            }
            Self::Kcl => {
                "The KCL also needs DynamoDB and CloudWatch, which the practice stream does not have. Use a stream in AWS."
            }
            Self::Flink => "Use a stream in AWS: Flink was not tried with the practice stream.",
            Self::Athena => "Firehose cannot read the practice stream. Use a stream in AWS.",
        }
    }
}
