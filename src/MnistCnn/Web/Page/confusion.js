// The confusion matrix of a network: how often it took images of each class for each class. A cell opens the images behind it.

import { evaluation, imageAddress, model, models, runs } from './api.js';
import { cssColour, onThemeChange, textOn } from './colours.js';
import { addressOf, element } from './elements.js';
import { number, percent, text } from './text.js';

const FIRST_IMAGES = 100;
const MORE_IMAGES = 200;
const MOST_PAIRS = 12;

// With more, the cells are smaller.
const MANY_CLASSES = 20;

// Where a class has a longer name, the names stand upright over their columns.
const LONGEST_LEVEL_NAME = 3;

/**
 * Shows the view.
 * @param {HTMLElement} place
 * @param {URLSearchParams} parameters `id`: the network's; `true` and `answer`: the numbers of the classes of the cell that is open
 * @returns {() => void} ends what it has started
 */
export function showConfusion(place, parameters) {
  const view = new Confusion(place, parameters);
  return () => view.close();
}

class Confusion {
  #place;
  #parameters;
  #id = '';
  #classes = [];
  #answers = null;
  #counts = []; // (true class, answer)
  #totals = []; // images of each class
  #grid;
  #cells = []; // as #counts
  #current = [0, 0]; // the cell that the keyboard is at
  #behind = element('section', { className: 'card behind' });
  #ended = new AbortController();

