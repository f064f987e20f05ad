// The colour scale of all feature maps: blue below zero, orange above, the colour of the background at zero. Readers with any colour
// vision can distinguish the two.

import { createElement } from './elements.js';

const darkTheme = matchMedia('(prefers-color-scheme: dark)');

// From level -1 to 1, in equal steps: red, green, blue.
const LIGHT = [[16, 68, 133], [43, 112, 184], [136, 183, 224], [247, 245, 240], [246, 183, 115], [214, 112, 26], [143, 60, 4]];
const DARK = [[166, 211, 255], [94, 160, 227], [46, 88, 138], [29, 34, 43], [138, 80, 28], [232, 146, 58], [255, 214, 153]];

const palettes = new Map();

/**
 * Calls `repaint` when the browser switches between light and dark.
 * @param {() => void} repaint
 * @param {AbortSignal} [signal] removes the listener
 */
export function onThemeChange(repaint, signal) {
  darkTheme.addEventListener('change', repaint, { signal });
}

/**
 * Colour of a level of the scale.
 * @param {number} level from -1 to 1; levels beyond are clamped
 * @returns {[number, number, number]} red, green and blue
 */
export function colourOf(level) {
  const stops = darkTheme.matches ? DARK : LIGHT;
  const position = (Math.min(1, Math.max(-1, level)) + 1) / 2 * (stops.length - 1);
  const below = Math.min(Math.floor(position), stops.length - 2);
  return stops[below].map((value, part) => Math.round(value + (position - below) * (stops[below + 1][part] - value)));
}

/** @returns {string} `colourOf` in CSS */
export function cssColour(level) {
  return `rgb(${colourOf(level).join(' ')})`;
}

/** Colour of text on `cssColour(level)`: black or white, with the higher contrast, which is at least 4.5. */
export function textOn(level) {
  const [red, green, blue] = colourOf(level).map(luminanceOf);
  const light = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  return light + 0.05 > Math.sqrt(0.05 * 1.05) ? '#000000' : '#ffffff';
}

// Linear luminance of an sRGB byte, from 0 to 1.
function luminanceOf(byte) {
  const level = byte / 255;
  return level <= 0.04045 ? level / 12.92 : ((level + 0.055) / 1.055) ** 2.4;
}

/** Level of a quantized value. `zero` is the byte of the value zero: 0 or 128. */
export const levelOf = (byte, zero) => (byte - zero) / (255 - zero);

/**
 * Colours of the 256 quantized values of a layer, as in ImageData.
 * @param {number} zero the byte of the value zero: 0 or 128
 * @returns {Uint32Array}
 */
export function paletteOf(zero) {
  const key = `${zero} ${darkTheme.matches}`;
  if (!palettes.has(key))
    palettes.set(key, Uint32Array.from({ length: 256 }, (_, byte) => packed(colourOf(levelOf(byte, zero)))));
  return palettes.get(key);
}

/**
 * The same for heat maps, which are transparent near zero.
 * @param {number} zero the byte of the value zero: 0 or 128
 * @returns {Uint32Array}
 */
export function heatPalette(zero) {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    const level = levelOf(byte, zero);
    const tone = Math.sign(level) * (0.3 + 0.5 * Math.abs(level));
    return packed(colourOf(tone), Math.round(235 * Math.min(1, Math.abs(level) * 1.6)));
  });
}

/** A pixel of ImageData on little-endian machines; all browsers run on these. */
export function packed([red, green, blue], alpha = 255) {
  return (alpha << 24 | blue << 16 | green << 8 | red) >>> 0;
}

/**
 * Paints a feature map, one pixel per value.
 * @param {HTMLCanvasElement} canvas is resized
 * @param {ArrayLike<number>} values (height, width)
 * @param {number} largest the absolute value of level 1
 */
export function paintValues(canvas, values, height, width, largest) {
  const palette = paletteOf(128);
  const step = largest ? 127 / largest : 0;
  paintPixels(canvas, height, width, index => palette[Math.round(128 + step * values[index])]);
}

/**
 * Paints an image pixel by pixel, row by row.
 * @param {HTMLCanvasElement} canvas is resized
 * @param {(index: number) => number} pixelOf returns a pixel as `packed` does
 */
export function paintPixels(canvas, height, width, pixelOf) {
  canvas.width = width;
  canvas.height = height;
  const data = new ImageData(width, height);
  const pixels = new Uint32Array(data.data.buffer);
  for (let index = 0; index < pixels.length; index++)
    pixels[index] = pixelOf(index);
  canvas.getContext('2d').putImageData(data, 0, 0);
}

/** The largest absolute value in some lists. */
export function largestOf(...lists) {
  let largest = 0;
  for (const list of lists)
    for (const value of list)
      largest = Math.max(largest, Math.abs(value));
  return largest;
}

/**
 * Shows a bar with the colours of a scale, and the values at its ends.
 * @param {HTMLElement} container
 * @param {number} lowest 0 or less
 * @param {number} highest
 * @param {(value: number) => string} write
 */
export function showLegend(container, lowest, highest, write) {
  const bar = document.createElement('canvas');
  const largest = Math.max(-lowest, highest);
  const steps = Float32Array.from({ length: 128 }, (_, step) => lowest + (highest - lowest) * step / 127);
  paintValues(bar, steps, 1, steps.length, largest);
  bar.setAttribute('aria-hidden', 'true');
  container.replaceChildren(createElement('span', {}, write(lowest)), bar, createElement('span', {}, write(highest)));
}
