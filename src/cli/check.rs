//! `tributary check`: tests the destination step by step, and says what to do about the step that fails. With `--endpoint` it
//! tests the public address, with `--probe` it asks the running engine for its health.

use serde_json::json;

use super::{
    destination_args::DestinationArgs,
    locations::Locations,
    output::{Printed, print},
    probe::{self, Asked},
    reach::{practice_access, running_engine, runtime},
};
use crate::{
    config::{Config, Overrides},
    delivery::{CheckFact, CheckKind, CheckStep, Verdict},
    kinesis::check,
    remedy,
    snippets::{Proxy, proxy_lines},
};

#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    destination: DestinationArgs,
    /// Also put one record that is marked as a test event, and read it back
    #[arg(long)]
    put_record: bool,
    /// Test the public address of a running engine instead: send it a test event, and print what nginx, Caddy and an AWS ALB
    /// need
    #[arg(long, conflicts_with_all = ["put_record", "DestinationArgs"])]
    endpoint: bool,
    /// Ask the running engine instead, as a load balancer does: for health checks of containers
    #[arg(long, value_enum, value_name = "PROBE", conflicts_with_all = ["put_record", "endpoint", "json", "DestinationArgs"])]
    probe: Option<Asked>,
    /// One JSON object instead of lines
    #[arg(long)]
    json: bool,
}

/// `false`: a step failed.
pub(super) fn run(args: Args, locations: &Locations) -> anyhow::Result<bool> {
    if let Some(asked) = args.probe {
        return probe::run(asked, locations);
    }
    if args.endpoint {
        return endpoint(args.json, locations);
    }
    let config = locations.read(&Overrides::from(args.destination))?.config;
    let access = practice_access(&config, locations)?;
    let kind = if args.put_record { CheckKind::PutOne } else { CheckKind::Ask };
    let mut steps = Vec::new();
    let mut printed = Ok(Printed::Read);
    runtime()?.block_on(check(&config, access.as_ref(), kind, |step| {
        if !args.json && printed.is_ok() {
            printed = print(&step_line(&step));
        }
        steps.push(step);
    }));
    printed?;
    let passed = steps.iter().all(|step| !matches!(step.verdict, Verdict::Failed(_)));
    if args.json {
        let steps: Vec<_> = steps.iter().map(|step| step_json(step, &config)).collect();
        print(&format!("{}\n", json!({ "ok": passed, "steps": steps })))?;
    }
    Ok(passed)
}

/// The running engine makes this check, because it sees how the requests arrive.
fn endpoint(json: bool, locations: &Locations) -> anyhow::Result<bool> {
    let engine = running_engine(locations)?;
    let config = locations.read(&Overrides::default())?.config;
    let mut steps: Vec<CheckStep> = Vec::new();
    let mut printed = Ok(Printed::Read);
    let checked = engine.check_public(|step| {
        if !json && printed.is_ok() {
            printed = print(&endpoint_line(&step, &config));
        }
        steps.push(step);
    });
    checked?;
    printed?;
    let passed = steps.iter().all(|step| !matches!(step.verdict, Verdict::Failed(_)));
    let lines = |proxy: Proxy| {
        let public = config.capture.public_url.as_ref()?;
        Some(proxy_lines(proxy, public, &config.capture))
    };
    if json {
        let steps: Vec<_> = steps.iter().map(|step| step_json(step, &config)).collect();
        let proxies: serde_json::Map<String, serde_json::Value> =
            Proxy::ALL.into_iter().map(|proxy| (proxy.as_str().to_owned(), json!(lines(proxy)))).collect();
        print(&format!("{}\n", json!({ "ok": passed, "steps": steps, "proxies": proxies })))?;
    } else {
        for proxy in Proxy::ALL {
            if let Some(lines) = lines(proxy) {
                print(&format!("\n# {}\n{lines}", proxy.title()))?;
            }
        }
    }
    Ok(passed)
}

/// A step, and below a failed one what to do.
fn endpoint_line(step: &CheckStep, config: &Config) -> String {
    let line = step_line(step);
    match &step.verdict {
        Verdict::Failed(fault) => {
            let remedy = remedy::remedy_once(fault, config);
            format!("{line}         {} {}\n", remedy.what, remedy.action)
        }
        Verdict::Passed | Verdict::Skipped => line,
    }
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Skipped => "skipped",
        Verdict::Failed(_) => "failed",
    }
}

fn step_line(step: &CheckStep) -> String {
    let said = match &step.verdict {
        Verdict::Failed(fault) => format!("\n         {fault}"),
        Verdict::Passed | Verdict::Skipped => String::new(),
    };
    format!("{:<8} {}: {}{said}\n", word(&step.verdict), step.name, step.detail)
}

fn step_json(step: &CheckStep, config: &Config) -> serde_json::Value {
    let fault = match &step.verdict {
        Verdict::Failed(fault) => Some(fault),
        Verdict::Passed | Verdict::Skipped => None,
    };
    let mut line = json!({
        "step": step.name,
        "result": word(&step.verdict),
        "detail": step.detail,
        "error": fault.map(ToString::to_string),
        "remedy": fault.map(|fault| match &*step.name {
            "record" => remedy::remedy_of_put(fault, config).action,
            _ => remedy::remedy_once(fault, config).action,
        }),
    });
    match &step.found {
        Some(CheckFact::Identity(caller)) => {
            line["account"] = json!(&*caller.account_id);
            line["arn"] = json!(&*caller.arn);
        }
        Some(CheckFact::KmsKey(key)) => line["kmsKey"] = json!(&**key),
        None => {}
    }
    line
}
