//! `tributary completions`: completions of this command line for a shell, made from its definition.

use clap::ValueEnum;
use clap_complete::Shell;

use super::output::print_exactly;

#[derive(clap::Args, Debug)]
#[command(after_help = "\
For the current shell only:
  bash: source <(tributary completions bash)
  zsh:  source <(tributary completions zsh)
  fish: tributary completions fish | source
The packages install all three.")]
pub struct Args {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Supported,
}

/// The shells for which a test covers the completions.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Supported {
    Bash,
    Zsh,
    Fish,
}

/// `command`: the whole command line.
pub(super) fn run(args: &Args, mut command: clap::Command) -> anyhow::Result<()> {
    let shell = match args.shell {
        Supported::Bash => Shell::Bash,
        Supported::Zsh => Shell::Zsh,
        Supported::Fish => Shell::Fish,
    };
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    print_exactly(&String::from_utf8(script)?).map(drop)
}
