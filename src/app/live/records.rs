//! What aggregation saves: the events per record, and what AWS bills for the records.

use eframe::egui::Ui;

use crate::{
    app::{seen::Seen, widgets},
    delivery::Puts,
    event::Aggregation,
};

/// The mean number of events per record, such as `12.5`; `None` if no record held several events.
pub(super) fn events_per_record(puts: &Puts) -> Option<String> {
    let mean = puts.events as f64 / puts.records.max(1) as f64;
    (puts.events > puts.records).then(|| format!("{mean:.1}"))
}

/// The mean number of records per event; at most 1.
pub(super) fn records_per_event(puts: &Puts) -> f64 {
    if puts.records == 0 { 1.0 } else { (puts.records as f64 / puts.events.max(1) as f64).min(1.0) }
}

/// Compares the PUT payload units with those of one record per event.
pub(super) fn saved(puts: &Puts) -> String {
    let Puts { records, events, payload_units, payload_units_alone, .. } = *puts;
    let saved = payload_units_alone.saturating_sub(payload_units) as f64 / payload_units_alone.max(1) as f64;
    let verdict = if saved > 0.0 { format!("{:.0} % less", saved * 100.0) } else { "no less".to_owned() };
    let held = if records == 1 { "record" } else { "records" };
    let unit = if payload_units == 1 { "unit" } else { "units" };
    let [records, events, units, alone] =
        [records, events, payload_units, payload_units_alone].map(widgets::digits);
    format!(
        "{events} events in {records} {held} since Tributary started, which took {units} PUT payload {unit} instead of {alone} \
         with one event per record: {verdict}. A unit is up to 25 KiB of a record's data and partition key. AWS bills by \
         it in provisioned mode."
    )
}

/// The card among the charts; nothing if aggregation is off and no record held several events.
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
    fn savings_are_claimed_only_if_there_are_any() {
        let puts =
            Puts { records: 10, events: 125, payload_units: 20, payload_units_alone: 125, ..Puts::default() };
        assert_eq!(events_per_record(&puts).as_deref(), Some("12.5"));
        assert!((records_per_event(&puts) - 0.08).abs() < 1e-9);
        let text = saved(&puts);
        assert!(
            text.starts_with("125 events in 10 records")
                && text.contains("20 PUT payload units instead of 125 with one event per record: 84 % less"),
            "{text}"
        );

        let alone =
            Puts { records: 7, events: 7, payload_units: 7, payload_units_alone: 7, ..Puts::default() };
        assert_eq!(events_per_record(&alone), None);
        assert!(saved(&alone).contains("7 with one event per record: no less"), "{}", saved(&alone));
        assert!((records_per_event(&Puts::default()) - 1.0).abs() < 1e-9, "nothing is known yet");
        // For large events, the aggregation frame can make an aggregated record cost more.
        let worse = Puts { payload_units: 8, ..alone };
        assert!(
            saved(&worse).contains("8 PUT payload units instead of 7 with one event per record: no less"),
            "{}",
            saved(&worse)
        );
    }
}
