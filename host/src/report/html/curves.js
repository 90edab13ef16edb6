// ---- The curves of all tables, and what the filter leaves of them

const ORDER = ['own', 'other', 'regression', 'rules'];
const filter = { passes: () => true, changed: [] };

// Tables in the order of the page, with the numbers of their groups that have epochs.
function drawnTables() {
  const rank = (table) => (ORDER.includes(table.name) ? ORDER.indexOf(table.name) : ORDER.length);
  const withEpochs = (index) => report.groups[index].runs.some((run) => run.epochs.length);
  return [...report.tables].sort((a, b) => rank(a) - rank(b))
    .map((table) => ({ name: table.name, title: table.number ? `Table ${table.number}` : table.title, numbers: table.groups.filter(withEpochs) }))
    .filter((table) => table.numbers.length);
}

// What can be drawn: the fields of the epochs, then each measure of each layer.
function drawable() {
  const runs = report.groups.flatMap((group) => group.runs);
  const has = (field) => runs.some((run) => valuesOf(run, field).some((point) => Number.isFinite(point[1])));
  const layers = {};
  for (const run of runs) {
    for (const [measure, of] of Object.entries(run.measures)) {
      layers[measure] = new Set([...(layers[measure] || []), ...Object.keys(of)]);
    }
  }
  const measures = measureOrder(Object.keys(layers)).map((measure) => ({
    label: measureTitle(measure), options: [...layers[measure]].sort().map((layer) => [`${measure}/${layer}`, `${measureTitle(measure)}, ${layer}`]),
  }));
  return [...FIELDS.filter(([field]) => has(field)).map(([field, title]) => [field, title]), ...measures];
}

function titleOf(field) {
  const known = FIELDS.find(([name]) => name === field);
  if (known) return [known[1], known[2]];
  const [measure, layer] = field.split('/');
  return [`${measureTitle(measure)}, ${layer}`, (MEASURES[measure] || ['', '', ''])[2]];
}

function curves() {
  const place = document.getElementById('curves-plots');
  const state = { field: drawable()[0]?.[0] ?? 'test_accuracy', scale: 'linear', reach: 0 };
  const figures = drawnTables().map((table) => {
    const figure = element('figure', { 'data-table': table.name }, element('figcaption', {}, element('b', {}, table.title), element('span', { class: 'what' })));
    place.append(figure);
    return { ...table, figure, chart: new Chart(figure, { title: table.title }) };
  });
  if (figures.length === 0) {
    place.append(element('p', { class: 'soft' }, 'No run has an epoch yet.'));
    return;
  }
  const update = () => {
    const [what, unit] = titleOf(state.field);
    for (const { name, figure, chart, title, numbers } of figures) {
      const left = numbers.filter((index) => filter.passes(index, name));
      const series = seriesOf(left, state.field, state.reach);
      figure.hidden = series.length === 0;
      if (figure.hidden) continue;
      figure.querySelector('.what').textContent = `: ${what}${unit === '%' ? ' in percent' : unit === '°' ? ' in degrees' : ''}`
        + (state.reach ? `, mean of ${2 * state.reach + 1} points` : '');
      chart.wholeX = state.field !== 'steps';
      // Many curves take the whole width.
      figure.classList.toggle('many', series.length > 8);
      chart.show(series, {
        log: state.scale === 'log', unit, title: `${title}, ${what}`,
        lines: state.field.endsWith('accuracy') ? chanceOf(left.map((index) => report.groups[index]).filter((group) => group.runs.every(hasAccuracy))) : [],
      });
    }
  };
  const set = (key, kind = (value) => value) => (value) => {
    state[key] = kind(value);
    update();
  };
  document.getElementById('curves-bar').append(
    list('Draw', 'curves-field', drawable(), set('field')),
    list('Smoothing', 'curves-smooth', [['0', 'none'], ['1', '3 points'], ['2', '5 points'], ['5', '11 points']], set('reach', Number)),
    choice('Scale', [['linear', 'Linear'], ['log', 'Logarithmic']], 'linear', set('scale')));
  filter.changed.push(update);
  update();
}
