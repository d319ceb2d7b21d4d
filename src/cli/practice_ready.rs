//! What `tributary practice` prints when it is ready: where it is, and the environment variables for the program under
//! test.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::json;

use crate::shell;

/// How clients reach it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ready {
    pub(super) endpoint_url: String,
    pub(super) region: String,
    pub(super) account_id: String,
    pub(super) streams: Vec<StreamReady>,
    pub(super) access_key_id: String,
    pub(super) secret_access_key: String,
    pub(super) any_key: bool,
}

/// A stream and the number of its open shards.
#[derive(Serialize)]
pub(super) struct StreamReady {
    pub(super) name: String,
    pub(super) shards: usize,
}

impl Ready {
    /// The variables that AWS's SDKs and tools read. Some read only one of the two names of the region.
    fn environment(&self) -> [(&'static str, &str); 5] {
        [
            ("AWS_ENDPOINT_URL_KINESIS", &self.endpoint_url),
            ("AWS_ACCESS_KEY_ID", &self.access_key_id),
            ("AWS_SECRET_ACCESS_KEY", &self.secret_access_key),
            ("AWS_REGION", &self.region),
            ("AWS_DEFAULT_REGION", &self.region),
        ]
    }

    /// For people, and for pasting.
    pub(super) fn text(&self) -> String {
        let shards = |count| if count == 1 { "1 shard".to_owned() } else { format!("{count} shards") };
        let streams =
            self.streams.iter().map(|stream| format!("{} ({})", stream.name, shards(stream.shards)));
        let streams: Vec<_> = streams.collect();
        let keys = if self.any_key {
            "any key is let in".to_owned()
        } else {
            format!("access key id {}, secret access key {}", self.access_key_id, self.secret_access_key)
        };
        let mut text = format!(
            "Practice stream ready at {}\nRegion:  {}, account {}\nStreams: {}\nKeys:    {keys}\n\n",
            self.endpoint_url,
            self.region,
            self.account_id,
            streams.join(", "),
        );
        for (name, value) in self.environment() {
            writeln!(text, "{name}={}", shell::word(value)).expect("a String takes all that is written");
        }
        text
    }

    /// One line for scripts.
    pub(super) fn json(&self) -> String {
        let mut line = json!(self);
        line["environment"] = self.environment().into_iter().collect();
        format!("{line}\n")
    }
}
