// Images that are not drawn: test images, and files that are chosen, dropped or pasted.

import { evaluation, images, Problem } from './api.js';
import { number, text } from './text.js';

const LARGEST_FILE = 8 << 20;

/** Navigation through the test images of a network: the next, a random one, the next mistake. */
export class TestImages {
  #choose;
  #fail;
  #model = null;
  #labels = [];
  #index = null;
  #mistakes = null;
  #caption = document.querySelector('#image-caption');

  /**
   * @param {(index: number) => void} choose is called with the index of an image
   * @param {(error: Error) => void} fail
   */
  constructor(choose, fail) {
    this.#choose = choose;
    this.#fail = fail;
    onClick('#previous-image', () => this.#go(-1));
    onClick('#next-image', () => this.#go(1));
    onClick('#random-image', () => this.choose(Math.floor(Math.random() * this.#labels.length)));
    onClick('#mistake', () => this.#nextMistake());
  }

  /** Returns a key that is the same for models with the same test images; null without images. */
  static async dataSetKey(model) {
    if (!model.has_images)
      return null;
    const { folder, count } = await images(model.id);
    return `${count} ${folder}`;
  }

  /** Switches to another network. */
  async use(model) {
    this.#model = model;
    this.#mistakes = null;
    this.#labels = model.has_images ? (await images(model.id)).labels : [];
    document.querySelector('#images').hidden = !model.has_images;
    this.describe();
  }

  /** Chooses an image; the index is clamped. */
  choose(index) {
    this.#index = Math.min(this.#labels.length - 1, Math.max(0, index));
    this.describe();
    this.#choose(this.#index);
  }

  /** Removes the caption: another image is shown. */
  leave() {
    this.#caption.textContent = text('imagesHint');
  }

  /** Shows the caption of the current image. */
  describe() {
    if (this.#index === null || this.#labels.length === 0)
      return this.leave();
    const label = this.#model.classes[this.#labels[this.#index]];
    this.#caption.textContent = text('imageCaption', { index: number(this.#index + 1), count: number(this.#labels.length), label });
  }

  #go(step) {
    const count = this.#labels.length;
    this.choose(this.#index === null ? 0 : (this.#index + step + count) % count);
  }

  async #nextMistake() {
    const model = this.#model;
    const button = document.querySelector('#mistake');
    button.disabled = true;
    this.#caption.textContent = text('looking');
    try {
      this.#mistakes ??= await mistakesOf(model);
    } catch (error) {
      this.#fail(error);
    } finally {
      button.disabled = false;
    }
    if (model !== this.#model || this.#mistakes === null)
      return;
    const next = this.#mistakes.find(mistake => mistake > (this.#index ?? -1)) ?? this.#mistakes[0];
    if (next === undefined)
      this.#caption.textContent = text('noMistake');
    else
      this.choose(next);
  }
}

/** Accepts image files from the file button, the clipboard, and drag and drop. */
export function acceptFiles(accept, fail) {
  const input = document.querySelector('#file');
  input.addEventListener('change', () => {
    check(input.files[0]);
    input.value = '';
  });
  addEventListener('paste', event => check(event.clipboardData.files[0]));
  addEventListener('dragover', event => {
    if (event.dataTransfer.types.includes('Files'))
      event.preventDefault();
  });
  addEventListener('drop', event => {
    if (event.dataTransfer.files.length > 0) {
      event.preventDefault();
      check(event.dataTransfer.files[0]);
    }
  });

  function check(file) {
    if (!file)
      return;
    if (file.size > LARGEST_FILE)
      fail(new Problem(text('tooLarge', { name: file.name, size: number(file.size / (1 << 20), 1) })));
    else
      accept(file);
  }
}

/**
 * Shows an image centred on a square canvas, with sharp pixels if it is enlarged.
 * @param {HTMLCanvasElement} canvas
 * @param {Blob} image
 */
export async function showImage(canvas, image) {
  const bitmap = await createImageBitmap(image);
  const side = canvas.width;
  const scale = Math.min(side / bitmap.width, side / bitmap.height);
  const context = canvas.getContext('2d');
  context.clearRect(0, 0, side, side);
  context.imageSmoothingEnabled = scale < 1;
  context.drawImage(
    bitmap, (side - bitmap.width * scale) / 2, (side - bitmap.height * scale) / 2, bitmap.width * scale, bitmap.height * scale);
  bitmap.close();
}

async function mistakesOf(model) {
  const { labels, predictions } = await evaluation(model.id);
  return labels.flatMap((label, index) => label === predictions[index] ? [] : [index]);
}

function onClick(selector, action) {
  document.querySelector(selector).addEventListener('click', action);
}
