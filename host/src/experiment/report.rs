//! The report's 39 experiments and the extra experiments that test its claims, as `data/experiments.toml` lists them.
//! An experiment is data: adding one means adding a table there, no code.

use super::definition::Experiment;
use super::reader::experiments;

const ROWS: &str = include_str!("../../data/experiments.toml");

/// No experiment has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no experiment is called `{name}`; {}`asymgrad list` and `asymgrad list --published` show them all, and `--experiments FILE` adds your own",
    nearest.as_ref().map_or_else(String::new, |nearest| format!("the nearest name is `{nearest}`; "))
)]
pub struct UnknownExperiment {
    /// The name that was asked for.
    pub name: String,
    /// The name that differs least from it; `None` if all differ in more than half of its letters.
    pub nearest: Option<String>,
}

/// All experiments in the order of the file: the report's tables, then the extras.
///
/// # Panics
/// Never in a build that passed its tests: the experiments are part of the program.
pub fn all() -> Vec<Experiment> {
    let experiments = experiments(ROWS).expect("data/experiments.toml is well formed");
    experiments.into_iter().map(|located| located.experiment).collect()
}

/// The experiment of the report, or extra, called `name`.
#[cfg(test)]
pub(crate) fn find(name: &str) -> Result<Experiment, UnknownExperiment> {
    find_in(&all(), name).cloned()
}

