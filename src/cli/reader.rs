//! `tributary reader`: who reads the stream, which formats that reader can decode and why, what else it needs, and whether the
//! settings in force fit.

use anyhow::bail;
use serde_json::{Value, json};

use super::{
    destination_args::DestinationArgs,
    locations::Locations,
    output::{print, print_exactly},
};
use crate::{
    config::{Destination, Overrides},
    engine::PRACTICE_STREAM,
    reader::{Fit, Format, Judgement, Reader, fitting, judge, needs, recommended, sees},
    snippets::{ConsumedStream, Consumer, consumer_code},
};

#[derive(clap::Args, Debug)]
pub struct Args {
    /// lambda, kcl, flink, firehose, table, sdk or base64 [default: the setting destination.reader]
    #[arg(value_name = "READER", value_parser = reader)]
    about: Option<Reader>,
    #[command(flatten)]
    destination: DestinationArgs,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
    /// Print code that reads the stream in the format in force, instead: python, js, java or sql [default: the first that this
    /// reader has]
    #[arg(
        long,
        value_name = "LANGUAGE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "",
        conflicts_with = "json"
    )]
    code: Option<String>,
}

/// The ways to read that are this reader's.
fn consumers(reader: Reader) -> &'static [Consumer] {
    match reader {
        Reader::Lambda => &[Consumer::LambdaPython, Consumer::LambdaNode],
        Reader::Kcl => &[Consumer::Kcl],
        Reader::Flink => &[Consumer::Flink],
        Reader::Firehose => &[Consumer::Athena],
        // AWS makes the table, and no code reads the stream.
        Reader::StreamingTable => &[],
        Reader::Sdk | Reader::Legacy => &[Consumer::Python, Consumer::Node],
    }
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
        if args.code.is_some() {
            bail!("whose code? Name the reader (tributary reader READER --code), or set destination.reader");
        }
        let text = if args.json { format!("{}\n", nobody_json(format)) } else { nobody(format) };
        return print(&text).map(|_| true);
    };
    if let Some(language) = &args.code {
        print_exactly(&code(reader, &destination, language)?)?;
    } else if args.json {
        print(&format!("{}\n", reader_json(reader, &destination)))?;
    } else {
        print(&told(reader, &destination))?;
    }
    Ok(judge(reader, format).fit != Fit::CannotDecode)
}

/// The code of that language for this reader; "": its first.
fn code(reader: Reader, destination: &Destination, language: &str) -> anyhow::Result<String> {
    let all = consumers(reader);
    if all.is_empty() {
        bail!(
            "no code reads a streaming table: query the table that its channel writes, with Athena or Spark"
        );
    }
    let found = all.iter().find(|consumer| language.is_empty() || consumer.language() == language);
    let languages: Vec<_> = all.iter().map(|consumer| consumer.language()).collect();
    let Some(consumer) = found else {
        bail!("there is no code for {} in {language:?}; allowed: {}", reader.as_str(), languages.join(", "));
    };
    Ok(consumer_code(*consumer, &ConsumedStream::of(destination, PRACTICE_STREAM)))
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
        format!("{word:<9} {:<20}  {what}\n", judge(reader, format).fit.words())
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
    let list = |lines: Vec<&str>| format!("  - {}\n", lines.join("\n  - "));
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
    ) + &code_line(reader)
}

/// How to get its code.
fn code_line(reader: Reader) -> String {
    let languages: Vec<_> = consumers(reader).iter().map(|consumer| consumer.language()).collect();
    if languages.is_empty() {
        return String::new();
    }
    let word = reader.as_str();
    format!("\nCode to paste: tributary reader {word} --code=LANGUAGE ({})\n", languages.join(", "))
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
    let Judgement { fit, why } = judge(reader, format);
    let used = if fit == Fit::CannotDecode { recommended(reader) } else { format };
    json!({
        "reader": reader,
        "inForce": destination.reader == Some(reader),
        "encoding": format.encoding,
        "aggregation": format.aggregation,
        "sees": sees(Some(reader), format),
        "recommended": form(recommended(reader)),
        "fitting": fitting(reader).into_iter().map(form).collect::<Vec<_>>(),
        "result": fit.as_str(),
        "why": why,
        "needs": needs(reader, used),
    })
}

fn judgement_json(reader: Reader, format: Format) -> Value {
    let judgement = judge(reader, format);
    json!({ "result": judgement.fit.as_str(), "why": judgement.why, "sees": sees(Some(reader), format) })
}
