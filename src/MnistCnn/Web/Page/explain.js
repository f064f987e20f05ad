// How one number of a map is computed: an explanation for each operation. Each has an `element`, takes the numbers of a picture by
// `update(detail)` and explains a place by `show(row, column)`.

import { cssColour, largestOf, paintValues, textOn } from './colours.js';
import { made } from './elements.js';
import { nameOf } from './labels.js';
import { figure, number, percent, text } from './text.js';

const MOST_ROWS = 10;
const MOST_CELLS = 49;

/**
 * @param {import('./map.js').Detail} detail
 * @returns {{element: HTMLElement, update: (detail: object) => void, show: (row: number, column: number) => void}}
 */
export function explanationOf(detail) {
  if (detail.terms.length > 0)
    return new BlockSum();
  switch (detail.node.operation) {
    case 'Conv': case 'Gemm': return new WeightedSum();
    case 'MaxPool': case 'AveragePool': case 'GlobalAveragePool': return new Pooling();
    default: return new Single();
  }
}

// A convolution, or a linear layer: what each input map adds, and how for one of them.
class WeightedSum {
  element = made('div', 'how');
  #equation = made('p', 'equation');
  #list = made('ol', 'contributions');
  #rows = [];
  #picture = new WindowOnMap();
  #patch = new Numbers(text('patch'));
  #kernel = new Numbers(text('kernel'));
  #products = new Numbers(text('products'));
  #caption = made('h3');
  #sum = made('p', 'equation');
  #detail;
  #window;
  #chosen = null;
  #place = [0, 0];

