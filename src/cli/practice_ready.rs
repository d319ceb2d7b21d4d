//! What `tributary practice` prints when it is ready: where it is, and the environment variables for the program under
//! test.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::{engine::PracticeAccess, shell};

/// How clients reach it.
pub(super) struct Ready {
    pub(super) access: PracticeAccess,
    pub(super) account_id: String,
    /// Each with the number of its open shards.
    pub(super) streams: Vec<(String, usize)>,
    pub(super) any_key: bool,
}

impl Ready {
    /// For people, and for pasting.
    pub(super) fn text(&self) -> String {
        let shards = |count| if count == 1 { "1 shard".to_owned() } else { format!("{count} shards") };
        let streams = self.streams.iter().map(|(name, count)| format!("{name} ({})", shards(*count)));
        let streams: Vec<_> = streams.collect();
        let access = &self.access;
        let keys = if self.any_key {
            "any key is let in".to_owned()
        } else {
            let (id, secret) = (&access.access_key_id, &access.secret_access_key);
            format!("access key id {id}, secret access key {secret}")
        };
        let mut text = format!(
            "Practice stream ready at {}\nRegion:  {}, account {}\nStreams: {}\nKeys:    {keys}\n\n",
            access.endpoint_url,
            access.region,
            self.account_id,
            streams.join(", "),
        );
        for (name, value) in access.environment() {
            writeln!(text, "{name}={}", shell::word(value)).expect("a String takes all that is written");
        }
        text
    }

    /// One line for scripts.
    pub(super) fn json(&self) -> String {
        let access = &self.access;
        let stream = |(name, shards): &(String, usize)| json!({ "name": name, "shards": shards });
        let variables = access.environment().map(|(name, value)| (name.to_owned(), Value::from(value)));
        let line = json!({
            "endpointUrl": access.endpoint_url,
            "region": access.region,
            "accountId": self.account_id,
            "streams": self.streams.iter().map(stream).collect::<Vec<_>>(),
            "accessKeyId": access.access_key_id,
            "secretAccessKey": access.secret_access_key,
            "anyKey": self.any_key,
            "environment": Map::from_iter(variables),
        });
        format!("{line}\n")
    }
}
