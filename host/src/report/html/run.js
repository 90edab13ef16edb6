// ---- One run

function figureOf(caption, options, meaning = '') {
  const figure = element('figure', {}, element('figcaption', {}, element('b', {}, caption), meaning && `, ${meaning}`));
  return [figure, new Chart(figure, { title: caption, ...options })];
}

function runCurves(run, log) {
  const points = (field) => valuesOf(run, field);
  const both = (what) => [
    { name: 'training', colour: colour(0), points: points(`train_${what}`) },
    { name: 'test', colour: colour(1), marker: 1, points: points(`test_${what}`) },
    ...(run.config.validation ? [{ name: 'validation', colour: colour(2), marker: 2, points: points(`validation_${what}`) }] : [])];
  const made = [];
  if (hasAccuracy(run)) {
    const [accuracy, accuracyChart] = figureOf('Accuracy', { unit: '%' }, 'in percent');
    made.push([accuracy, () => accuracyChart.show(both('accuracy'))]);
  }
  const areas = points('test_roc_auc');
  if (areas.length) {
    const interval = run.roc_auc_interval ? `; at the end ${areas.at(-1)[1].toFixed(4)} [${run.roc_auc_interval.map((end) => end.toFixed(4)).join(', ')}], the 95 % interval by the number of test images (Hanley and McNeil 1982)` : '';
    const [area, areaChart] = figureOf('ROC-AUC', {}, `of the test images’ reconstruction errors, with class ${run.config.anomaly_class} as the anomalies${interval}`);
    made.push([area, () => areaChart.show([{ name: 'test', colour: colour(1), marker: 1, points: areas }])]);
  }
  const [loss, lossChart] = figureOf('Loss', { wholeX: run.steps.length === 0 }, run.config.loss);
  const steps = { name: 'of the steps', colour: colour(7), points: run.steps.map((step) => [step.epoch, number(step.loss)]) };
  made.push([loss, () => lossChart.show((run.steps.length ? [steps] : []).concat(both('loss')), { log })]);
  const names = Object.keys(run.measures);
  // A layer has one colour and one marker in all charts.
  const layersOf = [...new Set(names.flatMap((name) => Object.keys(run.measures[name])))].sort();
  for (const measure of measureOrder(names)) {
    const layers = run.measures[measure];
    const [title, meaning, unit] = MEASURES[measure] || [measureTitle(measure), '', ''];
    const [figure, chart] = figureOf(title, { unit }, meaning);
    const series = Object.keys(layers).map((name) => ({
      name, colour: colour(layersOf.indexOf(name)), marker: layersOf.indexOf(name) % 5, points: valuesOf(run, `${measure}/${name}`),
    }));
    made.push([figure, () => chart.show(series)]);
  }
  return made;
}

// How often each class was taken for each, and the share of each class that was right with its interval.
function matrix(counts, names) {
  const name = (index) => names[index] || String(index);
  const cell = (count, total, right) => {
    const share = total ? count / total : 0;
    return element('td', { style: `background:rgba(var(--heat),${(share * 0.45).toFixed(3)})`, title: right ? 'right' : 'wrong' }, count ? String(count) : '');
  };
  const share = (row, index) => {
    const total = row.reduce((sum, one) => sum + one, 0);
    if (!total) return element('td', { class: 'share' }, '–');
    // Wilson's interval, which is not empty where all or none are right.
    const part = row[index] / total;
    const z = 1.959964;
    const middle = (part + z * z / (2 * total)) / (1 + z * z / total);
    const half = z * Math.sqrt(part * (1 - part) / total + z * z / (4 * total * total)) / (1 + z * z / total);
    return element('td', { class: 'share' }, `${(100 * part).toFixed(1)} [${(100 * (middle - half)).toFixed(0)}, ${(100 * (middle + half)).toFixed(0)}]`);
  };
  const head = element('tr', {}, element('td'), ...counts[0].map((_, index) => element('th', { scope: 'col' }, element('span', {}, name(index)))), element('th', { scope: 'col' }, element('span', {}, '% right')));
  const rows = counts.map((row, index) => element('tr', {}, element('th', { scope: 'row' }, name(index)),
    ...row.map((count, at) => cell(count, row.reduce((sum, one) => sum + one, 0), index === at)), share(row, index)));
  const save = () => download('confusion.csv', 'text/csv', csvOf([['class', ...counts[0].map((_, index) => name(index))], ...counts.map((row, index) => [name(index), ...row])]));
  return element('figure', { class: 'confusion' }, element('figcaption', {}, element('b', {}, 'Confusion matrix'), ': test images of each class (rows) and what they were taken for (columns); the last column is the accuracy of the class with its 95 % interval (Wilson) over these images'),
    element('div', { class: 'wide' }, element('table', { class: 'matrix' }, element('thead', {}, head), element('tbody', {}, ...rows))),
    element('div', { class: 'saves' }, element('button', { type: 'button', class: 'small-button', 'aria-label': 'CSV of the confusion matrix', onclick: save }, 'CSV')));
}

