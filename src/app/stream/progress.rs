//! How far the stream is read: all of it, and each shard.

use eframe::egui::{Label, RichText, Ui};

use super::super::{theme::tokens, widgets};
use crate::{
    engine::{ShardView, StreamView},
    event::shown,
};

/// How many records were read, and how far reading is.
pub(super) fn progress_ui(ui: &mut Ui, view: &StreamView) {
    let t = tokens(ui);
    let mut parts = vec![format!("{} read", widgets::digits(view.read))];
    if !view.filter.is_empty() {
        let matches = if view.fit == 1 { "match" } else { "matches" };
        parts.push(format!("{} {matches}", widgets::digits(view.fit)));
    }
    match view.behind_ms {
        Some(ms) if ms > 1000 && view.fault.is_none() => {
            parts.push(format!("{} behind the tip", widgets::duration(ms)));
        }
        // Not after a fault: the state before it may be out of date.
        Some(_) if view.fault.is_none() => parts.push("caught up".to_owned()),
        Some(_) | None => {}
    }
    if view.fit > view.records.len() as u64 {
        parts.push(format!("the newest {} are shown", widgets::digits(view.records.len() as u64)));
    }
    ui.label(RichText::new(parts.join(" · ")).color(t.weak));
}

/// How far behind each shard is read, for as many shards as fit.
pub(super) fn lags_ui(ui: &mut Ui, view: &StreamView) {
    const SHOWN_MAX: usize = 16;
    let t = tokens(ui);
    let shards = &view.shards;
    if shards.len() < 2 || view.fault.is_some() {
        return;
    }
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        for shard in shards.iter().take(SHOWN_MAX) {
            let behind = shard.behind_ms.unwrap_or(0) > 1000;
            widgets::dot_ui(
                ui,
                if behind {
                    t.warn
                } else if shard.is_read {
                    t.ok
                } else {
                    t.edge
                },
            );
            let text = format!("Shard {} {}", shown::line(short(&shard.id)), lag(shard));
            ui.add(Label::new(RichText::new(text).size(12.0).color(t.weak)).selectable(false))
                .on_hover_text(shown::line(&shard.id));
        }
        if shards.len() > SHOWN_MAX {
            let text = format!("and {} more", widgets::digits((shards.len() - SHOWN_MAX) as u64));
            ui.label(RichText::new(text).size(12.0).color(t.weak));
        }
    });
}

/// `shardId-000000000003` as `3`.
pub(super) fn short(shard_id: &str) -> &str {
    let number = shard_id.trim_start_matches("shardId-").trim_start_matches('0');
    if number.is_empty() { "0" } else { number }
}

pub(super) fn lag(shard: &ShardView) -> String {
    match shard.behind_ms {
        _ if !shard.is_read => "not read".to_owned(),
        None => "no answer yet".to_owned(),
        Some(ms) if ms > 1000 => format!("{} behind", widgets::duration(ms)),
        Some(_) => "caught up".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_called_by_its_number() {
        assert_eq!((short("shardId-000000000000"), short("shardId-000000000120")), ("0", "120"));
    }
}
