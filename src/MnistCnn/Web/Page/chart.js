// A line chart over the epochs, as SVG. It fills the width of its container and is redrawn when that changes.

import { createElement, createSvg } from './elements.js';
import { epochTicks, scaleOf, spreadLabels, valueTicks } from './scale.js';

const HEIGHT = 250;
const MARGIN = { left: 46, right: 14, top: 12, bottom: 38 };
const LABEL_HEIGHT = 15;
const LABEL_GAP = 12;
const WIDEST_LABEL = 200;
const MOST_DOTS = 60;

/**
 * @typedef {{name: string, slot: number, points: [number, number][], last: number, dashed?: boolean}} Line
 * `slot` is the index of the colour, `last` the smallest last epoch of the axis. Dashed lines have no label.
 */

export class Chart {
  #figure = createElement('figure', 'chart');
  #svg = createSvg('svg', { role: 'img', height: HEIGHT });
  #tip = createElement('div', { className: 'tip', hidden: true, ariaHidden: 'true' });
  #options;
  #lines = [];
  #scale = null;
  #observer = new ResizeObserver(() => this.#draw());

  /**
   * @param {HTMLElement} container the chart becomes its last child
   * @param {{title: string, across: string, write: (value: number) => string, lowest?: number, highest?: number}} options
   *   `across` is the title of the axis of epochs, `write` formats values; without `lowest` the axis starts at the lowest value
   */
  constructor(container, options) {
    this.#options = options;
    this.#svg.addEventListener('pointermove', event => this.#point(event));
    this.#svg.addEventListener('pointerleave', () => this.#point(null));
    this.#figure.append(createElement('figcaption', {}, options.title), this.#svg, this.#tip);
    container.append(this.#figure);
    this.#observer.observe(this.#figure);
  }

  /** @param {Line[]} lines */
  show(lines) {
    this.#lines = lines.filter(line => line.points.length > 0);
    this.#draw();
  }

  close() {
    this.#observer.disconnect();
  }

  #draw() {
    const width = this.#figure.clientWidth;
    if (width === 0)
      return;
    const labels = this.#labels(width);
    const right = width - (labels ? labels.width : MARGIN.right);
    this.#scale = scaleOf(this.#lines, this.#options, { left: MARGIN.left, right, ceiling: MARGIN.top, floor: HEIGHT - MARGIN.bottom });
    this.#svg.setAttribute('width', width);
    this.#svg.setAttribute('viewBox', `0 0 ${width} ${HEIGHT}`);
    this.#svg.setAttribute('aria-label', this.#summary());
    this.#svg.replaceChildren(
      axes(this.#scale, this.#options),
      createSvg('line', { class: 'guide', y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom, visibility: 'hidden' }),
      ...this.#lines.map(line => lineOf(line, this.#scale)),
      ...(labels ? labelsAt(this.#lines.filter(line => !line.dashed), this.#scale, this.#font) : []));
  }

  get #font() {
    return `12px ${getComputedStyle(this.#figure).fontFamily}`;
  }

  // Labels at the ends of the lines, if there is room for them.
  #labels(width) {
    const named = this.#lines.filter(line => !line.dashed);
    const widest = Math.max(0, ...named.map(line => widthOf(line.name, this.#font))) + LABEL_GAP + 4;
    return named.length > 1 && width >= 460 && named.length * LABEL_HEIGHT <= HEIGHT - MARGIN.top - MARGIN.bottom
      ? { width: Math.min(widest, WIDEST_LABEL) }
      : null;
  }

  // Description for screen readers.
  #summary() {
    const { title, write } = this.#options;
    const parts = this.#lines.filter(line => !line.dashed)
      .map(({ name, points }) => `${name}: ${write(points[0][1])} → ${write(points.at(-1)[1])} (${points.at(-1)[0]})`);
    return [title, ...parts].join('. ');
  }

  // Shows the values of the epoch under the pointer.
  #point(event) {
    const guide = this.#svg.querySelector('.guide');
    if (!guide)
      return;
    const epoch = event && Math.round(this.#scale.epochAt(event.clientX - this.#svg.getBoundingClientRect().left));
    const values = event ? this.#lines.map(line => [line, line.points.find(([x]) => x === epoch)]).filter(([, point]) => point) : [];
    this.#tip.hidden = values.length === 0;
    guide.setAttribute('visibility', values.length ? 'visible' : 'hidden');
    if (values.length === 0)
      return;
    const x = this.#scale.x(epoch);
    guide.setAttribute('x1', x);
    guide.setAttribute('x2', x);
    const title = createElement('strong', {}, `${this.#options.across} ${epoch}`);
    values.sort(([, [, one]], [, [, other]]) => other - one);
    this.#tip.replaceChildren(title, ...values.map(([line, [, value]]) =>
      createElement('span', {}, swatch(line.slot, line.dashed), `${this.#options.write(value)}  ${line.name}`)));
    const isLeft = x > this.#svg.clientWidth / 2;
    this.#tip.style.left = isLeft ? '' : `${x + 12}px`;
    this.#tip.style.right = isLeft ? `${this.#svg.clientWidth - x + 12}px` : '';
  }
}

/** A short line in the colour of a slot, for legends. */
export function swatch(slot, isDashed = false) {
  const key = createSvg('svg', { class: `key line-${slot}`, width: 22, height: 10, 'aria-hidden': 'true' });
  key.append(createSvg('path', { d: 'M1 5h20', class: isDashed ? 'curve dashed' : 'curve' }));
  return key;
}

/** A curve without axes, for the cells of a table. */
export function smallCurve(values, label) {
  const [width, height] = [120, 34];
  const curve = createSvg('svg', { class: 'small-curve', role: 'img', width, height, 'aria-label': label });
  const [lowest, highest] = [Math.min(...values), Math.max(...values)];
  const x = index => values.length > 1 ? 4 + (width - 8) * index / (values.length - 1) : width - 4;
  const y = value => highest > lowest ? height - 5 - (height - 10) * (value - lowest) / (highest - lowest) : height / 2;
  curve.append(createSvg('path', { class: 'curve', d: pathOf(values.map((value, index) => [x(index), y(value)])) }));
  if (values.length)
    curve.append(createSvg('circle', { class: 'dot', r: 2.5, cx: x(values.length - 1), cy: y(values.at(-1)) }));
  return curve;
}

function axes(scale, { across }) {
  const group = createSvg('g', { class: 'axes' });
  for (const { value, label } of valueTicks(scale)) {
    const y = scale.y(value);
    group.append(
      createSvg('line', { x1: scale.left, x2: scale.right, y1: y, y2: y }),
      textAt(label, { x: scale.left - 7, y: y + 4, 'text-anchor': 'end' }));
  }

  for (const epoch of epochTicks(scale))
    group.append(textAt(epoch, { x: scale.x(epoch), y: HEIGHT - MARGIN.bottom + 17, 'text-anchor': 'middle' }));
  group.append(textAt(across, { x: (scale.left + scale.right) / 2, y: HEIGHT - 4, 'text-anchor': 'middle' }));
  return group;
}

function lineOf({ name, slot, points, dashed }, scale) {
  const group = createSvg('g', { class: `line-${slot}`, 'data-run': name });
  const places = points.map(([epoch, value]) => [scale.x(epoch), scale.y(value)]);
  group.append(createSvg('path', { class: dashed ? 'curve dashed' : 'curve', d: pathOf(places) }));
  if (!dashed && places.length <= MOST_DOTS)
    group.append(...places.map(([cx, cy]) => createSvg('circle', { class: 'dot', r: 2.5, cx, cy })));
  return group;
}

function labelsAt(lines, scale, font) {
  const labels = lines.map(line => ({ line, end: scale.y(line.points.at(-1)[1]) })).sort((one, other) => one.end - other.end);
  const heights = spreadLabels(labels.map(label => label.end), LABEL_HEIGHT, MARGIN.top, HEIGHT - MARGIN.bottom);
  return labels.flatMap(({ line, end }, index) => {
    const [right, y] = [scale.right, heights[index]];
    return [
      createSvg('path', { class: `leader line-${line.slot}`, d: pathOf([[scale.x(line.points.at(-1)[0]) + 4, end], [right + 8, y]]) }),
      textAt(shortened(line.name, WIDEST_LABEL - LABEL_GAP, font), { x: right + LABEL_GAP, y: y + 4, class: 'label' }),
    ];
  });
}

const pathOf = places => places.map(([x, y], index) => `${index ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');

function widthOf(text, font) {
  const pen = document.createElement('canvas').getContext('2d');
  pen.font = font;
  return pen.measureText(text).width;
}

function shortened(text, width, font) {
  if (widthOf(text, font) <= width)
    return text;
  const letters = [...text];
  while (letters.length > 1 && widthOf(`${letters.join('')}…`, font) > width)
    letters.pop();
  return `${letters.join('')}…`;
}

function textAt(text, attributes) {
  const element = createSvg('text', attributes);
  element.textContent = text;
  return element;
}
