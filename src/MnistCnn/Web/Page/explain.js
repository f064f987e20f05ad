// Explains how an operation computes one value of a feature map.

import { cssColour, largestOf, paintValues, textOn } from './colours.js';
import { contributionsOf, patchOf, rankChannels, windowOf } from './convolution.js';
import { createElement } from './elements.js';
import { nameOf } from './labels.js';
import { figure, number, percent, text } from './text.js';

const MOST_ROWS = 10;
const MOST_CELLS = 49;

/**
 * Creates the explanation of an operation. `update` sets the feature map, `show` the position of the explained value.
 * @param {import('./map.js').Detail} detail
 * @returns {{element: HTMLElement, update: (detail: object) => void, show: (row: number, column: number) => void}}
 */
export function explanationOf(detail) {
  if (detail.terms.length > 0)
    return new ResidualSum();
  switch (detail.node.operation) {
    case 'Conv': case 'Gemm': return new WeightedSum();
    case 'MaxPool': case 'AveragePool': case 'GlobalAveragePool': return new Pooling();
    default: return new Single();
  }
}

// A convolution or linear layer: the contribution of each input map, and the products of one of them.
class WeightedSum {
  element = createElement('div', 'how');
  #equation = createElement('p', 'equation');
  #list = createElement('ol', 'contributions');
  #rows = [];
  #map = new WindowOnMap();
  #patch = new ValueTable(text('patch'));
  #kernel = new ValueTable(text('kernel'));
  #products = new ValueTable(text('products'));
  #caption = createElement('h3');
  #sum = createElement('p', 'equation');
  #detail;
  #window;
  #chosen = null;
  #position = [0, 0];

