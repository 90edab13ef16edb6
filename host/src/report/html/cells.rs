//! The cells that all tables of the page have: an accuracy with its interval, the strip that draws it, a difference, and measures.

use std::collections::BTreeMap;

use maud::{Markup, html};

use crate::analysis::{Metric, Ours, Paired, Spread};
use crate::report::figures::{AT_START, epochs, mean, roc_auc};

/// The axis of a table's strips, in percent.
#[derive(Clone, Copy)]
pub(super) struct Axis {
    low: f64,
    high: f64,
}

/// Ends and ticks of an axis are multiples of so many points.
const STEP: f64 = 5.0;
/// Pixels of a strip, and of its margin on either side.
const WIDTH: f64 = 180.0;
const MARGIN: f64 = 8.0;

impl Axis {
    /// An axis with all of these accuracies; intervals may go beyond it.
    pub(super) fn of(accuracies: impl IntoIterator<Item = f64>) -> Self {
        let ends = |(low, high): (f64, f64), x: f64| (low.min(x), high.max(x));
        let (low, high) = accuracies.into_iter().fold((f64::INFINITY, f64::NEG_INFINITY), ends);
        if low > high {
            return Self { low: 0.0, high: 100.0 };
        }
        let low = (((low - 1.0) / STEP).floor() * STEP).max(0.0);
        let high = (((high + 1.0) / STEP).ceil() * STEP).min(100.0);
        Self { low, high: high.max(low + STEP) }
    }

    fn x(self, percent: f64) -> f64 {
        let share = (percent - self.low) / (self.high - self.low);
        MARGIN + (WIDTH - 2.0 * MARGIN) * share.clamp(0.0, 1.0)
    }

    /// Three to six values.
    fn ticks(self) -> Vec<f64> {
        let span = self.high - self.low;
        let step = [5.0, 10.0, 20.0, 50.0].into_iter().find(|step| span / step <= 5.0).unwrap_or(50.0);
        let first = (self.low / step).ceil() * step;
        (0..6).map(|index| first + f64::from(index) * step).filter(|tick| *tick <= self.high).collect()
    }

    /// The heading of the column of strips.
    pub(super) fn scale(self) -> Markup {
        html! {
            svg class="range" viewBox="0 0 180 16" role="img" aria-label=(format!("scale from {} to {} percent", self.low, self.high)) {
                @for tick in self.ticks() {
                    line x1=(one(self.x(tick))) x2=(one(self.x(tick))) y1="12" y2="16" {}
                    text x=(one(self.x(tick))) y="10" text-anchor="middle" { (tick) }
                }
            }
        }
    }

    /// Ours (a dot, hollow with one seed) with its interval, and the report's figure (a diamond).
    pub(super) fn strip(self, ours: &Ours, published: Option<f64>) -> Markup {
        let Some(mean) = ours.mean else { return html! {} };
        let diamond = |x: f64| format!("M{:.1} 8L{x:.1} 3L{:.1} 8L{x:.1} 13Z", x - 4.0, x + 4.0);
        let report = published.map_or_else(String::new, |published| format!(", report {published:.2}"));
        let interval = ours
            .interval
            .map_or_else(|| ", one seed".into(), |[low, high]| format!(", interval {low:.2} to {high:.2}"));
        html! {
            svg class="range" viewBox="0 0 180 16" role="img" aria-label=(format!("ours {mean:.2}{interval}{report}")) {
                @for tick in self.ticks() { line class="tick" x1=(one(self.x(tick))) x2=(one(self.x(tick))) y1="0" y2="16" {} }
                @if let Some([low, high]) = ours.interval {
                    line class="interval" x1=(one(self.x(low))) x2=(one(self.x(high))) y1="8" y2="8" {}
                    @if low < self.low { path class="beyond" d=(format!("M{:.1} 4L{:.1} 8L{:.1} 12Z", 6.0, 1.0, 6.0)) {} }
                    @else { line class="end" x1=(one(self.x(low))) x2=(one(self.x(low))) y1="5" y2="11" {} }
                    @if high > self.high { path class="beyond" d=(format!("M{:.1} 4L{:.1} 8L{:.1} 12Z", 174.0, 179.0, 174.0)) {} }
                    @else { line class="end" x1=(one(self.x(high))) x2=(one(self.x(high))) y1="5" y2="11" {} }
                }
                @if let Some(published) = published { path class="theirs" d=(diamond(self.x(published))) {} }
                circle class=(if ours.interval.is_some() { "ours" } else { "ours single" }) cx=(one(self.x(mean))) cy="8" r="3.6" {}
            }
        }
    }
}

