//! The result of a test event, step by step: the endpoint's answer, the spool, the delivery, and the record that was read
//! back from the stream and compared with what was put.

use eframe::egui::{self, Ui};
use lucide_icons::Icon;

use super::{
    read_back::{EventRead, ReadBack, compared},
    record::RecordTexts,
    summary::{Summary, refusal, tone_of},
};
use crate::{
    app::{
        command::{Command, StreamCommand},
        detail::{self, HistoryStep, Looks, Pane},
        place::Place,
        remedy_card,
        seen::Seen,
        theme::tokens,
        waiting::{Poll, Waiting},
        widgets::{self, Tone},
    },
    delivery::{AwsError, Detail, EventId, Millis, Record, State},
    engine::{Answer, TestSent},
    event::Kind,
    remedy,
};

/// A test event that was sent.
pub(super) struct Sent {
    kind: Kind,
    at: Millis,
    /// The size of the event as it was sent.
    bytes: usize,
    waiting: Option<Waiting<Result<TestSent, String>>>,
    answer: Option<Result<TestSent, String>>,
    pane: Option<Pane>,
    read_back: ReadBack,
    /// The record that was read back.
    record: Option<RecordTexts>,
}

impl Sent {
    /// `bytes`: the size of the event.
    pub(super) fn new(
        kind: Kind,
        at: Millis,
        bytes: usize,
        answer: Answer<Result<TestSent, String>>,
    ) -> Self {
        Self {
            kind,
            at,
            bytes,
            waiting: Some(Waiting::new(answer)),
            answer: None,
            pane: None,
            read_back: ReadBack::NotYet,
            record: None,
        }
    }

