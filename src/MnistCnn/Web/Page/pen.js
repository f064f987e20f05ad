// Drawing with mouse, finger, pressure-sensitive pen or keyboard. The drawing is stored as strokes, for undo, and as a small image for the
// server.

import { text } from './text.js';

// Units of the canvas, whatever its size on the screen.
const SIDE = 280;
const WIDTH = 22;
const STEP = 10;

// Pixels of the image for the server. Networks read 28x28 pixels, and small images are preprocessed faster. Rows of a BMP file have a
// multiple of four bytes.
const SENT_SIDE = 112;

/** @typedef {{x: number, y: number, width: number}} Point */

/** A canvas to draw on. */
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

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {HTMLElement} cursor marks the pen of the keyboard
   * @param {{onChange: () => void, announce: (line: string) => void}} listeners called when ink is added or removed, and with texts for
   *   screen readers
   */
  constructor(canvas, cursor, { onChange, announce }) {
    this.#canvas = canvas;
    this.#cursor = cursor;
    this.#announce = announce;
    this.#changed = onChange;
    canvas.addEventListener('pointerdown', event => this.#down(event));
    canvas.addEventListener('pointermove', event => this.#move(event));
    canvas.addEventListener('pointerup', event => this.#up(event));
    canvas.addEventListener('pointercancel', event => this.#up(event));
    canvas.addEventListener('keydown', event => this.#key(event));
    canvas.addEventListener('focus', () => this.#showCursor());
    canvas.addEventListener('blur', () => this.#liftKeys());
    new ResizeObserver(() => this.repaint()).observe(canvas);
  }

  get isEmpty() {
    return this.#strokes.length === 0;
  }

  /** Removes the last stroke. */
  undo() {
    if (this.isEmpty)
      return;
    this.#strokes.pop();
    this.#endStroke();
    this.repaint();
    this.#changed();
  }

  /** Removes all strokes, without calling `onChange`. */
  clear() {
    this.#strokes = [];
    this.#current = null;
    this.repaint();
  }

  /** Redraws all strokes, for example in another size or in the colours of another theme. */
  repaint() {
    const pixels = Math.round(this.#canvas.clientWidth * devicePixelRatio) || SIDE;
    this.#canvas.width = this.#canvas.height = pixels;
    this.#ink = inkCanvas();
    for (const { points } of this.#strokes)
      for (let index = 0; index < points.length; index++)
        this.#paint(points[Math.max(0, index - 1)], points[index]);
  }

  /** @returns {Uint8Array} the drawing, dark on light, as a BMP file; encoding a PNG would take longer than the inference */
  toBmp() {
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
    this.#beginStroke(this.#pointOf(event));
  }

  #move(event) {
    if (event.pointerId !== this.#pointer || this.#current === null) // the stroke was removed meanwhile
      return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const part of events.length > 0 ? events : [event])
      this.#add(this.#pointOf(part));
    this.#changed();
  }

  #up(event) {
    if (event.pointerId !== this.#pointer)
      return;
    this.#pointer = null;
    this.#endStroke();
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

  #beginStroke(point) {
    this.#current = { points: [] };
    this.#strokes.push(this.#current);
    this.#add(point);
    this.#changed();
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
      this.#moveByKeys(event.shiftKey ? right * STEP * 3 : right * STEP, event.shiftKey ? down * STEP * 3 : down * STEP);
    else if (event.key === ' ')
      this.#togglePen();
    else if (event.key === 'Backspace' || (event.key === 'z' && (event.ctrlKey || event.metaKey)))
      this.undo();
    else
      return;
    event.preventDefault();
  }

  #moveByKeys(right, down) {
    const keys = this.#keys;
    keys.x = Math.min(SIDE, Math.max(0, keys.x + right));
    keys.y = Math.min(SIDE, Math.max(0, keys.y + down));
    this.#showCursor();
    if (!keys.isDown)
      return;
    this.#add({ x: keys.x, y: keys.y, width: WIDTH });
    this.#changed();
  }

  #togglePen() {
    const keys = this.#keys;
    keys.isDown = !keys.isDown;
    if (keys.isDown) {
      this.#beginStroke({ x: keys.x, y: keys.y, width: WIDTH });
    } else {
      this.#endStroke();
    }
    this.#showCursor();
    this.#announce(text(keys.isDown ? 'penDown' : 'penUp'));
  }

  #liftKeys() {
    if (this.#keys.isDown) {
      this.#endStroke();
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

// Header of a BMP file with one byte per pixel and rows from top to bottom.
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
