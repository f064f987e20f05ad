// The view of the runs: a table of the folder of runs, and the curves of those that are picked. A run that trains moves on by
// itself: the server says when one has changed.

import { models, runs } from './api.js';
import { Chart, keyOf, smallCurve } from './chart.js';
import { addressOf, element, scrolling } from './elements.js';
import { number, percent, text } from './text.js';

// As many as there are colours that people tell apart.
const MOST_PICKED = 8;

/**
 * Shows the view.
 * @param {HTMLElement} place
 * @param {URLSearchParams} parameters `pick`: the names of the runs in the charts, any number of times
 * @returns {() => void} ends what it has started
 */
export function showRuns(place, parameters) {
  const view = new Runs(place, parameters.getAll('pick'));
  return () => view.close();
}

class Runs {
  #runs = new Map(); // by name
  #rows = new Map();
  #slots = new Array(MOST_PICKED).fill(null); // the names of those that are picked, by colour
  #isChosen; // whether the reader has picked; otherwise the view does
  #events = null;
  #drawing = 0;
  #charts;
  #place;
  #parts;

  constructor(place, picked) {
    this.#place = place;
    this.#isChosen = picked.length > 0;
    picked.slice(0, MOST_PICKED).forEach((name, slot) => this.#slots[slot] = name);
    this.#parts = build(place);
    const across = text('runsEpoch');
    this.#charts = [
      new Chart(this.#parts.charts, { title: text('runsAccuracyChart'), across, write: accuracyOf, highest: 100 }),
      new Chart(this.#parts.charts, { title: text('runsLossChart'), across, write: value => value.toFixed(4), lowest: 0 }),
    ];
    this.#parts.numbers.addEventListener('toggle', () => this.#drawNumbers());
    this.#start();
  }

  close() {
    this.#events?.close();
    this.#events = null;
    cancelAnimationFrame(this.#drawing);
    this.#charts.forEach(chart => chart.close());
    this.#place.replaceChildren();
  }

  async #start() {
    this.#events = new EventSource('api/runs/events');
    this.#events.addEventListener('open', () => this.#parts.problem.textContent = '');
    this.#events.addEventListener('error', () => this.#parts.problem.textContent = text('noServer'));
    this.#events.addEventListener('run', event => this.#take(JSON.parse(event.data)));
    this.#events.addEventListener('gone', event => this.#forget(JSON.parse(event.data).name));
    try {
      const found = await runs();
      this.#parts.folder.textContent = text('runsFolder', { folder: found.folder });
      this.#parts.empty.hidden = found.runs.length > 0;
      showNetworks(this.#parts.networks, await models());
    } catch (error) {
      this.#parts.problem.textContent = error.message;
    }
  }

  #take(run) {
    const before = this.#runs.get(run.name);
    this.#runs.set(run.name, run);
    if (before && run.epochs.length > before.epochs.length)
      this.#parts.news.textContent = text('runsNews', { name: run.name, ...progressOf(run), accuracy: accuracyOf(run.epochs.at(-1).test_accuracy) });
    this.#drawSoon();
  }

  #forget(name) {
    this.#runs.delete(name);
    this.#rows.get(name)?.remove();
    this.#rows.delete(name);
    this.#drawSoon();
  }

  // Once for all changes that come together.
  #drawSoon() {
    this.#drawing ||= requestAnimationFrame(() => {
      this.#drawing = 0;
      this.#draw();
    });
  }

  #draw() {
    const runs = [...this.#runs.values()].sort((one, other) =>
      (other.started ?? '').localeCompare(one.started ?? '') || one.name.localeCompare(other.name));
    if (!this.#isChosen)
      this.#pickForReader(runs);
    this.#parts.empty.hidden = runs.length > 0;
    this.#parts.filled.hidden = runs.length === 0;
    runs.forEach((run, place) => this.#drawRow(run, place));
    this.#drawCharts();
  }

  // Those that train, or the latest one.
  #pickForReader(runs) {
    const measured = runs.filter(run => run.epochs.length > 0);
    const training = runs.filter(run => run.status === 'running');
    const names = (training.length ? training : measured.slice(0, 1)).slice(0, MOST_PICKED).map(run => run.name);
    this.#slots = this.#slots.map(name => names.includes(name) ? name : null);
    for (const name of names.filter(name => !this.#slots.includes(name)))
      this.#slots[this.#slots.indexOf(null)] = name;
  }

  #drawRow(run, place) {
    if (!this.#rows.has(run.name))
      this.#rows.set(run.name, new Row(run.name, isPicked => this.#pick(run.name, isPicked)));
    const row = this.#rows.get(run.name);
    row.show(run, this.#slots.indexOf(run.name), !this.#slots.includes(null));
    if (this.#parts.rows.children[place] !== row.element)
      this.#parts.rows.insertBefore(row.element, this.#parts.rows.children[place] ?? null);
  }

  #pick(name, isPicked) {
    if (isPicked && this.#slots.includes(null))
      this.#slots[this.#slots.indexOf(null)] = name;
    else
      this.#slots = this.#slots.map(other => other === name ? null : other);
    this.#isChosen = true;
    // So that the address, and the way back to it, has what is picked.
    history.replaceState(null, '', addressOf('runs', '', this.#picked().map(run => ['pick', run.name])));
    this.#drawSoon();
  }

  #picked() {
    return this.#slots.flatMap((name, slot) => this.#runs.has(name) ? [{ ...this.#runs.get(name), slot }] : []);
  }

  #drawCharts() {
    const picked = this.#picked();
    const line = (run, field, isDashed) => ({
      name: run.name, slot: run.slot, dashed: isDashed, last: run.status === 'running' ? run.total_epochs : 0,
      points: run.epochs.map(epoch => [epoch.epoch, epoch[field]]),
    });
    this.#charts[0].show(picked.map(run => line(run, 'test_accuracy', false)));
    this.#charts[1].show(picked.flatMap(run => [line(run, 'train_loss', true), line(run, 'test_loss', false)]));
    this.#parts.charts.hidden = picked.length === 0;
    this.#parts.none.hidden = picked.length > 0;
    this.#parts.numbers.hidden = picked.length === 0;
    this.#drawNumbers();
  }

  // The charts as a table, for those who do not see them, and for those who want to know exactly.
  #drawNumbers() {
    const { numbers, numbersTable } = this.#parts;
    if (!numbers.open)
      return;
    const picked = this.#picked();
    const head = element('tr', {}, cell('th', text('runsEpoch'), { scope: 'col' }), ...picked.map(run => cell('th', run.name, { scope: 'col' })));
    const epochs = Math.max(0, ...picked.map(run => run.epochs.length));
    const rows = Array.from({ length: epochs }, (_, index) => element('tr', {},
      cell('th', index + 1, { scope: 'row' }),
      ...picked.map(({ epochs: { [index]: epoch } }) => cell('td', epoch ? text('runsNumbersCell', {
        accuracy: accuracyOf(epoch.test_accuracy), test: epoch.test_loss.toFixed(4), train: epoch.train_loss.toFixed(4),
      }) : ''))));
    numbersTable.replaceChildren(element('thead', {}, head), element('tbody', {}, ...rows));
  }
}

// One run in the table. The box stays the same element, so that it keeps the focus while the run moves on.
class Row {
  element = element('tr', { role: 'row' });
  #box = element('input', { type: 'checkbox' });
  #key = element('span', { className: 'pick-key' });
  #cells = new Map();

  constructor(name, pick) {
    this.element.dataset.run = name;
    this.#box.addEventListener('change', () => pick(this.#box.checked));
    const label = element('label', {}, this.#box, this.#key, element('span', { textContent: name }));
    this.element.append(element('th', { scope: 'row', role: 'rowheader' }, label));
    for (const column of COLUMNS) {
      const place = element('td', { className: column, role: 'cell' });
      place.dataset.title = text(titleOf(column));
      this.#cells.set(column, place);
      this.element.append(place);
    }
  }

  remove() {
    this.element.remove();
  }

  show(run, slot, isFull) {
    this.#box.checked = slot >= 0;
    this.#box.disabled = run.problem !== null || isFull && slot < 0;
    this.#box.title = isFull && slot < 0 ? text('runsFull', { count: MOST_PICKED }) : '';
    this.#key.replaceChildren(...(slot >= 0 ? [keyOf(slot)] : []));
    this.element.classList.toggle('picked', slot >= 0);
    const values = run.problem === null ? valuesOf(run) : { status: [run.problem] };
    for (const [column, place] of this.#cells)
      place.replaceChildren(...values[column] ?? []);
  }
}

const COLUMNS = ['curve', 'architecture', 'training', 'seed', 'epochs', 'best', 'last', 'status', 'links'];

const titleOf = column => `runs${column[0].toUpperCase()}${column.slice(1)}`;

function valuesOf(run) {
  const { epochs } = run;
  const accuracies = epochs.map(epoch => epoch.test_accuracy);
  const best = epochs.length ? epochs.reduce((one, other) => chosenBy(other) > chosenBy(one) ? other : one) : null;
  const { done, total } = progressOf(run);
  return {
    curve: epochs.length ? [smallCurve(accuracies, text('runsSmallCurve', { first: accuracyOf(accuracies[0]), last: accuracyOf(accuracies.at(-1)) }))] : [],
    architecture: [run.architecture],
    training: [text('runsSettings', { batch: run.batch_size, rate: number(run.learning_rate, 6) })],
    seed: [run.seed],
    epochs: [text('runsProgress', { done, total }), ...(run.status === 'running' ? [progressBar(done, total)] : [])],
    best: best ? [`${accuracyOf(best.test_accuracy)}${isChosenOnTest(run) ? '*' : ''} (${best.epoch})`] : [],
    last: epochs.length ? [accuracyOf(accuracies.at(-1))] : [],
    status: [statusOf(run)],
    links: run.model === null ? [] : [link('look', run.model, text('viewLook'), run.name), link('confusion', run.model, text('viewConfusion'), run.name)],
  };
}

// Of a single epoch there is no choice.
const isChosenOnTest = ({ epochs }) => epochs.length > 1 && (epochs[0].validation_accuracy ?? null) === null;

// As the program chooses the weights that it keeps.
const chosenBy = epoch => epoch.validation_accuracy ?? epoch.test_accuracy;

const progressOf = run => ({ done: run.epochs.length, total: run.total_epochs });

// Of the program's percent.
const accuracyOf = value => percent(value / 100, 2);

function statusOf({ status, error }) {
  const known = { running: 'runsRunning', finished: 'runsFinished', stopped: 'runsStopped' }[status];
  return element('span', { className: `status ${known ? status : 'failed'}`, textContent: known ? text(known) : `${status}: ${error}` });
}

function progressBar(done, total) {
  return element('progress', { value: done, max: total, ariaLabel: text('runsProgress', { done, total }) });
}

function link(view, model, name, run) {
  const address = view === 'confusion' ? addressOf(view, model) : addressOf(view, '', { model });
  return element('a', { href: address }, name, element('span', { className: 'unseen', textContent: ` ${run}` }));
}

// The networks that were named have a confusion matrix too.
function showNetworks(place, all) {
  const shown = all.filter(model => model.has_images);
  const links = shown.flatMap((model, index) => [
    index ? ' · ' : ' ', element('a', { href: addressOf('confusion', model.id), textContent: model.title }),
  ]);
  place.replaceChildren(...(shown.length ? [text('runsNetworks'), ...links] : []));
}

function build(place) {
  const parts = {
    folder: element('p', { className: 'note' }),
    problem: element('p', { className: 'run-problem', role: 'status' }),
    news: element('p', { className: 'unseen', ariaLive: 'polite' }),
    empty: element('p', { textContent: text('runsEmpty'), hidden: true }),
    charts: element('div', { className: 'charts' }),
    none: element('p', { className: 'note', textContent: text('runsNone') }),
    numbersTable: element('table', {}),
    numbers: element('details', { className: 'in-numbers' }),
    rows: element('tbody', { role: 'rowgroup' }),
    networks: element('p', { className: 'note' }),
    filled: element('div', { hidden: true }),
  };
  parts.numbers.append(element('summary', { textContent: text('runsNumbers') }), scrolling(parts.numbersTable, text('runsNumbers')));
  parts.filled.append(parts.charts, parts.none, parts.numbers, runsTable(parts.rows), element('p', { className: 'note', textContent: text('runsBestNote') }));
  const card = element('section', { className: 'card runs' },
    element('h2', { textContent: text('runsTitle') }), parts.folder, parts.problem, parts.news, parts.empty, parts.filled, parts.networks);
  place.replaceChildren(card);
  return parts;
}

// The roles are said again, since a table that is laid out as cards, on a phone, would lose them.
function runsTable(rows) {
  const heads = ['name', ...COLUMNS].map(column => cell('th', text(titleOf(column)), { scope: 'col', role: 'columnheader' }));
  const top = element('thead', { role: 'rowgroup' }, element('tr', { role: 'row' }, ...heads));
  return scrolling(element('table', { className: 'run-table', role: 'table', ariaLabel: text('runsTable') }, top, rows), text('runsTable'));
}

const cell = (name, content, properties) => element(name, { textContent: content, ...properties });