function pictures({ caption, shape: [channels, rows, cols], pictures: all }) {
  const draw = (digits) => {
    const canvas = element('canvas', { width: cols, height: rows, class: rows > 12 ? 'large' : '' });
    const bytes = digits.match(/../g).map((pair) => parseInt(pair, 16));
    const image = canvas.getContext('2d').createImageData(cols, rows);
    for (let at = 0; at < rows * cols; at += 1) {
      for (let part = 0; part < 3; part += 1) {
        image.data[4 * at + part] = channels === 3 ? bytes[part * rows * cols + at] : bytes[at];
      }
      image.data[4 * at + 3] = 255;
    }
    canvas.getContext('2d').putImageData(image, 0, 0);
    return canvas;
  };
  return element('figure', {}, element('figcaption', {}, element('b', {}, 'First layer'), `: ${caption}`),
    element('div', { class: 'pictures' }, ...all.map(draw)));
}

function facts(run) {
  const process = run.process;
  const optimizer = Object.entries(run.config.optimizer).map(([name, parts]) => `${name} ${JSON.stringify(parts).replace(/[{}"]/g, '').replaceAll(':', ' ').replaceAll(',', ', ')}`);
  const rows = [
    ['network', run.config.network], ['data', run.config.data.name],
    ['training', `${optimizer}, loss ${run.config.loss}${run.config.target ? `, target ${run.config.target}` : ''}, batches of ${run.config.batch}, seed ${run.config.seed}${run.config.clip ? `, clip ${run.config.clip}` : ''}`],
    ['state', `${run.status}, ${epochOf(run)} of ${run.config.epochs} epochs${run.config.epochs ? '' : ': the weights before the first step'}`], ['folder', run.folder], ['command', element('span', {}, element('code', {}, run.command), ' ', copyButton(run.command, 'the command of the run'))]];
  if (process) rows.push(['computed on', `${process.cpu}, ${process.kernels}, ${process.threads} thread${process.threads === 1 ? '' : 's'}, ${process.host}`]);
  return element('dl', { class: 'facts' }, ...rows.flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]));
}

function inspector() {
  const runs = report.groups.flatMap((group) => group.runs);
  if (runs.length === 0) return;
  const place = document.getElementById('run-view');
  const label = (run) => `${run.config.name}${run.settings} · ${run.config.data.name} · seed ${run.config.seed} · ${run.status}`;
  const state = { run: runs[0], log: false };
  const show = (run) => {
    state.run = run;
    const plots = runCurves(run, state.log);
    const grid = element('div', { class: 'plots' }, ...plots.map(([figure]) => figure));
    if (run.confusion) grid.append(matrix(run.confusion, dataOf({ runs: [run] }).classes));
    if (run.filters) grid.append(pictures(run.filters));
    const missing = [];
    if (Object.keys(run.measures).length === 0) missing.push('angles (this run has not measured them)');
    if (!run.confusion && (run.config.target ?? 'class') === 'class') missing.push('the confusion matrix (the run has not ended, or was trained by an older version)');
    if (!run.filters) missing.push('filters (the weights are not there, or another seed shows them)');
    place.replaceChildren(facts(run), grid);
    if (missing.length) place.append(element('p', { class: 'soft small' }, `Not shown: ${missing.join('; ')}.`));
    for (const [, draw] of plots) draw();
  };
  const chosen = list('Run', 'run-select', runs.map((run, index) => [index, label(run)]), (value) => show(runs[Number(value)]));
  const select = chosen.querySelector('select');
  document.getElementById('run-bar').append(chosen, choice('Scale of the loss', [['linear', 'Linear loss'], ['log', 'Logarithmic loss']], 'linear', (scale) => {
    state.log = scale === 'log';
    show(state.run);
  }));
  // The richest run first: filters and angles are what a reader wants to see.
  const wealth = (run) => Boolean(run.filters) + Object.keys(run.measures).length + Boolean(run.confusion);
  const first = runs.reduce((best, run, index) => (wealth(run) > wealth(runs[best]) ? index : best), 0);
  select.value = String(first);
  show(runs[first]);
}
