// The prediction of a network: the preprocessed image, the predicted class and the probability of each class.

import { onThemeChange, packed, paintPixels } from './colours.js';
import { number, percent, text } from './text.js';

// With more classes, only the most probable ones are shown.
const MOST_CLASSES = 12;
const SHOWN_CLASSES = 10;

/** The panel of one network. */
export class AnswerPanel {
  /** @type {HTMLElement} */
  element = document.querySelector('#panel').content.cloneNode(true).firstElementChild;

  /** Lies over the image. @type {HTMLCanvasElement} */
  heat = this.element.querySelector('.heat');

  #model;
  #bars;
  #look = null;
  #hovered = null;
  #onHover;
  #ended = new AbortController();

  /**
   * @param {object} model
   * @param {string} answerId HTML id of the predicted class
   * @param {() => void} onHover called when the pointer or the focus reaches or leaves a class
   */
  constructor(model, answerId, onHover) {
    this.#model = model;
    this.#onHover = onHover;
    this.element.dataset.model = model.id;
    this.element.querySelector('.answer').id = answerId;
    this.element.querySelector('.pixels').style.aspectRatio = `${model.width} / ${model.height}`;
    const count = model.classes.length > MOST_CLASSES ? SHOWN_CLASSES : model.classes.length;
    this.#bars = Array.from({ length: count }, () => new Bar());
    this.element.querySelector('.probabilities').append(...this.#bars.map(bar => bar.element));
    this.#listen();
    this.translate();
    onThemeChange(() => this.#paint(), this.#ended.signal);
  }

  /** Index of the class under the pointer or with the focus, or null. */
  get hoveredClass() {
    return this.#hovered;
  }

  /** The prediction as a sentence; empty without an image. */
  get announcement() {
    if (!this.#look || this.#look.json.blank)
      return '';
    const [best] = this.#ranking();
    return text('announcement', {
      model: this.#model.title, answer: this.#model.classes[best], share: percent(this.#look.json.probabilities[best]),
    });
  }

  /** @param {import('./frame.js').Frame} look */
  show(look) {
    this.#look = look;
    this.#paint();
    this.#write();
  }

  /** Updates all texts to the page's language. */
  translate() {
    const { title, parameters, test_accuracy: accuracy, chosen_on_test: isChosen, height, width } = this.#model;
    this.element.querySelector('h2').textContent = title;
    this.element.querySelector('.facts').textContent = [
      text('parameters', { count: number(parameters) }),
      ...accuracy === null ? [] : [text('accuracy', { share: percent(accuracy / 100, 2) }) + (isChosen ? text('chosenOnTest') : '')],
    ].join(' · ');
    const size = { height, width };
    this.element.querySelector('figcaption').textContent = text('seenCaption', size);
    this.element.querySelector('.image').setAttribute('aria-label', text('seenLabel', size));
    this.#write();
  }

  close() {
    this.#ended.abort();
    this.element.remove();
  }

  #listen() {
    const list = this.element.querySelector('.probabilities');
    const classOf = event => event.target.closest('.probability')?.dataset.class;
    const hover = event => this.#hover(classOf(event) ?? null);
    list.addEventListener('pointerover', hover);
    list.addEventListener('focusin', hover);
    list.addEventListener('pointerleave', () => this.#hover(list.querySelector(':focus-visible')?.dataset.class ?? null));
    list.addEventListener('focusout', () => this.#hover(null));
  }

  #hover(classIndex) {
    const hovered = classIndex === null ? null : Number(classIndex);
    if (hovered === this.#hovered)
      return;
    this.#hovered = hovered;
    this.#onHover();
  }

  #ranking() {
    const { probabilities } = this.#look.json;
    return probabilities.map((_, index) => index).sort((a, b) => probabilities[b] - probabilities[a]);
  }

  #paint() {
    if (!this.#look)
      return;
    const { shape: [channels, height, width], offset } = this.#look.json.image;
    const bytes = this.#look.bytes(offset, channels * height * width);
    const size = height * width;
    paintPixels(this.element.querySelector('.image'), height, width, channels === 3
      ? pixel => packed([bytes[pixel], bytes[size + pixel], bytes[2 * size + pixel]])
      : pixel => packed([bytes[pixel], bytes[pixel], bytes[pixel]]));
  }

  #write() {
    if (!this.#look) {
      this.element.querySelector('.confidence').textContent = text('blank');
      return;
    }

    const { blank, digits, label, probabilities } = this.#look.json;
    const { classes } = this.#model;
    const ranking = this.#ranking();
    const best = ranking[0];
    this.element.classList.toggle('blank', blank);
    this.element.querySelector('.answer').textContent = blank ? '–' : classes[best];
    this.element.querySelector('.confidence').textContent = blank
      ? text('blank')
      : confidence(probabilities[best], best, label, classes) + (digits > 1 ? text('severalDigits', { count: number(digits) }) : '');
    this.element.querySelector('.headline').classList.toggle('wrong', !blank && label !== null && label !== best);
    const shown = this.#bars.length === classes.length ? [...classes.keys()] : ranking;
    this.#bars.forEach((bar, index) => {
      const classIndex = shown[index];
      bar.show(classIndex, classes[classIndex], probabilities[classIndex], classIndex === best && !blank);
    });
  }
}

// The bar of one class. It is a button, so that the keyboard reaches it.
class Bar {
  element = document.createElement('li');
  #button = document.createElement('button');
  #parts = Object.fromEntries(['name', 'bar', 'value'].map(part => [part, document.createElement('span')]));

  constructor() {
    this.#button.type = 'button';
    this.#button.className = 'probability';
    for (const [name, part] of Object.entries(this.#parts))
      part.className = name;
    this.#button.append(...Object.values(this.#parts));
    this.element.append(this.#button);
  }

  show(classIndex, name, probability, isBest) {
    this.#button.dataset.class = classIndex;
    this.#button.dataset.probability = probability;
    this.#button.classList.toggle('best', isBest);
    this.#parts.name.textContent = name;
    this.#parts.value.textContent = percent(probability);
    this.#parts.bar.style.setProperty('--share', probability);
  }
}

function confidence(probability, best, label, classes) {
  if (label === null)
    return percent(probability);
  return text(label === best ? 'right' : 'wrong', { share: percent(probability), label: classes[label] });
}
