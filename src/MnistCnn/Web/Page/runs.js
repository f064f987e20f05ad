// The view of the runs: a table of all runs, and the curves of the selected ones. The server reports changes, so running runs update.

import { models, runs } from './api.js';
import { Chart, smallCurve, swatch } from './chart.js';
import { createElement, scrolling, urlOf } from './elements.js';
import { EventConnection } from './events.js';
import { number, percent, text } from './text.js';

// The number of colours that are easy to distinguish.
const MOST_PICKED = 8;

/**
 * Shows the view.
 * @param {HTMLElement} container
 * @param {URLSearchParams} parameters `pick`: name of a run in the charts, repeatable
 * @returns {() => void} closes the view
 */
export function showRuns(container, parameters) {
  const view = new Runs(container, parameters.getAll('pick'));
  return () => view.close();
}

class Runs {
  #runs = new Map(); // by name
  #rows = new Map();
  #missing = new Set(); // names of runs that the server has not sent since the connection was opened
  #slots = new Array(MOST_PICKED).fill(null); // names of the selected runs, by colour
  #isChosen; // whether the user selected the runs
  #events;
  #folder = '';
  #drawing = 0;
  #charts;
  #container;
  #parts;

  constructor(container, picked) {
    this.#container = container;
    this.#isChosen = picked.length > 0;
    picked.slice(0, MOST_PICKED).forEach((name, slot) => this.#slots[slot] = name);
    this.#parts = build(container);
    const across = text('runsEpoch');
    this.#charts = [
      new Chart(this.#parts.charts, { title: text('runsAccuracyChart'), across, write: accuracyOf, highest: 100 }),
      new Chart(this.#parts.charts, { title: text('runsLossChart'), across, write: value => value.toFixed(4), lowest: 0 }),
    ];
    this.#parts.numbers.addEventListener('toggle', () => this.#drawNumbers());
    this.#events = new EventConnection(
      'api/runs/events',
      { run: run => this.#take(run), gone: ({ name }) => this.#forget(name) },
      { opened: () => this.#opened(), lost: () => this.#lost() });
  }

  close() {
    this.#events.close();
    cancelAnimationFrame(this.#drawing);
    this.#charts.forEach(chart => chart.close());
    this.#container.replaceChildren();
  }

  async #opened() {
    this.#parts.problem.textContent = '';
    this.#missing = new Set(this.#runs.keys());
    try {
      const found = await runs();
      this.#folder = found.folder;
      this.#parts.folder.textContent = text('runsFolder', { folder: found.folder });
      this.#parts.empty.hidden = found.runs.length > 0;
      for (const name of this.#missing)
        if (!found.runs.some(run => run.name === name))
          this.#forget(name);
      showNetworks(this.#parts.networks, await models());
      this.#drawSoon();
    } catch (error) {
      this.#parts.problem.textContent = error.message;
    }
  }

  async #lost() {
    this.#parts.problem.textContent = await runs().then(() => text('runsWaiting'), error => error.message);
  }

  #take(run) {
    this.#missing.delete(run.name);
    const before = this.#runs.get(run.name);
    this.#runs.set(run.name, run);
    if (before && run.epochs.length > before.epochs.length)
      this.#parts.news.textContent = text('runsNews', {
        name: run.name, ...progressOf(run), accuracy: accuracyOf(run.epochs.at(-1).test_accuracy),
      });
    this.#drawSoon();
  }

  #forget(name) {
    this.#runs.delete(name);
    this.#rows.get(name)?.remove();
    this.#rows.delete(name);
    this.#drawSoon();
  }

  // Draws once for several changes.
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
      this.#pickDefaults(runs);
    this.#parts.empty.hidden = runs.length > 0;
    this.#parts.filled.hidden = runs.length === 0;
    const resumable = runs.find(({ status }) => status === 'stopped' || status === 'interrupted');
    this.#parts.resume.hidden = resumable === undefined;
    this.#parts.resume.textContent = resumable
      ? text('runsResume', { name: resumable.name, path: `${this.#folder}/${resumable.name}` }) : '';
    runs.forEach((run, index) => this.#drawRow(run, index));
    this.#drawCharts();
  }

  // Selects the running runs, or else the latest one that was not killed.
  #pickDefaults(runs) {
    const measured = runs.filter(run => run.epochs.length > 0);
    const training = runs.filter(run => run.status === 'running');
    const latest = measured.find(run => run.status !== 'interrupted') ?? measured[0];
    const names = (training.length ? training : latest ? [latest] : []).slice(0, MOST_PICKED).map(run => run.name);
    this.#slots = this.#slots.map(name => names.includes(name) ? name : null);
    for (const name of names.filter(name => !this.#slots.includes(name)))
      this.#slots[this.#slots.indexOf(null)] = name;
  }

  #drawRow(run, index) {
    if (!this.#rows.has(run.name))
      this.#rows.set(run.name, new Row(run.name, isPicked => this.#pick(run.name, isPicked)));
    const row = this.#rows.get(run.name);
    row.show(run, this.#slots.indexOf(run.name), !this.#slots.includes(null));
    if (this.#parts.rows.children[index] !== row.element)
      this.#parts.rows.insertBefore(row.element, this.#parts.rows.children[index] ?? null);
  }

  #pick(name, isPicked) {
    if (isPicked && this.#slots.includes(null))
      this.#slots[this.#slots.indexOf(null)] = name;
    else
      this.#slots = this.#slots.map(other => other === name ? null : other);
    this.#isChosen = true;
    // The URL keeps the selection, for bookmarks and the back button.
    history.replaceState(null, '', urlOf('runs', '', this.#picked().map(run => ['pick', run.name])));
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

  // The values of the charts as a table: exact, and readable without seeing the charts.
  #drawNumbers() {
    const { numbers, numbersTable } = this.#parts;
    if (!numbers.open)
      return;
    const picked = this.#picked();
    const heads = [text('runsEpoch'), ...picked.map(run => run.name)].map(name => cell('th', name, { scope: 'col' }));
    const epochs = Math.max(0, ...picked.map(run => run.epochs.length));
    const rows = Array.from({ length: epochs }, (_, index) => createElement('tr', {},
      cell('th', index + 1, { scope: 'row' }),
      ...picked.map(({ epochs: { [index]: epoch } }) => cell('td', epoch ? text('runsNumbersCell', {
        accuracy: accuracyOf(epoch.test_accuracy), test: epoch.test_loss.toFixed(4), train: epoch.train_loss.toFixed(4),
      }) : ''))));
    numbersTable.replaceChildren(createElement('thead', {}, createElement('tr', {}, ...heads)), createElement('tbody', {}, ...rows));
  }
}

// A row of the table. Updates keep its checkbox, and so the focus.
class Row {
  element = createElement('tr', { role: 'row' });
  #box = createElement('input', { type: 'checkbox' });
  #swatch = createElement('span', 'pick-key');
  #cells = new Map();

  constructor(name, pick) {
    this.element.dataset.run = name;
    this.#box.addEventListener('change', () => pick(this.#box.checked));
    const label = createElement('label', {}, this.#box, this.#swatch, createElement('span', { textContent: name }));
    this.element.append(createElement('th', { scope: 'row', role: 'rowheader' }, label));
    for (const column of COLUMNS) {
      const td = createElement('td', { className: column, role: 'cell' });
      td.dataset.title = text(titleOf(column));
      this.#cells.set(column, td);
      this.element.append(td);
    }
  }

  remove() {
    this.element.remove();
  }

  show(run, slot, isFull) {
    this.#box.checked = slot >= 0;
    this.#box.disabled = run.problem !== null || isFull && slot < 0;
    this.#box.title = isFull && slot < 0 ? text('runsFull', { count: MOST_PICKED }) : '';
    this.#swatch.replaceChildren(...(slot >= 0 ? [swatch(slot)] : []));
    this.element.classList.toggle('picked', slot >= 0);
    const values = run.problem === null ? valuesOf(run) : { status: [run.problem] };
    for (const [column, td] of this.#cells)
      td.replaceChildren(...values[column] ?? []);
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
    curve: epochs.length ? [smallCurve(accuracies, text('runsSmallCurve', {
      first: accuracyOf(accuracies[0]), last: accuracyOf(accuracies.at(-1)),
    }))] : [],
    architecture: [run.architecture],
    training: [text('runsSettings', { batch: run.batch_size, rate: number(run.learning_rate, 6) })],
    seed: [run.seed],
    epochs: [text('runsProgress', { done, total }), ...(run.status === 'running' ? [progressBar(done, total)] : [])],
    best: best ? [`${accuracyOf(best.test_accuracy)}${isChosenOnTest(run) ? '*' : ''} (${best.epoch})`] : [],
    last: epochs.length ? [accuracyOf(accuracies.at(-1))] : [],
    status: [statusOf(run)],
    links: run.model === null ? [] : [
      link('look', run.model, text('viewLook'), run.name), link('confusion', run.model, text('viewConfusion'), run.name),
    ],
  };
}

// With a single epoch there is no choice.
const isChosenOnTest = ({ epochs }) => epochs.length > 1 && (epochs[0].validation_accuracy ?? null) === null;

// The metric by which `train` chooses the best epoch.
const chosenBy = epoch => epoch.validation_accuracy ?? epoch.test_accuracy;

const progressOf = run => ({ done: run.epochs.length, total: run.total_epochs });

const accuracyOf = value => percent(value / 100, 2);

function statusOf({ status, error }) {
  const known = { running: 'runsRunning', finished: 'runsFinished', stopped: 'runsStopped', interrupted: 'runsInterrupted' }[status];
  return createElement('span', `status ${known ? status : 'failed'}`, known ? text(known) : `${status}: ${error}`);
}

function progressBar(done, total) {
  return createElement('progress', { value: done, max: total, ariaLabel: text('runsProgress', { done, total }) });
}

function link(view, model, name, run) {
  const href = view === 'confusion' ? urlOf(view, model) : urlOf(view, '', { model });
  return createElement('a', { href }, name, createElement('span', { className: 'unseen', textContent: ` ${run}` }));
}

// Links to the confusion matrices of the models named at the start.
function showNetworks(container, all) {
  const shown = all.filter(model => model.has_images);
  const links = shown.flatMap((model, index) => [
    index ? ' · ' : ' ', createElement('a', { href: urlOf('confusion', model.id), textContent: model.title }),
  ]);
  container.replaceChildren(...(shown.length ? [text('runsNetworks'), ...links] : []));
}

function build(container) {
  const parts = {
    folder: createElement('p', { className: 'note' }),
    problem: createElement('p', { className: 'run-problem', role: 'status' }),
    news: createElement('p', { className: 'unseen', ariaLive: 'polite' }),
    empty: createElement('p', { textContent: text('runsEmpty'), hidden: true }),
    charts: createElement('div', { className: 'charts' }),
    none: createElement('p', { className: 'note', textContent: text('runsNone') }),
    numbersTable: createElement('table', {}),
    numbers: createElement('details', { className: 'in-numbers' }),
    rows: createElement('tbody', { role: 'rowgroup' }),
    resume: createElement('p', { className: 'note' }),
    networks: createElement('p', { className: 'note' }),
    filled: createElement('div', { hidden: true }),
  };
  parts.numbers.append(createElement('summary', { textContent: text('runsNumbers') }), scrolling(parts.numbersTable, text('runsNumbers')));
  const bestNote = createElement('p', 'note', text('runsBestNote'));
  parts.filled.append(parts.charts, parts.none, parts.numbers, runsTable(parts.rows), bestNote, parts.resume);
  const card = createElement('section', { className: 'card runs' },
    createElement('h2', {}, text('runsTitle')), parts.folder, parts.problem, parts.news, parts.empty, parts.filled, parts.networks);
  container.replaceChildren(card);
  return parts;
}

// The roles are explicit, since a table with the layout of cards, on a phone, would lose them.
function runsTable(rows) {
  const heads = ['name', ...COLUMNS].map(column => cell('th', text(titleOf(column)), { scope: 'col', role: 'columnheader' }));
  const top = createElement('thead', { role: 'rowgroup' }, createElement('tr', { role: 'row' }, ...heads));
  const table = createElement('table', { className: 'run-table', role: 'table', ariaLabel: text('runsTable') }, top, rows);
  return scrolling(table, text('runsTable'));
}

const cell = (name, content, properties) => createElement(name, { textContent: content, ...properties });
