//! What the message of an error says beyond its code: whose keys, clock, network or record it is about.

/// `Signature expired: 2026… is now earlier than 2026…` and `Signature not yet current: …`: the clock, not the key.
pub(super) fn is_about_time(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["signature expired", "not yet current", "is now earlier", "is still later"]
        .iter()
        .any(|sign| message.contains(sign))
}

/// `StartingSequenceNumber 1 used in GetShardIterator … is invalid`, `Invalid StartingSequenceNumber. It encodes …`, and
/// `… at 'startingSequenceNumber' failed to satisfy constraint …`: what the user typed, not the stream.
pub(super) fn is_about_the_read_position(message: &str) -> bool {
    ["StartingSequenceNumber", "'startingSequenceNumber'"].iter().any(|sign| message.contains(sign))
}

/// Whether keys could not be fetched because nothing answered. A machine outside of EC2 always fails to reach IMDS,
/// the key server of EC2 machines: that says nothing about the network.
pub fn is_about_the_network(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    let signs =
        ["dispatch failure", "dns error", "timed out", "timeout", "connection refused", "connect error"];
    !message.contains("imds") && signs.iter().any(|sign| message.contains(sign))
}

/// Whether a refused argument is the record's (its size, `Data`, `PartitionKey`) and not the stream's or our own.
///
/// AWS names the field: `Value '…' at 'records.3.member.data' failed to satisfy constraint: …`. If it does not, the
/// words of the message decide. Quoted text does not count then, since a stream may be called `data`.
pub(super) fn is_about_the_record(message: &str) -> bool {
    let fields: Vec<String> = message
        .split(" at '")
        .skip(1)
        .filter_map(|rest| rest.split_once("' failed"))
        .map(|(field, _)| field.rsplit('.').next().unwrap_or(field).to_ascii_lowercase())
        .collect();
    if !fields.is_empty() {
        // If another field is wrong too, the request does not count as the record's fault: the user has to correct that
        // first.
        return fields.iter().all(|field| field == "data" || field == "partitionkey");
    }
    let unquoted: String =
        without_apostrophes(message).split(['\'', '"', '`']).step_by(2).collect::<Vec<_>>().join(" ");
    let words: Vec<String> = unquoted
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    let has = |sign: &str| words.iter().any(|word| word == sign);
    let pair = |first: &str, second: &str| words.windows(2).any(|pair| pair[0] == first && pair[1] == second);
    let about_stream =
        has("streamname") || has("streamarn") || pair("stream", "name") || pair("stream", "arn");
    let about_size = has("size") || pair("too", "large") || pair("too", "big");
    !about_stream && (about_size || has("data") || has("partitionkey") || pair("partition", "key"))
}

/// Replaces apostrophes inside words, as in `the record's size`: they are no quotes.
fn without_apostrophes(message: &str) -> String {
    let chars: Vec<char> = message.chars().collect();
    let is_letter = |at: Option<usize>| at.and_then(|at| chars.get(at)).is_some_and(|c| c.is_alphanumeric());
    let inside = |at: usize| is_letter(at.checked_sub(1)) && is_letter(Some(at + 1));
    chars.iter().enumerate().map(|(at, c)| if *c == '\'' && inside(at) { ' ' } else { *c }).collect()
}

/// The text after `talking to `, which our own messages put before a host.
fn talked_to(message: &str) -> Option<&str> {
    message.split_once("talking to ").map(|(_, rest)| rest)
}

pub(super) fn names_a_host(message: &str) -> bool {
    talked_to(message).is_some()
}

/// The host and port that a message of ours names; empty: none.
pub(super) fn host_talked_to(message: &str) -> &str {
    let host = talked_to(message).and_then(|rest| rest.split([' ', ';', ',']).next());
    host.unwrap_or_default().trim_end_matches(':')
}

/// The API that a message of ours names after the host: `sts` in `talking to sts.amazonaws.com (sts): …`.
pub(super) fn api_talked_to(message: &str) -> Option<&str> {
    let (host, rest) = talked_to(message)?.split_once(" (")?;
    let (api, _) = rest.split_once(')').filter(|_| !host.contains(' '))?;
    Some(api)
}
