//! Options that are chosen and have no effect: no run reads them.

use asymgrad_core::{Feedback, Optimizer};

use super::choices::Choices;
use super::coefficients::Coefficients;
use super::target::Target;
use crate::Network;

/// What decides which options a run reads.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// Its network.
    pub network: &'a Network,
    /// Its optimizer.
    pub optimizer: Optimizer,
    /// What it is trained towards.
    pub target: Target,
    /// Epochs between two measurements; 0 is never.
    pub measure_every: u32,
}

impl<'a> Reader<'a> {
    /// A run of these choices alone.
    pub fn of(choices: &Choices, network: &'a Network) -> Self {
        Self {
            network,
            optimizer: choices.optimizer_or_default(),
            target: choices.target.unwrap_or_default(),
            measure_every: choices.measure_every_or_default(),
        }
    }
}

/// An option that is chosen and has no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoEffect {
    /// The option's name on the command line without the hyphens in front: `kp-decay`.
    pub option: &'static str,
    /// Why no run reads it.
    why: String,
    instead: Instead,
}

/// With what the option has an effect.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Instead {
    Network,
    /// One of these values of another option.
    Value(&'static str, Vec<&'static str>),
}

impl NoEffect {
    /// The message for a command line.
    pub fn of_command_line(&self) -> String {
        let instead = match &self.instead {
            Instead::Network => "name another network".into(),
            Instead::Value(option, values) => format!("choose --{option} {}", values.join(" or ")),
        };
        format!("--{} has no effect: {}; leave it out, or {instead}", self.option, self.why)
    }

    /// The message for a TOML file that has the option as a field with this value.
    pub fn of_file(&self, value: &str) -> String {
        let instead = match &self.instead {
            Instead::Network => "name another network".into(),
            Instead::Value(option, values) => {
                let quoted =
                    |value: &&str| if value.parse::<u32>().is_ok() { (*value).into() } else { format!("\"{value}\"") };
                let values: Vec<String> = values.iter().map(quoted).collect();
                format!("choose {} = {}", field_of(option), values.join(" or "))
            }
        };
        format!("{} = {value} has no effect: {}; leave it out, or {instead}", self.field(), self.why)
    }

    /// The option's name as a field of a TOML file: `kp_decay`.
    pub fn field(&self) -> String {
        field_of(self.option)
    }
}

fn field_of(option: &str) -> String {
    option.replace('-', "_")
}

/// The first option of `choices` that none of the runs which were made from these choices reads.
pub fn without_effect(choices: &Choices, runs: &[Reader<'_>]) -> Option<NoEffect> {
    let any = |has: &dyn Fn(&Reader<'_>) -> bool| runs.iter().any(has);
    let rule = |option, fits: fn(Feedback) -> bool, what: &str| {
        let has = |run: &Reader<'_>| run.network.senders().any(|layer| fits(layer.feedback));
        let why = format!("no layer {what}, but for the first one at most, which sends nothing back");
        (!any(&has)).then_some(NoEffect { option, why, instead: Instead::Network })
    };
    let is_mirror: fn(Feedback) -> bool = |feedback| feedback == Feedback::WeightMirror;
    let of_rules = [
        (choices.kp_decay.is_some(), "kp-decay", (|f| f == Feedback::KolenPollack) as fn(Feedback) -> bool, "is (KP)"),
        (choices.mirror_rate.is_some(), "mirror-rate", is_mirror, "is (WM)"),
        (choices.mirror_first.is_some(), "mirror-first", is_mirror, "is (WM)"),
        (choices.mirror_noise.is_some(), "mirror-noise", is_mirror, "is (WM)"),
        (choices.mirror_response.is_some(), "mirror-response", is_mirror, "is (WM)"),
        (choices.no_mirror_leak, "no-mirror-leak", is_mirror, "is (WM)"),
        (choices.feedback_init.is_some(), "feedback-init", Feedback::is_stored, "has feedback of its own"),
    ];
    let of_rules =
        || of_rules.into_iter().filter(|of| of.0).find_map(|(_, option, fits, what)| rule(option, fits, what));
    let anomalies = || {
        let has = any(&|run| run.target == Target::Input);
        let target = runs.first().map_or_else(Target::default, |run| run.target);
        let (why, instead) = (format!("the target is {target}"), Instead::Value("target", vec![Target::Input.name()]));
        (choices.anomaly_class.is_some() && !has).then_some(NoEffect { option: "anomaly-class", why, instead })
    };
    let measures = || {
        let has = any(&|run| run.measure_every > 0);
        let (why, instead) = ("nothing is measured".into(), Instead::Value("measure-every", vec!["1"]));
        (choices.measures.is_some() && !has).then_some(NoEffect { option: "measures", why, instead })
    };
    coefficient(&choices.coefficients, runs).or_else(of_rules).or_else(anomalies).or_else(measures)
}

/// The first coefficient that none of the optimizers has.
fn coefficient(chosen: &Coefficients, runs: &[Reader<'_>]) -> Option<NoEffect> {
    let of_index = |(index, (option, chosen)): (usize, (&'static str, Option<f32>))| {
        let has = |optimizer: &Optimizer| Coefficients::of(*optimizer).named()[index].1.is_some();
        if chosen.is_none() || runs.iter().any(|run| has(&run.optimizer)) {
            return None;
        }
        let why = format!("the optimizer is {}", runs.first().map_or("", |run| run.optimizer.name()));
        let known = Optimizer::DEFAULTS.iter().filter(|known| has(known)).map(Optimizer::name);
        Some(NoEffect { option, why, instead: Instead::Value("optimizer", known.collect()) })
    };
    chosen.named().into_iter().enumerate().find_map(of_index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::MeasureSet;

    #[test]
    fn an_option_of_a_rule_needs_a_layer_that_sends_with_it() {
        let found = |network: &str, choices: &Choices| {
            let network: Network = network.parse().unwrap();
            without_effect(choices, &[Reader::of(choices, &network)]).map(|found| found.option)
        };
        let decay = Choices { kp_decay: Some(0.1), ..Choices::default() };
        assert_eq!(found("input 64 - dense9 - dense10(KP)", &decay), None);
        assert_eq!(found("input 64 - dense9(KP) - dense10", &decay), Some("kp-decay"));
        let first = Choices { mirror_first: Some(3), ..Choices::default() };
        assert_eq!(found("input 64 - dense9(R) - dense10(WM)", &first), None);
        assert_eq!(found("input 64 - dense9(WM) - dense10(R)", &first), Some("mirror-first"));
        let measures = Choices { measures: Some(MeasureSet::All), ..Choices::default() };
        assert_eq!(found("input 64 - dense10", &measures), None);
        assert_eq!(found("input 64 - dense10", &Choices { measure_every: Some(0), ..measures }), Some("measures"));
    }
}
