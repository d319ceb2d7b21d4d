//! What aggregation saves: events in a record, and what AWS bills for the records.

use eframe::egui::Ui;

use super::super::{seen::Seen, widgets};
use crate::{delivery::Puts, event::Aggregation};

/// Such as `12.5`; `None`: no record held several events.
pub(super) fn events_per_record(puts: &Puts) -> Option<String> {
    let mean = puts.events as f64 / puts.records.max(1) as f64;
    (puts.events > puts.records).then(|| format!("{mean:.1}"))
}

/// The part of a record that an event is, on average.
pub(super) fn records_per_event(puts: &Puts) -> f64 {
    if puts.records == 0 { 1.0 } else { (puts.records as f64 / puts.events.max(1) as f64).min(1.0) }
}

/// Records and payload units against those of one event in each record.
pub(super) fn saved(puts: &Puts) -> String {
    let Puts { records, events, payload_units, payload_units_alone } = *puts;
    let saved = payload_units_alone.saturating_sub(payload_units) as f64 / payload_units_alone.max(1) as f64;
    let verdict = if saved > 0.0 { format!("{:.0} % less", saved * 100.0) } else { "no less".to_owned() };
    let held = if records == 1 { "record" } else { "records" };
    let [records, events, units, alone] =
        [records, events, payload_units, payload_units_alone].map(widgets::digits);
    format!(
        "{events} events in {records} {held} since Tributary started. With one event in each record, {alone} PUT payload \
         units would have been put; {units} were: {verdict}. A unit is 25 KiB of a record's data and partition key, or \
         less; AWS bills by it in provisioned mode."
    )
}

/// The card of the charts; nothing where each event has its own record.
pub(super) fn card_ui(ui: &mut Ui, seen: &Seen<'_>) {
    let puts = &seen.status.puts;
    let shared = events_per_record(puts);
    if shared.is_none() && seen.config.destination.aggregation == Aggregation::None {
        return;
    }
    widgets::card_ui(ui, |ui| {
        widgets::title_ui(ui, "Aggregation");
        if puts.records == 0 {
            widgets::hint_ui(ui, "Nothing was delivered since Tributary started.");
            return;
        }
        let mean = shared.as_deref().unwrap_or("1.0");
        widgets::fact_ui(ui, "Events per record", mean, false);
        widgets::hint_ui(ui, &saved(puts));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_said_only_where_something_is() {
        let puts = Puts { records: 10, events: 125, payload_units: 20, payload_units_alone: 125 };
        assert_eq!(events_per_record(&puts).as_deref(), Some("12.5"));
        assert!((records_per_event(&puts) - 0.08).abs() < 1e-9);
        let text = saved(&puts);
        assert!(
            text.starts_with("125 events in 10 records") && text.contains("20 were: 84 % less"),
            "{text}"
        );

        let alone = Puts { records: 7, events: 7, payload_units: 7, payload_units_alone: 7 };
        assert_eq!(events_per_record(&alone), None);
        assert!(saved(&alone).contains("7 were: no less"), "{}", saved(&alone));
        assert!((records_per_event(&Puts::default()) - 1.0).abs() < 1e-9, "nothing is known yet");
        // Of large events, the frame can make a record of several cost more.
        let worse = Puts { payload_units: 8, ..alone };
        assert!(saved(&worse).contains("8 were: no less"), "{}", saved(&worse));
    }
}
