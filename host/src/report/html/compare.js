// ---- Two groups that the reader chooses, seed by seed

// The test accuracy of a run or, without one, its test loss.
const meanIn = (run, [first, last]) => {
  const lines = run.epochs.filter((line) => line.epoch >= first && line.epoch <= last);
  return lines.length ? mean(lines.map((line) => number(hasAccuracy(run) ? line.test_accuracy : line.test_loss))) : NaN;
};
const epochOf = (run) => (run.epochs.length ? run.epochs.at(-1).epoch : 0);
const hasEnded = (run) => ['finished', 'diverged'].includes(run.status);
const spanText = ([first, last]) => (first === last ? `epoch ${last}` : `epochs ${first}–${last}`);

// The differences of a group to another over the seeds that both have, at the last epoch of those that ended last.
function pairedOf(group, other) {
  const pairs = group.runs.flatMap((run) => other.runs.filter((twin) => twin.config.seed === run.config.seed).map((twin) => [run, twin]));
  const whole = pairs.filter((pair) => pair.every((run) => run.status !== 'diverged'));
  const reached = (pair) => Math.min(...pair.map(epochOf));
  const ends = whole.filter((pair) => pair.every(hasEnded)).map(reached);
  const goal = ends.length ? Math.max(...ends) : 0;
  const chosen = whole.filter((pair) => reached(pair) >= goal);
  if (chosen.length === 0) return { seeds: [], diverged: pairs.length - whole.length };
  const epochs = span(Math.min(...chosen.map(reached)));
  // Epoch 0 and the epochs of a longer run have no difference.
  const seeds = chosen.map(([run, twin]) => ({ seed: run.config.seed, one: meanIn(run, epochs), two: meanIn(twin, epochs) }))
    .filter(({ one, two }) => !Number.isNaN(one - two));
  if (seeds.length === 0) return { seeds, diverged: pairs.length - whole.length };
  return { epochs, seeds, diverged: pairs.length - whole.length, difference: estimate(seeds.map((seed) => seed.one - seed.two), group.runs.every(hasAccuracy) ? [-100, 100] : undefined) };
}

// What two groups have to share so that a difference says something, beside the data.
function taskOf(group) {
  const { loss, target, anomaly_class: anomaly } = configOf(group);
  return group.runs.every(hasAccuracy) ? 'accuracy' : `${loss} ${target} ${anomaly}`;
}

// How many intervals the lists offer, and what that does to 95 % (Bonferroni).
function manyText(groups) {
  const kinds = new Map();
  for (const group of groups) {
    const kind = `${configOf(group).data.checksum} ${taskOf(group)}`;
    kinds.set(kind, (kinds.get(kind) || 0) + 1);
  }
  const count = [...kinds.values()].reduce((sum, of) => sum + of * (of - 1) / 2, 0);
  if (count < 2) return 'The lists offer one comparison at most, so 95 % is its level.';
  return `The lists offer ${count} comparisons of two. Of so many 95 % intervals about ${short(0.05 * count)} miss the true difference by chance alone; `
    + `if all ${count} together are to hold in 95 % of all cases, each takes a level of ${Number((100 * (1 - 0.05 / count)).toPrecision(6))} % (Bonferroni).`;
}

