// Where a network looks: a heat map over the image that it got, for the class that one points at among the probabilities.

import { Newest, where } from './api.js';
import { heatPalette, paintPixels } from './colours.js';

const METHODS = '#where input[name="method"]';

// A pointer on its way across the list asks nothing.
const PATIENCE = 60;

/** Calls `changed` when the other method is chosen. */
export function onMethodChange(changed) {
  for (const input of document.querySelectorAll(METHODS))
    input.addEventListener('change', changed);
}

/** The heat map of one network. */
export class HeatMap {
  #canvas;
  #newest = new Newest();
  #timer = 0;

  /** @param {HTMLCanvasElement} canvas lies over the image */
  constructor(canvas) {
    this.#canvas = canvas;
    canvas.hidden = true;
  }

  /**
   * Shows what speaks for a class, as soon as the server has it.
   * @param {number | null} classNumber null for none
   * @param {import('./api.js').Question} question
   * @param {(error: Error) => void} fail
   */
  show(classNumber, question, fail) {
    clearTimeout(this.#timer);
    if (classNumber === null || !question.picture)
      this.hide();
    else
      this.#timer = setTimeout(() => this.#ask(classNumber, question).catch(fail), PATIENCE);
  }

  /** Takes it away. */
  hide() {
    clearTimeout(this.#timer);
    this.#newest.stop();
    this.#canvas.hidden = true;
  }

  async #ask(classNumber, question) {
    const method = document.querySelector(`${METHODS}:checked`).value;
    const frame = await this.#newest.ask(signal => where(question, method, classNumber, signal));
    if (frame)
      this.#paint(frame);
  }

  #paint(frame) {
    const { height, width, zero, offset, method, class: classNumber } = frame.json;
    const bytes = frame.bytes(offset, height * width);
    const palette = heatPalette(zero);
    paintPixels(this.#canvas, height, width, index => palette[bytes[index]]);
    this.#canvas.dataset.class = classNumber;
    this.#canvas.dataset.method = method;
    this.#canvas.hidden = false;
  }
}
