// Pictures that are not drawn: test images, and files that are chosen, dropped or pasted.

import { evaluation, images, Problem } from './api.js';
import { number, text } from './text.js';

const LARGEST_FILE = 8 << 20;

/** The test images of a network: the next, any, or one that it gets wrong. */
export class TestImages {
  #choose;
  #fail;
  #model = null;
  #labels = [];
  #index = null;
  #mistakes = null;
  #caption = document.querySelector('#image-caption');

  /**
   * @param {(index: number) => void} choose is told which image was chosen
   * @param {(error: Error) => void} fail is told what went wrong
   */
  constructor(choose, fail) {
    this.#choose = choose;
    this.#fail = fail;
    onClick('#previous-image', () => this.#go(-1));
    onClick('#next-image', () => this.#go(1));
    onClick('#random-image', () => this.choose(Math.floor(Math.random() * this.#labels.length)));
    onClick('#mistake', () => this.#nextMistake());
  }

  /** Which images there are of a model's kind. Two models of the same images have the same key. */
  static async keyOf(model) {
    if (!model.has_images)
      return null;
    const { folder, count } = await images(model.id);
    return `${count} ${folder}`;
  }

  /** Takes the images of another network. */
  async use(model) {
    this.#model = model;
    this.#mistakes = null;
    this.#labels = model.has_images ? (await images(model.id)).labels : [];
    document.querySelector('#images').hidden = !model.has_images;
    this.describe();
  }

  /** Chooses an image, or the nearest that there is. */
  choose(index) {
    this.#index = Math.min(this.#labels.length - 1, Math.max(0, index));
    this.describe();
    this.#choose(this.#index);
  }

  /** Another picture is looked at. */
  leave() {
    this.#caption.textContent = text('imagesHint');
  }

  /** Says which image it is. */
  describe() {
    if (this.#index === null || this.#labels.length === 0)
      return this.leave();
    const of = this.#model.classes[this.#labels[this.#index]];
    this.#caption.textContent = text('imageCaption', { index: number(this.#index + 1), count: number(this.#labels.length), label: of });
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

/** Takes picture files wherever they are put: into the page, from the clipboard, or chosen. */
export function takeFiles(take, fail) {
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
      take(file);
  }
}

/**
 * Shows a picture on a canvas, whole and in its middle, each of its pixels sharp where they are enlarged.
 * @param {HTMLCanvasElement} canvas
 * @param {Blob} picture
 */
export async function showPicture(canvas, picture) {
  const bitmap = await createImageBitmap(picture);
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