  constructor() {
    const detail = made('div', 'computing');
    const tables = made('div', 'tables');
    tables.append(this.#picture.element, this.#patch.element, signed('×', this.#kernel), signed('=', this.#products));
    detail.append(this.#caption, tables, this.#sum);
    this.element.append(made('h3', '', text('howSum')), made('p', 'note', text('howSumNote')), this.#equation, this.#list, detail);
  }

  update(detail) {
    this.#detail = detail;
    this.#window = windowOf(detail);
  }

  show(row, column) {
    this.#place = [row, column];
    const { json, values, width } = this.#detail;
    const sums = sumsOf(this.#window, row, column);
    const total = sums.reduce((a, b) => a + b, 0);
    const order = orderOf(sums, this.#chosen);
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
    const others = made('li', 'note', rest.length === 0 ? '' : text('otherMaps', {
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
    const row = { item: made('li'), button: made('button', 'contribution'), name: made('span'), bar: made('span', 'signed-bar'), sum: made('span', 'value') };
    row.button.type = 'button';
    row.button.append(row.name, row.bar, row.sum);
    row.item.append(row.button);
    row.button.addEventListener('click', () => {
      const channel = Number(row.button.dataset.channel);
      this.#chosen = channel === this.#chosen ? null : channel;
      this.show(...this.#place);
    });
    return row;
  }

  // The patch, the kernel and the products of one input map.
  #explain(channel, row, column, sum) {
    const { kernel: [height, width], input: [, rows, columns], values, weights, stride, padding } = this.#window;
    const patch = patchOf(this.#window, channel, row, column);
    const size = height * width;
    const kernel = weights.subarray(channel * size, (channel + 1) * size);
    const products = patch.map((value, index) => (value ?? 0) * kernel[index]);
    this.#caption.textContent = text('oneMap', { map: channel });
    this.#picture.show(
      values.subarray(channel * rows * columns, (channel + 1) * rows * columns), rows, columns, largestOf(values),
      { row: row * stride[0] - padding[0], column: column * stride[1] - padding[1], height, width });
    this.#patch.show(patch, height, width, largestOf(values));
    this.#kernel.show(kernel, height, width, largestOf(weights));
    this.#products.show(products, height, width, largestOf(products));
    this.#sum.textContent = text('productSum', { sum: figure(sum) });
  }
}

class Pooling {
  element = made('div', 'how');
  #equation = made('p', 'equation');
  #picture = new WindowOnMap();
  #patch = new Numbers(text('patch'));
  #detail;

  update(detail) {
    if (!this.#detail) {
      const tables = made('div', 'tables');
      tables.append(this.#picture.element, this.#patch.element);
      this.element.append(made('h3', '', text(`how${detail.node.operation}`)), this.#equation, tables);
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
    this.#picture.show(values, rows, columns, largestOf(values), {
      row: row * stride[0] - padding[0], column: column * stride[1] - padding[1], height, width,
    });
    const isMaximum = node.operation === 'MaxPool';
    this.#patch.show(isMaximum ? patch : patch.map(each => each ?? 0), height, width, largestOf(values), isMaximum ? patch.indexOf(Math.max(...inside)) : -1);
    this.#equation.textContent = isMaximum
      ? text('maximumOf', { count: number(inside.length), value: figure(value) })
      : text('meanOf', { sum: figure(inside.reduce((a, b) => a + b, 0)), count: number(patch.length), value: figure(value) });
    this.#equation.dataset.value = value;
  }
}

// What adds a block's input to what its layers make of it.
class BlockSum {
  element = made('div', 'how');
  #equation = made('p', 'equation');
  #rows = [];
  #detail;

  update(detail) {
    if (!this.#detail) {
      this.#rows = detail.terms.map(term => ({ item: made('li', 'term'), picture: new WindowOnMap(), name: made('strong', '', term.name), value: made('span', 'value'), bar: made('span', 'bar'), norm: made('span', 'note') }));
      const list = made('ol', 'terms');
      for (const row of this.#rows) {
        const words = made('div', 'term-words');
        words.append(row.name, row.value, row.bar, row.norm);
        row.item.append(row.picture.element, words);
        list.append(row.item);
      }
      this.element.append(made('h3', '', text('howBlock')), made('p', 'note', text('howBlockNote')), this.#equation, list);
    }
    this.#detail = detail;
  }

  show(row, column) {
    const { terms, height, width } = this.#detail;
    const largest = largestOf(...terms.map(term => term.values));
    const both = terms[0].norm + terms[1].norm;
    const values = terms.map(term => term.values[row * width + column]);
    this.#rows.forEach(({ item, picture, value, bar, norm }, index) => {
      const share = both ? terms[index].norm / both : 0;
      picture.show(terms[index].values, height, width, largest, { row, column, height: 1, width: 1 });
      item.dataset.term = terms[index].name;
      item.dataset.norm = terms[index].norm;
      value.textContent = figure(values[index]);
      bar.style.setProperty('--share', Math.min(1, share));
      norm.textContent = text('normOf', { norm: figure(terms[index].norm), share: percent(share, 0) });
    });
    const [x, f, sum, left] = values.map(figure);
    this.#equation.textContent = text(left === undefined ? 'blockEquation' : 'blockEquationRelu', { x, f, sum, left });
  }
}

// What is made of one number of one map: batch normalisation, relu, what is only passed on.
class Single {
  element = made('div', 'how');
  #title = made('h3');
  #equation = made('p', 'equation');
  #picture = new WindowOnMap();
  #detail;

  constructor() {
    this.element.append(this.#title, this.#equation, this.#picture.element);
  }

  update(detail) {
    this.#detail = detail;
    this.#title.textContent = text(`how${detail.node.operation}`);
    this.#picture.element.hidden = detail.inputs.length === 0;
  }

  show(row, column) {
    const { node, json, inputs: [input], values, width, isRow } = this.#detail;
    const place = row * width + column;
    if (!input) {
      this.#equation.textContent = text(`how${node.operation}Note`);
      return;
    }
    if (isRow) {
      this.#showRow(place, input);
      return;
    }
    const from = input.values[place];
    this.#picture.show(input.values, input.shape[1], input.shape[2], largestOf(input.values), { row, column, height: 1, width: 1 });
    this.#equation.dataset.value = values[place];
    this.#equation.textContent = text(`equation${node.operation}`, {
      x: figure(from), value: figure(values[place]), factor: json.factor === null ? '' : figure(json.factor),
      shift: json.shift === null ? '' : withSign(json.shift), layer: input.node ? nameOf(input.node) : '0', map: input.channel,
    });
  }

  #showRow(place, { shape: [, rows, columns], values }) {
    const size = rows * columns;
    const channel = Math.floor(Math.min(place, values.length - 1) / size);
    const [row, column] = [Math.floor(place % size / columns), place % columns];
    this.#picture.show(values.subarray(channel * size, (channel + 1) * size), rows, columns, largestOf(values), { row, column, height: 1, width: 1 });
    this.#equation.textContent = text('equationFlatten', { place, map: channel, row, column });
  }
}

// A map with a frame around the window that is read.
class WindowOnMap {
  element = made('div', 'window-on-map');
  #canvas = made('canvas');
  #frame = made('div', 'window');

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

// A small table of numbers in the colours of their scale; a large one is a picture.
class Numbers {
  element = made('div', 'numbers');
  #table = made('table');
  #canvas = made('canvas');
  #cells = [];

  constructor(title) {
    this.#table.createCaption().textContent = title;
    this.#canvas.setAttribute('role', 'img');
    this.#canvas.setAttribute('aria-label', title);
  }

  /** `null` is outside of the map. */
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
      const share = largest ? (values[index] ?? 0) / largest : 0;
      cell.textContent = values[index] === null ? '' : short(values[index]);
      cell.style.background = cssColour(share);
      cell.style.color = textOn(share);
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

// A convolution as a window that moves over the input; a linear layer is one whose window is the whole input.
function windowOf({ node, json, inputs: [input], kernel, source }) {
  if (node.operation === 'Conv')
    return { kernel: json.kernel.shape.slice(1), input: input.shape, values: input.values, weights: kernel, stride: json.stride, padding: json.padding };
  const shape = source ?? input.shape;
  return { kernel: shape.slice(1), input: shape, values: input.values, weights: kernel, stride: [1, 1], padding: [0, 0] };
}

// What each input map adds to the value at a place.
function sumsOf(window, row, column) {
  const [height, width] = window.kernel;
  const size = height * width;
  return Array.from({ length: window.input[0] }, (_, channel) => {
    const patch = patchOf(window, channel, row, column);
    return patch.reduce((sum, value, index) => sum + (value ?? 0) * window.weights[channel * size + index], 0);
  });
}

// What the window sees of an input map; null beyond its edges.
function patchOf({ kernel: [height, width], input: [, rows, columns], values, stride, padding }, channel, row, column) {
  const [top, left] = [row * stride[0] - padding[0], column * stride[1] - padding[1]];
  return Array.from({ length: height * width }, (_, index) => {
    const [y, x] = [top + Math.floor(index / width), left + index % width];
    return y < 0 || x < 0 || y >= rows || x >= columns ? null : values[(channel * rows + y) * columns + x];
  });
}

// The strongest first; before them the one that was chosen.
function orderOf(sums, chosen) {
  const order = sums.map((_, channel) => channel).sort((a, b) => Math.abs(sums[b]) - Math.abs(sums[a]));
  return chosen === null ? order : [chosen, ...order.filter(channel => channel !== chosen)];
}

function showBar(bar, share) {
  bar.style.setProperty('--from', 0.5 + Math.min(0, share) / 2);
  bar.style.setProperty('--length', Math.abs(share) / 2);
  bar.style.setProperty('--colour', cssColour(share < 0 ? -0.7 : 0.7));
}

const withSign = value => `${value < 0 ? '−' : '+'} ${figure(Math.abs(value))}`;

const short = value => Math.abs(value) >= 100 ? number(value, 0) : Math.abs(value) >= 10 ? number(value, 1) : number(value, 2);

// Numbers with the sign that stands before them.
function signed(sign, numbers) {
  const element = made('div', 'signed');
  const before = made('span', 'sign', sign);
  before.setAttribute('aria-hidden', 'true');
  element.append(before, numbers.element);
  return element;
}