    /// The state in a word.
    pub(super) fn word(&self) -> &'static str {
        self.state().1
    }

    /// `None`: the result is not known yet.
    pub(super) fn tone(&self) -> Option<Tone> {
        self.state().0
    }

    /// The result in a line.
    pub(super) fn summary(&self) -> Summary {
        Summary::new(self.answer.as_ref(), self.bytes, self.pane.as_ref().and_then(Pane::delivery))
    }

    /// Whether this result waits for the record of the event. Two results can wait for the same event, if it was sent twice with
    /// one messageId.
    pub(super) fn asks_for_record_of(&self, id: EventId) -> bool {
        matches!(self.read_back, ReadBack::NotYet) && self.pane.as_ref().is_some_and(|pane| pane.id == id)
    }

    /// The pane of the delivery, if it waits for this one.
    pub(super) fn pane_asking_for(&mut self, id: EventId) -> Option<&mut Pane> {
        self.pane.as_mut().filter(|pane| pane.asks_for(id))
    }

    pub(super) fn record_coming(&mut self, answer: Answer<Result<Option<Record>, AwsError>>) {
        self.read_back = ReadBack::Waiting(Waiting::new(answer));
    }

    pub(super) fn logic(&mut self, ctx: &egui::Context, seen: &mut Seen<'_>) {
        if let Some(waiting) = &mut self.waiting {
            self.answer = match waiting.poll(ctx) {
                Poll::Pending => return,
                Poll::There(answer) => Some(answer),
                Poll::Lost => Some(Err("The engine did not answer.".to_owned())),
            };
            self.waiting = None;
            if let Some(Ok(TestSent { id: Some(id), .. })) = &self.answer {
                self.pane = Some(Pane::new(*id, Looks::default()));
            }
        }
        let Some(pane) = &mut self.pane else { return };
        pane.logic(ctx, seen, Place::Test);
        match &mut self.read_back {
            ReadBack::NotYet => {
                if let Some(receipt) = pane.delivery().and_then(|delivery| delivery.receipt.clone()) {
                    seen.push(Command::Stream(StreamCommand::ReadBack(pane.id, receipt)));
                    ctx.request_repaint();
                }
            }
            ReadBack::Waiting(waiting) => {
                self.read_back = match waiting.poll(ctx) {
                    Poll::Pending => return,
                    Poll::There(Ok(Some(record))) => {
                        let receipt = pane.delivery().and_then(|delivery| delivery.receipt.as_ref());
                        let place = receipt.and_then(|receipt| receipt.place);
                        let read = EventRead::at(place, &record);
                        self.record = Some(RecordTexts::new(&read));
                        ReadBack::Done(Box::new(read))
                    }
                    Poll::There(Ok(None)) => ReadBack::Gone,
                    Poll::There(Err(fault)) => ReadBack::Failed(fault),
                    Poll::Lost => ReadBack::TimedOut,
                }
            }
            ReadBack::Done(_) | ReadBack::Gone | ReadBack::Failed(_) | ReadBack::TimedOut => {}
        }
    }

    /// The number of steps that are known so far.
    pub(super) fn steps_len(&self) -> usize {
        let state = self.pane.as_ref().and_then(Pane::delivery).map(|delivery| delivery.state);
        1 + usize::from(self.answer.is_some())
            + usize::from(state.is_some())
            + usize::from(state.is_some_and(|state| state != State::Queued))
            + usize::from(!matches!(self.read_back, ReadBack::NotYet | ReadBack::Waiting(_)))
    }

    /// The state of the event: a tone, once the result is known, and a word.
    fn state(&self) -> (Option<Tone>, &'static str) {
        match (&self.answer, self.pane.as_ref().and_then(Pane::delivery)) {
            (_, Some(delivery)) => (tone_of(delivery.state), detail::state_word(delivery.state)),
            (None, None) => (None, "Sending"),
            (Some(Ok(answer)), None) if answer.status == 200 => (None, "Accepted"),
            (Some(_), None) => (Some(Tone::Bad), "Rejected"),
        }
    }

    /// The first steps: the request and its answer.
    fn request_steps(&self, seen: &Seen<'_>) -> [HistoryStep; 2] {
        let step = |tone, title: String, text: String, at: String| HistoryStep {
            tone,
            title,
            text,
            at,
            ..HistoryStep::default()
        };
        let to = format!("POST {}/v1/{}", seen.endpoint(), self.kind.as_str());
        let sent = step(Some(Tone::Note), "Sent to the endpoint".into(), to, seen.clock.time(self.at));
        let (tone, title, text) = match &self.answer {
            None => (None, "Waiting for the answer".into(), String::new()),
            Some(Err(error)) => (Some(Tone::Bad), "No answer from the endpoint".into(), error.clone()),
            Some(Ok(answer)) => {
                let tone = if answer.status == 200 { Tone::Good } else { Tone::Bad };
                (Some(tone), format!("Answered {}", answer.status), answer.body.trim().to_owned())
            }
        };
        [sent, step(tone, title, text, String::new())]
    }

    /// The last step: the record was read back.
    fn read_back_step(&self, delivered: &Detail, seen: &Seen<'_>) -> Option<HistoryStep> {
        let (tone, title, text) = match &self.read_back {
            ReadBack::NotYet => return None,
            ReadBack::Waiting(_) => (None, "Reading the record back", String::new()),
            ReadBack::Done(read) => compared(delivered, read),
            ReadBack::Gone => {
                let text = "The stream no longer has this record, although it has confirmed it.";
                (Some(Tone::Note), "No longer in the stream", text.to_owned())
            }
            ReadBack::Failed(fault) => {
                let remedy = remedy::remedy(fault, seen.config);
                let text = format!("{} This does not affect the delivery.", remedy.what);
                (Some(Tone::Note), "Not read back", text)
            }
            ReadBack::TimedOut => {
                (Some(Tone::Note), "Not read back", "The stream did not answer in time.".to_owned())
            }
        };
        Some(HistoryStep { tone, title: title.to_owned(), text, ..HistoryStep::default() })
    }

    pub(super) fn ui(&self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let t = tokens(ui);
        egui::Sides::new().show(
            ui,
            |ui| widgets::title_ui(ui, &format!("Result of this {}", self.kind.as_str())),
            |ui| {
                let (tone, word) = self.state();
                widgets::pill_ui(ui, tone.map_or(t.accent, |tone| tone.color(t)), word);
            },
        );
        ui.add_space(2.0);
        let mut steps = Vec::from(self.request_steps(seen));
        let loaded = self.pane.as_ref().and_then(Pane::detail);
        if let Some(loaded) = loaded {
            steps.extend(detail::history(loaded, seen.clock, &seen.status.forwarder));
            steps.extend(self.read_back_step(loaded, seen));
        }
        detail::history_ui(ui, &steps);
        let Some(delivery) = loaded.map(|loaded| &loaded.delivery) else {
            // A request that was refused as a whole has no line in the log.
            let refusal = self.answer.as_ref().and_then(|answer| refusal(answer.as_ref().ok()?));
            if let Some(refusal) = refusal.filter(|_| self.pane.is_none()) {
                let event = remedy_card::Event { here: Place::Test, failed: None, is_cause_over: false };
                remedy_card::remedy_ui(ui, seen, &refusal, Some(event));
            }
            return;
        };
        detail::error_ui(ui, delivery, seen, Place::Test);
        ui.horizontal_wrapped(|ui| {
            if let ReadBack::Failed(fault) = &self.read_back
                && remedy::remedy(fault, seen.config).location == Some(remedy::Location::SetUpPolicy)
                && widgets::button_ui(ui, Icon::ArrowRight, "Allow reading in Set up").clicked()
            {
                seen.push(Command::AllowReading);
            }
            if widgets::button_ui(ui, Icon::Activity, "Show in Live").clicked() {
                seen.push(Command::ShowDelivery(delivery.id));
            }
            if let Some(receipt) = &delivery.receipt
                && widgets::button_ui(ui, Icon::Waves, "Show in Stream").clicked()
            {
                seen.push(Command::ShowRecord(receipt.clone()));
            }
            if let Some(receipt) = &delivery.receipt
                && widgets::button_ui(ui, Icon::Copy, "Copy sequence number").clicked()
            {
                ui.copy_text(receipt.sequence_number.to_string());
                seen.copied("Sequence number");
            }
        });
        if let Some(record) = &self.record {
            ui.add_space(4.0);
            record.ui(ui, seen);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_results_with_one_line_the_one_that_asks_gets_the_answer() {
        let result = |asks: bool, read_back| {
            let mut pane = Pane::new(7, Looks::default());
            if asks {
                pane.ask(Place::Test);
            }
            Sent {
                kind: Kind::Track,
                at: 0,
                bytes: 0,
                waiting: None,
                answer: None,
                pane: Some(pane),
                read_back,
                record: None,
            }
        };
        let mut sent = [result(false, ReadBack::Gone), result(true, ReadBack::NotYet)];
        assert_eq!(sent.iter_mut().position(|sent| sent.pane_asking_for(7).is_some()), Some(1));
        assert_eq!(sent.iter().position(|sent| sent.asks_for_record_of(7)), Some(1));
    }
}
