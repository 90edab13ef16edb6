// ---- A chart in a figure: series of {name, colour, dash, marker, width, points: [[x, y, low, high]…], marks: [[x, y]…], count}

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

// The outlines of markers around 0, 0: what tells settings apart without colour.
const MARKERS = ['', 'M-3.5 -3.5H3.5V3.5H-3.5Z', 'M0 -4.5L4.5 3.5H-4.5Z', 'M0 -4.5L4.5 0L0 4.5L-4.5 0Z', 'M-4 -4L4 4M4 -4L-4 4'];
const DIAMOND = 'M0 -5.5L5.5 0L0 5.5L-5.5 0Z';
const marker = (shape, x, y, attributes) => element('path', { d: shape, transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`, ...attributes });
// A name fits beside its curve from this width on.
const LABELLED = 520;
const MOST_LABELS = 16;

class Chart {
  constructor(figure, { unit = '', wholeX = true, title = 'chart' } = {}) {
    Object.assign(this, { figure, unit, wholeX, title, only: null, series: [], log: false, lines: [], shown: [] });
    this.svg = element('svg', { class: 'chart', role: 'img', tabindex: 0 });
    this.keys = element('div', { class: 'keys', role: 'group', 'aria-label': `Curves of ${title}` });
    this.tip = element('div', { class: 'tip', hidden: true });
    this.saves = element('div', { class: 'saves' },
      element('button', { type: 'button', class: 'small-button', onclick: () => download(`${fileName(this.title)}.csv`, 'text/csv', this.csv()) }, 'CSV'),
      element('button', { type: 'button', class: 'small-button', onclick: () => download(`${fileName(this.title)}.svg`, 'image/svg+xml', this.picture()) }, 'SVG'));
    figure.append(this.svg, this.keys, this.saves, this.tip);
    for (const button of this.saves.children) button.setAttribute('aria-label', `${button.textContent} of ${title}`);
    this.svg.addEventListener('pointermove', (event) => this.hover(event));
    this.svg.addEventListener('pointerdown', (event) => this.hover(event));
    this.svg.addEventListener('pointerleave', () => this.leave());
    this.svg.addEventListener('blur', () => this.leave());
    this.svg.addEventListener('keydown', (event) => this.key(event));
    new ResizeObserver(() => {
      if (Math.abs(figure.clientWidth - (this.drawnWidth || 0)) > 1) this.draw();
    }).observe(figure);
  }

  // `lines` are [[y, name]…]: dotted across the chart.
  show(series, { log = false, unit = this.unit, title = this.title, lines = [] } = {}) {
    const same = series.length === this.series.length && series.every((of, index) => of.name === this.series[index].name);
    Object.assign(this, { series, log, unit, title, lines });
    if (!same) {
      if (this.only && !series.some((of) => this.only.has(of.name))) this.only = null;
      this.makeKeys();
    }
    this.markKeys();
    this.draw();
  }

  isShown(series) {
    return this.only === null || this.only.has(series.name);
  }

  // The first click shows one curve alone, further ones add curves or take them away.
  select(name) {
    if (this.only === null) this.only = new Set([name]);
    else if (!this.only.delete(name)) this.only.add(name);
    if (this.only.size === 0 || this.only.size === this.series.length) this.only = null;
    this.markKeys();
    this.draw();
  }

  makeKeys() {
    const all = element('button', { class: 'key all', type: 'button', onclick: () => { this.only = null; this.markKeys(); this.draw(); } }, 'show all');
    this.keys.replaceChildren(...this.series.map((series) => {
      const mark = element('svg', { viewBox: '0 0 26 10', 'aria-hidden': true },
        element('line', { x1: 0, x2: 26, y1: 5, y2: 5, style: `stroke:${series.colour}`, 'stroke-dasharray': series.dash || 'none', 'stroke-width': series.width || 1.8 }),
        series.marker ? marker(MARKERS[series.marker], 13, 5, { class: 'marker', style: `fill:${series.colour};stroke:${series.colour}` }) : null);
      return element('button', { class: 'key', type: 'button', onclick: () => this.select(series.name) }, mark, series.name + (series.count ? `, n = ${series.count}` : ''));
    }), ...(this.series.length > 2 ? [all] : []));
  }

  // The buttons stay, so that the focus does.
  markKeys() {
    this.series.forEach((series, index) => {
      this.keys.children[index].setAttribute('aria-pressed', String(this.isShown(series)));
    });
  }

  draw() {
    const width = Math.max(280, this.figure.clientWidth - 30);
    const height = Math.round(Math.min(360, Math.max(210, width * 0.56)));
    this.drawnWidth = this.figure.clientWidth;
    this.leave();
    const usable = (y) => Number.isFinite(y) && (!this.log || y > 0);
    const shown = this.series.filter((series) => this.isShown(series) && series.points.some((point) => usable(point[1])));
    const points = shown.flatMap((series) => series.points.filter((point) => usable(point[1])));
    this.svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
    this.svg.replaceChildren();
    this.shown = shown;
    this.describe();
    if (points.length === 0) {
      this.x = null;
      this.svg.append(element('text', { x: width / 2, y: height / 2, 'text-anchor': 'middle' }, 'nothing is shown'));
      return;
    }
    const isLabelled = width >= LABELLED && shown.length > 1 && shown.length <= MOST_LABELS;
    const longest = Math.max(...shown.map((series) => this.label(series).length));
    const [left, right, top, bottom] = [44, isLabelled ? Math.min(215, 16 + 6.9 * longest) : 10, 8, 32];
    const marks = shown.flatMap((series) => (series.marks || []).filter((mark) => usable(mark[1])));
    const xs = points.map((point) => point[0]);
    let [x0, x1] = [Math.min(...xs), Math.max(...xs)];
    if (x0 === x1) [x0, x1] = [Math.max(0, x0 - 1), x1 + 1];
    // Bands of two seeds are too wide for an axis: the means decide, and bands are cut off.
    const ys = points.map((point) => point[1]).concat(marks.filter((mark) => mark[0] <= x1).map((mark) => mark[1]));
    let [y0, y1] = [Math.min(...ys), Math.max(...ys)];
    if (y0 === y1) [y0, y1] = this.log ? [y0 / 1.5, y1 * 1.5] : [y0 - (Math.abs(y0) * 0.1 || 1), y1 + (Math.abs(y1) * 0.1 || 1)];
    const pad = this.log ? 0 : (y1 - y0) * 0.06;
    [y0, y1] = [y0 - pad, y1 + pad];
    const scale = this.log ? Math.log : (y) => y;
    const fit = (value, low, high, from, to) => from + (to - from) * (value - low) / (high - low);
    this.x = (x) => fit(x, x0, x1, left, width - right);
    this.y = (y) => Math.max(top, Math.min(height - bottom, fit(scale(y), scale(y0), scale(y1), height - bottom, top)));
    const base = height - bottom;
    for (const tick of this.log ? logTicks(y0, y1) : linearTicks(y0, y1, height / 50)) {
      const y = this.y(tick);
      this.svg.append(element('line', { class: 'grid', x1: left, x2: width - right, y1: y, y2: y }),
        element('text', { x: left - 6, y: y + 4, 'text-anchor': 'end' }, short(tick)));
    }
    for (const tick of linearTicks(x0, x1, (width - right) / 90).filter((tick) => !this.wholeX || Number.isInteger(tick))) {
      this.svg.append(element('text', { x: this.x(tick), y: base + 15, 'text-anchor': 'middle' }, short(tick)));
    }
    this.svg.append(element('text', { x: width - right, y: height - 3, 'text-anchor': 'end' }, 'epoch'));
    for (const [y, name] of this.lines.filter(([y]) => y > y0 && y < y1)) {
      this.svg.append(element('line', { class: 'level', x1: left, x2: width - right, y1: this.y(y), y2: this.y(y) }),
        element('text', { x: width - right - 4, y: this.y(y) - 4, 'text-anchor': 'end' }, name));
    }
    for (const series of shown) this.drawSeries(series, usable, shown.length <= 3, width - right);
    if (isLabelled) this.drawLabels(shown, usable, width - right, [top, base]);
    this.cross = element('g');
    this.svg.append(this.cross);
  }

  label(series) {
    const name = series.label || series.name;
    return name.length > 28 ? `${name.slice(0, 27)}…` : name;
  }

  drawSeries(series, usable, isAlone, end) {
    const good = series.points.filter((point) => usable(point[1]));
    const place = ([x, y]) => `${this.x(x).toFixed(1)},${this.y(y).toFixed(1)}`;
    const band = good.filter((point) => point.length > 2 && usable(point[2]) && usable(point[3]));
    if (band.length > 1) {
      const up = band.map((point) => place([point[0], point[3]]));
      const down = band.map((point) => place([point[0], point[2]])).reverse();
      this.svg.append(element('path', { class: 'band', d: `M${up.concat(down).join('L')}Z`, style: `fill:${series.colour}` }));
    }
    const width = series.width || 1.8;
    if (good.length > 1) {
      this.svg.append(element('path', { class: 'curve', d: `M${good.map(place).join('L')}`, style: `stroke:${series.colour};stroke-width:${width}`, 'stroke-dasharray': series.dash || 'none' }));
    }
    const shape = MARKERS[series.marker || 0];
    if (shape) {
      const every = Math.max(1, Math.floor(good.length / 6));
      good.filter((_, index) => index % every === Math.floor(every / 2)).forEach(([x, y]) => {
        this.svg.append(marker(shape, this.x(x), this.y(y), { class: 'marker', style: `fill:${series.colour};stroke:${series.colour}` }));
      });
    } else if (good.length < 16) {
      for (const [x, y] of good) this.svg.append(element('circle', { cx: this.x(x), cy: this.y(y), r: 2.6, style: `fill:${series.colour}` }));
    }
    for (const [x, y] of (series.marks || []).filter((mark) => usable(mark[1]))) {
      const inside = this.x(x) <= end + 1;
      if (isAlone) {
        this.svg.append(element('line', { class: 'published', x1: 44, x2: end, y1: this.y(y), y2: this.y(y), style: `stroke:${series.colour}` }),
          element('text', { x: 48, y: this.y(y) - 4 }, `report ${y.toFixed(2)} after ${x}`));
      }
      if (inside) this.svg.append(marker(DIAMOND, this.x(x), this.y(y), { class: 'mark', style: `stroke:${series.colour}` }));
    }
  }

  // Names beside the ends of the curves, moved apart where they overlap: in the margin, or beside a curve that ends before it.
  drawLabels(shown, usable, right, [top, base]) {
    const step = 12;
    const ends = shown.map((series) => {
      const last = series.points.filter((point) => usable(point[1])).at(-1);
      return { series, x: this.x(last[0]), at: this.y(last[1]), y: this.y(last[1]) };
    });
    const place = (end) => (end.x > right - 30 ? right : Math.round(end.x / 30) * 30);
    for (const column of new Set(ends.map(place))) {
      const labels = ends.filter((end) => place(end) === column).sort((a, b) => a.y - b.y);
      labels.forEach((label, index) => { label.y = Math.max(label.y, index === 0 ? top + 4 : labels[index - 1].y + step); });
      for (let index = labels.length - 1, limit = base; index >= 0; index -= 1, limit -= step) labels[index].y = Math.min(labels[index].y, limit);
      const from = Math.max(...labels.map((label) => label.x));
      for (const { series, x, at, y } of labels) {
        this.svg.append(element('path', { class: 'leader', d: `M${x.toFixed(1)} ${at.toFixed(1)}L${(from + 8).toFixed(1)} ${y.toFixed(1)}`, style: `stroke:${series.colour}` }),
          element('text', { class: 'label', x: from + 11, y: y + 4, style: `fill:${series.colour}` }, this.label(series)));
      }
    }
  }

  describe() {
    const last = (series) => series.points.filter((point) => Number.isFinite(point[1])).at(-1);
    const ends = this.shown.slice(0, 20).map((series) => `${series.name} ${exact(last(series)[1], this.unit)}`);
    this.svg.setAttribute('aria-label', `${this.title}: ${plural(this.shown.length, 'curve')}. At the end: ${ends.join('; ') || 'nothing'}. Arrow keys read single epochs.`);
  }

  xs() {
    return [...new Set(this.shown.flatMap((series) => series.points.map((point) => point[0])))].sort((a, b) => a - b);
  }

  hover(event) {
    if (!this.x) return;
    const box = this.svg.getBoundingClientRect();
    const pointer = (event.clientX - box.left) * this.svg.viewBox.baseVal.width / box.width;
    const x = this.xs().reduce((best, value) => (Math.abs(this.x(value) - pointer) < Math.abs(this.x(best) - pointer) ? value : best));
    this.read(x, event.clientX, event.clientY);
  }

  key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === 'Escape') this.leave();
    if (!step || !this.x) return;
    event.preventDefault();
    const xs = this.xs();
    const now = this.at === undefined ? (step > 0 ? -1 : xs.length) : xs.indexOf(this.at);
    const x = xs[Math.max(0, Math.min(xs.length - 1, now + step))];
    const box = this.svg.getBoundingClientRect();
    this.read(x, box.left + this.x(x) * box.width / this.svg.viewBox.baseVal.width, box.top + 40);
  }

  // Shows the values at x.
  read(x, clientX, clientY) {
    this.at = x;
    const rows = this.shown.map((series) => [series, series.points.find((point) => point[0] === x)])
      .filter(([, point]) => point && !Number.isNaN(point[1])).sort((a, b) => b[1][1] - a[1][1]);
    const line = element('line', { class: 'cross', x1: this.x(x), x2: this.x(x), y1: 8, y2: this.svg.viewBox.baseVal.height - 32 });
    this.cross.replaceChildren(line);
    const table = element('table', {}, ...rows.slice(0, 20).map(([series, point]) => element('tr', {},
      element('td', {}, element('i', { style: `background:${series.colour}` }), series.name),
      element('td', {}, exact(point[1], this.unit) + (point.length > 2 ? ` [${digits(point[2], this.unit)}, ${digits(point[3], this.unit)}]` : '')),
      element('td', {}, series.count ? `n = ${series.count}` : ''))));
    this.tip.replaceChildren(`epoch ${short(x)}`, table);
    this.tip.hidden = false;
    const within = this.figure.getBoundingClientRect();
    const at = clientX - within.left;
    const space = within.width - this.tip.offsetWidth - 6;
    const beside = at + 16 > space ? at - this.tip.offsetWidth - 16 : at + 16;
    this.tip.style.left = `${Math.max(4, Math.min(space, beside))}px`;
    this.tip.style.top = `${Math.max(4, clientY - within.top - 20)}px`;
  }

  leave() {
    this.tip.hidden = true;
    this.at = undefined;
    if (this.cross) this.cross.replaceChildren();
  }

  csv() {
    const rows = this.shown.flatMap((series) => series.points.map(([x, y, low, high]) => [series.name, series.count || 1, x, y, low ?? '', high ?? '']));
    return csvOf([['curve', 'n', 'epoch', 'mean', 'interval_low', 'interval_high'], ...rows]);
  }

  // The chart as a file of its own: the page's colours as they are now.
  picture() {
    const copy = this.svg.cloneNode(true);
    const from = this.svg.querySelectorAll('*');
    copy.querySelectorAll('*').forEach((node, index) => {
      const style = getComputedStyle(from[index]);
      const names = ['fill', 'stroke', 'stroke-width', 'stroke-dasharray', 'opacity', 'font-size', 'font-family', 'font-weight', 'paint-order', 'text-anchor'];
      node.setAttribute('style', names.map((name) => `${name}:${style.getPropertyValue(name).replaceAll('"', "'")}`).join(';'));
    });
    const [, , width, height] = copy.getAttribute('viewBox').split(' ');
    copy.setAttribute('xmlns', SVG);
    copy.setAttribute('width', width);
    copy.setAttribute('height', height);
    copy.prepend(element('title', {}, this.title));
    const paper = element('rect', { width: '100%', height: '100%', fill: getComputedStyle(this.figure).backgroundColor });
    copy.firstChild.after(paper);
    return new XMLSerializer().serializeToString(copy);
  }
}
