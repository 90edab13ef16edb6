//! The tables as LaTeX for the package booktabs: those with runs, and the feedback rules of each network.

use std::collections::BTreeSet;

use super::families::Family;
use super::figures::{epochs, interval, mean, one_line};
use super::results::Report;
use super::table::{Table, cells_of};
use crate::analysis::{Ours, Paired};

/// All tables, in the order of the page.
pub fn tex(report: &Report) -> String {
    let head = "% Needs \\usepackage{booktabs}. Mean test accuracy in percent, or test loss, with its 95 % interval (Student) over n seeds; the difference to\n\
                % backprop is seed by seed.\n";
    let tables = report.tables_to_read().into_iter().filter(|table| table.has_runs()).map(of_table);
    let tables = tables.chain(report.families.iter().map(of_family));
    head.to_owned() + &sources(report) + &tables.collect::<String>()
}

/// By which programs the runs were trained, and on which data, as comments.
fn sources(report: &Report) -> String {
    let runs = || report.groups.iter().flat_map(|group| &group.runs);
    let programs: BTreeSet<&String> = runs().flat_map(|run| &run.programs).collect();
    let data: BTreeSet<(String, &String)> =
        runs().map(|run| (run.config.data.label(), &run.config.data.checksum)).collect();
    let program = |program: &String| format!("% Trained by asymgrad {}\n", one_line(program));
    let set = |(name, checksum): (String, &String)| format!("% Data {}: SHA-256 {checksum}\n", one_line(&name));
    programs.into_iter().map(program).chain(data.into_iter().map(set)).collect()
}

fn of_table(table: &Table) -> String {
    let mut lines = vec![];
    let has_figures = cells_of(&table.rows).any(|(_, cell)| cell.published.is_some());
    for (row, cell) in cells_of(&table.rows) {
        let Some(ours) = &cell.ours else { continue };
        let mut fields = vec![escaped(&row.name), escaped(&row.loss)];
        if has_figures {
            let figure = cell.published.map_or_else(String::new, |figure| format!("{:.2}", figure.accuracy));
            fields.push(figure);
        }
        fields.extend(of_ours(ours));
        if has_figures {
            fields.push(cell.difference.map_or_else(String::new, |points| signed(points, 2)));
        }
        fields.push(cell.paired.as_ref().map_or_else(String::new, of_paired));
        lines.push(fields);
    }
    let mut heads = vec!["experiment", "loss"];
    if has_figures {
        heads.push("report");
    }
    heads.extend(["ours", "95\\,\\%", "$n$", "epochs"]);
    if has_figures {
        heads.push("difference");
    }
    heads.push("to backprop");
    tabular(&table.heading(), 2, &heads, &lines)
}

fn of_family(family: &Family) -> String {
    let mut lines = vec![];
    for row in &family.rows {
        let mut fields = vec![escaped(&row.rule), escaped(&row.settings)];
        fields.extend(of_ours(&row.ours));
        fields.push(row.paired.as_ref().map_or_else(String::new, of_paired));
        let of_layers = |name: &str, digits: usize, unit: &str| {
            let layers = row.ours.measures.get(name).into_iter().flat_map(|layers| layers.values());
            layers.map(|spread| format!("{:.digits$}{unit}", spread.mean)).collect::<Vec<_>>().join(", ")
        };
        fields.extend([of_layers("angles", 0, "$^\\circ$"), of_layers("norm_ratios", 2, "")]);
        lines.push(fields);
    }
    let heads = ["rule", "settings", "ours", "95\\,\\%", "$n$", "epochs", "to backprop", "angles", "norm ratios"];
    let caption = format!("Feedback rules of {} on {}, {} epochs", family.network, family.data, family.epochs);
    tabular(&caption, 2, &heads, &lines)
}

fn of_ours(ours: &Ours) -> [String; 4] {
    let interval = ours.interval.map_or_else(|| "--".into(), |_| interval(ours).replace('–', "--"));
    let diverged = if ours.diverged == 0 { String::new() } else { format!(" ({} diverged)", ours.diverged) };
    let seeds = format!("{}{diverged}", ours.runs - ours.diverged);
    [mean(ours), interval, seeds, epochs(ours).replace('–', "--")]
}

fn of_paired(paired: &Paired) -> String {
    let Some(difference) = paired.difference else { return "diverged".into() };
    let digits = paired.metric.digits();
    let ends = |[low, high]: [f64; 2]| format!(" [{}, {}]", signed(low, digits), signed(high, digits));
    format!("{}{}", signed(difference.mean, digits), difference.interval.map_or_else(String::new, ends))
}

fn signed(points: f64, digits: usize) -> String {
    format!("${points:+.digits$}$")
}

/// A table with so many columns of words, and then columns of numbers.
fn tabular(caption: &str, words: usize, heads: &[&str], lines: &[Vec<String>]) -> String {
    let columns = "l".repeat(words) + &"r".repeat(heads.len().saturating_sub(words));
    let line = |fields: &[String]| format!("    {} \\\\\n", fields.join(" & "));
    let head = line(&heads.iter().map(|head| (*head).to_owned()).collect::<Vec<_>>());
    let body: String = lines.iter().map(|fields| line(fields)).collect();
    format!(
        "\n\\begin{{table}}\n  \\caption{{{}}}\n  \\begin{{tabular}}{{{columns}}}\n    \\toprule\n{head}    \\midrule\n{body}    \\bottomrule\n  \
         \\end{{tabular}}\n\\end{{table}}\n",
        escaped(caption)
    )
}

/// Text in which LaTeX finds no commands.
fn escaped(text: &str) -> String {
    let one = |letter: char| match letter {
        '&' | '%' | '$' | '#' | '_' | '{' | '}' => format!("\\{letter}"),
        '\\' => "\\textbackslash{}".into(),
        '~' => "\\textasciitilde{}".into(),
        '^' => "\\textasciicircum{}".into(),
        '<' => "\\textless{}".into(),
        '>' => "\\textgreater{}".into(),
        '\n' | '\r' => " ".into(),
        letter => letter.to_string(),
    };
    // Two hyphens are a dash, the two of an option are not.
    text.chars().map(one).collect::<String>().replace("--", "-{}-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_no_command() {
        assert_eq!(escaped("50 % & _{x}^2"), "50 \\% \\& \\_\\{x\\}\\textasciicircum{}2");
        assert_eq!(escaped("a\\b\nDS0 --lr <1>"), "a\\textbackslash{}b DS0 -{}-lr \\textless{}1\\textgreater{}");
    }
}
