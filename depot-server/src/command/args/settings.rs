//! The flags and variables of the settings, made from the list of settings itself, so that none is missing or called
//! otherwise than the file and the page in docs/ say.

use std::path::PathBuf;

use clap::{
    Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches,
    builder::{BoolishValueParser, ValueParser},
    parser::ValueSource,
};

use crate::config::{
    self, ConfigError, ConfigFile, DATA_DIR, Fallback, Layer, Origin, READ, Raw, Setting, Settings, Sources,
};

/// A second name of `--read tokens`.
const PRIVATE: (&str, &str) = ("--private", "DEPOT_PRIVATE");

/// The file and every setting, as they were given outside the file.
#[derive(Clone, Debug, Default)]
pub(in crate::command) struct Given {
    config: Option<PathBuf>,
    flags: Layer,
    environment: Layer,
}

impl Given {
    /// The settings in force.
    pub(in crate::command) fn settings(self) -> Result<Settings, ConfigError> {
        Settings::read(&self.sources()?)
    }

    fn sources(self) -> Result<Sources<'static>, ConfigError> {
        Ok(Sources {
            file: ConfigFile::find(self.config.as_deref())?,
            flags: self.flags,
            environment: self.environment,
            lookup: &|name| std::env::var_os(name),
        })
    }

    /// Takes a setting out of what clap read, together with where clap found it.
    fn take(&mut self, matches: &ArgMatches, setting: &'static Setting) {
        let Some(outside) = &setting.outside else { return };
        let Some(mut values) = matches.get_raw(id(outside.flag)) else { return };
        let raw = match (values.next(), values.len()) {
            (Some(value), 0) => Raw::from(value),
            (first, _) => Raw::List(first.into_iter().chain(values).map(Raw::from).collect()),
        };
        self.put(matches, id(outside.flag), setting, (outside.flag, outside.variable), raw);
    }

    fn put(
        &mut self,
        matches: &ArgMatches,
        id: &str,
        setting: &'static Setting,
        (flag, variable): (&'static str, &'static str),
        raw: Raw,
    ) {
        match matches.value_source(id) {
            Some(ValueSource::CommandLine) => {
                self.flags.insert(setting.key, (raw, Origin::Flag(flag)));
            }
            Some(ValueSource::EnvVariable) => {
                self.environment.insert(setting.key, (raw, Origin::Environment(variable)));
            }
            _ => {}
        }
    }

    /// `--private` and `DEPOT_PRIVATE`, which say what `--read` and `DEPOT_READ` say, and must not say otherwise.
    fn take_private(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let word = if matches.get_flag(id(PRIVATE.0)) { "tokens" } else { "everyone" };
        let mut private = Self::default();
        private.put(matches, id(PRIVATE.0), &READ, PRIVATE, Raw::Text(word.into()));
        for (layer, private) in
            [(&mut self.flags, private.flags), (&mut self.environment, private.environment)]
        {
            for (key, (raw, origin)) in private {
                if let Some((other, place)) = layer.get(key).filter(|(other, _)| *other != raw) {
                    let said = if let Raw::Text(text) = other { text.to_string_lossy() } else { "".into() };
                    let words = format!(
                        "{origin} and {place} do not agree: one means `{word}`, the other `{said}`\n"
                    );
                    return Err(clap::Error::raw(clap::error::ErrorKind::ArgumentConflict, words));
                }
                layer.insert(key, (raw, origin));
            }
        }
        Ok(())
    }
}

impl Args for Given {
    fn augment_args(command: Command) -> Command {
        let settings = config::all_settings().filter_map(argument);
        let private = Arg::new(id(PRIVATE.0))
            .long(id(PRIVATE.0))
            .env(PRIVATE.1)
            .action(ArgAction::SetTrue)
            .value_parser(BoolishValueParser::new())
            .help("Let nobody read without a token: the same as --read tokens");
        command.arg(config_file()).args(settings).arg(private)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Given {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut given = Self { config: matches.get_one("config").cloned(), ..Self::default() };
        config::all_settings().for_each(|setting| given.take(matches, setting));
        given.take_private(matches)?;
        Ok(given)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The data directory alone, for the verbs that need no other setting.
#[derive(Debug)]
pub(in crate::command) struct DataDir(Given);

impl DataDir {
    /// The folder that was named, or that the file names, or the default one.
    pub(in crate::command) fn resolve(&self) -> anyhow::Result<PathBuf> {
        let mut given = self.0.clone();
        // What the file says would not be asked, so that it need not be right.
        let is_given =
            [&given.flags, &given.environment].iter().any(|layer| layer.contains_key(DATA_DIR.key));
        let sources = if is_given {
            let (flags, environment) =
                (std::mem::take(&mut given.flags), std::mem::take(&mut given.environment));
            Sources { flags, environment, file: None, lookup: &|_| None }
        } else {
            given.sources()?
        };
        Ok(Settings::data_dir(&sources)?)
    }
}

impl Args for DataDir {
    fn augment_args(command: Command) -> Command {
        command.arg(config_file()).args(argument(&DATA_DIR))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for DataDir {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut given = Given { config: matches.get_one("config").cloned(), ..Given::default() };
        given.take(matches, &DATA_DIR);
        Ok(Self(given))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn config_file() -> Arg {
    Arg::new("config")
        .long("config")
        .env("DEPOT_CONFIG")
        .value_name("FILE")
        .value_parser(clap::value_parser!(PathBuf))
        .help(format!("The configuration file [default: {}, if it is there]", config::DEFAULT_NAME))
}

/// The flag and the variable of a setting. What they hold is judged with the other layers, in the same words.
fn argument(setting: &'static Setting) -> Option<Arg> {
    let outside = setting.outside.as_ref()?;
    let default = match setting.fallback {
        Fallback::Value(value) => value.trim_matches('"'),
        Fallback::Words { words, .. } => words,
    };
    let argument = Arg::new(id(outside.flag))
        .long(id(outside.flag))
        .env(outside.variable)
        .value_name(outside.placeholder)
        .value_parser(ValueParser::os_string())
        .help(format!("{} [default: {default}]", setting.what));
    Some(match outside.placeholder {
        "BOOL" => argument.num_args(0..=1).require_equals(true).default_missing_value("true"),
        "RANGES" => argument.action(ArgAction::Append),
        _ => argument,
    })
}

/// A flag's name without its dashes.
fn id(flag: &'static str) -> &'static str {
    flag.trim_start_matches('-')
}
