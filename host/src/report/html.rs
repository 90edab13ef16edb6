//! The page: tables, claims and provenance as plain HTML that needs no script, and the numbers as JSON for the curves.
//!
//! One file that loads nothing. Whatever comes from a file or a user goes through [`escape`].
#![expect(clippy::format_push_string, reason = "written once, and easier to read")]

use jiff::Timestamp;

use super::claims::ClaimSummary;
use super::figures::{accuracy, epochs};
use super::results::Report;
use super::table::{Cell, Row, Table};
use crate::analysis::{Ours, Ranking, Run, Trend, Verdict};
use crate::config::DatasetId;

/// What the report's networks begin with: told once above the tables.
const INPUT: &str = "input 3x32x32 - ";

/// The whole page.
///
/// # Errors
/// If the numbers cannot be written as JSON.
pub fn page(report: &Report) -> serde_json::Result<String> {
    // A tag's end inside of JSON would end the script.
    let data = serde_json::to_string(report)?.replace('<', "\\u003c");
    Ok(format!(
        include_str!("page.html"),
        style = include_str!("page.css"),
        script = include_str!("page.js"),
        folder = escape(&report.folder.display().to_string()),
        written = date(report.written),
        version = escape(&report.version),
        tiles = tiles(report),
        banners = banners(report),
        tables = report.tables.iter().map(table).collect::<String>() + &rankings(report),
        claims = report.claims.iter().map(claim).collect::<String>(),
        provenance = provenance(report),
        data = data,
    ))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// `2026-11-24 13:20 UTC`, or nothing for a time that no calendar has.
fn date(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(String::new, |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

fn tiles(report: &Report) -> String {
    let rows = || report.tables.iter().filter(|table| table.number.is_some()).flat_map(|table| &table.rows);
    let trained = rows().filter(|row| row.cells.iter().any(|cell| cell.ours.is_some())).count();
    let ended = report.runs().filter(|run| run.status.has_ended()).count();
    let trends: Vec<&Trend> = trends(report).collect();
    let agree = |decided: bool| {
        let all = trends.iter().filter(|trend| trend.decided == decided);
        (all.clone().filter(|trend| trend.verdict.name() == "agrees").count(), all.count())
    };
    let decided = trends.iter().any(|trend| trend.decided);
    let (agreeing, all) = agree(decided);
    let claims = report.claims.iter().filter(|claim| claim.verdict() == Verdict::Agrees).count();
    let against = report.claims.iter().filter(|claim| claim.verdict() == Verdict::Contradicts).count();
    let tile = |big: String, small: String| format!("<div class=\"tile\"><b>{big}</b><span>{small}</span></div>");
    let count = report.runs().count();
    let tiles = [
        tile(format!("{trained} of {}", rows().count()), "experiments of the four tables have runs".into()),
        tile(format!("{ended} of {count}"), "runs have come to their end".into()),
        tile(
            format!("{agreeing} of {all}"),
            format!("trends agree{}", if decided || all == 0 { "" } else { ", though none is decided" }),
        ),
        tile(format!("{claims} : {against}"), format!("claims agree : contradict, of {}", report.claims.len())),
    ];
    format!("<div class=\"tiles\">{}</div>\n", tiles.concat())
}

fn trends(report: &Report) -> impl Iterator<Item = &Trend> {
    report.tables.iter().flat_map(|table| &table.rows).flat_map(|row| &row.cells).filter_map(|cell| cell.trend.as_ref())
}

fn banners(report: &Report) -> String {
    let mut text = String::new();
    if trends(report).next().is_some() && !trends(report).any(|trend| trend.decided) {
        text += "<p class=\"banner\">These runs are on other data than the report’s, or shorter: they show how everything \
                 works, and decide nothing.</p>\n";
    }
    if report.runs().next().is_none() {
        text += "<p class=\"banner\">There are no runs yet: <code>asymgrad suite --quick</code> makes some in minutes.</p>\n";
    }
    for problem in &report.problems {
        text += &format!("<p class=\"banner bad\">{}</p>\n", escape(problem));
    }
    text
}

fn table(table: &Table) -> String {
    let number = table.number.map_or_else(String::new, |number| format!("Table {number}: "));
    let rows: String = table.rows.iter().map(row).collect();
    format!(
        "<h3>{number}{title}</h3>\n<div class=\"card wide\"><table class=\"cells\"><thead><tr><th>Experiment<th>Report<th>Ours\
         <th>Difference<th>Trend</thead>\n<tbody>{rows}</tbody></table></div>\n",
        title = escape(&table.title)
    )
}

fn row(row: &Row) -> String {
    let last = row.cells.len().saturating_sub(1);
    let line = |(index, cell): (usize, &Cell)| {
        let class = match (index > 0, index < last) {
            (false, false) => "",
            (false, true) => " class=\"more\"",
            (true, false) => " class=\"again\"",
            (true, true) => " class=\"again more\"",
        };
        let name = if index == 0 { name_of(row, cell) } else { String::new() };
        format!("<tr{class}><td class=\"name\">{name}</td>{}</tr>\n", figures(cell))
    };
    row.cells.iter().enumerate().map(line).collect()
}

fn name_of(row: &Row, cell: &Cell) -> String {
    let network = row.network.strip_prefix(INPUT).unwrap_or(&row.network);
    format!(
        "<b>{}</b><span class=\"tag\">{}</span><span class=\"net\">{}</span><details class=\"cmd\"><summary>command</summary>\
         <code>{}</code></details>",
        escape(&row.name),
        escape(&row.loss),
        escape(network),
        escape(&cell.command)
    )
}

fn figures(cell: &Cell) -> String {
    let report = cell.published.map_or_else(String::new, |figure| {
        format!("<big>{:.2}</big><span class=\"line\">{} epochs</span>", figure.accuracy, figure.epochs)
    });
    let ours = cell.ours.as_ref().map_or_else(
        || "<span class=\"chip none\">no run</span>".into(),
        |ours| format!("{}{}", reached(ours), range(ours, cell.published.map(|figure| figure.accuracy))),
    );
    // Between other data or fewer epochs a difference says little.
    let tag = if cell.comparable { "big" } else { "span" };
    let difference = cell
        .difference
        .map_or_else(String::new, |points| format!("<{tag} class=\"points\">{}</{tag}>", signed(points, 2)));
    let trend = cell.trend.as_ref().map_or_else(String::new, trend);
    let paired = cell.paired.as_ref().map_or_else(String::new, |paired| {
        let line = wide_minus(&format!("seed by seed {}", paired.text()));
        let to = if cell.trend.is_some() { String::new() } else { format!(", to {}", escape(&paired.to)) };
        format!("<span class=\"line\">{line}{to}</span>")
    });
    format!(
        "<td data-label=\"Report\">{report}</td><td class=\"ours\" data-label=\"Ours\">{ours}</td>\
         <td data-label=\"Difference\">{difference}</td><td data-label=\"Trend\">{trend}{paired}</td>"
    )
    .replace(" data-label=\"Difference\"></td>", "></td>")
    .replace(" data-label=\"Trend\"></td>", "></td>")
    .replace(" data-label=\"Report\"></td>", "></td>")
}

fn signed(points: f64, digits: usize) -> String {
    wide_minus(&format!("{points:+.digits$}"))
}

/// With a minus sign that is as wide as the plus.
fn wide_minus(text: &str) -> String {
    text.replace('-', "−")
}

fn reached(ours: &Ours) -> String {
    let interval = ours
        .interval
        .map_or_else(String::new, |[low, high]| format!(" <span class=\"soft\">[{low:.2}, {high:.2}]</span>"));
    let several = if ours.epochs[0] == ours.epochs[1] { "epoch" } else { "epochs" };
    let seeds = if ours.runs == 1 { "1 seed".into() } else { format!("{} seeds", ours.runs) };
    let diverged = match (ours.diverged, ours.mean) {
        (0, _) | (_, None) => String::new(),
        (count, Some(_)) => format!(", {count} diverged"),
    };
    let unfinished = if ours.ended { "" } else { ", unfinished" };
    let shorter = if ours.shorter == 0 { String::new() } else { format!(", {} shorter left out", ours.shorter) };
    let number = match ours.mean {
        Some(_) => format!("<big>{}</big>{interval}", accuracy(ours)),
        None => "<span class=\"chip failed\">diverged</span>".into(),
    };
    let best = ours
        .best
        .map_or_else(String::new, |best| format!(", best epoch {best:.2}, chosen on the {} set", ours.best_chosen_on));
    format!(
        "{number}<span class=\"line\">{several} {}, {seeds}, {}{diverged}{unfinished}{shorter}{best}</span>",
        epochs(ours),
        escape(&ours.data)
    )
}

/// Ours (dot, with its interval) and the report's figure (diamond) between 0 and 100 percent.
fn range(ours: &Ours, published: Option<f64>) -> String {
    let x = |percent: f64| 4.0 + 1.36 * percent.clamp(0.0, 100.0);
    let Some(mean) = ours.mean else { return String::new() };
    let interval = ours.interval.map_or_else(String::new, |[low, high]| {
        format!("<line class=\"interval\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"8\" y2=\"8\"/>", x(low), x(high))
    });
    let theirs = published.map_or_else(String::new, |published| {
        let x = x(published);
        format!("<path class=\"theirs\" d=\"M{:.1} 8L{x:.1} 3L{:.1} 8L{x:.1} 13Z\"/>", x - 4.0, x + 4.0)
    });
    format!(
        "<svg class=\"range\" viewBox=\"0 0 144 16\" aria-hidden=\"true\"><line x1=\"4\" x2=\"140\" y1=\"8\" y2=\"8\"/>{interval}\
         {theirs}<circle class=\"ours\" cx=\"{:.1}\" cy=\"8\" r=\"3.6\"/></svg>",
        x(mean)
    )
}

fn trend(trend: &Trend) -> String {
    let open = if trend.decided { "" } else { " open" };
    format!(
        "<span class=\"chip {verdict}{open}\">{verdict}</span><span class=\"line\">ours {}, report {}, to {}</span>",
        signed(trend.ours, 1),
        signed(trend.report, 1),
        escape(&trend.baseline),
        verdict = trend.verdict.name(),
    )
}

fn rankings(report: &Report) -> String {
    let line = |ranking: &Ranking| {
        let found = ranking.found()?;
        Some(format!("<li><b>{}</b>: {}</li>", escape(&ranking.sentence()), escape(&wide_minus(&found))))
    };
    let lines: String = report.rankings.iter().filter_map(line).collect();
    if lines.is_empty() {
        return lines;
    }
    format!("<h3>Orders that the report publishes</h3>\n<div class=\"card small\"><ul>{lines}</ul></div>\n")
}

fn chip(verdict: Verdict) -> String {
    let class = match verdict {
        Verdict::Agrees => "agrees",
        Verdict::Contradicts => "contradicts",
        Verdict::NotDecided => "none",
    };
    format!("<span class=\"chip {class}\">{verdict}</span>")
}

fn claim(claim: &ClaimSummary) -> String {
    let mut lines = String::new();
    for row in &claim.experiments {
        lines += &format!(
            "<li><b>{}</b>: {}; after {} epochs or more.",
            escape(&row.name),
            escape(&row.measure),
            row.epochs
        );
        if row.runs.is_empty() {
            lines += " <span class=\"soft\">No run yet.</span>";
        }
        for run in &row.runs {
            let judgement = &run.judgement;
            lines += &format!(
                " {} <span class=\"soft\">seed {}: {}</span>",
                chip(judgement.verdict),
                run.seed,
                escape(&judgement.found)
            );
        }
        lines += &format!(
            "<details class=\"cmd\"><summary>command</summary><code>{}</code></details>",
            escape(&row.command)
        );
    }
    format!(
        "<div class=\"card claim\"><blockquote>“{}”</blockquote>{}<ul>{lines}</ul></div>\n",
        escape(&claim.sentence),
        chip(claim.verdict())
    )
}

fn provenance(report: &Report) -> String {
    let of_data = |data: &&DatasetId| {
        let (name, checksum, contents) = (escape(&data.name), escape(&data.checksum), data.contents());
        format!("<dt>{name}</dt><dd>SHA-256 <code>{checksum}</code>: {}</dd>", escape(&contents.to_string()))
    };
    let data = report.data_sets().iter().map(of_data).collect::<Vec<_>>().concat();
    let rows: String = report.runs().map(provenance_row).collect();
    format!(
        "<dl class=\"facts\"><dt>this page</dt><dd>asymgrad {}</dd>{data}</dl>\n<div class=\"card wide\"><table class=\"origins\"><thead><tr><th>Run<th>Seed\
         <th>State<th>Epochs<th>Time<th>Numbers<th>Computed on</thead>\n<tbody>{rows}</tbody></table></div>\n",
        escape(&report.version)
    )
}

fn provenance_row(run: &Run) -> String {
    let (kernels, place) = run.process.as_ref().map_or_else(Default::default, |process| {
        let job = process.job.as_ref().map_or_else(String::new, |job| format!(", job {job}"));
        (
            format!("{}, {} thread{}", process.kernels, process.threads, if process.threads == 1 { "" } else { "s" }),
            format!("{}, {}{job}; asymgrad {}, {}", process.cpu, process.host, process.version, date(process.began)),
        )
    });
    let Run { config, status, seconds, folder, .. } = run;
    format!(
        "<tr><td class=\"name\"><b>{}</b><br><code>{}</code></td><td data-label=\"Seed\">{}</td><td data-label=\"State\">{}</td>\
         <td data-label=\"Epochs\">{} of {}</td><td data-label=\"Time\">{}</td><td class=\"small\" data-label=\"Numbers\">{}</td>\
         <td class=\"small\" data-label=\"Computed on\">{}</td></tr>\n",
        escape(&config.name),
        escape(&folder.display().to_string()),
        config.seed,
        status.name(),
        run.epoch(),
        config.epochs,
        duration(*seconds),
        escape(&kernels),
        escape(&place)
    )
}

fn duration(seconds: f64) -> String {
    match seconds {
        ..100.0 => format!("{seconds:.1} s"),
        ..6000.0 => format!("{:.1} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_a_civil_date() {
        assert_eq!(date(0), "1970-01-01 00:00 UTC");
        assert_eq!(date(951_782_400), "2000-02-29 00:00 UTC");
        assert_eq!(date(1_795_526_100), "2026-11-24 13:15 UTC");
        assert_eq!(date(u64::MAX), "");
    }

    #[test]
    fn what_a_user_wrote_is_no_markup() {
        assert_eq!(escape("<b> & \"x\""), "&lt;b&gt; &amp; &quot;x&quot;");
    }
}
