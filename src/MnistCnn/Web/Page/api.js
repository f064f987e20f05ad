// Requests to the server.

import { Frame } from './frame.js';
import { text } from './text.js';

/** A failure with a message for the user, in one line. */
export class Problem extends Error {}

/**
 * Index of one of the model's test images, or an image file.
 * @typedef {{image: number} | {body: Blob | Uint8Array}} ImageSource
 *
 * Changes to the image before inference.
 * @typedef {{right: number, down: number, degrees: number, scale: number, thicker: number}} Changes
 *
 * Id of a model, an image, its changes, and the active ablations, as `wireOf` formats them.
 * @typedef {{id: string, image: ImageSource, changes: Changes, wires: string[]}} Query
 */

/** @type {Changes} */
export const unchanged = Object.freeze({ right: 0, down: 0, degrees: 0, scale: 1, thicker: 0 });

/** @returns {Promise<object[]>} the models named at the start */
export const models = () => readJson('api/models');

/** @returns {Promise<object>} a model with its graph and its ablations */
export const model = id => readJson(path(id));

/** @returns {Promise<{count: number, folder: string, labels: number[]}>} */
export const images = id => readJson(path(id, 'images'));

/** @returns {Promise<Blob>} a test image as PNG */
export const imageFile = async (id, index) => (await request(imageUrl(id, index))).blob();

/** @returns {Promise<{labels: number[], predictions: number[], confidences: number[]}>} predictions for all test images */
export const evaluation = id => readJson(path(id, 'evaluation'));

/** @returns {string} URL of a test image */
export const imageUrl = (id, index) => path(id, 'images', `${index}.png`);

/** @returns {Promise<{folder: string, runs: object[]}>} all runs, the latest first */
export const runs = () => readJson('api/runs');

/**
 * Prediction, probabilities and feature maps of an image.
 * @param {Query} query
 * @param {number} maps most feature maps per layer
 * @param {AbortSignal} signal
 * @returns {Promise<Frame>}
 */
export const look = (query, maps, signal) => readFrame('look', query, { maps, size: 64 }, signal);

/** One feature map and its inputs. */
export const map = (query, node, channel, signal) => readFrame('map', query, { node, channel }, signal);

/** Saliency of each pixel for a class. */
export const saliency = (query, method, classIndex, signal) => readFrame('where', query, { method, class: classIndex }, signal);

/** Formats an ablation for a query. */
export const wireOf = ({ override: { node, input, replacement } }) => `${node}:${input}:${replacement ?? ''}`;

function path(...parts) {
  return ['api/models', ...parts.map(encodeURIComponent)].join('/');
}

async function readJson(url) {
  return (await request(url)).json();
}

async function readFrame(view, { id, image, changes, wires }, more, signal) {
  const parameters = new URLSearchParams(more);
  for (const [name, value] of Object.entries(changes))
    if (value !== unchanged[name])
      parameters.set(name, value);
  for (const wire of wires)
    parameters.append('wire', wire);
  if ('image' in image)
    parameters.set('image', image.image);
  const options = 'body' in image ? { method: 'POST', body: image.body, signal } : { signal };
  return new Frame(await (await request(`${path(id, view)}?${parameters}`, options)).arrayBuffer());
}

async function request(url, options) {
  const response = await fetch(url, options).catch(error => {
    throw options?.signal?.aborted ? error : new Problem(text('noServer'));
  });
  if (response.ok)
    return response;
  if (response.status === 401)
    throw new Problem(text('noToken'));
  const body = await response.json().catch(() => null);
  throw new Problem(body?.error ?? `${response.status} ${response.statusText}`);
}