  constructor() {
    const detail = createElement('div', 'computing');
    const tables = createElement('div', 'tables');
    tables.append(this.#map.element, this.#patch.element, withOperator('×', this.#kernel), withOperator('=', this.#products));
    detail.append(this.#caption, tables, this.#sum);
    this.element.append(
      createElement('h3', {}, text('howSum')), createElement('p', 'note', text('howSumNote')), this.#equation, this.#list, detail);
  }

  update(detail) {
    this.#detail = detail;
    this.#window = windowOf(detail);
  }

  show(row, column) {
    this.#position = [row, column];
    const { json, values, width } = this.#detail;
    const sums = contributionsOf(this.#window, row, column);
    const total = sums.reduce((a, b) => a + b, 0);
    const order = rankChannels(sums, this.#chosen);
    const shown = order.slice(0, MOST_ROWS);
    const rest = order.slice(MOST_ROWS);
    const value = values[row * width + column];
    this.#equation.textContent = text(json.bias === null ? 'sumWithoutBias' : 'sumWithBias', {
      count: number(sums.length), sum: figure(total), bias: json.bias === null ? '' : withSign(json.bias), value: figure(value),
    });
    this.#equation.dataset.sum = total;
    this.#equation.dataset.bias = json.bias ?? 0;
    this.#equation.dataset.value = value;
    this.#showRows(shown, sums, rest);
    this.#explain(shown[0], row, column, sums[shown[0]]);
  }

  #showRows(shown, sums, rest) {
    const largest = largestOf(sums);
    while (this.#rows.length < shown.length)
      this.#rows.push(this.#row());
    const others = createElement('li', 'note', rest.length === 0 ? '' : text('otherMaps', {
      count: number(rest.length), sum: figure(rest.reduce((sum, channel) => sum + sums[channel], 0)),
    }));
    shown.forEach((channel, index) => {
      const row = this.#rows[index];
      row.button.dataset.channel = channel;
      row.button.dataset.sum = sums[channel];
      row.button.setAttribute('aria-pressed', channel === this.#chosen);
      row.name.textContent = text('inputMap', { map: channel });
      row.sum.textContent = withSign(sums[channel]);
      showBar(row.bar, largest ? sums[channel] / largest : 0);
    });
    if (this.#list.children.length !== shown.length + 1)
      this.#list.replaceChildren(...this.#rows.slice(0, shown.length).map(row => row.item), others);
    else
      this.#list.lastChild.replaceWith(others);
  }

  #row() {
    const row = {
      item: createElement('li'),
      button: createElement('button', 'contribution'),
      name: createElement('span'),
      bar: createElement('span', 'signed-bar'),
      sum: createElement('span', 'value'),
    };
    row.button.type = 'button';
    row.button.append(row.name, row.bar, row.sum);
    row.item.append(row.button);
    row.button.addEventListener('click', () => {
      const channel = Number(row.button.dataset.channel);
      this.#chosen = channel === this.#chosen ? null : channel;
      this.show(...this.#position);
    });
    return row;
  }

  #explain(channel, row, column, sum) {
    const { kernel: [height, width], input: [, rows, columns], values, weights, stride, padding } = this.#window;
    const patch = patchOf(this.#window, channel, row, column);
    const size = height * width;
    const kernel = weights.subarray(channel * size, (channel + 1) * size);
    const products = patch.map((value, index) => (value ?? 0) * kernel[index]);
    this.#caption.textContent = text('oneMap', { map: channel });
    this.#map.show(
      values.subarray(channel * rows * columns, (channel + 1) * rows * columns), rows, columns, largestOf(values),
      { row: row * stride[0] - padding[0], column: column * stride[1] - padding[1], height, width });
    this.#patch.show(patch, height, width, largestOf(values));
    this.#kernel.show(kernel, height, width, largestOf(weights));
    this.#products.show(products, height, width, largestOf(products));
    this.#sum.textContent = text('productSum', { sum: figure(sum) });
  }
}

class Pooling {
  element = createElement('div', 'how');
  #equation = createElement('p', 'equation');
  #map = new WindowOnMap();
  #patch = new ValueTable(text('patch'));
  #detail;

  update(detail) {
    if (!this.#detail) {
      const tables = createElement('div', 'tables');
      tables.append(this.#map.element, this.#patch.element);
      this.element.append(createElement('h3', {}, text(`how${detail.node.operation}`)), this.#equation, tables);
    }
    this.#detail = detail;
  }

  show(row, column) {
    const { node, json, inputs: [{ shape: [, rows, columns], values }], values: results, width: across } = this.#detail;
    const isWhole = node.operation === 'GlobalAveragePool';
    const [height, width] = isWhole ? [rows, columns] : json.window;
    const [stride, padding] = isWhole ? [[1, 1], [0, 0]] : [json.stride, json.padding];
    const patch = patchOf({ kernel: [height, width], input: [1, rows, columns], values, stride, padding }, 0, row, column);
    const inside = patch.filter(value => value !== null);
    const value = results[row * across + column];
    this.#map.show(values, rows, columns, largestOf(values), {
      row: row * stride[0] - padding[0], column: column * stride[1] - padding[1], height, width,
    });
    const isMaximum = node.operation === 'MaxPool';
    const marked = isMaximum ? patch.indexOf(Math.max(...inside)) : -1;
    this.#patch.show(isMaximum ? patch : patch.map(each => each ?? 0), height, width, largestOf(values), marked);
    this.#equation.textContent = isMaximum
      ? text('maximumOf', { count: number(inside.length), value: figure(value) })
      : text('meanOf', { sum: figure(inside.reduce((a, b) => a + b, 0)), count: number(patch.length), value: figure(value) });
    this.#equation.dataset.value = value;
  }
}

// The sum at the end of a residual block.
class ResidualSum {
  element = createElement('div', 'how');
  #equation = createElement('p', 'equation');
  #rows = [];
  #detail;

  update(detail) {
    if (!this.#detail) {
      this.#rows = detail.terms.map(term => ({
        item: createElement('li', 'term'),
        map: new WindowOnMap(),
        name: createElement('strong', {}, term.name),
        value: createElement('span', 'value'),
        bar: createElement('span', 'bar'),
        norm: createElement('span', 'note'),
      }));
      const list = createElement('ol', 'terms');
      for (const row of this.#rows) {
        const facts = createElement('div', 'term-facts');
        facts.append(row.name, row.value, row.bar, row.norm);
        row.item.append(row.map.element, facts);
        list.append(row.item);
      }
      this.element.append(
        createElement('h3', {}, text('howBlock')), createElement('p', 'note', text('howBlockNote')), this.#equation, list);
    }
    this.#detail = detail;
  }

  show(row, column) {
    const { terms, height, width } = this.#detail;
    const largest = largestOf(...terms.map(term => term.values));
    const both = terms[0].norm + terms[1].norm;
    const values = terms.map(term => term.values[row * width + column]);
    this.#rows.forEach(({ item, map, value, bar, norm }, index) => {
      const fraction = both ? terms[index].norm / both : 0;
      map.show(terms[index].values, height, width, largest, { row, column, height: 1, width: 1 });
      item.dataset.term = terms[index].name;
      item.dataset.norm = terms[index].norm;
      value.textContent = figure(values[index]);
      bar.style.setProperty('--share', Math.min(1, fraction));
      norm.textContent = text('normOf', { norm: figure(terms[index].norm), share: percent(fraction, 0) });
    });
    const [x, f, sum, left] = values.map(figure);
    this.#equation.textContent = text(left === undefined ? 'blockEquation' : 'blockEquationRelu', { x, f, sum, left });
  }
}

// An operation on single values: batch normalization, ReLU, and operations that only pass values on.
class Single {
  element = createElement('div', 'how');
  #title = createElement('h3');
  #equation = createElement('p', 'equation');
  #map = new WindowOnMap();
  #detail;