fn one(number: f64) -> String {
    format!("{number:.1}")
}

/// What the marks of a strip mean.
pub(super) fn legend() -> Markup {
    html! {
        p class="soft small legend" {
            svg class="mark" viewBox="0 0 40 16" aria-hidden="true" {
                line class="interval" x1="4" x2="36" y1="8" y2="8" {} circle class="ours" cx="20" cy="8" r="3.6" {}
            }
            " ours with its 95\u{a0}% interval "
            svg class="mark" viewBox="0 0 16 16" aria-hidden="true" { circle class="ours single" cx="8" cy="8" r="3.6" {} }
            " one seed: no interval, decides nothing "
            svg class="mark" viewBox="0 0 16 16" aria-hidden="true" { path class="theirs" d="M4 8L8 3L12 8L8 13Z" {} }
            " the report’s figure "
            svg class="mark" viewBox="0 0 16 16" aria-hidden="true" { path class="beyond" d="M6 3L12 8L6 13Z" {} }
            " the interval goes beyond the axis"
        }
    }
}

/// A heading that sorts its column.
pub(super) fn sortable(text: &str) -> Markup {
    html! { th scope="col" { button type="button" class="sort" { (text) } } }
}

/// The accuracy with its interval, the runs and the epochs.
pub(super) fn reached(ours: &Ours) -> Markup {
    let digits = ours.metric.digits();
    let test_error =
        ours.test_error.map_or_else(String::new, |error| format!("; the test set’s own error is ± {error:.1}"));
    let best = ours.best.map_or_else(String::new, |best| {
        format!("; best epoch {best:.digits$}, chosen on the {} set", ours.best_chosen_on)
    });
    let seeds: Vec<String> =
        ours.seeds.iter().map(|seed| format!("seed {}: {:.digits$}", seed.seed, seed.mean())).collect();
    let label = match ours.metric {
        Metric::Accuracy => "Ours",
        Metric::Loss => "Test loss",
    };
    html! {
        td class="ours number" data-label=(label) data-value=[ours.mean] title=(format!("{}{test_error}{best}", seeds.join(", "))) {
            @if ours.mean.is_some() { b { (mean(ours)) } } @else { span class="chip failed" { "diverged" } }
            @if let Some([low, high]) = ours.interval { " " span class="soft" { (format!("[{low:.digits$}, {high:.digits$}]")) } }
        }
        td class="number" data-label="n" data-value=(ours.runs) {
            (ours.runs)
            @if ours.diverged > 0 { span class="line" { (ours.diverged) " diverged" } }
            @if ours.shorter > 0 { span class="line" { (ours.shorter) " shorter" } }
        }
        td class="number" data-label="Epochs" data-value=(ours.epochs[1]) {
            @if ours.epochs[1] == 0 { "0 epochs" span class="line" { (AT_START) } } @else { (epochs(ours)) }
            @if !ours.ended { span class="line" { "unfinished" } }
        }
    }
}

/// The cells of [`reached`] without a run.
pub(super) fn not_reached() -> Markup {
    html! { td class="ours" data-label="Ours" { span class="chip none" { "no run" } } td {} td {} }
}

