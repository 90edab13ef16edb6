'use strict';
// The page's curves and pictures, drawn from the JSON in #data. No library, no network.
const report = JSON.parse(document.getElementById('data').textContent);
const SVG = 'http://www.w3.org/2000/svg';
const number = (value) => (value === null || value === undefined ? NaN : Number(value === 'inf' ? Infinity : value));
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

function element(name, attributes = {}, ...children) {
  const svg = ['svg', 'path', 'line', 'text', 'circle', 'g', 'rect'].includes(name);
  const made = svg ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
    else if (value !== false) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

// ---- Axes

function linearTicks(low, high, count) {
  const rough = (high - low) / Math.max(count, 1) || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough * 0.999);
  const ticks = [];
  for (let tick = Math.ceil(low / step - 1e-9); tick * step <= high + step * 1e-9; tick += 1) ticks.push(tick * step);
  return ticks;
}

function logTicks(low, high) {
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
    for (const factor of [1, 2, 5]) {
      const tick = factor * 10 ** power;
      if (tick >= low * 0.999 && tick <= high * 1.001) ticks.push(tick);
    }
  }
  return ticks;
}

const short = (value) => (Math.abs(value) >= 1e4 || (value !== 0 && Math.abs(value) < 1e-3)
  ? value.toExponential(0) : String(Number(value.toPrecision(3))));
const digits = (value, unit) => (Number.isFinite(value) ? value.toFixed(unit ? 2 : 4) : String(value));
const exact = (value, unit) => digits(value, unit) + (unit && unit !== '°' ? ' ' : '') + unit;

// ---- A chart: series of {name, colour, dash, points: [[x, y, low, high]…]}, kept in a figure

class Chart {
  constructor(figure, { unit = '', wholeX = true } = {}) {
    this.figure = figure;
    this.unit = unit;
    this.wholeX = wholeX;
    this.hidden = new Set();
    this.series = [];
    this.log = false;
    this.svg = element('svg', { class: 'chart', role: 'img' });
    this.keys = element('div', { class: 'keys' });
    this.tip = element('div', { class: 'tip', hidden: '' });
    figure.append(this.svg, this.keys, this.tip);
    this.svg.addEventListener('pointermove', (event) => this.hover(event));
    this.svg.addEventListener('pointerdown', (event) => this.hover(event));
    this.svg.addEventListener('pointerleave', () => this.leave());
    new ResizeObserver(() => {
      if (Math.abs(figure.clientWidth - (this.drawnWidth || 0)) > 1) this.draw();
    }).observe(figure);
  }

  show(series, { log = false, unit = this.unit } = {}) {
    Object.assign(this, { series, log, unit });
    this.drawKeys();
    this.draw();
  }

  drawKeys() {
    this.keys.replaceChildren(...this.series.map((series) => {
      const mark = element('svg', { viewBox: '0 0 20 8' },
        element('line', { x1: 0, x2: 20, y1: 4, y2: 4, stroke: series.colour, 'stroke-dasharray': series.dash || 'none' }));
      const toggle = () => {
        if (!this.hidden.delete(series.name)) this.hidden.add(series.name);
        this.drawKeys();
        this.draw();
      };
      const pressed = String(!this.hidden.has(series.name));
      return element('button', { class: 'key', type: 'button', 'aria-pressed': pressed, onclick: toggle }, mark, series.name);
    }));
    if (this.series.length > 2) {
      const all = this.hidden.size === 0;
      const toggle = () => {
        this.hidden = new Set(all ? this.series.map((series) => series.name) : []);
        this.drawKeys();
        this.draw();
      };
      this.keys.append(element('button', { class: 'key all', type: 'button', onclick: toggle }, all ? 'hide all' : 'show all'));
    }
  }