  constructor() {
    this.element.append(this.#title, this.#equation, this.#map.element);
  }

  update(detail) {
    this.#detail = detail;
    this.#title.textContent = text(`how${detail.node.operation}`);
    this.#map.element.hidden = detail.inputs.length === 0;
  }

  show(row, column) {
    const { node, json, inputs: [input], values, width, isRow } = this.#detail;
    const index = row * width + column;
    if (!input) {
      this.#equation.textContent = text(`how${node.operation}Note`);
      return;
    }
    if (isRow) {
      this.#showRow(index, input);
      return;
    }
    const from = input.values[index];
    this.#map.show(input.values, input.shape[1], input.shape[2], largestOf(input.values), { row, column, height: 1, width: 1 });
    this.#equation.dataset.value = values[index];
    this.#equation.textContent = text(`equation${node.operation}`, {
      x: figure(from), value: figure(values[index]), factor: json.factor === null ? '' : figure(json.factor),
      shift: json.shift === null ? '' : withSign(json.shift), layer: input.node ? nameOf(input.node) : '0', map: input.channel,
    });
  }

  #showRow(index, { shape: [, rows, columns], values }) {
    const size = rows * columns;
    const channel = Math.floor(Math.min(index, values.length - 1) / size);
    const [row, column] = [Math.floor(index % size / columns), index % columns];
    this.#map.show(
      values.subarray(channel * size, (channel + 1) * size), rows, columns, largestOf(values), { row, column, height: 1, width: 1 });
    this.#equation.textContent = text('equationFlatten', { index, map: channel, row, column });
  }
}

// A feature map with an outline around the window.
class WindowOnMap {
  element = createElement('div', 'window-on-map');
  #canvas = createElement('canvas');
  #frame = createElement('div', 'window');

  constructor() {
    this.#canvas.setAttribute('aria-hidden', 'true');
    this.element.append(this.#canvas, this.#frame);
  }

  show(values, rows, columns, largest, { row, column, height, width }) {
    paintValues(this.#canvas, values, rows, columns, largest);
    this.element.style.aspectRatio = `${columns} / ${rows}`;
    const [left, top] = [column / columns, row / rows];
    this.#frame.style.left = `${100 * left}%`;
    this.#frame.style.top = `${100 * top}%`;
    this.#frame.style.width = `${100 * width / columns}%`;
    this.#frame.style.height = `${100 * height / rows}%`;
  }
}

// Values in the colours of their scale: a table, or an image if there are many.
class ValueTable {
  element = createElement('div', 'numbers');
  #table = createElement('table');
  #canvas = createElement('canvas');
  #cells = [];

  constructor(title) {
    this.#table.createCaption().textContent = title;
    this.#canvas.setAttribute('role', 'img');
    this.#canvas.setAttribute('aria-label', title);
  }

  /** @param {(number | null)[]} values null in the padding */
  show(values, height, width, largest, marked = -1) {
    const isSmall = height * width <= MOST_CELLS;
    if (this.element.firstChild !== (isSmall ? this.#table : this.#canvas))
      this.element.replaceChildren(isSmall ? this.#table : this.#canvas);
    if (!isSmall) {
      paintValues(this.#canvas, Array.from(values, value => value ?? 0), height, width, largest);
      return;
    }
    if (this.#cells.length !== height * width || this.#table.rows.length !== height)
      this.#build(height, width);
    this.#cells.forEach((cell, index) => {
      const level = largest ? (values[index] ?? 0) / largest : 0;
      cell.textContent = values[index] === null ? '' : short(values[index]);
      cell.style.background = cssColour(level);
      cell.style.color = textOn(level);
      cell.classList.toggle('outside', values[index] === null);
      cell.classList.toggle('marked', index === marked);
      cell.dataset.value = values[index] ?? 0;
    });
  }

  #build(height, width) {
    for (const body of [...this.#table.tBodies])
      body.remove();
    const body = this.#table.createTBody();
    this.#table.classList.toggle('dense', width > 5);
    for (let row = 0; row < height; row++)
      for (let column = 0, line = body.insertRow(); column < width; column++)
        line.insertCell();
    this.#cells = [...body.querySelectorAll('td')];
  }
}

function showBar(bar, level) {
  bar.style.setProperty('--from', 0.5 + Math.min(0, level) / 2);
  bar.style.setProperty('--length', Math.abs(level) / 2);
  bar.style.setProperty('--colour', cssColour(level < 0 ? -0.7 : 0.7));
}

const withSign = value => `${value < 0 ? '−' : '+'} ${figure(Math.abs(value))}`;

const short = value => Math.abs(value) >= 100 ? number(value, 0) : Math.abs(value) >= 10 ? number(value, 1) : number(value, 2);

// Values after an operator.
function withOperator(sign, numbers) {
  const element = createElement('div', 'signed');
  const before = createElement('span', 'sign', sign);
  before.setAttribute('aria-hidden', 'true');
  element.append(before, numbers.element);
  return element;
}
