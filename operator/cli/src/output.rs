//! What a command shows, and how it ends.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use serde::Serialize;

use crate::errors::CliError;

/// A heading.
pub const BOLD: Style = Style::new().bold();
/// Something that is added, or right.
pub const GREEN: Style = AnsiColor::Green.on_default();
/// Something that changes, or waits.
pub const YELLOW: Style = AnsiColor::Yellow.on_default();
/// Something that is wrong.
pub const RED: Style = AnsiColor::Red.on_default();
/// Something beside the point.
pub const DIM: Style = Style::new().dimmed();

/// What is shown. Styles are taken out on the way where the output is no terminal or `NO_COLOR` is set.
#[derive(Debug, Default)]
pub struct Shown {
    /// For standard output.
    pub text: String,
    /// For standard error, a line each: what a program that reads the output must not stumble over.
    pub notes: Vec<String>,
    /// How the program ends.
    pub exit: Exit,
}

/// How the program ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exit {
    /// 0.
    #[default]
    Fine,
    /// 1.
    Errors,
    /// 2.
    Changes,
}

/// In which form something is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// When colours are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// From now on.
    pub fn apply(self) {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

impl Shown {
    /// Text, and a good end.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Prints it. A reader that has gone away (`| head`) is no error.
    pub fn print(self) -> ExitCode {
        let mut errors = anstream::stderr();
        for note in &self.notes {
            let _ = writeln!(errors, "{note}");
        }
        let mut output = anstream::stdout();
        let _ = output.write_all(self.text.as_bytes()).and_then(|()| output.flush());
        match self.exit {
            Exit::Fine => ExitCode::SUCCESS,
            Exit::Errors => ExitCode::FAILURE,
            Exit::Changes => ExitCode::from(2),
        }
    }
}

/// Ends with an error.
pub fn fail(error: &CliError) -> ExitCode {
    let _ = writeln!(anstream::stderr(), "{}", line(RED, "error: ", &error.to_string()));
    ExitCode::FAILURE
}

/// Text in a style, and plain text after it.
pub fn line(style: Style, styled: &str, plain: &str) -> String {
    let mut text = String::new();
    let _ = write!(text, "{style}{styled}{style:#}{plain}");
    text
}

/// As JSON, with an end of line.
///
/// # Errors
/// Never in practice: what is shown has string keys only.
pub fn json<T: Serialize>(what: &'static str, value: &T) -> Result<String, CliError> {
    serde_json::to_string_pretty(value)
        .map(|text| text + "\n")
        .map_err(|error| CliError::Output { what, error: error.to_string() })
}

/// Something that is told while the program goes on, on standard error.
pub fn tell(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// A length of time in its two largest units: `1h 30m`.
pub fn length(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..3600 => format!("{}m", seconds / 60),
        seconds @ 3600..172_800 => match (seconds / 3600, seconds % 3600 / 60) {
            (hours, 0) => format!("{hours}h"),
            (hours, minutes) => format!("{hours}h {minutes}m"),
        },
        seconds => format!("{}d", seconds / 86_400),
    }
}

/// `1 change`, `2 changes`.
pub fn counted(count: usize, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_short() {
        for (seconds, text) in
            [(-5, "0s"), (59, "59s"), (3599, "59m"), (3600, "1h"), (5400, "1h 30m"), (129_600, "36h"), (172_800, "2d")]
        {
            assert_eq!(length(seconds), text);
        }
    }
}
