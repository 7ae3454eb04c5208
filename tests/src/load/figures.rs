//! Figures of runs: medians over rounds, ratios between two programs, and their printing.

/// One figure of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// What was measured.
    pub name: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// The value.
    pub value: f64,
}

impl Figure {
    /// A figure.
    #[must_use]
    pub fn new(name: &'static str, unit: &'static str, value: f64) -> Self {
        Self { name, unit, value }
    }
}

/// The figures of one run, always the same ones in the same order for one kind of load.
pub type Run = Vec<Figure>;

/// The middle value, or the mean of the two in the middle; `NaN` for none.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        length if length.is_multiple_of(2) => f64::midpoint(values[middle - 1], values[middle]),
        _ => values[middle],
    }
}

/// The value below which `share` (0..=1) of the sorted values lie; `NaN` for none.
#[must_use]
pub fn percentile(sorted: &[u32], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    f64::from(sorted[((last as f64) * share).round() as usize])
}

/// The median of every figure over several runs.
#[must_use]
pub fn medians(runs: &[Run]) -> Run {
    let Some(first) = runs.first() else { return Run::new() };
    let column = |index: usize| runs.iter().map(|run| run[index].value).collect();
    first
        .iter()
        .enumerate()
        .map(|(index, figure)| Figure { value: median(column(index)), ..figure.clone() })
        .collect()
}

/// Prints the medians of our runs, and beside them those of the peer and the ratio.
pub fn print(title: &str, ours: &[Run], peers: &[Run]) {
    println!("\n{title}");
    let peer = medians(peers);
    for (index, figure) in medians(ours).iter().enumerate() {
        let own = number(figure.value);
        match peer.get(index) {
            Some(other) => {
                let ratio = figure.value / other.value;
                println!(
                    "  {:<28} {own:>12} {:>12} {:<12} ratio {}",
                    figure.name,
                    number(other.value),
                    figure.unit,
                    number(ratio)
                );
            }
            None => println!("  {:<28} {own:>12} {}", figure.name, figure.unit),
        }
    }
}

fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 1000.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_percentiles() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(vec![4.0, 1.0]) - 2.5).abs() < f64::EPSILON);
        let sorted: Vec<u32> = (0..=100).collect();
        assert!((percentile(&sorted, 0.99) - 99.0).abs() < f64::EPSILON);
        assert!(percentile(&[], 0.5).is_nan());
    }
}
