// The arithmetic of convolutions, linear layers and pooling at one position. Does not use the DOM.

/**
 * A window that moves over its input.
 * @typedef {{kernel: [number, number], input: [number, number, number], values: ArrayLike<number>, weights?: Float32Array,
 *   stride: [number, number], padding: [number, number]}} Window
 */

/**
 * Describes a convolution, or a linear layer as a convolution whose window covers the whole input.
 * @param {import('./map.js').Detail} detail
 * @returns {Window}
 */
export function windowOf({ node, json, inputs: [input], kernel, source }) {
  if (node.operation === 'Conv') {
    const { kernel: { shape }, stride, padding } = json;
    return { kernel: shape.slice(1), input: input.shape, values: input.values, weights: kernel, stride, padding };
  }

  const shape = source ?? input.shape;
  return { kernel: shape.slice(1), input: shape, values: input.values, weights: kernel, stride: [1, 1], padding: [0, 0] };
}

/** @returns {number[]} the contribution of each input channel to the output at a position */
export function contributionsOf(window, row, column) {
  const [height, width] = window.kernel;
  const size = height * width;
  return Array.from({ length: window.input[0] }, (_, channel) => patchOf(window, channel, row, column)
    .reduce((sum, value, index) => sum + (value ?? 0) * window.weights[channel * size + index], 0));
}

/** @returns {(number | null)[]} the input values in the window at an output position, row by row; null in the padding */
export function patchOf({ kernel: [height, width], input: [, rows, columns], values, stride, padding }, channel, row, column) {
  const [top, left] = [row * stride[0] - padding[0], column * stride[1] - padding[1]];
  return Array.from({ length: height * width }, (_, index) => {
    const [y, x] = [top + Math.floor(index / width), left + index % width];
    return y < 0 || x < 0 || y >= rows || x >= columns ? null : values[(channel * rows + y) * columns + x];
  });
}

/** @returns {number[]} the channels in descending order of the absolute value of their contributions, `first` before them */
export function rankChannels(contributions, first = null) {
  const order = contributions.map((_, channel) => channel)
    .sort((one, other) => Math.abs(contributions[other]) - Math.abs(contributions[one]));
  return first === null ? order : [first, ...order.filter(channel => channel !== first)];
}
