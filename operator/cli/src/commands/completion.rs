//! `completion`: what a shell needs to complete the command line, and what kubectl asks for to complete it as `kubectl runbook`.

use clap::{Arg, Command, CommandFactory};
use clap_complete::{Shell, generate};

use crate::arguments::Arguments;
use crate::output::Shown;

/// Prints the script.
pub fn run(shell: Shell) -> Shown {
    let mut script = Vec::new();
    generate(shell, &mut Arguments::command(), "kubectl-runbook", &mut script);
    Shown::text(String::from_utf8_lossy(&script))
}

/// The choices for the last of these words, a line each, and how the shell is to take them: `:4` is these only, `:0` files where there are
/// none (Cobra's ShellCompDirective, which kubectl passes on).
pub fn choices(words: &[String]) -> Shown {
    let mut root = Arguments::command();
    root.build();
    let (last, before) = words.split_last().map_or(("", &[][..]), |(last, before)| (last.as_str(), before));
    let mut command = &root;
    let mut value_of = None;
    for word in before {
        // The value of an option is no command.
        if value_of.take().is_none() {
            value_of = option(command, word);
            command = command.find_subcommand(word).unwrap_or(command);
        }
    }
    let (choices, directive) = match value_of {
        Some(option) => match values(option) {
            none if none.is_empty() => (none, ":0"),
            values => (values, ":4"),
        },
        None if last.starts_with('-') => (options(command), ":4"),
        None => {
            let commands = command.get_subcommands().filter(|one| !one.is_hide_set());
            let commands = commands.map(|one| described(one.get_name(), one.get_about()));
            (commands.chain(command.get_positionals().flat_map(values)).collect(), ":4")
        }
    };
    let fitting = choices.into_iter().filter(|choice| choice.starts_with(last));
    Shown::text(fitting.chain([directive.to_owned()]).map(|line| line + "\n").collect::<String>())
}

/// The option that a word is, where a value follows it.
fn option<'c>(command: &'c Command, word: &str) -> Option<&'c Arg> {
    let named = |arg: &&Arg| match word.strip_prefix("--") {
        Some(long) => arg.get_long() == Some(long),
        None => arg.get_short().is_some_and(|short| word == format!("-{short}")),
    };
    command.get_arguments().find(named).filter(|arg| arg.get_action().takes_values())
}

fn options(command: &Command) -> Vec<String> {
    let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
    shown.filter_map(|arg| Some(described(&format!("--{}", arg.get_long()?), arg.get_help()))).collect()
}

fn values(arg: &Arg) -> Vec<String> {
    arg.get_possible_values().iter().map(|value| described(value.get_name(), value.get_help())).collect()
}

fn described(choice: &str, help: Option<&impl ToString>) -> String {
    help.map_or_else(|| choice.to_owned(), |help| format!("{choice}\t{}", help.to_string().replace('\n', " ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(words: &str) -> Vec<String> {
        let words: Vec<String> = words.split(' ').map(Into::into).collect();
        choices(&words).text.lines().map(|line| line.split('\t').next().unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn kubectl_gets_commands_options_and_values() {
        assert_eq!(chosen("s"), ["scale", "status", ":4"]);
        assert_eq!(chosen("scale web --at"), ["--at-least", ":4"]);
        assert_eq!(chosen("plan -f plan -o "), ["text", "json", ":4"]);
        assert_eq!(chosen("plan --filename "), [":0"]);
        assert_eq!(chosen("import "), ["ecs", ":4"]);
        assert_eq!(chosen("plan --color n"), ["never", ":4"]);
        assert!(chosen("").contains(&"iam-policy".to_owned()) && !chosen("").contains(&"__complete".to_owned()));
    }
}
