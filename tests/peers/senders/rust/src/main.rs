//! SDKs for Rust, unmodified; calls and output as in analytics-node.js. Arguments: the SDK's name, host, write key, pause
//! between calls in ms.

use serde_json::{Map, Value, json};
use std::error::Error;
use std::io::{BufRead, stdin};
use std::thread::sleep;
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [sdk, host, write_key, pause] = arguments.as_slice() else {
        return Err("SDK HOST KEY PAUSE".into());
    };
    let pause = Duration::from_millis(pause.parse()?);
    let send: Send = match sdk.as_str() {
        "segment" => segment(host, write_key)?,
        "rudderanalytics" => rudder(host, write_key),
        other => return Err(format!("no such SDK: {other}").into()),
    };
    let late = Instant::now() + Duration::from_secs(60);
    for line in stdin().lock().lines() {
        let call: Value = serde_json::from_str(&line?)?;
        let kind = call["type"].as_str().ok_or("a type")?;
        // Both return the error: what to do about it is their caller's part.
        let result = loop {
            match send(kind, &call["message"]) {
                Err(_) if Instant::now() < late => sleep(Duration::from_millis(250)),
                result => break result,
            }
        };
        let error = result.err().map(|error| error.to_string());
        println!("{}", json!({"error": error}));
        sleep(pause);
    }
    Ok(())
}

type Send = Box<dyn Fn(&str, &Value) -> Result<(), Box<dyn Error>>>;

/// It sends once.
fn segment(host: &str, write_key: &str) -> Result<Send, Box<dyn Error>> {
    use segment::Client as _;
    let client = segment::HttpClient::new(reqwest::Client::new(), host.to_owned());
    let write_key = write_key.to_owned();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(Box::new(move |kind, message| {
        Ok(runtime.block_on(client.send(write_key.clone(), segment_message(kind, message)?))?)
    }))
}

fn segment_message(kind: &str, message: &Value) -> Result<segment::Message, Box<dyn Error>> {
    use segment::message::{Alias, Group, Identify, Page, Screen, Track, User};
    let text = |name: &str| message[name].as_str().map(str::to_owned);
    let object = |name: &str| message.get(name).cloned().unwrap_or_else(|| json!({}));
    let user = match (text("userId"), text("anonymousId")) {
        (Some(user_id), Some(anonymous_id)) => User::Both { user_id, anonymous_id },
        (Some(user_id), None) => User::UserId { user_id },
        (None, Some(anonymous_id)) => User::AnonymousId { anonymous_id },
        (None, None) => return Err("an id".into()),
    };
    let (context, integrations) = (message.get("context").cloned(), message.get("integrations").cloned());
    let extra: Map<String, Value> =
        text("category").map(|category| ("category".to_owned(), category.into())).into_iter().collect();
    let name = text("name").unwrap_or_default();
    Ok(match kind {
        "identify" => {
            Identify { user, traits: object("traits"), context, integrations, ..Identify::default() }.into()
        }
        "track" => {
            let event = text("event").ok_or("an event")?;
            Track { user, event, properties: object("properties"), context, integrations, ..Track::default() }
                .into()
        }
        "page" => Page {
            user,
            name,
            properties: object("properties"),
            context,
            integrations,
            extra,
            ..Page::default()
        }
        .into(),
        "screen" => Screen {
            user,
            name,
            properties: object("properties"),
            context,
            integrations,
            ..Screen::default()
        }
        .into(),
        "group" => {
            let group_id = text("groupId").ok_or("a groupId")?;
            Group { user, group_id, traits: object("traits"), context, integrations, ..Group::default() }
                .into()
        }
        "alias" => {
            let previous_id = text("previousId").ok_or("a previousId")?;
            Alias { user, previous_id, context, integrations, ..Alias::default() }.into()
        }
        other => return Err(format!("no such call: {other}").into()),
    })
}

/// Its default gives up after three repeats, 0.8 s. It never repeats a request whose connection broke.
fn rudder(host: &str, write_key: &str) -> Send {
    use rudderanalytics::client::RudderAnalytics;
    use rudderanalytics::retry::RetryConfig;
    let patient = RetryConfig { max_retries: 10, ..RetryConfig::default() };
    let client = RudderAnalytics::load_with_retry_config(write_key.to_owned(), host.to_owned(), patient);
    Box::new(move |kind, message| {
        use rudderanalytics::message::Message;
        let message = message.clone();
        let message = match kind {
            "identify" => Message::Identify(serde_json::from_value(message)?),
            "track" => Message::Track(serde_json::from_value(message)?),
            "page" => Message::Page(serde_json::from_value(message)?),
            "screen" => Message::Screen(serde_json::from_value(message)?),
            "group" => Message::Group(serde_json::from_value(message)?),
            "alias" => Message::Alias(serde_json::from_value(message)?),
            other => return Err(format!("no such call: {other}").into()),
        };
        Ok(client.send(&message)?)
    })
}
