// Saliency: a heat map over the image for the class under the pointer.

import { saliency } from './api.js';
import { heatPalette, paintPixels } from './colours.js';
import { LatestRequest } from './latest.js';

const METHODS = '#where input[name="method"]';

// Milliseconds; a pointer that crosses the list sends no requests.
const HOVER_DELAY = 60;

/** Calls a listener when the user chooses another method. */
export function onMethodChange(listener) {
  for (const input of document.querySelectorAll(METHODS))
    input.addEventListener('change', listener);
}

/** The heat map of one network. */
export class HeatMap {
  #canvas;
  #requests = new LatestRequest();
  #timer = 0;

  /** @param {HTMLCanvasElement} canvas covers the image */
  constructor(canvas) {
    this.#canvas = canvas;
    canvas.hidden = true;
  }

  /**
   * Requests and shows the heat map of a class.
   * @param {number | null} classIndex null hides the heat map
   * @param {import('./api.js').Query} query
   * @param {(error: Error) => void} fail
   */
  show(classIndex, query, fail) {
    clearTimeout(this.#timer);
    if (classIndex === null || !query.image)
      this.hide();
    else
      this.#timer = setTimeout(() => this.#ask(classIndex, query).catch(fail), HOVER_DELAY);
  }

  hide() {
    clearTimeout(this.#timer);
    this.#requests.stop();
    this.#canvas.hidden = true;
  }

  async #ask(classIndex, query) {
    const method = document.querySelector(`${METHODS}:checked`).value;
    const frame = await this.#requests.ask(signal => saliency(query, method, classIndex, signal));
    if (frame)
      this.#paint(frame);
  }

  #paint(frame) {
    const { height, width, zero, offset, method, class: classIndex } = frame.json;
    const bytes = frame.bytes(offset, height * width);
    const palette = heatPalette(zero);
    paintPixels(this.#canvas, height, width, index => palette[bytes[index]]);
    this.#canvas.dataset.class = classIndex;
    this.#canvas.dataset.method = method;
    this.#canvas.hidden = false;
  }
}
