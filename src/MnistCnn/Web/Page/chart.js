// A chart of lines over the epochs, drawn as SVG. It is as wide as its place, and is drawn again where that changes.

import { svg } from './elements.js';

const HEIGHT = 250;
const MARGIN = { left: 46, right: 14, top: 12, bottom: 38 };
const LABEL_HEIGHT = 15;
const LABEL_GAP = 12;
const WIDEST_LABEL = 200;
const MOST_DOTS = 60;

/**
 * @typedef {{name: string, slot: number, points: [number, number][], last: number, dashed?: boolean}} Line
 * `slot` is the number of its colour, `last` the epoch that its axis reaches at least. Lines with dashes have no label.
 */

export class Chart {
  #figure = document.createElement('figure');
  #svg = svg('svg', { role: 'img', height: HEIGHT });
  #tip = document.createElement('div');
  #options;
  #lines = [];
  #scale = null;
  #observer = new ResizeObserver(() => this.#draw());

  /**
   * @param {HTMLElement} place gets the chart as its last child
   * @param {{title: string, across: string, write: (value: number) => string, lowest?: number, highest?: number}} options
   * `across` names the axis of the epochs; without `lowest` the axis starts where the lines do
   */
  constructor(place, options) {
    this.#options = options;
    this.#figure.className = 'chart';
    const caption = document.createElement('figcaption');
    caption.textContent = options.title;
    this.#tip.className = 'tip';
    this.#tip.hidden = true;
    this.#tip.setAttribute('aria-hidden', 'true');
    this.#svg.addEventListener('pointermove', event => this.#point(event));
    this.#svg.addEventListener('pointerleave', () => this.#point(null));
    this.#figure.append(caption, this.#svg, this.#tip);
    place.append(this.#figure);
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
    this.#scale = scaleOf(this.#lines, this.#options, right);
    this.#svg.setAttribute('width', width);
    this.#svg.setAttribute('viewBox', `0 0 ${width} ${HEIGHT}`);
    this.#svg.setAttribute('aria-label', this.#summary());
    this.#svg.replaceChildren(
      axes(this.#scale, right, this.#options),
      svg('line', { class: 'guide', y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom, visibility: 'hidden' }),
      ...this.#lines.map(line => lineOf(line, this.#scale)),
      ...(labels ? labelsAt(this.#lines.filter(line => !line.dashed), this.#scale, right, this.#figure) : []));
  }

  // Names stand at the ends of their lines where there is room for them.
  #labels(width) {
    const named = this.#lines.filter(line => !line.dashed);
    const widest = Math.max(0, ...named.map(line => widthOf(line.name, this.#figure))) + LABEL_GAP + 4;
    return named.length > 1 && width >= 460 && named.length * LABEL_HEIGHT <= HEIGHT - MARGIN.top - MARGIN.bottom
      ? { width: Math.min(widest, WIDEST_LABEL) }
      : null;
  }

  // What the chart shows, in words.
  #summary() {
    const { title, write } = this.#options;
    const parts = this.#lines.filter(line => !line.dashed)
      .map(({ name, points }) => `${name}: ${write(points[0][1])} → ${write(points.at(-1)[1])} (${points.at(-1)[0]})`);
    return [title, ...parts].join('. ');
  }

  // The values of the epoch under the pointer.
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
    const title = document.createElement('strong');
    title.textContent = `${this.#options.across} ${epoch}`;
    values.sort(([, [, one]], [, [, other]]) => other - one);
    this.#tip.replaceChildren(title, ...values.map(([line, [, value]]) => {
      const row = document.createElement('span');
      row.append(keyOf(line.slot, line.dashed), `${this.#options.write(value)}  ${line.name}`);
      return row;
    }));
    const isLeft = x > this.#svg.clientWidth / 2;
    this.#tip.style.left = isLeft ? '' : `${x + 12}px`;
    this.#tip.style.right = isLeft ? `${this.#svg.clientWidth - x + 12}px` : '';
  }
}

/** A short line in the colour of a slot. */
export function keyOf(slot, isDashed = false) {
  const key = svg('svg', { class: `key line-${slot}`, width: 22, height: 10, 'aria-hidden': 'true' });
  key.append(svg('path', { d: 'M1 5h20', class: isDashed ? 'curve dashed' : 'curve' }));
  return key;
}

/** A curve without axes, as large as a word. */
export function smallCurve(values, label) {
  const [width, height] = [120, 34];
  const picture = svg('svg', { class: 'small-curve', role: 'img', width, height, 'aria-label': label });
  const [lowest, highest] = [Math.min(...values), Math.max(...values)];
  const x = index => values.length > 1 ? 4 + (width - 8) * index / (values.length - 1) : width - 4;
  const y = value => highest > lowest ? height - 5 - (height - 10) * (value - lowest) / (highest - lowest) : height / 2;
  picture.append(svg('path', { class: 'curve', d: pathOf(values.map((value, index) => [x(index), y(value)])) }));
  if (values.length)
    picture.append(svg('circle', { class: 'dot', r: 2.5, cx: x(values.length - 1), cy: y(values.at(-1)) }));
  return picture;
}

function scaleOf(lines, { lowest, highest = Infinity }, right) {
  const values = lines.flatMap(line => line.points.map(([, value]) => value));
  const last = Math.max(2, ...lines.flatMap(line => [line.last, line.points.at(-1)[0]]));
  let [bottom, top] = values.length ? [lowest ?? Math.min(...values), Math.max(...values)] : [lowest ?? 0, 1];
  if (top - bottom < 1e-9)
    [bottom, top] = lowest === undefined ? [bottom - 0.5, top + 0.5] : [bottom, bottom + 1];
  const step = roundStep((top - bottom) / 5);
  bottom = Math.floor(bottom / step + 1e-9) * step;
  top = Math.min(highest, Math.ceil(top / step - 1e-9) * step);
  const [first, floor, ceiling] = [MARGIN.left, HEIGHT - MARGIN.bottom, MARGIN.top];
  return {
    bottom, top, step, last,
    x: epoch => first + (right - first) * (epoch - 1) / (last - 1),
    y: value => floor - (floor - ceiling) * (value - bottom) / (top - bottom),
    epochAt: x => 1 + (x - first) / (right - first) * (last - 1),
  };
}

// 1, 2 or 5 times a power of ten.
function roundStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * [1, 2, 5, 10].find(factor => factor * power >= least * (1 - 1e-9));
}

