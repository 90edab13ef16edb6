//! The plots of a Markdown page, as SVG.
//!
//! Colours are those of Okabe and Ito (2008), which colour-blind readers can tell apart; in print, the markers do.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::conditions::{Conditions, Figure, TableDistance, figures_text, reached};
use crate::analysis::{DIVISORS, SeedMean};

const REPORT: RGBColor = RGBColor(213, 94, 0);
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
];
const GREY: RGBColor = RGBColor(221, 221, 221);
const FONT: &str = "sans-serif";
/// The size of all text but the title.
const SMALL: u32 = 15;
const WIDTH: u32 = 720;
/// Pixels above a plot: its title and two lines of names.
const HEAD: u32 = 72;
/// Pixels of each further line of names.
const LINE: i32 = 18;
/// An axis begins and ends at a multiple of so many points.
const GRID: f64 = 5.0;

/// A plot that cannot be drawn.
#[derive(Debug, thiserror::Error)]
#[error("the plot of `{section}` cannot be drawn: {problem}")]
pub struct PlotError {
    section: String,
    problem: String,
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Drawn<T> = Result<T, DrawingAreaErrorKind<std::io::Error>>;

/// The title and the plot of a section; `None` if the section has none.
pub(crate) fn plot(conditions: &[Conditions], section: &str) -> Result<Option<(String, String)>, PlotError> {
    let table = section.strip_prefix("table-").and_then(|number| number.parse().ok());
    let drawn = match (section, table) {
        (_, Some(table)) => of_table(conditions, table),
        ("epochs", _) if !conditions.is_empty() => of_epochs(conditions).map(Some),
        _ => Ok(None),
    };
    drawn.map_err(|error| PlotError { section: section.into(), problem: error.to_string() })
}

/// The report's figures of a table and ours, a line each.
fn of_table(conditions: &[Conditions], table: u8) -> Drawn<Option<(String, String)>> {
    let lines: Vec<&Figure> = reached(conditions).into_iter().filter(|figure| figure.table == table).collect();
    if lines.is_empty() {
        return Ok(None);
    }
    let of_table = |of: &&Conditions| of.figures.iter().any(|figure| figure.table == table);
    let title = format!("Table {table}: test accuracy in percent, report and ours");
    let svg = draw_table(&title, &lines, &conditions.iter().filter(of_table).collect::<Vec<_>>())?;
    Ok(Some((title, svg)))
}

fn draw_table(title: &str, lines: &[&Figure], sets: &[&Conditions]) -> Drawn<String> {
    let figures = lines.iter().flat_map(|line| sets.iter().filter_map(|of| of.at(line.index)));
    let all = figures.flat_map(|figure| figure.seeds.iter().map(SeedMean::mean).chain([figure.published]));
    let (low, high) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    let low = (low / GRID).floor() * GRID;
    let high = ((high / GRID).ceil() * GRID).max(low + GRID);
    let legend = Legend::new(true, &sets.iter().map(|of| of.name.as_str()).collect::<Vec<_>>());
    let height = pixels(28 + (20 + 7 * sets.len().saturating_sub(1)) * lines.len()) + legend.head;
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        legend.draw(&root, title)?;
        let mut chart = ChartBuilder::on(&root)
            .margin_top(legend.head)
            .margin_right(24)
            .x_label_area_size(30)
            .y_label_area_size(190)
            .build_cartesian_2d(low..high, lines.len() as f64..0.0)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .x_labels(8)
            .x_label_formatter(&|x| format!("{x:.0}"))
            .max_light_lines(0)
            .bold_line_style(GREY)
            .label_style((FONT, SMALL))
            .draw()?;
        for (index, line) in lines.iter().enumerate() {
            let middle = index as f64 + 0.5;
            chart.draw_series([PathElement::new([(low, middle), (high, middle)], GREY)])?;
            let style = (FONT, SMALL).into_font().into_text_style(&root).pos(Pos::new(HPos::Right, VPos::Center));
            let label = Text::new(format!("{}, {} epochs", line.experiment, line.epochs), (-8, 0), style);
            chart.draw_series([EmptyElement::at((low, middle)) + label])?;
            for (number, of) in sets.iter().enumerate() {
                let Some(figure) = of.at(line.index) else { continue };
                let y = middle + 0.7 * ((number as f64 + 0.5) / sets.len() as f64 - 0.5);
                let seeds = figure.seeds.iter().filter(|_| figure.seeds.len() > 1);
                let small = |accuracy: f64| Circle::new((accuracy, y), 2, colour(number).mix(0.5).filled());
                chart.draw_series(seeds.map(|seed| small(seed.mean())))?;
                chart.draw_series([marker((figure.accuracy, y), number)])?;
            }
            chart.draw_series([EmptyElement::at((line.published, middle)) + diamond()])?;
        }
        root.present()?;
    }
    Ok(svg)
}