/// The experiment called `name` among `experiments`.
///
/// # Errors
/// [`UnknownExperiment`], which suggests the nearest name.
pub(crate) fn find_in<'a>(experiments: &'a [Experiment], name: &str) -> Result<&'a Experiment, UnknownExperiment> {
    let plain = |name: &str| name.to_lowercase().replace(['-', '_'], "");
    let distance = |experiment: &&'a Experiment| strsim::damerau_levenshtein(&plain(&experiment.name), &plain(name));
    let nearest = experiments.iter().min_by_key(distance).filter(|nearest| 2 * distance(nearest) <= plain(name).len());
    let nearest = nearest.map(|experiment| experiment.name.clone());
    experiments
        .iter()
        .find(|experiment| experiment.name == name)
        .ok_or_else(|| UnknownExperiment { name: name.to_owned(), nearest })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Published;
    use std::collections::BTreeSet;

    /// Typed from the report's tables: name, table, then the percentages in the order in which they are printed.
    const REPORT: &[(&str, u8, &[f64])] = &[
        ("DS0", 1, &[50.06]),
        ("DSR1", 1, &[50.08]),
        ("DSR2", 1, &[44.19]),
        ("DSR1-U", 1, &[49.37]),
        ("DSR2-U", 1, &[50.49]),
        ("DS0-HL", 1, &[51.54]),
        ("DSR1-HL", 1, &[48.83]),
        ("DSR2-HL", 1, &[38.66]),
        ("DSR1-U-HL", 1, &[48.82]),
        ("DSR2-U-HL", 1, &[48.93]),
        ("DD0", 2, &[49.06]),
        ("DDR1", 2, &[38.82, 41.11]),
        ("DDR2", 2, &[26.94, 31.60]),
        ("DDR4", 2, &[27.7, 35.08]),
        ("DDR1-U", 2, &[40.27, 45.70]),
        ("DDR2-U", 2, &[35.35, 44.80]),
        ("DDR4-U", 2, &[45.27, 42.18]),
        ("DD0-HL", 2, &[51.67]),
        ("DDR1-HL", 2, &[30.42, 39.34]),
        ("DDR2-HL", 2, &[29.27, 29.63]),
        ("DDR4-HL", 2, &[28.86, 26.36]),
        ("DDR1-U-HL", 2, &[40.46, 45.86]),
        ("DDR2-U-HL", 2, &[35.83, 45.43]),
        ("DDR4-U-HL", 2, &[39.65, 43.93]),
        ("PG0", 3, &[75.87]),
        ("PGR1", 3, &[29.27, 40.65, 54.13]),
        ("PGR2", 3, &[33.84, 43.79, 43.87]),
        ("PGR1-U", 3, &[28.32, 53.77, 67.48]),
        ("PGR2-U", 3, &[27.44, 45.61, 57.95]),
        ("PG0-HL", 3, &[75.12]),
        ("PGR1-HL", 3, &[28.85, 40.38, 54.10]),
        ("PGR2-HL", 3, &[30.93, 39.02, 40.55]),
        ("PGR1-U-HL", 3, &[28.27, 50.89, 62.07]),
        ("PGR2-U-HL", 3, &[31.52, 34.49, 43.31]),
        ("PG-Untie", 4, &[64.90]),
        ("PG-Untie-R1", 4, &[50.53]),
        ("PG-Untie-R2", 4, &[38.70]),
        ("PG-Untie-R1-U", 4, &[60.87]),
        ("PG-Untie-R2-U", 4, &[34.61]),
    ];

    #[test]
    fn the_rows_are_the_reports() {
        let of_tables: Vec<_> = all().into_iter().filter(|experiment| experiment.table.is_some()).collect();
        assert_eq!(of_tables.len(), 39);
        assert_eq!(REPORT.len(), 39);
        for (experiment, &(name, table, percentages)) in of_tables.iter().zip(REPORT) {
            let epochs: &[u32] = if table == 4 { &[200] } else { &[100, 200, 300] };
            let published: Vec<_> =
                epochs.iter().zip(percentages).map(|(&epochs, &accuracy)| Published { epochs, accuracy }).collect();
            assert_eq!(
                (experiment.name.as_str(), experiment.table, &experiment.published),
                (name, Some(table), &published)
            );
        }
    }

    #[test]
    fn names_are_unique_and_say_the_loss_and_the_feedback() {
        let experiments = all();
        assert_eq!(
            experiments.iter().map(|experiment| &experiment.name).collect::<BTreeSet<_>>().len(),
            experiments.len()
        );
        for experiment in experiments.iter().filter(|experiment| experiment.table.is_some()) {
            assert_eq!(
                experiment.loss,
                if experiment.name.ends_with("-HL") { "hinge" } else { "ce" },
                "{}",
                experiment.name
            );
            let stem = experiment.name.trim_end_matches("-HL");
            let (stem, mark, other) = match stem.strip_suffix("-U") {
                Some(stem) => (stem, "(R*)", "(R)"),
                None => (stem, "(R)", "(R*)"),
            };
            let expected = stem.rsplit_once('R').map_or(0, |(_, layers)| layers.parse().unwrap());
            assert_eq!(experiment.network.matches(mark).count(), expected, "{}", experiment.name);
            assert_eq!(experiment.network.matches(other).count(), 0, "{}", experiment.name);
        }
    }

    #[test]
    fn every_extra_says_what_it_is_for() {
        for experiment in all().iter().filter(|experiment| experiment.table.is_none()) {
            assert!(experiment.claim.is_some() || experiment.note.is_some(), "{}", experiment.name);
            assert!(experiment.published.is_empty(), "{}", experiment.name);
            let Some(claim) = &experiment.claim else { continue };
            // "One epoch never agrees."
            assert!(claim.epochs > 1, "{}", experiment.name);
            assert!(claim.expectation.than().is_none_or(|than| find(than).is_ok()), "{}", experiment.name);
        }
    }

    #[test]
    fn a_name_is_found_or_the_nearest_is_named() {
        assert_eq!(find("PGR2-U").unwrap().network.matches("(R*)").count(), 2);
        assert_eq!(find("dsr2u").unwrap_err().nearest.as_deref(), Some("DSR2-U"));
        assert_eq!(
            find("PG-United").unwrap_err().to_string(),
            "no experiment is called `PG-United`; the nearest name is `PG-Untie`; `asymgrad list` and `asymgrad list --published` show them all, and `--experiments FILE` adds \
             your own"
        );
        let mine = find("MY-NET").unwrap_err().to_string();
        assert!(mine.starts_with("no experiment is called `MY-NET`; `asymgrad list` and"), "{mine}");
    }

    #[test]
    fn json_has_the_keys_that_programs_read() {
        let json = serde_json::to_value(find("DDR4-U-LITERAL").unwrap()).unwrap();
        assert!(json["table"].is_null());
        let json = serde_json::to_value(find("DDR4").unwrap()).unwrap();
        assert_eq!(json["table"], 2);
        assert_eq!(json["published"][0], serde_json::json!({"epochs": 100, "accuracy": 27.7}));
    }
}