function axes(scale, right, { across }) {
  const group = svg('g', { class: 'axes' });
  const digits = Math.max(0, -Math.floor(Math.log10(scale.step) + 1e-9));
  for (let value = scale.bottom; value <= scale.top + scale.step / 1000; value += scale.step) {
    const y = scale.y(value);
    group.append(svg('line', { x1: MARGIN.left, x2: right, y1: y, y2: y }), word(value.toFixed(digits), { x: MARGIN.left - 7, y: y + 4, 'text-anchor': 'end' }));
  }

  const step = Math.max(1, roundStep((scale.last - 1) * 34 / (right - MARGIN.left)));
  for (let epoch = 1; epoch <= scale.last; epoch = epoch === 1 && step > 1 ? step : epoch + step)
    group.append(word(epoch, { x: scale.x(epoch), y: HEIGHT - MARGIN.bottom + 17, 'text-anchor': 'middle' }));
  group.append(word(across, { x: (MARGIN.left + right) / 2, y: HEIGHT - 4, 'text-anchor': 'middle' }));
  return group;
}

function lineOf({ name, slot, points, dashed }, scale) {
  const group = svg('g', { class: `line-${slot}`, 'data-run': name });
  const places = points.map(([epoch, value]) => [scale.x(epoch), scale.y(value)]);
  group.append(svg('path', { class: dashed ? 'curve dashed' : 'curve', d: pathOf(places) }));
  if (!dashed && places.length <= MOST_DOTS)
    group.append(...places.map(([cx, cy]) => svg('circle', { class: 'dot', r: 2.5, cx, cy })));
  return group;
}

// One below the other, each as near to the end of its line as those above leave it.
function labelsAt(lines, scale, right, place) {
  const labels = lines.map(line => ({ line, end: scale.y(line.points.at(-1)[1]) })).sort((one, other) => one.end - other.end);
  let free = MARGIN.top;
  for (const label of labels)
    free = LABEL_HEIGHT + (label.y = Math.max(label.end, free));
  let limit = HEIGHT - MARGIN.bottom;
  for (const label of labels.toReversed())
    limit = (label.y = Math.min(label.y, limit)) - LABEL_HEIGHT;
  return labels.flatMap(({ line, end, y }) => [
    svg('path', { class: `leader line-${line.slot}`, d: pathOf([[scale.x(line.points.at(-1)[0]) + 4, end], [right + 8, y]]) }),
    word(shortened(line.name, WIDEST_LABEL - LABEL_GAP, place), { x: right + LABEL_GAP, y: y + 4, class: 'label' }),
  ]);
}

const pathOf = places => places.map(([x, y], index) => `${index ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');

function widthOf(text, place) {
  const pen = document.createElement('canvas').getContext('2d');
  pen.font = `12px ${getComputedStyle(place).fontFamily}`;
  return pen.measureText(text).width;
}

function shortened(text, width, place) {
  if (widthOf(text, place) <= width)
    return text;
  const letters = [...text];
  while (letters.length > 1 && widthOf(`${letters.join('')}…`, place) > width)
    letters.pop();
  return `${letters.join('')}…`;
}

function word(text, attributes) {
  const element = svg('text', attributes);
  element.textContent = text;
  return element;
}
