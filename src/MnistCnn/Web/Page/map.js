// One feature map in full, with the value under the cursor and its computation.

import { map } from './api.js';
import { largestOf, onThemeChange, paintValues, showLegend } from './colours.js';
import { explanationOf } from './explain.js';
import { kindOf, nameOf, shapeOf } from './labels.js';
import { LatestRequest } from './latest.js';
import { figure, text } from './text.js';

/** The view of the feature map that the user chose. */
export class MapView {
  #container;
  #onClose;
  #requests = new LatestRequest();
  #chosen = null;
  #detail = null;
  #explanation = null;
  #cursor = { row: 0, column: 0, isPinned: false };
  #query = null;
  #canvas;
  #fail;

  /**
   * @param {HTMLElement} container
   * @param {() => void} onClose
   * @param {(error: Error) => void} fail
   */
  constructor(container, onClose, fail) {
    this.#container = container;
    this.#onClose = onClose;
    this.#fail = fail;
    this.#canvas = this.#find('#map-value');
    this.#listen();
    onThemeChange(() => this.#paint());
  }

  /** Id of the model of the open feature map, or null. */
  get modelId() {
    return this.#chosen?.model.id ?? null;
  }

  /**
   * Opens a feature map.
   * @param {object} model with its graph
   * @param {object} node
   * @param {number} channel index of the map, or of the value in a vector
   * @param {import('./api.js').Query} query
   */
  async open(model, node, channel, query) {
    this.#choose(model, node, channel);
    await this.refresh(query);
    this.#container.hidden = false;
    this.#container.scrollIntoView({ block: 'nearest', behavior: 'smooth' });
    this.#container.focus({ preventScroll: true });
  }

  /** Computes the open feature map for another query. */
  async refresh(query) {
    if (!this.#chosen)
      return;
    this.#query = query;
    const { model, node, channel } = this.#chosen;
    // The output of Flatten is a single row.
    const requested = node.operation === 'Flatten' ? 0 : channel;
    const frame = await this.#requests.ask(signal => map(query, node.name, requested, signal));
    if (frame && this.#chosen?.node === node && this.#chosen.channel === channel)
      this.#show(detailOf(frame, model, node));
  }

  /** Updates all texts to the page's language. */
  translate() {
    if (!this.#chosen)
      return;
    this.#describe();
    this.#explanation = null;
    if (this.#detail)
      this.#show(this.#detail);
  }

  close() {
    if (!this.#chosen)
      return;
    this.#requests.stop();
    this.#chosen = null;
    this.#container.hidden = true;
    this.#onClose();
  }

  #describe() {
    const { model, node, channel } = this.#chosen;
    this.#container.dataset.node = node.name;
    this.#container.dataset.channel = channel;
    this.#find('h2').textContent = text(node.shape.length === 1 ? 'numberTitle' : 'mapTitle', {
      layer: nameOf(node), map: channel, count: node.shape[0],
      name: model.nodes.at(-1) === node ? model.classes[channel] : channel,
    });
    this.#find('.facts').textContent = [model.title, node.name, kindOf(node), shapeOf(node.shape)].join(' · ');
  }

  #listen() {
    this.#find('#map-previous').addEventListener('click', () => this.#step(-1));
    this.#find('#map-next').addEventListener('click', () => this.#step(1));
    this.#find('#map-close').addEventListener('click', () => this.close());
    this.#canvas.addEventListener('pointermove', event => {
      if (this.#detail && !this.#cursor.isPinned)
        this.#moveTo(...this.#positionAt(event));
    });
    this.#canvas.addEventListener('click', event => {
      this.#cursor.isPinned = !this.#cursor.isPinned;
      if (this.#detail)
        this.#moveTo(...this.#positionAt(event));
    });
    this.#canvas.addEventListener('keydown', event => {
      const [down, right] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key] ?? [];
      if (down === undefined || !this.#detail)
        return;
      event.preventDefault();
      this.#cursor.isPinned = true;
      this.#moveTo(this.#cursor.row + down, this.#cursor.column + right);
    });
  }

  #find(selector) {
    return this.#container.querySelector(selector);
  }

  #step(step) {
    const { model, node, channel } = this.#chosen;
    const count = node.shape[0];
    this.#choose(model, node, (channel + step + count) % count);
    this.refresh(this.#query).catch(this.#fail);
  }

  #choose(model, node, channel) {
    this.#chosen = { model, node, channel };
    this.#detail = null;
    this.#explanation = null;
    this.#cursor.isPinned = false;
    this.#describe();
  }

  #positionAt(event) {
    const box = this.#canvas.getBoundingClientRect();
    const { height, width } = this.#detail;
    return [Math.floor((event.clientY - box.top) / box.height * height), Math.floor((event.clientX - box.left) / box.width * width)];
  }

  #show(detail) {
    const isNew = this.#detail === null;
    this.#detail = detail;
    if (isNew)
      [this.#cursor.row, this.#cursor.column] = startOf(detail, this.#chosen.channel);
    if (!this.#explanation) {
      this.#explanation = explanationOf(detail);
      this.#find('#map-how').replaceChildren(this.#explanation.element);
    }
    this.#explanation.update(detail);
    this.#paint();
    this.#moveTo(this.#cursor.row, this.#cursor.column);
  }

  #paint() {
    if (!this.#detail)
      return;
    const { values, height, width } = this.#detail;
    paintValues(this.#canvas, values, height, width, largestOf(values));
    this.#canvas.parentElement.style.aspectRatio = `${width} / ${height}`;
    const largest = largestOf(values);
    showLegend(this.#find('.legend'), values.some(value => value < 0) ? -largest : 0, largest, figure);
    this.#explanation?.show(this.#cursor.row, this.#cursor.column);
  }

  #moveTo(row, column) {
    if (!this.#detail)
      return;
    const { height, width, values } = this.#detail;
    const cursor = this.#cursor;
    cursor.row = Math.min(height - 1, Math.max(0, row));
    cursor.column = Math.min(width - 1, Math.max(0, column));
    const element = this.#find('.map-cursor');
    element.classList.toggle('pinned', cursor.isPinned);
    element.style.left = `${100 * cursor.column / width}%`;
    element.style.top = `${100 * cursor.row / height}%`;
    element.style.width = `${100 / width}%`;
    element.style.height = `${100 / height}%`;
    const value = values[cursor.row * width + cursor.column];
    const output = this.#find('#map-place');
    Object.assign(output.dataset, { value, row: cursor.row, column: cursor.column });
    output.textContent = text('mapPlace', { row: cursor.row, column: cursor.column, value: figure(value) });
    this.#explanation.show(cursor.row, cursor.column);
  }
}

/**
 * A feature map with the values of its inputs. `source` is the shape before Flatten, `terms` are those of a residual sum.
 * @typedef {{node: object, json: object, values: Float32Array, height: number, width: number, isRow: boolean,
 *   inputs: {node: object | null, channel: number | null, shape: number[], values: Float32Array}[],
 *   kernel: Float32Array | null, source: number[] | null, terms: {name: string, norm: number, values: Float32Array}[]}} Detail
 */
function detailOf(frame, model, node) {
  const { json } = frame;
  const [mapHeight, mapWidth] = json.value.shape;
  const count = mapHeight * mapWidth;
  const nodes = new Map(model.nodes.map(each => [each.name, each]));
  const isRow = node.operation === 'Flatten';
  // A long row is wrapped into a square.
  const width = isRow ? Math.ceil(Math.sqrt(count)) : mapWidth;
  const flattened = isRow ? node : nodes.get(node.operation === 'Gemm' ? node.inputs[0] : '');
  return {
    node, json, isRow, width,
    height: isRow ? Math.ceil(count / width) : mapHeight,
    values: frame.floats(json.value.offset, count),
    inputs: json.inputs.map(input => ({
      ...input, node: nodes.get(input.node) ?? null, values: frame.floats(input.offset, input.shape.reduce((a, b) => a * b, 1)),
    })),
    kernel: json.kernel && frame.floats(json.kernel.offset, json.kernel.shape.reduce((a, b) => a * b, 1)),
    source: flattened?.operation === 'Flatten' ? nodes.get(flattened.inputs[0]).shape : null,
    terms: (json.sum?.terms ?? []).map(term => ({ ...term, values: frame.floats(term.offset, count) })),
  };
}

// The first position of the cursor: the largest absolute value, or the value that was clicked.
function startOf({ values, width, isRow }, channel) {
  let best = isRow ? channel : 0;
  if (!isRow)
    values.forEach((value, index) => best = Math.abs(value) > Math.abs(values[best]) ? index : best);
  return [Math.floor(best / width), best % width];
}
