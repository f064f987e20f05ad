// The pen: mouse, finger, a pen with its pressure, or the keyboard. What is drawn is kept as strokes, so that the last can be
// taken back, and as a small picture for the server.

import { text } from './text.js';

// Of the sheet that is drawn on, whatever size it has on the screen.
const SIDE = 280;
const WIDTH = 22;
const STEP = 10;

// Of the picture that the server gets: enough for the 28x28 pixels that a network gets, and the fewer, the sooner its ink is found.
// A multiple of four, as the rows of a BMP are.
const SENT_SIDE = 112;

/** @typedef {{x: number, y: number, width: number}} Point */

/** A sheet to draw on. Tells `onChange(time)` when ink was added or taken away, and `onStroke()` when a stroke is complete. */
export class Pen {
  #canvas;
  #cursor;
  #announce;
  #ink = inkCanvas();
  #strokes = [];
  #current = null;
  #pointer = null;
  #keys = { x: SIDE / 2, y: SIDE / 2, isDown: false };
  #changed;
  #completed;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {HTMLElement} cursor shows where the pen of the keyboard is
   * @param {{onChange: (time: number) => void, onStroke: () => void, announce: (line: string) => void}} listeners
   */
  constructor(canvas, cursor, { onChange, onStroke, announce }) {
    this.#canvas = canvas;
    this.#cursor = cursor;
    this.#announce = announce;
    this.#changed = onChange;
    this.#completed = onStroke;
    canvas.addEventListener('pointerdown', event => this.#down(event));
    canvas.addEventListener('pointermove', event => this.#move(event));
    canvas.addEventListener('pointerup', event => this.#up(event));
    canvas.addEventListener('pointercancel', event => this.#up(event));
    canvas.addEventListener('keydown', event => this.#key(event));
    canvas.addEventListener('focus', () => this.#showCursor());
    canvas.addEventListener('blur', () => this.#liftKeys());
    new ResizeObserver(() => this.repaint()).observe(canvas);
  }

  /** Whether nothing is drawn. */
  get isEmpty() {
    return this.#strokes.length === 0;
  }

  /** Takes the last stroke back. */
  undo() {
    if (this.isEmpty)
      return;
    this.#strokes.pop();
    this.#endStroke();
    this.repaint();
    this.#changed(performance.now());
    this.#completed();
  }

  /** Takes a new sheet. Nobody is told. */
  clear() {
    this.#strokes = [];
    this.#current = null;
    this.repaint();
  }

  /** Draws all strokes again: on a new sheet, in another size or in another theme's colours. */
  repaint() {
    const pixels = Math.round(this.#canvas.clientWidth * devicePixelRatio) || SIDE;
    this.#canvas.width = this.#canvas.height = pixels;
    this.#ink = inkCanvas();
    for (const { points } of this.#strokes)
      for (let index = 0; index < points.length; index++)
        this.#paint(points[Math.max(0, index - 1)], points[index]);
  }

  /** @returns {Uint8Array} what is drawn, dark on light, as a BMP file: a PNG takes longer to make than all else */
  picture() {
    const { data } = this.#ink.getImageData(0, 0, SENT_SIDE, SENT_SIDE);
    const file = new Uint8Array(bmpHeader.length + SENT_SIDE * SENT_SIDE);
    file.set(bmpHeader);
    for (let index = bmpHeader.length, pixel = 0; index < file.length; index++, pixel += 4)
      file[index] = data[pixel];
    return file;
  }

  #down(event) {
    if (this.#pointer !== null || event.button > 0)
      return;
    event.preventDefault();
    this.#canvas.focus({ preventScroll: true });
    this.#cursor.hidden = true;
    this.#pointer = event.pointerId;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#beginStroke(this.#pointOf(event), event.timeStamp);
  }

  #move(event) {
    if (event.pointerId !== this.#pointer || this.#current === null) // it was taken back, or the sheet was
      return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const part of events.length > 0 ? events : [event])
      this.#add(this.#pointOf(part));
    this.#changed(event.timeStamp);
  }

  #up(event) {
    if (event.pointerId !== this.#pointer)
      return;
    this.#pointer = null;
    this.#endStroke();
    this.#completed();
  }

  #pointOf(event) {
    const box = this.#canvas.getBoundingClientRect();
    const pressed = event.pointerType === 'pen' && event.pressure > 0;
    return {
      x: (event.clientX - box.left) / box.width * SIDE,
      y: (event.clientY - box.top) / box.height * SIDE,
      width: pressed ? WIDTH * (0.5 + event.pressure) : WIDTH,
    };
  }

  #beginStroke(point, time) {
    this.#current = { points: [] };
    this.#strokes.push(this.#current);
    this.#changed(time); // whoever listens may take the sheet away that was there before
    this.#add(point);
  }

  #add(point) {
    const { points } = this.#current;
    points.push(point);
    this.#paint(points.at(-2) ?? point, point);
  }

  #endStroke() {
    this.#current = null;
    this.#keys.isDown = false;
  }

  #paint(from, to) {
    const visible = this.#canvas.getContext('2d');
    visible.strokeStyle = getComputedStyle(this.#canvas).color;
    drawLine(visible, from, to, this.#canvas.width / SIDE);
    drawLine(this.#ink, from, to, SENT_SIDE / SIDE);
  }

  #key(event) {
    const [right, down] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [];
    if (right !== undefined)
      this.#moveByKeys(event.shiftKey ? right * STEP * 3 : right * STEP, event.shiftKey ? down * STEP * 3 : down * STEP, event.timeStamp);
    else if (event.key === ' ')
      this.#togglePen(event.timeStamp);
    else if (event.key === 'Backspace' || (event.key === 'z' && (event.ctrlKey || event.metaKey)))
      this.undo();
    else
      return;
    event.preventDefault();
  }

  #moveByKeys(right, down, time) {
    const keys = this.#keys;
    keys.x = Math.min(SIDE, Math.max(0, keys.x + right));
    keys.y = Math.min(SIDE, Math.max(0, keys.y + down));
    this.#showCursor();
    if (!keys.isDown)
      return;
    this.#add({ x: keys.x, y: keys.y, width: WIDTH });
    this.#changed(time);
  }

  #togglePen(time) {
    const keys = this.#keys;
    keys.isDown = !keys.isDown;
    if (keys.isDown) {
      this.#beginStroke({ x: keys.x, y: keys.y, width: WIDTH }, time);
    } else {
      this.#endStroke();
      this.#completed();
    }
    this.#showCursor();
    this.#announce(text(keys.isDown ? 'penDown' : 'penUp'));
  }

  #liftKeys() {
    if (this.#keys.isDown) {
      this.#endStroke();
      this.#completed();
    }
    this.#cursor.hidden = true;
  }

  #showCursor() {
    const { x, y, isDown } = this.#keys;
    this.#cursor.hidden = !this.#canvas.matches(':focus-visible');
    this.#cursor.classList.toggle('down', isDown);
    this.#cursor.style.left = `${x / SIDE * 100}%`;
    this.#cursor.style.top = `${y / SIDE * 100}%`;
  }
}

function inkCanvas() {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = SENT_SIDE;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.fillStyle = 'white';
  context.fillRect(0, 0, SENT_SIDE, SENT_SIDE);
  context.strokeStyle = 'black';
  return context;
}

function drawLine(context, from, to, scale) {
  context.lineCap = context.lineJoin = 'round';
  context.lineWidth = (from.width + to.width) / 2 * scale;
  context.beginPath();
  context.moveTo(from.x * scale, from.y * scale);
  context.lineTo(to.x * scale, to.y * scale);
  context.stroke();
}

// Of a BMP file with a byte a pixel, its rows from top to bottom.
const bmpHeader = (() => {
  const greys = 256;
  const header = new Uint8Array(14 + 40 + 4 * greys);
  const view = new DataView(header.buffer);
  header.set([0x42, 0x4D]);
  view.setUint32(2, header.length + SENT_SIDE * SENT_SIDE, true);
  view.setUint32(10, header.length, true);
  view.setUint32(14, 40, true);
  view.setInt32(18, SENT_SIDE, true);
  view.setInt32(22, -SENT_SIDE, true);
  view.setUint16(26, 1, true);
  view.setUint16(28, 8, true);
  view.setUint32(34, SENT_SIDE * SENT_SIDE, true);
  view.setUint32(46, greys, true);
  for (let grey = 0; grey < greys; grey++)
    header.fill(grey, 54 + 4 * grey, 57 + 4 * grey);
  return header;
})();
