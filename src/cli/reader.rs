//! `tributary reader`: who reads the stream, which formats that reader can decode and why, what else it needs, and whether the
//! settings in force fit.

use serde_json::{Value, json};

use super::{destination_args::DestinationArgs, locations::Locations, output::print};
use crate::{
    config::{Destination, Overrides},
    reader::{Fit, Format, Judgement, Reader, fitting, judge, needs, recommended, sees},
};

#[derive(clap::Args, Debug)]
pub struct Args {
    /// lambda, kcl, flink, firehose, streaming-table, sdk or legacy [default: the setting destination.reader]
    #[arg(value_name = "READER", value_parser = reader)]
    about: Option<Reader>,
    #[command(flatten)]
    destination: DestinationArgs,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
}

fn reader(word: &str) -> Result<Reader, String> {
    Reader::parse(word).ok_or_else(|| {
        let words: Vec<_> = Reader::ALL.into_iter().map(Reader::as_str).collect();
        format!("allowed: {}", words.join(", "))
    })
}

/// `false`: the reader cannot decode records of the settings in force.
pub(super) fn run(args: Args, locations: &Locations) -> anyhow::Result<bool> {
    let destination = locations.read(&Overrides::from(args.destination))?.config.destination;
    let format = destination.format();
    let Some(reader) = args.about.or(destination.reader) else {
        let text = if args.json { format!("{}\n", nobody_json(format)) } else { nobody(format) };
        return print(&text).map(|_| true);
    };
    let text = if args.json {
        format!("{}\n", reader_json(reader, &destination))
    } else {
        told(reader, &destination)
    };
    print(&text)?;
    Ok(judge(reader, format).fit != Fit::CannotDecode)
}

/// Who could read, since nobody has said who does.
fn nobody(format: Format) -> String {
    let mut text = format!(
        "Who reads the stream is not said (destination.reader). The format in force is {}.\n{}\n\n",
        format.words(),
        sees(None, format)
    );
    text.extend(Reader::ALL.map(|reader| {
        let (word, what) = (reader.as_str(), reader.described());
        format!("{word:<16} {:<20}  {what}\n", judge(reader, format).fit.words())
    }));
    text + "\nMore about one of them: tributary reader READER\n"
}

fn nobody_json(format: Format) -> Value {
    let readers: serde_json::Map<String, Value> = Reader::ALL
        .into_iter()
        .map(|reader| (reader.as_str().to_owned(), judgement_json(reader, format)))
        .collect();
    json!({
        "reader": null, "encoding": format.encoding, "aggregation": format.aggregation,
        "sees": sees(None, format), "readers": readers,
    })
}

/// All about one reader.
fn told(reader: Reader, destination: &Destination) -> String {
    let format = destination.format();
    let judgement = judge(reader, format);
    let who = match destination.reader {
        Some(in_force) if in_force == reader => "The stream is read by".to_owned(),
        Some(in_force) => format!("The settings say {}. This is about", in_force.as_str()),
        None => "Who reads the stream is not said (destination.reader). This is about".to_owned(),
    };
    let list = |lines: Vec<&str>| lines.into_iter().map(|line| format!("  - {line}\n")).collect::<String>();
    let best = recommended(reader);
    let used = if judgement.fit == Fit::CannotDecode { best } else { format };
    let others: Vec<_> = fitting(reader).into_iter().skip(1).map(Format::words).collect();
    let others =
        if others.is_empty() { String::new() } else { format!("Also fits: {}.\n", others.join("; ")) };
    format!(
        "{who} {}.\n\nIn force: {}, which {}.\n{}\n{}\n\nRecommended: {}. {}\n{others}\nBesides that:\n{}\n\
         In the settings file:\n\n{}",
        reader.described(),
        format.words(),
        judgement.fit.words(),
        judgement.why,
        sees(Some(reader), format),
        best.words(),
        judge(reader, best).why,
        list(needs(reader, used)),
        settings(reader, best),
    )
}

/// The lines of the settings file for this reader.
fn settings(reader: Reader, format: Format) -> String {
    format!(
        "[destination]\nreader = \"{}\"\nencoding = \"{}\"\naggregation = \"{}\"\n",
        reader.as_str(),
        format.encoding.as_str(),
        format.aggregation.as_str()
    )
}

fn reader_json(reader: Reader, destination: &Destination) -> Value {
    let format = destination.format();
    let form = |format: Format| json!({ "encoding": format.encoding, "aggregation": format.aggregation });
    let mut answer = json!({
        "reader": reader,
        "inForce": destination.reader == Some(reader),
        "encoding": format.encoding,
        "aggregation": format.aggregation,
        "sees": sees(Some(reader), format),
        "recommended": form(recommended(reader)),
        "fitting": fitting(reader).into_iter().map(form).collect::<Vec<_>>(),
    });
    let Judgement { fit, why } = judge(reader, format);
    let used = if fit == Fit::CannotDecode { recommended(reader) } else { format };
    (answer["result"], answer["why"]) = (json!(fit.as_str()), json!(why));
    answer["needs"] = json!(needs(reader, used));
    answer
}

fn judgement_json(reader: Reader, format: Format) -> Value {
    let judgement = judge(reader, format);
    json!({ "result": judgement.fit.as_str(), "why": judgement.why, "sees": sees(Some(reader), format) })
}