fn pixels(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The marker of the conditions with this number: their colour, and filled or not.
fn marker<C>(at: C, number: usize) -> Circle<C, i32> {
    let colour = colour(number);
    Circle::new(at, 5, if number.is_multiple_of(2) { colour.filled() } else { colour.stroke_width(2) })
}

fn colour(number: usize) -> RGBColor {
    COLOURS[number % COLOURS.len()]
}

/// The report's marker around a point.
fn diamond() -> Polygon<(i32, i32)> {
    Polygon::new(vec![(0, -6), (6, 0), (0, 6), (-6, 0)], REPORT.filled())
}

/// The markers with their names, in as many lines as they take.
struct Legend<'a> {
    /// The report's marker comes first.
    has_report: bool,
    /// Each name and where its marker is.
    names: Vec<(&'a str, (i32, i32))>,
    /// The pixels above the plot.
    head: u32,
}

impl<'a> Legend<'a> {
    fn new(has_report: bool, names: &[&'a str]) -> Self {
        let width = |text: &str| 40 + 8 * i32::try_from(text.len()).unwrap_or(0);
        let (left, top) = (24, 42);
        let (mut x, mut y) = (left, top);
        let mut place = |name: &'a str| {
            if x > left && x + width(name) > i32::try_from(WIDTH).unwrap_or(i32::MAX) {
                (x, y) = (left, y + LINE);
            }
            let at = (x, y);
            x += width(name);
            (name, at)
        };
        let report = has_report.then_some("report");
        let names = report.into_iter().chain(names.iter().copied()).map(&mut place).collect();
        let further = y - top - LINE;
        Self { has_report, names, head: HEAD + u32::try_from(further).unwrap_or(0) }
    }

    /// Draws the title and the names.
    fn draw(&self, root: &Area, title: &str) -> Drawn<()> {
        root.fill(&WHITE)?;
        root.draw(&Text::new(title.to_owned(), (16, 10), (FONT, 18).into_font()))?;
        for (index, (name, at)) in self.names.iter().enumerate() {
            let label = Text::new((*name).to_owned(), (11, -7), (FONT, SMALL).into_font());
            match index.checked_sub(usize::from(self.has_report)) {
                None => root.draw(&(EmptyElement::at(*at) + diamond() + label))?,
                Some(number) => root.draw(&(EmptyElement::at(*at) + marker((0, 0), number) + label))?,
            }
        }
        Ok(())
    }
}

/// The distance as a function of k, a line for all figures of each of the conditions.
fn of_epochs(conditions: &[Conditions]) -> Drawn<(String, String)> {
    let title = "Distance of our epoch E / k to the report's epoch E, root mean square in points";
    let lines: Vec<_> = conditions.iter().filter_map(|of| Some((of, of.whole()?))).collect();
    let name =
        |(of, whole): &(&Conditions, &TableDistance)| format!("{}, {}", of.name, figures_text(whole.distance.figures));
    let names: Vec<String> = lines.iter().map(name).collect();
    let distances = || lines.iter().flat_map(|(_, of)| &of.divided).map(|at| at.distance.root_mean_square);
    let high = distances().fold(1.0_f64, f64::max).ceil();
    let legend = Legend::new(false, &names.iter().map(String::as_str).collect::<Vec<_>>());
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (WIDTH, 308 + legend.head)).into_drawing_area();
        legend.draw(&root, title)?;
        let (first, last) = (DIVISORS[0], DIVISORS[DIVISORS.len() - 1]);
        let mut chart = ChartBuilder::on(&root)
            .margin_top(legend.head)
            .margin_right(24)
            .x_label_area_size(44)
            .y_label_area_size(48)
            .build_cartesian_2d(first..last, 0.0..high)?;
        let mut mesh = chart.configure_mesh();
        mesh.x_desc("k").max_light_lines(0).bold_line_style(GREY).label_style((FONT, SMALL));
        mesh.y_label_formatter(&|y| format!("{y:.0}")).draw()?;
        for (number, (_, of)) in lines.iter().enumerate() {
            let points = || of.divided.iter().map(|at| (at.k, at.distance.root_mean_square));
            chart.draw_series(LineSeries::new(points(), colour(number).stroke_width(2)))?;
            chart.draw_series(points().map(|point| marker(point, number)))?;
        }
        root.present()?;
    }
    Ok((title.into(), svg))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plot_begins_below_its_names() {
        let long = "batch 128 --weights-init scaled:2 --feedback-init scaled:2";
        for names in [vec!["batch 128"], vec!["batch 128", long, long, "batch 256"], vec![long; 7]] {
            let legend = Legend::new(true, &names);
            assert_eq!(legend.names.len(), names.len() + 1);
            // Half a line of text is below the middle of a marker.
            assert!(
                legend.names.iter().all(|(_, (_, y))| y + LINE / 2 < i32::try_from(legend.head).unwrap()),
                "{names:?}"
            );
        }
    }
}
