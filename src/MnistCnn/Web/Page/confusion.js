// The confusion matrix of a network. A cell opens its images.

import { evaluation, imageUrl, model, models, runs } from './api.js';
import { cssColour, onThemeChange, textOn } from './colours.js';
import { ConfusionCounts } from './counts.js';
import { createElement, urlOf } from './elements.js';
import { number, percent, text } from './text.js';

const FIRST_IMAGES = 100;
const MORE_IMAGES = 200;
const MOST_PAIRS = 12;

// With more classes, the cells are smaller.
const MANY_CLASSES = 20;

// With longer class names, the names over the columns are rotated.
const LONGEST_LEVEL_NAME = 3;

/**
 * Shows the view.
 * @param {HTMLElement} container
 * @param {URLSearchParams} parameters `id` of the model; `true` and `answer`, class indices of the open cell
 * @returns {() => void} closes the view
 */
export function showConfusion(container, parameters) {
  const view = new Confusion(container, parameters);
  return () => view.close();
}

class Confusion {
  #container;
  #parameters;
  #id = '';
  #classes = [];
  #predictions = null;
  /** @type {ConfusionCounts} */
  #counts;
  #grid;
  #cells = []; // (true class, predicted class)
  #current = [0, 0]; // cell that the keyboard reaches
  #behind = createElement('section', { className: 'card behind' });
  #ended = new AbortController();

