//! Completions and man pages name every command and every flag of the command line.

use std::{collections::BTreeSet, fs, process::Command};

use clap::{Arg, CommandFactory};
use tributary::cli::Cli;

use crate::binary::Home;

/// Each visible command: its words after `tributary` (none: the program itself), and its visible long flags.
fn commands() -> Vec<(Vec<String>, BTreeSet<String>)> {
    let mut program = Cli::command();
    program.build();
    let mut all = Vec::new();
    collect(&program, &[], &mut all);
    assert!(all.len() > 12, "the commands were found: {all:?}");
    all
}

fn collect(command: &clap::Command, words: &[String], all: &mut Vec<(Vec<String>, BTreeSet<String>)>) {
    let flags = command.get_arguments().filter(|flag| !flag.is_hide_set()).filter_map(Arg::get_long);
    all.push((words.to_vec(), flags.map(str::to_owned).collect()));
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help")
    {
        collect(inner, &[words, &[inner.get_name().to_owned()]].concat(), all);
    }
}

/// The completions for a shell.
fn script(shell: &str) -> String {
    let ended = Home::new("").run(&["completions", shell]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    ended.stdout
}

#[test]
fn the_completions_of_each_shell_have_every_command_and_flag() {
    for (shell, flag_prefix) in [("bash", "--"), ("zsh", "--"), ("fish", "-l ")] {
        let script = script(shell);
        let known: BTreeSet<_> =
            script.split(|char: char| !char.is_ascii_alphanumeric() && !"-_ ".contains(char)).collect();
        let words: BTreeSet<_> = known.iter().flat_map(|text| text.split(' ')).collect();
        for (command, flags) in commands() {
            for word in command {
                assert!(words.contains(&*word), "{shell}: the command {word}");
            }
            for flag in flags {
                assert!(script.contains(&format!("{flag_prefix}{flag}")), "{shell}: the flag {flag}");
            }
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn bash_completes_a_command_and_a_flag_of_it() {
    let script = script("bash");
    let completed = |words: &[&str]| {
        let last = words.len() - 1;
        let ask = format!(
            "{script}\nCOMP_WORDS=({}); COMP_CWORD={last}\n\
             _tributary tributary \"{}\" \"{}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            words.join(" "),
            words[last],
            words[last - 1],
        );
        let ended = Command::new("bash").args(["--norc", "-c", &ask]).output().expect("bash starts");
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        String::from_utf8(ended.stdout).expect("text").trim().to_owned()
    };
    assert_eq!(completed(&["tributary", "set"]), "set-aside");
    assert_eq!(completed(&["tributary", "serve", "--agg"]), "--aggregation");
}

#[test]
fn each_command_has_a_man_page_with_every_flag() {
    let home = Home::new("");
    let folder = home.folder().join("pages").join("man1");
    let ended = home.run(&["man", folder.to_str().expect("text")]);
    assert_eq!((ended.code, &*ended.stdout, &*ended.stderr), (Some(0), "", ""), "{ended:?}");
    let mut files: BTreeSet<_> = fs::read_dir(&folder)
        .expect("the folder")
        .map(|file| file.expect("a file").file_name().into_string().expect("text"))
        .collect();
    for (command, flags) in commands() {
        let name = [vec!["tributary".to_owned()], command].concat().join("-") + ".1";
        assert!(files.remove(&name), "{name}: {files:?}");
        let page = fs::read_to_string(folder.join(&name)).expect("a page").replace('\\', "");
        assert!(page.contains(".SH NAME") && page.contains(".SH SYNOPSIS"), "{page}");
        for flag in flags {
            assert!(page.contains(&format!("--{flag}")), "{name}: the flag {flag}");
        }
    }
    assert!(files.is_empty(), "no command has these pages: {files:?}");
}