  draw() {
    const width = Math.max(280, this.figure.clientWidth - 30);
    const height = Math.round(Math.min(330, Math.max(210, width * 0.56)));
    this.drawnWidth = this.figure.clientWidth;
    this.leave();
    const [left, right, top, bottom] = [44, 10, 8, 32];
    const usable = (y) => Number.isFinite(y) && (!this.log || y > 0);
    const shown = this.series.filter((series) => !this.hidden.has(series.name));
    const points = shown.flatMap((series) => series.points.filter((point) => usable(point[1])));
    this.svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
    this.svg.replaceChildren();
    this.shown = shown;
    if (points.length === 0) {
      this.x = null;
      this.svg.append(element('text', { x: width / 2, y: height / 2, 'text-anchor': 'middle' }, 'nothing is shown'));
      return;
    }
    const xs = points.map((point) => point[0]);
    let [x0, x1] = [Math.min(...xs), Math.max(...xs)];
    if (x0 === x1) [x0, x1] = [x0 - 1, x1 + 1];
    const ys = points.flatMap((point) => point.slice(1).filter(usable));
    let [y0, y1] = [Math.min(...ys), Math.max(...ys)];
    if (y0 === y1) [y0, y1] = this.log ? [y0 / 1.5, y1 * 1.5] : [y0 - (Math.abs(y0) * 0.1 || 1), y1 + (Math.abs(y1) * 0.1 || 1)];
    const pad = this.log ? 0 : (y1 - y0) * 0.04;
    [y0, y1] = [y0 - pad, y1 + pad];
    const scale = this.log ? Math.log : (y) => y;
    const fit = (value, low, high, from, to) => from + (to - from) * (value - low) / (high - low);
    this.x = (x) => fit(x, x0, x1, left, width - right);
    this.y = (y) => fit(scale(y), scale(y0), scale(y1), height - bottom, top);
    const base = height - bottom;
    for (const tick of this.log ? logTicks(y0, y1) : linearTicks(y0, y1, height / 50)) {
      const y = this.y(tick);
      this.svg.append(element('line', { class: 'grid', x1: left, x2: width - right, y1: y, y2: y }),
        element('text', { x: left - 6, y: y + 4, 'text-anchor': 'end' }, short(tick)));
    }
    for (const tick of linearTicks(x0, x1, width / 90).filter((tick) => !this.wholeX || Number.isInteger(tick))) {
      this.svg.append(element('text', { x: this.x(tick), y: base + 15, 'text-anchor': 'middle' }, short(tick)));
    }
    this.svg.append(element('text', { x: width - right, y: height - 3, 'text-anchor': 'end' }, 'epoch'));
    for (const series of shown) this.drawSeries(series, usable);
    this.cross = element('g');
    this.svg.append(this.cross);
  }

  drawSeries(series, usable) {
    const good = series.points.filter((point) => usable(point[1]));
    const place = ([x, y]) => `${this.x(x).toFixed(1)},${this.y(y).toFixed(1)}`;
    const band = good.filter((point) => point.length > 2 && usable(point[2]) && usable(point[3]));
    if (band.length > 1) {
      const up = band.map((point) => place([point[0], point[3]]));
      const down = band.map((point) => place([point[0], point[2]])).reverse();
      this.svg.append(element('path', { class: 'band', d: `M${up.concat(down).join('L')}Z`, style: `fill:${series.colour}` }));
    }
    if (good.length > 1) {
      this.svg.append(element('path', { d: `M${good.map(place).join('L')}`, stroke: series.colour, 'stroke-dasharray': series.dash || 'none' }));
    }
    if (good.length < 16) {
      for (const [x, y] of good) {
        this.svg.append(element('circle', { cx: this.x(x), cy: this.y(y), r: 2.6, style: `fill:${series.colour}` }));
      }
    }
  }

  hover(event) {
    if (!this.x) return;
    const box = this.svg.getBoundingClientRect();
    const pointer = (event.clientX - box.left) * this.svg.viewBox.baseVal.width / box.width;
    const all = this.shown.flatMap((series) => series.points.map((point) => point[0]));
    const x = all.reduce((best, value) => (Math.abs(this.x(value) - pointer) < Math.abs(this.x(best) - pointer) ? value : best), all[0]);
    const rows = this.shown.map((series) => [series, series.points.find((point) => point[0] === x)])
      .filter(([, point]) => point && !Number.isNaN(point[1])).sort((a, b) => b[1][1] - a[1][1]);
    const line = element('line', { class: 'cross', x1: this.x(x), x2: this.x(x), y1: 8, y2: this.svg.viewBox.baseVal.height - 32 });
    this.cross.replaceChildren(line);
    const table = element('table', {}, ...rows.slice(0, 16).map(([series, point]) => element('tr', {},
      element('td', {}, element('i', { style: `background:${series.colour}` }), series.name),
      element('td', {}, exact(point[1], this.unit) + (point.length > 2 ? ` (${digits(point[2], this.unit)}–${digits(point[3], this.unit)})` : '')))));
    this.tip.replaceChildren(`epoch ${short(x)}`, table);
    this.tip.hidden = false;
    const within = this.figure.getBoundingClientRect();
    const at = event.clientX - within.left;
    const space = within.width - this.tip.offsetWidth - 6;
    const beside = at + 16 > space ? at - this.tip.offsetWidth - 16 : at + 16;
    this.tip.style.left = `${Math.max(4, Math.min(space, beside))}px`;
    this.tip.style.top = `${Math.max(4, event.clientY - within.top - 20)}px`;
  }

