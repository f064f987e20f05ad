// The one scale of colours that all maps have: blue below zero, orange above, the paper's own colour at zero. People who
// cannot tell red from green can tell these two.

import { made } from './elements.js';

const darkTheme = matchMedia('(prefers-color-scheme: dark)');

// From -1 to 1, in equal steps: red, green, blue.
const LIGHT = [[16, 68, 133], [43, 112, 184], [136, 183, 224], [247, 245, 240], [246, 183, 115], [214, 112, 26], [143, 60, 4]];
const DARK = [[166, 211, 255], [94, 160, 227], [46, 88, 138], [29, 34, 43], [138, 80, 28], [232, 146, 58], [255, 214, 153]];

const palettes = new Map();

/**
 * Calls `repaint` whenever the reader's theme changes.
 * @param {() => void} repaint
 * @param {AbortSignal} [signal] ends that
 */
export function onThemeChange(repaint, signal) {
  darkTheme.addEventListener('change', repaint, { signal });
}

/**
 * The colour of a share of the scale.
 * @param {number} share from -1 to 1; what lies beyond gets the outermost colour
 * @returns {[number, number, number]} red, green and blue
 */
export function colourOf(share) {
  const stops = darkTheme.matches ? DARK : LIGHT;
  const place = (Math.min(1, Math.max(-1, share)) + 1) / 2 * (stops.length - 1);
  const below = Math.min(Math.floor(place), stops.length - 2);
  return stops[below].map((value, part) => Math.round(value + (place - below) * (stops[below + 1][part] - value)));
}

/** @returns {string} `colourOf` as CSS has it */
export function cssColour(share) {
  return `rgb(${colourOf(share).join(' ')})`;
}

/** A colour of text that can be read on `cssColour(share)`: that of black and white which stands out more, at least 4.5 to one. */
export function textOn(share) {
  const [red, green, blue] = colourOf(share).map(lightOf);
  const light = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  return light + 0.05 > Math.sqrt(0.05 * 1.05) ? '#000000' : '#ffffff';
}

// How much light a byte of sRGB stands for, from 0 to 1.
function lightOf(byte) {
  const share = byte / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
}

/** The share of the scale that a byte stands for, where `zero` is the byte that stands for zero: 0 or 128. */
export const shareOf = (byte, zero) => (byte - zero) / (255 - zero);

/**
 * The colours of the 256 bytes of a layer, as ImageData has them.
 * @param {number} zero the byte that stands for zero: 0 or 128
 * @returns {Uint32Array}
 */
export function paletteOf(zero) {
  const key = `${zero} ${darkTheme.matches}`;
  if (!palettes.has(key))
    palettes.set(key, Uint32Array.from({ length: 256 }, (_, byte) => packed(colourOf(shareOf(byte, zero)))));
  return palettes.get(key);
}

/**
 * The same for heat maps, which the picture shines through where they are near zero.
 * @param {number} zero the byte that stands for zero: 0 or 128
 * @returns {Uint32Array}
 */
export function heatPalette(zero) {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    const share = shareOf(byte, zero);
    const tone = Math.sign(share) * (0.3 + 0.5 * Math.abs(share));
    return packed(colourOf(tone), Math.round(235 * Math.min(1, Math.abs(share) * 1.6)));
  });
}

/** One pixel as ImageData has it on little-endian machines, which all browsers' are. */
export function packed([red, green, blue], alpha = 255) {
  return (alpha << 24 | blue << 16 | green << 8 | red) >>> 0;
}

/**
 * Paints float maps in the scale, one pixel a number.
 * @param {HTMLCanvasElement} canvas gets the map's size
 * @param {ArrayLike<number>} values (height, width)
 * @param {number} largest the absolute value that gets the outermost colour
 */
export function paintValues(canvas, values, height, width, largest) {
  const palette = paletteOf(128);
  const step = largest ? 127 / largest : 0;
  paintPixels(canvas, height, width, index => palette[Math.round(128 + step * values[index])]);
}

/**
 * Paints a picture pixel by pixel.
 * @param {HTMLCanvasElement} canvas gets the picture's size
 * @param {(index: number) => number} pixelOf each as `packed` gives it, row by row
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

/** The largest absolute value of some lists of numbers. */
export function largestOf(...lists) {
  let largest = 0;
  for (const list of lists)
    for (const value of list)
      largest = Math.max(largest, Math.abs(value));
  return largest;
}

/**
 * A bar with the colours of a scale and the numbers at its ends.
 * @param {HTMLElement} place
 * @param {number} lowest 0, or below it
 * @param {number} highest
 * @param {(value: number) => string} write
 */
export function showLegend(place, lowest, highest, write) {
  const bar = document.createElement('canvas');
  const largest = Math.max(-lowest, highest);
  const steps = Float32Array.from({ length: 128 }, (_, step) => lowest + (highest - lowest) * step / 127);
  paintValues(bar, steps, 1, steps.length, largest);
  bar.setAttribute('aria-hidden', 'true');
  place.replaceChildren(made('span', '', write(lowest)), bar, made('span', '', write(highest)));
}
