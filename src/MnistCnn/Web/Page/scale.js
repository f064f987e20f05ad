// Scales, ticks and label positions of a chart, in CSS pixels. Does not use the DOM.

/**
 * Draws values between `top` and `bottom`, and epochs 1 to `last`. `step` is the distance of the ticks on the axis of values.
 * @typedef {{top: number, bottom: number, step: number, last: number, left: number, right: number,
 *   x: (epoch: number) => number, y: (value: number) => number, epochAt: (x: number) => number}} Scale
 */

// Widest tick label of an epoch, with its gap.
const EPOCH_WIDTH = 34;

/**
 * @param {import('./chart.js').Line[]} lines
 * @param {{lowest?: number, highest?: number}} limits without `lowest` the axis starts at the lowest value
 * @param {{left: number, right: number, ceiling: number, floor: number}} area
 * @returns {Scale}
 */
export function scaleOf(lines, { lowest, highest = Infinity }, { left, right, ceiling, floor }) {
  const values = lines.flatMap(line => line.points.map(([, value]) => value));
  const last = Math.max(2, ...lines.flatMap(line => [line.last, line.points.at(-1)[0]]));
  let [bottom, top] = values.length ? [lowest ?? Math.min(...values), Math.max(...values)] : [lowest ?? 0, 1];
  if (top - bottom < 1e-9)
    [bottom, top] = lowest === undefined ? [bottom - 0.5, top + 0.5] : [bottom, bottom + 1];
  const step = roundStep((top - bottom) / 5);
  bottom = Math.floor(bottom / step + 1e-9) * step;
  top = Math.min(highest, Math.ceil(top / step - 1e-9) * step);
  return {
    bottom, top, step, last, left, right,
    x: epoch => left + (right - left) * (epoch - 1) / (last - 1),
    y: value => floor - (floor - ceiling) * (value - bottom) / (top - bottom),
    epochAt: x => 1 + (x - left) / (right - left) * (last - 1),
  };
}

/** @returns {{value: number, label: string}[]} the ticks of the axis of values */
export function valueTicks({ bottom, top, step }) {
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const count = Math.floor((top - bottom) / step + 1e-3) + 1;
  return Array.from({ length: count }, (_, index) => bottom + index * step).map(value => ({ value, label: value.toFixed(digits) }));
}

/** @returns {number[]} the ticks of the axis of epochs: the first epoch and multiples of a round number */
export function epochTicks({ last, left, right }) {
  const step = Math.max(1, roundStep((last - 1) * EPOCH_WIDTH / (right - left)));
  return [1, ...Array.from({ length: Math.floor(last / step) }, (_, index) => (index + 1) * step).filter(epoch => epoch > 1)];
}

/**
 * Spreads labels over a column so that none overlap, each as close to its line's end as possible.
 * @param {number[]} ends heights of the line ends, in ascending order
 * @returns {number[]} heights of the labels
 */
export function spreadLabels(ends, labelHeight, ceiling, floor) {
  const heights = [];
  for (const end of ends)
    heights.push(Math.max(end, heights.length ? heights.at(-1) + labelHeight : ceiling));
  for (let index = heights.length - 1, limit = floor; index >= 0; index--, limit = heights[index + 1] - labelHeight)
    heights[index] = Math.min(heights[index], limit);
  return heights;
}

/** @returns {number} 1, 2 or 5 times a power of ten, at least `least` */
export function roundStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * [1, 2, 5, 10].find(factor => factor * power >= least * (1 - 1e-9));
}
