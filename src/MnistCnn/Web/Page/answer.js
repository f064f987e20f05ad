// What a network answers: the image that it really got, its answer, and the probability of each class.

import { onThemeChange, packed, paintPixels } from './colours.js';
import { number, percent, text } from './text.js';

// With more classes, the likeliest are shown.
const MOST_CLASSES = 12;
const SHOWN_CLASSES = 10;

/** The panel of one network. Tells `onClass(class or null)` which class one points at. */
export class AnswerPanel {
  /** The panel in the page. @type {HTMLElement} */
  element = document.querySelector('#panel').content.cloneNode(true).firstElementChild;

  /** Shows a heat map over the image. @type {HTMLCanvasElement} */
  heat = this.element.querySelector('.heat');

  #model;
  #bars;
  #look = null;
  #held = null;
  #onClass;
  #ended = new AbortController();

  /**
   * @param {object} model
   * @param {string} answerId the id that its answer has in the page
   * @param {(classNumber: number | null) => void} onClass
   */
  constructor(model, answerId, onClass) {
    this.#model = model;
    this.#onClass = onClass;
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

  /** The class that one points at, or null. */
  get pointedAt() {
    return this.#held;
  }

  /** What it says now, in a line; empty while nothing is drawn. */
  get announcement() {
    if (!this.#look || this.#look.json.blank)
      return '';
    const [best] = this.#ranking();
    return text('announcement', {
      model: this.#model.title, answer: this.#model.classes[best], share: percent(this.#look.json.probabilities[best]),
    });
  }

  /** @param {import('./api.js').Frame} look */
  show(look) {
    this.#look = look;
    this.#paint();
    this.#write();
  }

  /** Writes again in the page's language. */
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

  /** Ends it. */
  close() {
    this.#ended.abort();
    this.element.remove();
  }

  #listen() {
    const list = this.element.querySelector('.probabilities');
    const classOf = event => event.target.closest('.probability')?.dataset.class;
    const hold = event => this.#hold(classOf(event) ?? null);
    list.addEventListener('pointerover', hold);
    list.addEventListener('focusin', hold);
    list.addEventListener('pointerleave', () => this.#hold(list.querySelector(':focus-visible')?.dataset.class ?? null));
    list.addEventListener('focusout', () => this.#hold(null));
  }

  #hold(classNumber) {
    const held = classNumber === null ? null : Number(classNumber);
    if (held === this.#held)
      return;
    this.#held = held;
    this.#onClass(held);
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
      this.element.querySelector('.sureness').textContent = text('blank');
      return;
    }

    const { blank, label, probabilities } = this.#look.json;
    const { classes } = this.#model;
    const ranking = this.#ranking();
    const best = ranking[0];
    this.element.classList.toggle('blank', blank);
    this.element.querySelector('.answer').textContent = blank ? '–' : classes[best];
    this.element.querySelector('.sureness').textContent = blank ? text('blank') : sureness(probabilities[best], best, label, classes);
    this.element.querySelector('.headline').classList.toggle('wrong', !blank && label !== null && label !== best);
    const shown = this.#bars.length === classes.length ? [...classes.keys()] : ranking;
    this.#bars.forEach((bar, place) => bar.show(shown[place], classes[shown[place]], probabilities[shown[place]], shown[place] === best && !blank));
  }
}

// One class: a button, so that the keyboard reaches it too.
class Bar {
  element = document.createElement('li');
  #button = document.createElement('button');
  #parts = Object.fromEntries(['name', 'bar', 'share'].map(part => [part, document.createElement('span')]));

  constructor() {
    this.#button.type = 'button';
    this.#button.className = 'probability';
    for (const [name, part] of Object.entries(this.#parts))
      part.className = name;
    this.#button.append(...Object.values(this.#parts));
    this.element.append(this.#button);
  }

  show(classNumber, name, share, isBest) {
    this.#button.dataset.class = classNumber;
    this.#button.dataset.share = share;
    this.#button.classList.toggle('best', isBest);
    this.#parts.name.textContent = name;
    this.#parts.share.textContent = percent(share);
    this.#parts.bar.style.setProperty('--share', share);
  }
}

function sureness(share, best, label, classes) {
  if (label === null)
    return percent(share);
  return text(label === best ? 'right' : 'wrong', { share: percent(share), label: classes[label] });
}