  constructor(place, parameters) {
    this.#place = place;
    this.#parameters = parameters;
    onThemeChange(() => this.#paint(), this.#ended.signal);
    this.#start().catch(error => this.#say(error.message));
  }

  close() {
    this.#ended.abort();
    this.#place.replaceChildren();
  }

  async #start() {
    const choices = await choicesOf(this.#parameters.get('id'));
    if (this.#ended.signal.aborted)
      return;
    this.#id = this.#parameters.get('id') ?? choices[0]?.id ?? '';
    const message = element('p', { className: 'run-problem', role: 'status', textContent: text('confusionWait') });
    const card = element('section', { className: 'card confusion' }, element('h2', { textContent: text('viewConfusion') }), chooser(choices, this.#id), message);
    this.#place.replaceChildren(card);
    const [{ classes, chosen_on_test: isChosen }, answers] = await Promise.all([model(this.#id), evaluation(this.#id)]);
    if (this.#ended.signal.aborted)
      return;
    this.#classes = classes;
    this.#answers = answers;
    message.textContent = '';
    this.#build(card, isChosen);
    this.#hint();
    this.#place.replaceChildren(element('div', { className: this.#isLarge ? '' : 'beside' }, card, this.#behind));
    this.#openFromAddress();
  }

  get #tableClass() {
    const hasLongNames = this.#classes.some(name => [...name].length > LONGEST_LEVEL_NAME);
    return ['matrix', ...this.#isLarge ? ['small'] : [], ...hasLongNames ? ['upright'] : []].join(' ');
  }

  get #isLarge() {
    return this.#classes.length > MANY_CLASSES;
  }

  // In place of the view, or of what it waits for.
  #say(line) {
    if (this.#ended.signal.aborted)
      return;
    const message = this.#place.querySelector('.run-problem') ?? this.#place.appendChild(element('p', { className: 'run-problem' }));
    message.textContent = line;
  }

  #build(card, isChosen) {
    const { labels, predictions, accuracy, loss } = this.#answers;
    const count = this.#classes.length;
    this.#counts = Array.from({ length: count }, () => new Array(count).fill(0));
    labels.forEach((label, image) => this.#counts[label][predictions[image]]++);
    this.#totals = this.#counts.map(sum);
    card.append(
      element('p', { textContent: text('confusionFacts', {
        accuracy: percent(accuracy / 100, 2), loss: loss.toFixed(4), count: number(labels.length), chosen: isChosen ? text('chosenOnTest') : '',
      }) }),
      this.#pairs(), this.#table(), legend());
    this.#paint();
  }

  // The most frequent mistakes: of many classes, one would not find them in the matrix.
  #pairs() {
    const pairs = this.#counts.flatMap((row, label) => row.map((count, answer) => ({ label, answer, count })))
      .filter(({ label, answer, count }) => label !== answer && count > 0)
      .sort((one, other) => other.count - one.count).slice(0, MOST_PAIRS);
    const buttons = pairs.map(({ label, answer, count }) => {
      const button = element('button', { type: 'button', textContent: `${this.#classes[label]} → ${this.#classes[answer]}  ${count}` });
      button.title = this.#labelOf(label, answer);
      button.addEventListener('click', () => this.#open(label, answer, button));
      return element('li', {}, button);
    });
    return element('div', { className: 'pairs', hidden: pairs.length === 0 },
      element('h3', { textContent: text('confusionPairs') }), element('ul', {}, ...buttons));
  }

  #table() {
    const heads = this.#classes.map(name => headOf(name, 'columnheader', 'col'));
    const corner = element('td', { textContent: text('confusionCorner') });
    const rows = this.#classes.map((name, label) => {
      this.#cells.push(this.#classes.map((_, answer) => this.#cell(label, answer)));
      const share = gridCell('share', this.#totals[label] ? percent(this.#shareOf(label, label)) : '–');
      return row(headOf(name, 'rowheader', 'row'), ...this.#cells[label], share);
    });
    const table = element('table', { className: this.#tableClass, role: 'grid', ariaLabel: text('confusionCaption') },
      element('thead', {}, row(corner, ...heads, headOf(text('confusionShare'), 'columnheader', 'col'))), element('tbody', {}, ...rows));
    table.addEventListener('click', event => this.#click(event));
    table.addEventListener('keydown', event => this.#press(event));
    this.#grid = table;
    this.#cells[0][0].tabIndex = 0;
    return element('div', { className: 'wide matrix-box' }, table);
  }

  #cell(label, answer) {
    const count = this.#counts[label][answer];
    const cell = gridCell(label === answer ? 'right' : 'wrong', count || '·');
    cell.tabIndex = -1;
    cell.dataset.true = label;
    cell.dataset.answer = answer;
    cell.classList.toggle('none', count === 0);
    cell.ariaLabel = cell.title = this.#labelOf(label, answer);
    return cell;
  }

  // Of the images of a class, how many get an answer, from 0 to 1.
  #shareOf(label, answer) {
    return this.#totals[label] ? this.#counts[label][answer] / this.#totals[label] : 0;
  }

  #labelOf(label, answer) {
    const [count, share] = [this.#counts[label][answer], percent(this.#shareOf(label, answer))];
    const values = { label: this.#classes[label], answer: this.#classes[answer], count, share };
    return text(label === answer ? 'confusionRight' : 'confusionWrong', values);
  }

  // Blue on the diagonal, orange beside it. The cube root lets single mistakes be seen beside thousands of right answers.
  #paint() {
    this.#cells.forEach((cells, label) => {
      cells.forEach((cell, answer) => {
        const share = this.#shareOf(label, answer);
        const place = label === answer ? -0.8 * Math.cbrt(share) : Math.cbrt(share);
        cell.style.backgroundColor = share ? cssColour(place) : '';
        cell.style.color = share ? textOn(place) : '';
      });
    });
  }

  #click(event) {
    const cell = event.target.closest('[data-true]');
    if (!cell)
      return;
    this.#go(Number(cell.dataset.true), Number(cell.dataset.answer));
    this.#open(...this.#current, cell);
  }

  #press(event) {
    const [label, answer] = this.#current;
    const last = this.#classes.length - 1;
    const places = {
      ArrowUp: [label - 1, answer], ArrowDown: [label + 1, answer], ArrowLeft: [label, answer - 1], ArrowRight: [label, answer + 1],
      Home: event.ctrlKey ? [0, 0] : [label, 0], End: event.ctrlKey ? [last, last] : [label, last],
    };
    if (event.key === 'Enter' || event.key === ' ')
      this.#open(label, answer, this.#cells[label][answer]);
    else if (event.key in places && !event.altKey && !event.metaKey)
      this.#go(...places[event.key].map(place => Math.min(last, Math.max(0, place))));
    else
      return;
    event.preventDefault();
  }

  #go(label, answer) {
    this.#cells[this.#current[0]][this.#current[1]].tabIndex = -1;
    this.#current = [label, answer];
    this.#cells[label][answer].tabIndex = 0;
    this.#cells[label][answer].focus();
  }

  #openFromAddress() {
    const [label, answer] = ['true', 'answer'].map(name => Number(this.#parameters.get(name) ?? -1));
    if (this.#cells[label]?.[answer])
      this.#open(label, answer, this.#cells[label][answer]);
  }

  // The images behind a cell, those first of which the network is surest.
  #open(label, answer, opener) {
    if (this.#counts[label][answer] === 0)
      return;
    const { labels, predictions, confidences } = this.#answers;
    const images = labels.flatMap((_, image) => labels[image] === label && predictions[image] === answer ? [image] : [])
      .sort((one, other) => confidences[other] - confidences[one]);
    history.replaceState(null, '', addressOf('confusion', this.#id, { true: label, answer }));
    this.#grid.querySelector('.open')?.classList.remove('open');
    this.#cells[label][answer].classList.add('open');
    const title = element('h2', { textContent: this.#labelOf(label, answer), tabIndex: -1 });
    const back = element('button', { type: 'button', className: 'quiet', textContent: text('closeMap') });
    back.addEventListener('click', () => this.#closeImages(opener));
    const list = element('ul', { className: 'image-list' });
    this.#behind.replaceChildren(element('div', { className: 'headed' }, title, back), element('p', { className: 'note', textContent: text('confusionOrder') }), list);
    this.#showMore(list, images, 0, FIRST_IMAGES);
    title.focus();
  }

  #hint() {
    this.#behind.replaceChildren(element('p', { className: 'note', textContent: text('confusionHint') }));
  }

  #closeImages(opener) {
    this.#hint();
    this.#grid.querySelector('.open')?.classList.remove('open');
    history.replaceState(null, '', addressOf('confusion', this.#id));
    opener.focus();
  }

  #showMore(list, images, start, count) {
    const shown = images.slice(start, start + count);
    list.append(...shown.map(image => element('li', {}, this.#image(image))));
    if (start > 0)
      list.children[start]?.firstChild.focus();
    const left = images.length - start - shown.length;
    if (left === 0)
      return;
    const more = element('button', { type: 'button', className: 'more', textContent: text('confusionMore', { count: Math.min(left, MORE_IMAGES), left }) });
    more.addEventListener('click', () => {
      more.remove();
      this.#showMore(list, images, start + shown.length, MORE_IMAGES);
    });
    list.after(more);
  }

  #image(image) {
    const { labels, predictions, confidences } = this.#answers;
    const sure = percent(confidences[image]);
    const values = { image: number(image + 1), label: this.#classes[labels[image]], answer: this.#classes[predictions[image]], sure };
    const picture = element('img', { loading: 'lazy', width: 56, height: 56, alt: text('confusionImage', values) });
    picture.src = imageAddress(this.#id, image);
    const caption = element('span', { textContent: sure, ariaHidden: 'true' });
    return element('a', { href: addressOf('look', '', { model: this.#id, image }), title: picture.alt }, picture, caption);
  }
}

// The networks that were named, and those of the runs.
async function choicesOf(id) {
  const [named, found] = await Promise.all([models(), runs()]);
  const choices = [
    ...named.filter(one => one.has_images).map(one => ({ id: one.id, title: one.title })),
    ...found.runs.filter(run => run.model !== null).map(run => ({ id: run.model, title: run.name })),
  ];
  return id === null || choices.some(choice => choice.id === id) ? choices : [{ id, title: id }, ...choices];
}

function chooser(choices, id) {
  const select = element('select', { id: 'confusion-model' }, ...choices.map(choice => element('option', { value: choice.id, textContent: choice.title })));
  select.value = id;
  select.addEventListener('change', () => location.hash = addressOf('confusion', select.value));
  return element('p', { className: 'choice' }, element('label', {}, element('span', { textContent: `${text('network')} ` }), select));
}

function legend() {
  const entries = [['right', 'confusionLegendRight'], ['wrong', 'confusionLegendWrong']];
  return element('p', { className: 'note matrix-legend' }, ...entries.map(([kind, key]) =>
    element('span', {}, element('i', { className: kind }), text(key))), text('confusionLegendShade'));
}

const headOf = (name, role, scope) => element('th', { scope, role }, element('span', { textContent: name, title: name }));

const gridCell = (kind, content) => element('td', { className: kind, role: 'gridcell', textContent: content });

const row = (...cells) => element('tr', { role: 'row' }, ...cells);

const sum = numbers => numbers.reduce((one, other) => one + other, 0);