function comparison(group, other) {
  const accurate = group.runs.every(hasAccuracy);
  if (taskOf(group) !== taskOf(other)) return [`${labelOf(group)} and ${labelOf(other)} have different targets or losses, so a difference says nothing.`];
  const decimals = accurate ? 2 : 4;
  const [figure, sign] = [(value) => value.toFixed(decimals), (value) => signed(value, decimals)];
  const { epochs, seeds, difference, diverged } = pairedOf(group, other);
  if (configOf(group).data.checksum !== configOf(other).data.checksum) return ['These are on different data, so a difference says nothing.'];
  if (group === other) return ['These are the same runs; choose two.'];
  if (seeds.length === 0) return [`No seed has epochs that are common to both${diverged ? ' without divergence' : ''}: train both with the same --seeds and --epochs.`];
  const interval = (of, format) => (of.low === undefined ? 'one seed: none' : `[${format(of.low)}, ${format(of.high)}]`);
  const counted = group.runs.find((run) => run.confusion);
  const images = counted ? counted.confusion.flat().reduce((sum, of) => sum + of, 0) : dataOf(group).test_images;
  const own = (accuracy) => (accurate && images ? `± ${(1.959964 * Math.sqrt(accuracy * (100 - accuracy) / images)).toFixed(2)}` : '–');
  const one = estimate(seeds.map((seed) => seed.one), accurate ? [0, 100] : [0, Infinity]);
  const two = estimate(seeds.map((seed) => seed.two), accurate ? [0, 100] : [0, Infinity]);
  const row = (name, of, format, error) => element('tr', {}, element('th', { scope: 'row' }, name),
    element('td', { class: 'number' }, format(of.mean)), element('td', { class: 'number' }, interval(of, format)), element('td', { class: 'number' }, error));
  const says = difference.low === undefined ? 'One seed decides nothing.'
    : (accurate ? difference.low > 0 : difference.high < 0) ? `${labelOf(group)} is better: the interval is ${accurate ? 'above' : 'below'} 0.`
      : (accurate ? difference.high < 0 : difference.low > 0) ? `${labelOf(group)} is worse: the interval is ${accurate ? 'below' : 'above'} 0.` : 'Not decided: the interval contains 0.';
  const text = `${labelOf(group)} less ${labelOf(other)}: ${sign(difference.mean)}${difference.low === undefined ? '' : ` [${sign(difference.low)}, ${sign(difference.high)}]`} `
    + `${accurate ? 'points of test accuracy' : 'of test loss'}, ${plural(seeds.length, 'seed')}, ${spanText(epochs)}`;
  return [
    element('div', { class: 'card wide' }, element('table', { class: 'compared' },
      element('thead', {}, element('tr', {}, element('td'), ...[accurate ? 'Test accuracy, %' : 'Test loss', `95 % over ${plural(seeds.length, 'seed')}`, images ? `Test set’s own error (${images} images)` : 'Test set’s own error']
        .map((head) => element('th', { scope: 'col' }, head)))),
      element('tbody', {}, row(labelOf(group), one, figure, own(one.mean)), row(labelOf(other), two, figure, own(two.mean)),
        row('difference, seed by seed', difference, sign, '')))),
    element('p', {}, element('b', {}, says), ` ${spanText(epochs)}; `,
      seeds.map((seed) => `seed ${seed.seed}: ${figure(seed.one)} − ${figure(seed.two)} = ${sign(seed.one - seed.two)}`).join('; '),
      diverged ? `; ${diverged} diverged` : '', '. ', copyButton(text, 'the difference'))];
}

function copyButton(text, what) {
  return element('button', { type: 'button', class: 'copy', 'data-copy': text, 'aria-label': `copy ${what}` }, 'copy');
}

function compare() {
  const numbers = () => report.groups.map((_, index) => index).filter((index) => report.groups[index].runs.some((run) => run.epochs.length));
  if (numbers().length < 2) {
    document.getElementById('compare-view').append(element('p', { class: 'soft' }, 'There are no two groups of runs to compare.'));
    return;
  }
  // The best rule of the first network and backprop, else the first two.
  const rows = report.families.length ? report.families[0].rows : [];
  const truth = rows.find((row) => row.rule === 'backprop');
  const best = rows.find((row) => row.paired);
  const state = best && truth ? [best.group, truth.group] : numbers().slice(0, 2);
  const place = document.getElementById('compare-view');
  const show = () => place.replaceChildren(...comparison(report.groups[state[0]], report.groups[state[1]]));
  const options = numbers().map((index) => [index, `${labelOf(report.groups[index])} (${rulesOf(report.groups[index])}, n = ${report.groups[index].runs.length})`]);
  const make = (name, id, side) => {
    const label = list(name, id, options, (value) => {
      state[side] = Number(value);
      show();
    });
    label.querySelector('select').value = String(state[side]);
    return label;
  };
  document.getElementById('compare-bar').append(make('This', 'compare-one', 0), make('minus', 'compare-two', 1));
  place.after(element('p', { class: 'soft', id: 'compare-many' }, manyText(numbers().map((index) => report.groups[index]))));
  show();
}
