//! For which troubles the drawer has opened by itself: once for each, until it is over. Pure.

use std::{collections::BTreeSet, sync::Arc};

use super::{stage::Stage, trouble::Trouble};
use crate::delivery::ForwarderState;

/// Troubles that the user was shown.
#[derive(Default)]
pub(super) struct Announced(BTreeSet<(&'static str, Arc<str>)>);

impl Announced {
    /// Forgets what is over, so that it is announced again when it comes back. Offline in between does not end a blocked
    /// state.
    pub(super) fn forget_ended(&mut self, troubles: &[Trouble], forwarder: &ForwarderState) {
        let is_over = matches!(
            forwarder,
            ForwarderState::Running | ForwarderState::Throttled(_) | ForwarderState::Disabled
        );
        self.0.retain(|key| {
            (key.0 == Trouble::FAULT && !is_over) || troubles.iter().any(|trouble| trouble.key() == *key)
        });
    }

    /// The stage with a trouble that needs the user and was not announced.
    pub(super) fn next(&self, troubles: &[Trouble]) -> Option<Stage> {
        let mut new =
            troubles.iter().filter(|trouble| trouble.needs_user() && !self.0.contains(&trouble.key()));
        new.next().map(|trouble| trouble.stage)
    }

    /// The drawer of this stage was opened.
    pub(super) fn opened(&mut self, stage: Stage, troubles: &[Trouble]) {
        self.0.extend(troubles.iter().filter(|trouble| trouble.stage == stage).map(Trouble::key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::{pipeline::trouble::Kind, widgets::Tone},
        delivery::AwsError,
    };

    fn blocked(code: &str) -> (Vec<Trouble>, ForwarderState) {
        let fault = AwsError::new(code, "no");
        let trouble = Trouble {
            stage: Stage::Forwarder,
            tone: Tone::Bad,
            titles: Vec::new(),
            words: Vec::new(),
            what: String::new(),
            kind: Kind::Fault { fault: fault.clone(), next_try: Some(0) },
        };
        (vec![trouble], ForwarderState::Blocked { fault, next_try: 0 })
    }

    /// What opens in this state.
    fn opens(announced: &mut Announced, (troubles, state): &(Vec<Trouble>, ForwarderState)) -> bool {
        announced.forget_ended(troubles, state);
        let stage = announced.next(troubles);
        if let Some(stage) = stage {
            announced.opened(stage, troubles);
        }
        stage.is_some()
    }

    #[test]
    fn a_blocked_delivery_is_announced_once_for_each_cause_until_it_is_over() {
        let offline =
            (Vec::new(), ForwarderState::Offline { fault: AwsError::new("NoAnswer", "no"), next_try: 0 });
        let running = (Vec::new(), ForwarderState::Running);
        let (expired, denied) = (blocked("ExpiredToken"), blocked("AccessDenied"));
        let announced = &mut Announced::default();
        assert!(!opens(announced, &running) && opens(announced, &expired));
        assert!(!opens(announced, &expired) && !opens(announced, &offline));
        assert!(!opens(announced, &expired), "the same trouble");
        assert!(opens(announced, &denied) && !opens(announced, &expired), "another cause");
        assert!(!opens(announced, &running) && opens(announced, &expired), "a new trouble");
    }
}
