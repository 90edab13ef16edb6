'use strict';
// The page's data, statistics of seeds, and what all parts of the script use. No library, no network.
const report = JSON.parse(document.getElementById('data').textContent);
const SVG = 'http://www.w3.org/2000/svg';
const number = (value) => (value === null || value === undefined ? NaN : Number(value === 'inf' ? Infinity : value));
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const plural = (count, what) => `${count} ${what}${count === 1 ? '' : 's'}`;

// The mean over seeds with its interval (Student), as the tables have it.
function estimate(values, [least, most] = [-Infinity, Infinity]) {
  const average = mean(values);
  const factor = report.interval_factors[values.length - 2];
  if (factor === undefined) return { mean: average, count: values.length };
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - average) ** 2, 0) / (values.length - 1));
  const half = factor * deviation / Math.sqrt(values.length);
  const clamp = (end) => Math.min(most, Math.max(least, end));
  return { mean: average, low: clamp(average - half), high: clamp(average + half), count: values.length, deviation };
}

// The epochs of an accuracy that ends with `last`: an eighth of them, at most three.
function span(last) {
  return [last + 1 - Math.min(3, Math.max(1, Math.floor(last / 8))), last];
}

function element(name, attributes = {}, ...children) {
  const svg = ['svg', 'path', 'line', 'text', 'circle', 'g', 'rect', 'title'].includes(name);
  const made = svg ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
    else if (value !== false && value !== undefined) made.setAttribute(key, value === true ? '' : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

// One choice among some: buttons of which one is pressed.
function choice(name, options, chosen, act) {
  const buttons = options.map(([value, label]) => element('button', {
    type: 'button',
    'data-value': value,
    'aria-pressed': String(value === chosen),
    onclick: () => {
      for (const button of buttons) button.setAttribute('aria-pressed', String(button.dataset.value === value));
      act(value);
    },
  }, label));
  return element('div', { class: 'choice', role: 'group', 'aria-label': name }, ...buttons);
}

// A labelled list; `options` are [value, label] or {label, options: [[value, label]…]}.
function list(name, id, options, act) {
  const option = ([value, label]) => element('option', { value }, label);
  const select = element('select', { id, onchange: () => act(select.value) },
    ...options.map((of) => (Array.isArray(of) ? option(of) : element('optgroup', { label: of.label }, ...of.options.map(option)))));
  return element('label', {}, name, select);
}

// ---- What leaves the page

function download(name, kind, text) {
  const link = element('a', { href: URL.createObjectURL(new Blob([text], { type: kind })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

async function copyText(text) {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch { /* not allowed: the way below needs no permission */ }
  }
  const area = element('textarea', { class: 'hidden' });
  area.value = text;
  document.body.append(area);
  area.select();
  const copied = document.execCommand('copy');
  area.remove();
  return copied;
}

const csvField = (value) => (/[",\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value));
const csvOf = (rows) => rows.map((row) => row.map(csvField).join(',')).join('\n') + '\n';
const fileName = (title) => title.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '');

// ---- Numbers

const short = (value) => (Math.abs(value) >= 1e4 || (value !== 0 && Math.abs(value) < 1e-3)
  ? value.toExponential(0) : String(Number(value.toPrecision(3))));
const digits = (value, unit) => (Number.isFinite(value) ? value.toFixed(unit ? 2 : 4) : String(value));
const exact = (value, unit) => digits(value, unit) + (unit && unit !== '°' ? ' ' : '') + unit;
const signed = (value, decimals = 2) => (value < 0 ? '−' : '+') + Math.abs(value).toFixed(decimals);
