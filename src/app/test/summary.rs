//! The result of a test event in one line: the endpoint's status, its time, the event's size, and what became of it.

use eframe::egui::{Label, Ui};

use crate::{
    app::{
        detail,
        theme::{tokens, weight},
        widgets::{self, Tone},
    },
    delivery::{AwsError, Delivery, State},
    engine::TestSent,
};

pub(super) struct Summary {
    /// `None`: the result is not known yet.
    pub tone: Option<Tone>,
    /// The status of the answer, such as `200`.
    pub status: Option<String>,
    pub text: String,
}

impl Summary {
    /// `answer`: the answer of the endpoint or why there is none, `None` before it arrived. `bytes`: the size of the event.
    pub(super) fn new(
        answer: Option<&Result<TestSent, String>>,
        bytes: usize,
        delivery: Option<&Delivery>,
    ) -> Self {
        let size = widgets::bytes(bytes as u64);
        let answer = match answer {
            None => return Self { tone: None, status: None, text: format!("Sending {size} …") },
            Some(Err(why)) => {
                return Self { tone: Some(Tone::Bad), status: None, text: format!("No answer: {why}") };
            }
            Some(Ok(answer)) => answer,
        };
        let (tone, outcome) = match delivery {
            Some(delivery) => (tone_of(delivery.state), outcome(delivery)),
            None if answer.status == 200 => (None, "accepted".to_owned()),
            None => (Some(Tone::Bad), format!("refused: {}", message(&answer.body))),
        };
        let time = widgets::duration(i64::from(answer.took_ms));
        Self {
            tone, status: Some(answer.status.to_string()), text: format!("{time} · {size} → {outcome}")
        }
    }

    pub(super) fn ui(&self, ui: &mut Ui) {
        let t = tokens(ui);
        let color = self.tone.map_or(t.accent, |tone| tone.color(t));
        match &self.status {
            // The endpoint's own part of the result: it is right even if the delivery fails later.
            Some(status) => {
                let is_ok = status == "200";
                widgets::pill_ui(ui, if is_ok { t.ok } else { t.err }, status);
            }
            None => widgets::dot_ui(ui, color),
        }
        let text = weight(crate::event::shown::line(&self.text), 560.0).color(t.strong);
        ui.add(Label::new(text).truncate());
    }
}

/// The tone of this state; `None`: it will change by itself.
pub(super) fn tone_of(state: State) -> Option<Tone> {
    match state {
        State::Delivered => Some(Tone::Good),
        State::Queued => None,
        State::Retrying | State::Resent => Some(Tone::Attention),
        State::Failed | State::Rejected => Some(Tone::Bad),
    }
}

fn outcome(delivery: &Delivery) -> String {
    let fault = || delivery.fault.as_ref().map(|fault| format!(": {fault}")).unwrap_or_default();
    match delivery.state {
        State::Delivered => {
            let time = delivery.latency_ms().map(|ms| format!(" in {}", widgets::duration(ms)));
            let shard = delivery.receipt.as_ref().map(|receipt| detail::short_shard(&receipt.shard_id));
            let shard = shard.map(|shard| format!(", shard {shard}")).unwrap_or_default();
            format!("delivered{}{shard}", time.unwrap_or_default())
        }
        State::Queued => "waits in the spool".to_owned(),
        State::Retrying => format!("retrying{}", fault()),
        State::Resent => "failed, then resent".to_owned(),
        State::Failed => format!("failed{}", fault()),
        State::Rejected => format!("rejected{}", fault()),
    }
}

/// The endpoint's refusal of a request, if this answer is one.
pub(super) fn refusal(answer: &TestSent) -> Option<AwsError> {
    let value: serde_json::Value = serde_json::from_str(&answer.body).ok()?;
    let code = value.get("code")?.as_str()?;
    (answer.status != 200).then(|| AwsError::new(code, message(&answer.body)))
}

/// The message in an answer that refuses an event; the whole answer if it has none.
fn message(body: &str) -> String {
    let value: Option<serde_json::Value> = serde_json::from_str(body).ok();
    let message = value.as_ref().and_then(|value| value.get("message")?.as_str());
    message.unwrap_or(body.trim()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> TestSent {
        TestSent { status, body: body.to_owned(), took_ms: 4, message_id: String::new(), id: None }
    }

    #[test]
    fn one_line_says_what_came_of_an_event() {
        let text = |answer: Option<&Result<TestSent, String>>| Summary::new(answer, 318, None).text;
        assert_eq!(text(None), "Sending 318 B …");
        assert_eq!(text(Some(&Ok(answer(200, "{}")))), "4 ms · 318 B → accepted");
        let refusal = r#"{"success":false,"code":"missing_event","message":"a track call needs an event"}"#;
        assert_eq!(
            text(Some(&Ok(answer(400, refusal)))),
            "4 ms · 318 B → refused: a track call needs an event"
        );
        assert_eq!(text(Some(&Ok(answer(502, " bad gateway\n")))), "4 ms · 318 B → refused: bad gateway");
        assert_eq!(text(Some(&Err("closed".to_owned()))), "No answer: closed");
    }
}
