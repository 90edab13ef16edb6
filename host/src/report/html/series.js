// ---- Groups of runs as series: what is drawn, and its colour, dash and marker

const colour = (index) => `var(--c${index % 8})`;
const DASHES = ['', '7 3', '2 3', '10 3 2 3', '5 2 1 2 1 2'];

// What is measured by layer, in the order in which it is read; any other number of an epoch comes behind, under its own name.
const MEASURES = {
  angles: ['Angle of the signal', 'between what the layer sends back and the true gradient, behind the receiving activation’s derivative, in degrees', '°'],
  gradient_angles: ['Angle of the weight gradient', 'to the true one, in degrees', '°'],
  weight_angles: ['Angle of B and W', 'in degrees', '°'],
  sign_agreements: ['Signs of B', 'share of the weights whose B has their sign, in percent', '%'],
  norm_ratios: ['Norm of the signal', 'over that of the true gradient, behind the receiving activation’s derivative', ''],
  angle_spreads: ['Spread of the signal’s angle', 'standard deviation over samples, in degrees', '°'],
  dead_units: ['Dead units', 'outputs that are the same for all samples, in percent', '%'],
  signal_ranks: ['Effective rank of the signal', 'exp of the entropy of its squared singular values over samples', ''],
  signal_cosines: ['Common direction of the signal', 'mean cosine between two samples', ''],
  activation_cosines: ['Common direction of the outputs', 'mean cosine between two samples', ''],
  gate_participation: ['Participation of units', 'share of the units that pass the gradient, by their squared derivatives', ''],
  saturated_units: ['Saturated units', 'mean output near an end of its range, in percent', '%'],
  path_cosines: ['Direct B and the product of W', 'mean cosine of a unit’s rows', ''],
  update_angles: ['Angle of the update', 'of all layers’ weight gradients to the true ones, in degrees', '°'],
  sharpnesses: ['Sharpness along the update', 'curvature of the batch’s loss', ''],
};
const measureTitle = (name) => (MEASURES[name] || [name.replaceAll('_', ' '), '', ''])[0];
const measureOrder = (names) => {
  const known = Object.keys(MEASURES).filter((name) => names.includes(name));
  return known.concat(names.filter((name) => !known.includes(name)).sort());
};

const FIELDS = [
  ['test_accuracy', 'Test accuracy', '%'], ['train_accuracy', 'Training accuracy', '%'], ['validation_accuracy', 'Validation accuracy', '%'],
  ['test_loss', 'Test loss', ''], ['test_roc_auc', 'ROC-AUC', ''], ['train_loss', 'Training loss', ''], ['validation_loss', 'Validation loss', ''], ['steps', 'Training loss within epochs', '']];

// [x, value] of a run: a field of its epochs, the loss of its steps, or a measure of a layer, `angles/dense2`.
function valuesOf(run, field) {
  if (field === 'steps') return run.steps.map((step) => [step.epoch, number(step.loss)]);
  const [measure, layer] = field.split('/');
  // A regression has no accuracies.
  if (layer === undefined) return run.epochs.filter((line) => line[field] !== undefined).map((line) => [line.epoch, number(line[field])]);
  const values = (run.measures[measure] || {})[layer] || [];
  return values.map((value, at) => [run.epochs[at].epoch, number(value)]).filter((point) => !Number.isNaN(point[1]));
}

// The mean over the runs of a curve, where all of them have a value, with its interval.
function pointsOf(group, curve, field) {
  const range = field.endsWith('accuracy') ? [0, 100] : field.endsWith('auc') ? [0, 1] : undefined;
  const [first, ...others] = curve.runs.map((index) => valuesOf(group.runs[index], field).filter(([x]) => x <= curve.epochs));
  const maps = others.map((values) => new Map(values));
  return first.filter(([x]) => maps.every((of) => of.has(x))).map(([x, value]) => {
    const found = estimate([value, ...maps.map((of) => of.get(x))], range);
    return found.low === undefined ? [x, found.mean] : [x, found.mean, found.low, found.high];
  });
}

// The mean of so many neighbours on either side.
function smooth(points, reach) {
  return reach === 0 ? points : points.map((point, index) => {
    const near = points.slice(Math.max(0, index - reach), index + reach + 1).filter((of) => of.length === point.length);
    return point.map((value, at) => (at === 0 ? value : mean(near.map((of) => of[at]))));
  });
}

const configOf = (group) => group.runs[0].config;
// Whether a run has accuracies; else losses alone.
const hasAccuracy = (run) => run.epochs.every((line) => line.test_accuracy !== undefined);
const dataOf = (group) => report.data.find((data) => data.checksum === configOf(group).data.checksum) || { name: configOf(group).data.name, classes: [] };
const severalData = new Set(report.groups.map((group) => configOf(group).data.checksum)).size > 1;
const labelOf = (group) => group.name + group.runs[0].settings + group.distinction + (severalData ? `, ${configOf(group).data.name}` : '');
const rulesOf = (group) => {
  const rules = [...new Set([...configOf(group).network.matchAll(/\(([^)]+)\)/g)].map((match) => match[1]))];
  return rules.length ? rules.join(' ') : 'backprop';
};

// The published figures of a group's experiment: [epochs, accuracy].
const publishedOf = (number) => report.tables.flatMap((table) => table.rows).flatMap((row) => row.cells)
  .filter((cell) => cell.group === number && cell.published && cell.difference !== null)
  .map((cell) => [cell.published.epochs, cell.published.accuracy]);

// Accuracy of guessing.
function chanceOf(groups) {
  const classes = new Set(groups.map((group) => {
    const outputs = Number((configOf(group).network.match(/dense(\d+)[^-]*$/) || [])[1]);
    return outputs === 1 ? 2 : outputs;
  }));
  return [...classes].filter((count) => count > 1).map((count) => [100 / count, 'guessing']);
}

// A network has one colour, a setting one dash and one marker; further networks than colours have markers of their own.
function seriesOf(numbers, field, reach) {
  const groups = numbers.map((index) => report.groups[index]);
  const networks = [...new Set(groups.map((group) => configOf(group).network))];
  const settings = [...new Set(groups.map((group) => `${configOf(group).loss}${group.runs[0].settings}${configOf(group).data.checksum}`))];
  const names = new Map();
  return numbers.flatMap((index) => {
    const group = report.groups[index];
    const network = networks.indexOf(configOf(group).network);
    const setting = settings.indexOf(`${configOf(group).loss}${group.runs[0].settings}${configOf(group).data.checksum}`);
    const base = { colour: colour(network), dash: DASHES[setting % 5], marker: (setting + Math.floor(network / 8)) % 5 };
    return group.curves.map((curve, at) => {
      let name = labelOf(group);
      if (curve.diverged) name += `, seed ${group.runs[curve.runs[0]].config.seed} diverged`;
      else if (group.curves.length > 1) name += `, ${plural(curve.epochs, 'epoch')}`;
      names.set(name, (names.get(name) || 0) + 1);
      if (names.get(name) > 1) name += ` (${names.get(name)})`;
      return {
        ...base, name, count: curve.runs.length, width: curve.runs.length > 1 ? 2.2 : 1.3,
        points: smooth(pointsOf(group, curve, field), reach), marks: at === 0 && field === 'test_accuracy' ? publishedOf(index) : [],
      };
    });
  }).filter((series) => series.points.length);
}