  constructor(container, parameters) {
    this.#container = container;
    this.#parameters = parameters;
    onThemeChange(() => this.#paint(), this.#ended.signal);
    this.#start().catch(error => this.#say(error.message));
  }

  close() {
    this.#ended.abort();
    this.#container.replaceChildren();
  }

  async #start() {
    const choices = await choicesOf(this.#parameters.get('id'));
    if (this.#ended.signal.aborted)
      return;
    this.#id = this.#parameters.get('id') ?? choices[0]?.id ?? '';
    const message = createElement('p', { className: 'run-problem', role: 'status', textContent: text('confusionWait') });
    const title = createElement('h2', {}, text('viewConfusion'));
    const card = createElement('section', 'card confusion', title, chooser(choices, this.#id), message);
    this.#container.replaceChildren(card);
    const [{ classes, chosen_on_test: isChosen }, predictions] = await Promise.all([model(this.#id), evaluation(this.#id)]);
    if (this.#ended.signal.aborted)
      return;
    this.#classes = classes;
    this.#predictions = predictions;
    message.textContent = '';
    this.#build(card, isChosen);
    this.#hint();
    this.#container.replaceChildren(createElement('div', { className: this.#isLarge ? '' : 'beside' }, card, this.#behind));
    this.#openFromAddress();
  }

  get #tableClass() {
    const hasLongNames = this.#classes.some(name => [...name].length > LONGEST_LEVEL_NAME);
    return ['matrix', ...this.#isLarge ? ['small'] : [], ...hasLongNames ? ['upright'] : []].join(' ');
  }

  get #isLarge() {
    return this.#classes.length > MANY_CLASSES;
  }

  // Replaces the view, or its progress message.
  #say(line) {
    if (this.#ended.signal.aborted)
      return;
    const message = this.#container.querySelector('.run-problem') ?? this.#container.appendChild(createElement('p', 'run-problem'));
    message.textContent = line;
  }

  #build(card, isChosen) {
    const { labels, predictions, accuracy, loss } = this.#predictions;
    this.#counts = new ConfusionCounts(this.#classes.length, labels, predictions);
    card.append(
      createElement('p', { textContent: text('confusionFacts', {
        accuracy: percent(accuracy / 100, 2), loss: loss.toFixed(4), count: number(labels.length),
        chosen: isChosen ? text('chosenOnTest') : '',
      }) }),
      this.#pairs(), this.#table(), legend());
    this.#paint();
  }

  // The most frequent mistakes. They are hard to find in a matrix of many classes.
  #pairs() {
    const pairs = this.#counts.mistakes(MOST_PAIRS);
    const buttons = pairs.map(({ label, prediction: answer, count }) => {
      const button = createElement('button', { type: 'button' }, `${this.#classes[label]} → ${this.#classes[answer]}  ${count}`);
      button.title = this.#labelOf(label, answer);
      button.addEventListener('click', () => this.#open(label, answer, button));
      return createElement('li', {}, button);
    });
    return createElement('div', { className: 'pairs', hidden: pairs.length === 0 },
      createElement('h3', { textContent: text('confusionPairs') }), createElement('ul', {}, ...buttons));
  }

  #table() {
    const heads = this.#classes.map(name => headOf(name, 'columnheader', 'col'));
    const corner = createElement('td', { textContent: text('confusionCorner') });
    const rows = this.#classes.map((name, label) => {
      this.#cells.push(this.#classes.map((_, answer) => this.#cell(label, answer)));
      const share = gridCell('share', this.#counts.total(label) ? percent(this.#counts.fraction(label, label)) : '–');
      return row(headOf(name, 'rowheader', 'row'), ...this.#cells[label], share);
    });
    const head = row(corner, ...heads, headOf(text('confusionShare'), 'columnheader', 'col'));
    const table = createElement('table', { className: this.#tableClass, role: 'grid', ariaLabel: text('confusionCaption') },
      createElement('thead', {}, head), createElement('tbody', {}, ...rows));
    table.addEventListener('click', event => this.#click(event));
    table.addEventListener('keydown', event => this.#press(event));
    this.#grid = table;
    this.#cells[0][0].tabIndex = 0;
    return createElement('div', { className: 'wide matrix-box' }, table);
  }

  #cell(label, answer) {
    const count = this.#counts.of(label, answer);
    const cell = gridCell(label === answer ? 'right' : 'wrong', count || '·');
    cell.tabIndex = -1;
    cell.dataset.true = label;
    cell.dataset.answer = answer;
    cell.classList.toggle('none', count === 0);
    cell.ariaLabel = cell.title = this.#labelOf(label, answer);
    return cell;
  }

  #labelOf(label, answer) {
    const values = {
      label: this.#classes[label], answer: this.#classes[answer],
      count: this.#counts.of(label, answer), share: percent(this.#counts.fraction(label, answer)),
    };
    return text(label === answer ? 'confusionRight' : 'confusionWrong', values);
  }

  // Blue on the diagonal, orange elsewhere. The cube root makes single mistakes visible beside thousands of correct predictions.
  #paint() {
    this.#cells.forEach((cells, label) => {
      cells.forEach((cell, answer) => {
        const shade = Math.cbrt(this.#counts.fraction(label, answer));
        const level = label === answer ? -0.8 * shade : shade;
        cell.style.backgroundColor = shade ? cssColour(level) : '';
        cell.style.color = shade ? textOn(level) : '';
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
    const targets = {
      ArrowUp: [label - 1, answer], ArrowDown: [label + 1, answer], ArrowLeft: [label, answer - 1], ArrowRight: [label, answer + 1],
      Home: event.ctrlKey ? [0, 0] : [label, 0], End: event.ctrlKey ? [last, last] : [label, last],
    };
    if (event.key === 'Enter' || event.key === ' ')
      this.#open(label, answer, this.#cells[label][answer]);
    else if (Object.hasOwn(targets, event.key) && !event.altKey && !event.metaKey)
      this.#go(...targets[event.key].map(index => Math.min(last, Math.max(0, index))));
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

  // Shows the images of a cell in descending order of confidence.
  #open(label, answer, opener) {
    if (this.#counts.of(label, answer) === 0)
      return;
    const { labels, predictions, confidences } = this.#predictions;
    const images = labels.flatMap((_, image) => labels[image] === label && predictions[image] === answer ? [image] : [])
      .sort((one, other) => confidences[other] - confidences[one]);
    history.replaceState(null, '', urlOf('confusion', this.#id, { true: label, answer }));
    this.#grid.querySelector('.open')?.classList.remove('open');
    this.#cells[label][answer].classList.add('open');
    const title = createElement('h2', { textContent: this.#labelOf(label, answer), tabIndex: -1 });
    const back = createElement('button', { type: 'button', className: 'quiet', textContent: text('closeMap') });
    back.addEventListener('click', () => this.#closeImages(opener));
    const list = createElement('ul', { className: 'image-list' });
    this.#behind.replaceChildren(createElement('div', 'headed', title, back), createElement('p', 'note', text('confusionOrder')), list);
    this.#showMore(list, images, 0, FIRST_IMAGES);
    title.focus();
  }

  #hint() {
    this.#behind.replaceChildren(createElement('p', { className: 'note', textContent: text('confusionHint') }));
  }

  #closeImages(opener) {
    this.#hint();
    this.#grid.querySelector('.open')?.classList.remove('open');
    history.replaceState(null, '', urlOf('confusion', this.#id));
    opener.focus();
  }

  #showMore(list, images, start, count) {
    const shown = images.slice(start, start + count);
    list.append(...shown.map(image => createElement('li', {}, this.#image(image))));
    if (start > 0)
      list.children[start]?.firstChild.focus();
    const left = images.length - start - shown.length;
    if (left === 0)
      return;
    const label = text('confusionMore', { count: Math.min(left, MORE_IMAGES), left });
    const more = createElement('button', { type: 'button', className: 'more' }, label);
    more.addEventListener('click', () => {
      more.remove();
      this.#showMore(list, images, start + shown.length, MORE_IMAGES);
    });
    list.after(more);
  }

  #image(image) {
    const { labels, predictions, confidences } = this.#predictions;
    const confidence = percent(confidences[image]);
    const values = { image: number(image + 1), label: this.#classes[labels[image]], answer: this.#classes[predictions[image]], confidence };
    const thumbnail = createElement('img', { loading: 'lazy', width: 56, height: 56, alt: text('confusionImage', values) });
    thumbnail.src = imageUrl(this.#id, image);
    const caption = createElement('span', { textContent: confidence, ariaHidden: 'true' });
    return createElement('a', { href: urlOf('look', '', { model: this.#id, image }), title: thumbnail.alt }, thumbnail, caption);
  }
}

// The models named at the start and the models of the runs.
async function choicesOf(id) {
  const [named, found] = await Promise.all([models(), runs()]);
  const choices = [
    ...named.filter(one => one.has_images).map(one => ({ id: one.id, title: one.title })),
    ...found.runs.filter(run => run.model !== null).map(run => ({ id: run.model, title: run.name })),
  ];
  return id === null || choices.some(choice => choice.id === id) ? choices : [{ id, title: id }, ...choices];
}

function chooser(choices, id) {
  const options = choices.map(choice => createElement('option', { value: choice.id, textContent: choice.title }));
  const select = createElement('select', { id: 'confusion-model' }, ...options);
  select.value = id;
  select.addEventListener('change', () => location.hash = urlOf('confusion', select.value));
  return createElement('p', 'choice', createElement('label', {}, createElement('span', {}, `${text('network')} `), select));
}

function legend() {
  const entries = [['right', 'confusionLegendRight'], ['wrong', 'confusionLegendWrong']];
  return createElement('p', { className: 'note matrix-legend' }, ...entries.map(([kind, key]) =>
    createElement('span', {}, createElement('i', { className: kind }), text(key))), text('confusionLegendShade'));
}

const headOf = (name, role, scope) => createElement('th', { scope, role }, createElement('span', { textContent: name, title: name }));

const gridCell = (kind, content) => createElement('td', { className: kind, role: 'gridcell', textContent: content });

const row = (...cells) => createElement('tr', { role: 'row' }, ...cells);
