//! `tributary check`: can a record be put? Step by step, with what to do about the one that fails.

use clap::Args;
use serde_json::json;

use super::{DestinationWords, Places, practice_access, print, runtime};
use crate::{
    config::Overrides,
    delivery::{Step, Verdict},
    kinesis::Client,
};

#[derive(Args, Debug)]
pub struct Words {
    #[command(flatten)]
    destination: DestinationWords,
    /// One JSON object instead of lines
    #[arg(long)]
    json: bool,
}

/// `false`: a step failed.
pub(super) fn run(words: Words, places: &Places) -> anyhow::Result<bool> {
    let config = places.read(&Overrides::from(words.destination))?.config;
    let access = practice_access(&config, places)?;
    let steps = runtime()?.block_on(async {
        let client = Client::connect(&config, access.as_ref()).await;
        client.check(&config).await
    });
    let passed = steps.iter().all(|step| !matches!(step.verdict, Verdict::Failed(_)));
    if words.json {
        let steps: Vec<_> = steps.iter().map(step_json).collect();
        print(&format!("{}\n", json!({ "ok": passed, "steps": steps })))?;
    } else {
        for step in &steps {
            print(&step_line(step))?;
        }
    }
    Ok(passed)
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Skipped => "skipped",
        Verdict::Failed(_) => "failed",
    }
}

fn step_line(step: &Step) -> String {
    let said = match &step.verdict {
        Verdict::Failed(fault) => format!("\n         {fault}"),
        Verdict::Passed | Verdict::Skipped => String::new(),
    };
    format!("{:<8} {}: {}{said}\n", word(&step.verdict), step.name, step.detail)
}

fn step_json(step: &Step) -> serde_json::Value {
    let error = match &step.verdict {
        Verdict::Failed(fault) => Some(fault.to_string()),
        Verdict::Passed | Verdict::Skipped => None,
    };
    json!({ "step": step.name, "result": word(&step.verdict), "detail": step.detail, "error": error })
}