  leave() {
    this.tip.hidden = true;
    if (this.cross) this.cross.replaceChildren();
  }
}

// ---- What is drawn

const colour = (index) => `var(--c${index % 10})`;

// The mean over a group's runs at each epoch, with the least and the greatest where there are several.
function course(group, field) {
  const epochs = [...new Set(group.runs.flatMap((run) => run.epochs.map((line) => line.epoch)))].sort((a, b) => a - b);
  return epochs.map((epoch) => {
    const values = group.runs.flatMap((run) => run.epochs.filter((line) => line.epoch === epoch).map((line) => number(line[field])));
    const point = [epoch, mean(values)];
    return values.length > 1 ? point.concat(Math.min(...values), Math.max(...values)) : point;
  });
}

// One choice among some: buttons of which one is pressed.
function choice(options, chosen, act) {
  const buttons = options.map(([value, label]) => element('button', {
    type: 'button',
    'data-value': value,
    'aria-pressed': String(value === chosen),
    onclick: () => {
      for (const button of buttons) button.setAttribute('aria-pressed', String(button.dataset.value === value));
      act(value);
    },
  }, label));
  return element('div', { class: 'choice', role: 'group' }, ...buttons);
}

function curves() {
  const place = document.getElementById('curves-plots');
  const state = { split: 'test', what: 'accuracy', scale: 'linear' };
  const several = new Set(report.groups.map((group) => group.runs[0].config.data.name)).size > 1;
  const figures = report.tables.flatMap((table) => {
    const groups = table.groups.map((number) => report.groups[number]).filter((group) => group.runs.some((run) => run.epochs.length));
    if (groups.length === 0) return [];
    const title = table.number ? `Table ${table.number}` : table.title.split(',')[0];
    const figure = element('figure', {}, element('figcaption', {}, element('b', {}, title), element('span', { class: 'what' })));
    place.append(figure);
    const stems = [...new Set(groups.map((group) => group.name.replace(/-HL$/, '')))];
    const names = new Map();
    const lines = groups.map((group) => {
      const stem = group.name.replace(/-HL$/, '');
      let name = group.name + group.runs[0].settings + (several ? `, ${group.runs[0].config.data.name}` : '');
      names.set(name, (names.get(name) || 0) + 1);
      if (names.get(name) > 1) name += ` (${names.get(name)})`;
      const index = stems.indexOf(stem);
      // Ten colours; the next ten rows are dotted, and so on.
      const dash = group.name.endsWith('-HL') ? '5 3' : ['', '1.5 3', '8 3 1.5 3'][Math.floor(index / 10) % 3];
      return { group, name, colour: colour(index), dash };
    });
    return [{ figure, chart: new Chart(figure), lines }];
  });
  const update = () => {
    const field = `${state.split}_${state.what}`;
    for (const { figure, chart, lines } of figures) {
      const unit = state.what === 'accuracy' ? '%' : '';
      figure.querySelector('.what').textContent = `, ${state.split} ${state.what}${unit ? ' in percent' : ''}`;
      chart.show(lines.map((line) => ({ ...line, points: course(line.group, field) })), { log: state.scale === 'log', unit });
    }
  };
  const set = (key) => (value) => {
    state[key] = value;
    update();
  };
  document.getElementById('curves-bar').append(
    choice([['accuracy', 'Accuracy'], ['loss', 'Loss']], 'accuracy', set('what')),
    choice([['test', 'Test'], ['train', 'Training']], 'test', set('split')),
    choice([['linear', 'Linear'], ['log', 'Logarithmic']], 'linear', set('scale')));
  update();
}

function figureOf(caption, options, meaning = '') {
  const figure = element('figure', {}, element('figcaption', {}, element('b', {}, caption), meaning && `, ${meaning}`));
  return [figure, new Chart(figure, options)];
}

// What is measured by layer, in the order in which it is read; any other number of an epoch comes behind, under its own name.
const MEASURES = {
  angles: ['Angle of the signal', 'between what the layer sends back and the true gradient, behind the receiving activation’s derivative, in degrees', '°'],
  gradient_angles: ['Angle of the weight gradient', 'to the true one, in degrees', '°'],
  weight_angles: ['Angle of B and W', 'in degrees', '°'],
  sign_agreements: ['Signs of B', 'share of the weights whose B has their sign, in percent', '%'],
  norm_ratios: ['Norm of the signal', 'over that of the true gradient, behind the receiving activation’s derivative', ''],
  angle_spreads: ['Spread of the signal’s angle', 'standard deviation over samples, in degrees', '°'],
  dead_units: ['Dead units', 'outputs that are the same for all samples, in percent', '%'],
};

