// What the server is asked, and how its answers are read. An answer with maps is a frame: the length of its JSON, the JSON,
// and the bytes that the JSON points into.

import { text } from './text.js';

/** What the reader is told where something cannot be done, in one line. */
export class Problem extends Error {}

/**
 * A picture to look at: one of the model's test images, or the bytes of a picture file.
 * @typedef {{image: number} | {body: Blob | Uint8Array}} Picture
 *
 * What is changed before the network gets it.
 * @typedef {{right: number, down: number, degrees: number, scale: number, thicker: number}} Changes
 *
 * What a network is shown: its id, the picture, and the switches that are on, as `wireOf` writes them.
 * @typedef {{id: string, picture: Picture, changes: Changes, wires: string[]}} Question
 */

/** @type {Changes} */
export const unchanged = Object.freeze({ right: 0, down: 0, degrees: 0, scale: 1, thicker: 0 });

/** @returns {Promise<object[]>} all models */
export const models = () => readJson('api/models');

/** @returns {Promise<object>} a model with its nodes and switches */
export const model = id => readJson(path(id));

/** @returns {Promise<{count: number, folder: string, labels: number[]}>} */
export const images = id => readJson(path(id, 'images'));

/** @returns {Promise<Blob>} a test image as a picture */
export const imageFile = async (id, index) => (await answered(imageAddress(id, index))).blob();

/** @returns {Promise<{labels: number[], predictions: number[], confidences: number[]}>} of all test images */
export const evaluation = id => readJson(path(id, 'evaluation'));

/** @returns {string} where the picture of a test image is */
export const imageAddress = (id, index) => path(id, 'images', `${index}.png`);

/** @returns {Promise<{folder: string, runs: object[]}>} the runs, the latest first */
export const runs = () => readJson('api/runs');

/**
 * What a network makes of a picture: answer, probabilities, maps.
 * @param {Question} question
 * @param {number} maps the most maps of a layer
 * @param {AbortSignal} signal
 * @returns {Promise<Frame>}
 */
export const look = (question, maps, signal) => readFrame('look', question, { maps, size: 64 }, signal);

/** One map in full, and what it was made of. */
export const map = (question, node, channel, signal) => readFrame('map', question, { node, channel }, signal);

/** Where a network looks for a class. */
export const where = (question, method, classNumber, signal) => readFrame('where', question, { method, class: classNumber }, signal);

/** A switch that is on, as the server takes it. */
export const wireOf = ({ node, input, instead }) => `${node}:${input}:${instead ?? ''}`;

/** An answer with bytes. */
export class Frame {
  #start;
  #buffer;

  /** @param {ArrayBuffer} buffer the whole answer */
  constructor(buffer) {
    const length = new DataView(buffer).getUint32(0, true);
    this.#start = 4 + length;
    this.#buffer = buffer;
    this.json = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  }

  /** @returns {Uint8Array} `count` bytes */
  bytes(at, count) {
    return new Uint8Array(this.#buffer, this.#start + at, count);
  }

  /** @returns {Float32Array} `count` numbers */
  floats(at, count) {
    return new Float32Array(this.#buffer, this.#start + at, count);
  }
}

/**
 * Asks one thing at a time. What is asked meanwhile waits, and only the newest of it: a stroke that a newer one has overtaken
 * is never sent.
 */
export class Newest {
  #running = null;
  #waiting = null;

  /**
   * @template T
   * @param {(signal: AbortSignal) => Promise<T>} request
   * @returns {Promise<T | null>} null where a newer request took its place, or `stop` ended it
   */
  ask(request) {
    this.#waiting?.resolve(null);
    return new Promise((resolve, reject) => {
      this.#waiting = { request, resolve, reject };
      if (!this.#running)
        this.#next();
    });
  }

  /** Ends what is under way and forgets what waits. */
  stop() {
    this.#waiting?.resolve(null);
    this.#waiting = null;
    this.#running?.abort();
  }

  async #next() {
    const { request, resolve, reject } = this.#waiting;
    const running = new AbortController();
    this.#waiting = null;
    this.#running = running;
    try {
      resolve(await request(running.signal));
    } catch (error) {
      if (running.signal.aborted)
        resolve(null);
      else
        reject(error);
    } finally {
      this.#running = null;
      if (this.#waiting)
        this.#next();
    }
  }
}

function path(...parts) {
  return ['api/models', ...parts.map(encodeURIComponent)].join('/');
}

async function readJson(address) {
  return (await answered(address)).json();
}

async function readFrame(what, { id, picture, changes, wires }, more, signal) {
  const query = new URLSearchParams(more);
  for (const [name, value] of Object.entries(changes))
    if (value !== unchanged[name])
      query.set(name, value);
  for (const wire of wires)
    query.append('wire', wire);
  if ('image' in picture)
    query.set('image', picture.image);
  const options = 'body' in picture ? { method: 'POST', body: picture.body, signal } : { signal };
  return new Frame(await (await answered(`${path(id, what)}?${query}`, options)).arrayBuffer());
}

async function answered(address, options) {
  const response = await fetch(address, options).catch(error => {
    throw options?.signal?.aborted ? error : new Problem(text('noServer'));
  });
  if (response.ok)
    return response;
  const told = await response.json().catch(() => null);
  throw new Problem(told?.error ?? `${response.status} ${response.statusText}`);
}
