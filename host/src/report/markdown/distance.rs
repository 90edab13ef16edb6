//! How far runs are from the published figures, as Markdown.

use super::blocks::Section;
use super::grid::{Column, grid};
use crate::analysis::{DIVISORS, Distance};
use crate::report::conditions::{Conditions, FEW, TableDistance, figures_text, reached};

/// The sections about distances; none if no run has reached a published figure.
pub(crate) fn distances(conditions: &[Conditions]) -> Vec<Section> {
    if conditions.is_empty() {
        return vec![];
    }
    vec![
        Section::new("distance", "Distance to the report", at_published_epochs(conditions)),
        Section::new("epochs", "Distance at other epochs", at_divided_epochs(conditions)),
        Section::new("conditions", "By conditions", by_conditions(conditions)),
    ]
}

/// Each distance with its conditions.
fn all(conditions: &[Conditions]) -> Vec<(&Conditions, &TableDistance)> {
    conditions.iter().flat_map(|of| of.distances.iter().map(move |distance| (of, distance))).collect()
}

fn at_published_epochs(conditions: &[Conditions]) -> String {
    let all = all(conditions);
    let numbers = |name: &str, text: &dyn Fn(&Distance) -> String| {
        Column::numbers(name, all.iter().map(|(_, of)| text(&of.distance)))
    };
    let table = grid(&[
        Column::words("runs", all.iter().map(|(of, _)| of.name.clone())),
        Column::words("tables", all.iter().map(|(_, of)| of.name())),
        numbers("figures", &|distance| distance.figures.to_string()),
        numbers("within 2 points", &|distance| distance.near.to_string()),
        numbers("root mean square", &|distance| format!("{:.2}", distance.root_mean_square)),
        numbers("mean", &|distance| format!("{:+.2}", distance.mean)),
    ]);
    format!(
        "Ours less the report's, in points, over the published figures that runs have reached. Ours is the mean of the last three \
         epochs up to the published one and over the seeds, as in the tables.\n\n{table}"
    )
}

fn at_divided_epochs(conditions: &[Conditions]) -> String {
    let all = all(conditions);
    let cells = |index: usize| {
        all.iter().map(move |(_, of)| {
            let least = of.divided.iter().map(|at| at.distance.root_mean_square).fold(f64::INFINITY, f64::min);
            of.divided.get(index).map_or_else(String::new, |at| {
                let Distance { root_mean_square, mean, .. } = at.distance;
                let mark = if root_mean_square <= least { "**" } else { "" };
                format!("{mark}{root_mean_square:.2}{mark} ({mean:+.2})")
            })
        })
    };
    let mut columns = vec![
        Column::words("runs", all.iter().map(|(of, _)| of.name.clone())),
        Column::words("tables", all.iter().map(|(_, of)| of.name())),
        Column::numbers("figures", all.iter().map(|(_, of)| of.distance.figures.to_string())),
    ];
    let name = |index: usize, k: f64| if index == 0 { format!("k = {k}") } else { k.to_string() };
    columns.extend(DIVISORS.iter().enumerate().map(|(index, k)| Column::numbers(&name(index, *k), cells(index))));
    format!(
        "The report's figure at epoch E beside ours around epoch E / k: the mean of five epochs, at the end of a log of those that \
         there are. Root mean square of the differences in points, and their mean in brackets; the least of a row is bold. If k > 1 \
         is best, the runs learn faster, epoch by epoch, than the report's did.\n\n{}",
        grid(&columns)
    )
}

/// The figures under each of the conditions, and the distances over the figures that two of them share.
fn by_conditions(conditions: &[Conditions]) -> String {
    let figures = reached(conditions);
    let cell = |of: &Conditions, index: usize| {
        of.at(index).map_or_else(
            || "–".into(),
            |figure| {
                let seeds = if figure.seeds.len() > 1 { format!(" ({})", figure.seeds.len()) } else { String::new() };
                format!("{:.2}{seeds}", figure.accuracy)
            },
        )
    };
    let mut columns = vec![
        Column::words("experiment", figures.iter().map(|figure| figure.experiment.clone())),
        Column::numbers("epochs", figures.iter().map(|figure| figure.epochs.to_string())),
        Column::numbers("report", figures.iter().map(|figure| format!("{:.2}", figure.published))),
    ];
    let column = |of: &Conditions| Column::numbers(&of.name, figures.iter().map(|figure| cell(of, figure.index)));
    columns.extend(conditions.iter().map(column));
    let table = grid(&columns);
    let seeds: Vec<usize> = conditions.iter().flat_map(|of| &of.figures).map(|figure| figure.seeds.len()).collect();
    let one_seed = if seeds.iter().all(|seeds| *seeds == 1) {
        " Each is a run of one seed, which decides no difference of a few points."
    } else {
        " A number in brackets is that of the seeds; a run of one seed decides no difference of a few points."
    };
    let shared = match &shared(conditions)[..] {
        [] => String::new(),
        sentences => format!("\nDistance (root mean square):\n\n- {}\n", sentences.join("\n- ")),
    };
    format!(
        "Test accuracy at the published epochs under each of the conditions; – is a run that is still missing.{one_seed}\n\n\
         {table}{shared}"
    )
}

/// Sentences with the distances of each two conditions over the figures that both have: of the first condition and each other, and of
/// two others that share more than a few.
fn shared(conditions: &[Conditions]) -> Vec<String> {
    let with = |of: &Conditions, distance: Distance| {
        format!("{:.2} points with {} (mean {:+.2})", distance.root_mean_square, of.name, distance.mean)
    };
    let sentence = |index: usize, a: &Conditions, b: &Conditions| {
        let [first, second] = a.beside(b)?;
        if index > 0 && first.figures < FEW {
            return None;
        }
        let figures = figures_text(first.figures);
        Some(format!("Over the {figures} of both: {}, {}.", with(a, first), with(b, second)))
    };
    let pairs = conditions
        .iter()
        .enumerate()
        .flat_map(|(index, a)| conditions.iter().skip(index + 1).map(move |b| (index, a, b)));
    pairs.filter_map(|(index, a, b)| sentence(index, a, b)).collect()
}