function runCurves(run, log) {
  const points = (field) => run.epochs.map((line) => [line.epoch, number(line[field])]);
  const both = (what) => [
    { name: 'training', colour: colour(0), points: points(`train_${what}`) },
    { name: 'test', colour: colour(1), points: points(`test_${what}`) },
    ...(run.config.validation ? [{ name: 'validation', colour: colour(2), points: points(`validation_${what}`) }] : [])];
  const made = [];
  const [accuracy, accuracyChart] = figureOf('Accuracy', { unit: '%' }, 'in percent');
  made.push([accuracy, () => accuracyChart.show(both('accuracy'))]);
  const [loss, lossChart] = figureOf('Loss', { wholeX: run.steps.length === 0 }, run.config.loss);
  const steps = { name: 'of the steps', colour: colour(9), points: run.steps.map((step) => [step.epoch, number(step.loss)]) };
  made.push([loss, () => lossChart.show((run.steps.length ? [steps] : []).concat(both('loss')), { log })]);
  const names = Object.keys(run.measures);
  const known = Object.keys(MEASURES).filter((name) => names.includes(name));
  // A layer has one colour in all charts.
  const layersOf = [...new Set(names.flatMap((name) => Object.keys(run.measures[name])))].sort();
  for (const measure of known.concat(names.filter((name) => !known.includes(name)))) {
    const layers = run.measures[measure];
    const [title, meaning, unit] = MEASURES[measure] || [measure.replaceAll('_', ' '), '', ''];
    const [figure, chart] = figureOf(title, { unit }, meaning);
    const series = Object.entries(layers).map(([name, values]) => ({
      name, colour: colour(layersOf.indexOf(name)), points: values.map((value, at) => [run.epochs[at].epoch, number(value)]).filter((point) => !Number.isNaN(point[1])),
    }));
    made.push([figure, () => chart.show(series)]);
  }
  return made;
}

function matrix(counts) {
  const cell = (count, total, right) => {
    const share = total ? count / total : 0;
    const ink = share > 0.6 ? 'color:var(--card)' : '';
    return element('td', { style: `background:rgba(var(--heat),${(share * 0.95).toFixed(3)});${ink}`, title: right ? 'right' : 'wrong' }, count ? String(count) : '');
  };
  const head = element('tr', {}, element('th', {}, ''), ...counts[0].map((_, index) => element('th', {}, String(index))));
  const rows = counts.map((row, index) => element('tr', {}, element('th', {}, String(index)),
    ...row.map((count, at) => cell(count, row.reduce((sum, one) => sum + one, 0), index === at))));
  return element('figure', {}, element('figcaption', {}, element('b', {}, 'Confusion matrix'), ': test images of each class (rows) and what they were taken for (columns)'),
    element('div', { class: 'wide' }, element('table', { class: 'matrix' }, head, ...rows)));
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
    ['training', `${optimizer}, loss ${run.config.loss}, batches of ${run.config.batch}, seed ${run.config.seed}${run.config.clip ? `, clip ${run.config.clip}` : ''}`],
    ['state', `${run.status}, ${run.epochs.length} of ${run.config.epochs} epochs`], ['folder', run.folder], ['command', run.command]];
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
    if (run.confusion) grid.append(matrix(run.confusion));
    if (run.filters) grid.append(pictures(run.filters));
    const missing = [];
    if (Object.keys(run.measures).length === 0) missing.push('angles (this run has not measured them)');
    if (!run.confusion) missing.push('the confusion matrix (the run has not ended, or was trained by an older version)');
    if (!run.filters) missing.push('filters (the weights are not there, or another seed shows them)');
    place.replaceChildren(facts(run), grid);
    if (missing.length) place.append(element('p', { class: 'soft small' }, `Not shown: ${missing.join('; ')}.`));
    for (const [, draw] of plots) draw();
  };
  const select = element('select', { id: 'run-select', onchange: () => show(runs[Number(select.value)]) },
    ...runs.map((run, index) => element('option', { value: index }, label(run))));
  document.getElementById('run-bar').append(element('label', {}, 'Run', select), choice([['linear', 'Linear loss'], ['log', 'Logarithmic loss']], 'linear', (scale) => {
    state.log = scale === 'log';
    show(state.run);
  }));
  // The richest run first: filters and angles are what a reader wants to see.
  const wealth = (run) => Boolean(run.filters) + Object.keys(run.measures).length + Boolean(run.confusion);
  const first = runs.reduce((best, run, index) => (wealth(run) > wealth(runs[best]) ? index : best), 0);
  select.value = String(first);
  show(runs[first]);
}

curves();
inspector();
window.addEventListener('beforeprint', () => document.querySelectorAll('details').forEach((details) => { details.open = true; }));