/// A difference seed by seed. What the row says already, the epochs and the number of seeds, stands there only where it differs.
pub(super) fn paired(paired: Option<&Paired>, ours: Option<&Ours>) -> Markup {
    let Some(paired) = paired else { return html! { td {} } };
    let Some(difference) = paired.difference else {
        return html! { td class="number" data-label="To backprop" { span class="soft" { "diverged" } } };
    };
    let same_epochs = ours.is_some_and(|ours| ours.epochs == paired.epochs && paired.epochs == paired.to_epochs);
    let count = paired.seeds.len() - paired.diverged;
    let more: Vec<String> = [
        ours.is_none_or(|ours| ours.runs != count).then(|| format!("n = {count}")),
        (!same_epochs).then(|| paired.epochs_text()),
        Some(format!("to {}", paired.to)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let digits = paired.metric.digits();
    html! {
        td class="number pair" data-label="To backprop" data-value=(difference.mean) title=(wide_minus(&paired.text())) {
            span class=[difference.interval.is_none().then_some("single")] { (signed(difference.mean, digits)) }
            @if let Some([low, high]) = difference.interval {
                " " span class="soft" { "[" (signed(low, digits)) ", " (signed(high, digits)) "]" }
            }
            span class="line" { (more.join(", ")) }
        }
    }
}

/// The headings of [`trained`].
pub(super) fn trained_headings(metric: Metric) -> Markup {
    match metric {
        Metric::Accuracy => sortable("Training, %"),
        Metric::Loss => html! { (sortable("Training loss")) (sortable("ROC-AUC")) },
    }
}

/// The training accuracy; of a regression the training loss, and ROC-AUC if it has one.
pub(super) fn trained(ours: &Ours) -> Markup {
    let number = |label: &str, digits: usize, number: Option<f64>| {
        html! {
            td class="number" data-label=[number.map(|_| label)] data-value=[number] {
                @if let Some(number) = number { (format!("{number:.digits$}")) }
            }
        }
    };
    match ours.metric {
        Metric::Accuracy => number("Training, %", 2, ours.train_accuracy),
        Metric::Loss => html! { (number("Training loss", 4, ours.train_loss)) (area(ours)) },
    }
}

/// ROC-AUC with the interval that the number of test images gives it; the interval over seeds stands in the tooltip.
fn area(ours: &Ours) -> Markup {
    let interval = ours.roc_auc_interval;
    let over_seeds = interval.map_or_else(String::new, |[low, high]| format!("; over the seeds [{low:.4}, {high:.4}]"));
    let title = format!("interval at level 0.95 by the number of test images (Hanley and McNeil 1982){over_seeds}");
    let title = ours.roc_auc_test_interval.map(|_| title);
    let text = roc_auc(ours);
    let (area, interval) = text.split_once(' ').unwrap_or((&text, ""));
    html! {
        td class="number" data-label=[ours.roc_auc.map(|_| "ROC-AUC")] data-value=[ours.roc_auc] title=[title] {
            (area) @if !interval.is_empty() { " " span class="soft" { (interval) } }
        }
    }
}

/// A measure of each layer.
pub(super) fn measure(ours: &Ours, name: &str, label: &str, unit: &str, digits: usize) -> Markup {
    let none = BTreeMap::new();
    let layers: &BTreeMap<String, Spread> = ours.measures.get(name).unwrap_or(&none);
    let first = layers.values().next();
    let text = |spread: &Spread| {
        let deviation = spread.deviation.map_or_else(String::new, |deviation| format!(" ± {deviation:.digits$}"));
        format!("{:.digits$}{unit}{deviation}", spread.mean)
    };
    let title: Vec<String> = layers
        .iter()
        .map(|(layer, spread)| format!("{layer}: {}, n = {}, epoch {}", text(spread), spread.runs, spread.epoch))
        .collect();
    let short: Vec<String> = layers.values().map(|spread| format!("{:.digits$}{unit}", spread.mean)).collect();
    html! {
        td class="number layers" data-label=[first.map(|_| label)] data-value=[first.map(|spread| spread.mean)] title=(title.join("; ")) {
            (short.join(", "))
            // Only what the row does not say.
            @if let Some(spread) = first {
                @if spread.epoch != ours.epochs[1] { span class="line" { "epoch " (spread.epoch) } }
            }
        }
    }
}

pub(super) fn signed(points: f64, digits: usize) -> String {
    wide_minus(&format!("{points:+.digits$}"))
}

/// With a minus sign that is as wide as the plus.
pub(super) fn wide_minus(text: &str) -> String {
    text.replace('-', "−")
}

/// A button that copies a command.
pub(super) fn copy(command: &str, what: &str) -> Markup {
    html! { button type="button" class="copy" data-copy=(command) title=(command) aria-label=(format!("copy the command of {what}")) { "copy" } }
}

/// A command that a click shows.
pub(super) fn command(command: &str) -> Markup {
    html! { details class="cmd" { summary { "command" } code { (command) } } }
}
