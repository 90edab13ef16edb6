// ---- The tables: filter, sorting and copying

// What a row of the tables is known by.
function factsOf(row) {
  const index = row.dataset.group;
  const table = row.closest('[data-table]').dataset.table;
  const text = row.textContent.toLowerCase() + (row.querySelector('.net')?.title.toLowerCase() ?? '');
  if (index === undefined) return { table, text, loss: row.dataset.loss };
  return { ...groupFacts(Number(index)), table, text };
}

function groupFacts(index) {
  const group = report.groups[index];
  return {
    loss: configOf(group).loss, rule: rulesOf(group), data: configOf(group).data.name, settings: group.runs[0].settings.trim() || 'as named',
    text: `${labelOf(group)} ${configOf(group).network}`.toLowerCase(),
  };
}

const TABLES = { own: 'experiments of the file', other: 'other networks', regression: 'regression', rules: 'feedback rules', extra: 'extra experiments' };

function filters() {
  const state = { text: '' };
  const rows = [...document.querySelectorAll('[data-table] tbody tr')].map((row) => [row, factsOf(row)]);
  const groups = report.groups.map((_, index) => groupFacts(index));
  const passes = (facts) => Object.entries(state).every(([key, value]) => !value || (key === 'text' ? facts.text.includes(value) : facts[key] === value));
  const count = element('span', { class: 'soft small', role: 'status' });
  const update = () => {
    let shown = 0;
    for (const [row, facts] of rows) {
      row.hidden = !passes(facts);
      shown += !row.hidden;
    }
    const active = Object.values(state).some(Boolean);
    for (const table of document.querySelectorAll('.table[data-table]')) {
      table.hidden = active && ![...table.querySelectorAll('tbody tr')].some((row) => !row.hidden);
    }
    count.textContent = active ? `${shown} of ${rows.length} rows` : '';
    reset.hidden = !active;
    filter.passes = (index, table) => passes({ ...groups[index], table });
    for (const changed of filter.changed) changed();
  };
  const input = element('input', { type: 'search', id: 'filter-text', placeholder: 'name or network', oninput: () => { state.text = input.value.trim().toLowerCase(); update(); } });
  const facet = (key, name) => {
    const of = key === 'table' ? rows.map(([, facts]) => facts.table) : groups.map((facts) => facts[key]);
    const values = [...new Set(of)];
    if (values.length < 2) return null;
    const label = (value) => (key === 'table' ? TABLES[value] || value.replace('table-', 'table ') : value);
    return list(name, `filter-${key}`, [['', 'all'], ...values.map((value) => [value, label(value)])], (value) => { state[key] = value; update(); });
  };
  const facets = [['table', 'Table'], ['loss', 'Loss'], ['rule', 'Rule'], ['data', 'Data'], ['settings', 'Settings']].map(([key, name]) => facet(key, name));
  const reset = element('button', { type: 'button', class: 'small-button', hidden: true, onclick: () => {
    for (const key of Object.keys(state)) state[key] = '';
    for (const field of bar.querySelectorAll('select, input')) field.value = '';
    update();
    input.focus();
  } }, 'reset');
  const bar = document.getElementById('filter-bar');
  bar.append(element('label', {}, 'Filter', input), ...facets.filter(Boolean), reset, count);
  if (rows.length < 2) bar.hidden = true;
}

function sortBy(button) {
  const head = button.closest('th');
  const table = head.closest('table');
  const column = [...head.parentNode.children].indexOf(head);
  const direction = head.getAttribute('aria-sort') === 'descending' ? 'ascending' : 'descending';
  for (const other of head.parentNode.children) other.removeAttribute('aria-sort');
  head.setAttribute('aria-sort', direction);
  const value = (row) => {
    const text = row.children[column].dataset.value;
    return text === undefined || text === '' ? null : Number.isNaN(Number(text)) ? text : Number(text);
  };
  const order = (a, b) => (typeof a === 'string' || typeof b === 'string' ? String(b).localeCompare(String(a)) : b - a) * (direction === 'descending' ? 1 : -1);
  const rows = [...table.tBodies[0].rows].map((row) => [row, value(row)]);
  // Rows without a value come last in both directions.
  rows.sort(([, a], [, b]) => (a === null || b === null ? (a === null) - (b === null) : order(a, b)));
  table.classList.add('sorted');
  table.tBodies[0].append(...rows.map(([row]) => row));
}

document.addEventListener('click', async (event) => {
  const sort = event.target.closest('button.sort');
  if (sort) sortBy(sort);
  const copy = event.target.closest('button.copy');
  if (copy) {
    const copied = await copyText(copy.dataset.copy);
    copy.textContent = copied ? 'copied' : 'not copied';
    setTimeout(() => { copy.textContent = 'copy'; }, 1500);
    copy.focus();
  }
});

curves();
compare();
inspector();
filters();
window.addEventListener('beforeprint', () => document.querySelectorAll('details.cmd').forEach((details) => { details.open = true; }));
