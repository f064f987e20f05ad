// The drawing of a network: layers with their feature maps, blocks, and lines between them. Only visible layers are painted.

import { onThemeChange, paletteOf, levelOf, showLegend, textOn } from './colours.js';
import { createElement, createSvg } from './elements.js';
import { blocksOf, LABEL, layOut } from './layout.js';
import { kindOf, nameOf, shapeOf } from './labels.js';
import { figure, text, translate } from './text.js';

// In networks with more layers than this, the blocks are closed at first.
const MANY_LAYERS = 60;
const SHARPEST = 2;
const TURN = 16;
const ROUND = 8;

/** The drawing of one network. */
export class NetworkDrawing {
  /** @type {HTMLElement} */
  element = document.querySelector('#drawing').content.cloneNode(true).firstElementChild;

  #model;
  #listeners;
  #open;
  #layout = null;
  #layers = new Map();
  #frame = null;
  #maps = new Map();
  #painted = new Set();
  #ablations = [];
  #selected = null;
  #scroll = this.element.querySelector('.scroll');
  #stage = this.element.querySelector('.stage');
  #lines = this.element.querySelector('.lines');
  #cursor = document.createElement('div');
  #ended = new AbortController();

  /**
   * @param {object} model with its graph
   * @param {{onChoose: (node: object, channel: number) => void, onMaps: () => void}} listeners called when the user clicks a feature map,
   *   and when the user changes the number of maps per layer
   */
  constructor(model, listeners) {
    this.#model = model;
    this.#listeners = listeners;
    this.#open = new Set(model.nodes.length <= MANY_LAYERS ? blocksOf(model.nodes) : []);
    this.#cursor.className = 'tile-cursor';
    this.#cursor.hidden = true;
    this.element.dataset.model = model.id;
    this.#listen();
    this.translate();
  }

  /** Most feature maps per layer. */
  get mapsPerLayer() {
    return Number(this.element.querySelector('select').value);
  }

  /** Paints the feature maps of an image. @param {import('./frame.js').Frame} frame */
  show(frame) {
    this.#frame = frame;
    this.#maps = new Map(frame.json.layers.map(layer => [layer.node, layer]));
    this.#repaint();
  }

  /** Marks the active ablations. @param {object[]} ablations */
  showAblations(ablations) {
    this.#ablations = ablations;
    this.#drawLines();
  }

  /** Redraws in the page's language. */
  translate() {
    translate(this.element);
    this.element.querySelector('h2').textContent = text('networkTitle', { name: this.#model.title });
    this.element.querySelector('.how').textContent = text('networkHow');
    const hasBlocks = blocksOf(this.#model.nodes).length > 0;
    for (const button of this.element.querySelectorAll('.open-all, .close-all'))
      button.hidden = !hasBlocks;
    this.#draw();
  }

  close() {
    this.#ended.abort();
    this.element.remove();
  }

  #listen() {
    const { signal } = this.#ended;
    const blocks = blocksOf(this.#model.nodes);
    this.element.querySelector('.open-all').addEventListener('click', () => this.#setOpen(blocks));
    this.element.querySelector('.close-all').addEventListener('click', () => this.#setOpen([]));
    this.element.querySelector('select').addEventListener('change', () => {
      this.#draw();
      this.#listeners.onMaps();
    });
    this.#scroll.addEventListener('scroll', () => this.#paintVisible(), { passive: true });
    addEventListener('scroll', () => this.#paintVisible(), { passive: true, signal });
    addEventListener('resize', () => this.#paintVisible(), { signal });
    onThemeChange(() => this.#repaint(), signal);
    this.#stage.addEventListener('pointerover', event => this.#point(event));
    this.#stage.addEventListener('pointermove', event => this.#point(event));
    this.#stage.addEventListener('pointerleave', () => this.#point(null));
    this.#stage.addEventListener('click', event => this.#click(event));
    this.#stage.addEventListener('keydown', event => this.#key(event));
    this.#stage.addEventListener('focusin', event => this.#focus(event));
  }

  #setOpen(blocks) {
    this.#open = new Set(blocks);
    this.#draw();
  }

  #draw() {
    this.#layout = layOut(this.#model.nodes, block => this.#open.has(block), this.mapsPerLayer);
    this.#stage.style.width = `${this.#layout.width}px`;
    this.#stage.style.height = `${this.#layout.height}px`;
    this.#layers = new Map(this.#layout.boxes.map(box => [box.node.name, new Layer(box, this.#model)]));
    const frames = this.#layout.frames.map(frame => this.#frameOf(frame));
    this.#stage.replaceChildren(...frames, this.#lines, ...[...this.#layers.values()].map(layer => layer.element), this.#cursor);
    this.#select(this.#layers.get(this.#selected?.node) ?? [...this.#layers.values()][0], this.#selected?.tile ?? 0);
    this.#drawLines();
    this.#point(null);
    this.#repaint();
  }

  #frameOf(frame) {
    const element = document.createElement('div');
    element.className = 'block';
    element.dataset.block = frame.block;
    setPosition(element, frame);
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'quiet';
    button.setAttribute('aria-expanded', frame.isOpen);
    button.textContent = frame.isOpen ? `${frame.block} · ${text(`block${frame.kind}`)}` : frame.block;
    button.title = text(frame.isOpen ? 'closeBlock' : 'openBlock');
    button.addEventListener('click', () => {
      this.#setOpen(frame.isOpen ? [...this.#open].filter(block => block !== frame.block) : [...this.#open, frame.block]);
      this.#stage.querySelector(`[data-block="${CSS.escape(frame.block)}"] button`).focus();
    });
    element.append(button);
    return element;
  }

  #drawLines() {
    const { width, height, lines } = this.#layout;
    this.#lines.setAttribute('width', width);
    this.#lines.setAttribute('height', height);
    const boxes = new Map(this.#layout.boxes.map(box => [box.node.name, box]));
    this.#lines.replaceChildren(...lines.flatMap(line => {
      const ablation = this.#ablations.find(({ override }) => override.node === line.to.node.name && override.input === line.input);
      const own = pathOf(line, ablation ? 'off' : '');
      const instead = ablation && boxes.get(ablation.override.replacement);
      return instead ? [own, pathOf({ ...line, from: instead, isArc: true, around: line.below }, 'instead')] : [own];
    }), ...this.#layout.boxes.filter(box => box.node.operation === 'Add' && this.#open.has(box.node.block)).map(plusOf));
  }

  #repaint() {
    this.#painted.clear();
    this.#paintVisible();
  }

  #paintVisible() {
    if (!this.#frame)
      return;
    const view = this.#scroll.getBoundingClientRect();
    if (view.bottom < 0 || view.top > innerHeight)
      return;
    const [left, right] = [this.#scroll.scrollLeft, this.#scroll.scrollLeft + this.#scroll.clientWidth];
    for (const [name, layer] of this.#layers) {
      const isVisible = layer.box.x < right && layer.box.x + layer.box.width > left;
      const maps = this.#maps.get(name);
      if (!isVisible || !maps || this.#painted.has(name))
        continue;
      layer.paint(maps, this.#frame);
      this.#painted.add(name);
    }
  }

  // Describes the feature map under the pointer, in the foot of the drawing: the layer's scale and the map's range.
  #point(event) {
    const found = event && this.#tileAt(event);
    const maps = found && this.#maps.get(found.layer.box.node.name);
    const legend = this.element.querySelector('.legend');
    const line = this.element.querySelector('.under-pointer');
    if (!maps) {
      showLegend(legend, -1, 1, level => text(level < 0 ? 'below' : 'above'));
      line.textContent = '';
      return;
    }
    const largest = maps.scale * (255 - maps.zero);
    showLegend(legend, maps.zero ? -largest : 0, largest, figure);
    line.textContent = this.#describe(found.layer, found.tile);
  }

  #describe(layer, tile) {
    const { node, grid } = layer.box;
    const maps = this.#maps.get(node.name);
    const title = `${nameOf(node)} (${kindOf(node)})`;
    if (!maps)
      return title;
    if (grid.isVector) {
      const whose = isLast(this.#model, node) ? text('classOf', { name: this.#model.classes[tile] }) : text('numberOf', { index: tile });
      return `${title}: ${whose} ${figure(valueOf(maps.lowest, this.#frame, tile))}`;
    }
    const [lowest, highest] = [maps.lowest, maps.highest].map(offset => valueOf(offset, this.#frame, tile));
    return `${title}: ${text('mapOf', { map: maps.maps[tile], lowest: figure(lowest), highest: figure(highest) })}`;
  }

  #tileAt(event) {
    const layer = this.#layers.get(event.target.closest('.layer')?.dataset.node);
    const tile = layer && event.target === layer.canvas ? layer.tileAt(event.offsetX, event.offsetY) : null;
    return tile === null || tile === undefined ? null : { layer, tile };
  }

  #click(event) {
    const found = this.#tileAt(event);
    if (!found)
      return;
    this.#select(found.layer, found.tile);
    this.#choose();
  }

  #choose() {
    const { node, tile } = this.#selected;
    const maps = this.#maps.get(node);
    if (!maps)
      return;
    const { box } = this.#layers.get(node);
    this.#listeners.onChoose(box.node, box.grid.isVector ? tile : maps.maps[tile]);
  }

  #focus(event) {
    const layer = this.#layers.get(event.target.closest('.layer')?.dataset.node);
    if (layer && layer.box.node.name !== this.#selected.node)
      this.#select(layer, 0);
  }

  #key(event) {
    if (!event.target.matches('canvas'))
      return;
    if (event.key === 'Enter' || event.key === ' ')
      this.#choose();
    else if (!this.#moveByKey(event.key))
      return;
    event.preventDefault();
  }

  #moveByKey(key) {
    const layer = this.#layers.get(this.#selected.node);
    const { columns, count } = layer.box.grid;
    const tile = this.#selected.tile;
    const all = [...this.#layers.values()];
    const index = all.indexOf(layer);
    const [next, to] = {
      ArrowUp: [layer, tile - columns],
      ArrowDown: [layer, tile + columns],
      ArrowLeft: tile % columns > 0 ? [layer, tile - 1] : [all[index - 1], 0],
      ArrowRight: tile % columns < columns - 1 && tile + 1 < count ? [layer, tile + 1] : [all[index + 1], 0],
      Home: [all[0], 0],
      End: [all.at(-1), 0],
    }[key] ?? [];
    if (!next || to < 0 || to >= next.box.grid.count)
      return next !== undefined;
    this.#select(next, to);
    next.canvas.focus();
    return true;
  }

  #select(layer, tile) {
    const { node, grid } = layer.box;
    this.#selected = { node: node.name, tile: Math.min(tile, grid.count - 1) };
    for (const { canvas } of this.#layers.values())
      canvas.tabIndex = -1;
    layer.canvas.tabIndex = 0;
    layer.canvas.setAttribute('aria-label', this.#describe(layer, this.#selected.tile));
    this.element.querySelector('.under-pointer').textContent = this.#describe(layer, this.#selected.tile);
    this.#cursor.hidden = false;
    setPosition(this.#cursor, layer.positionOf(this.#selected.tile));
  }
}

// A layer in the drawing, with a canvas for its feature maps.
class Layer {
  element = document.createElement('div');
  canvas = document.createElement('canvas');
  #labels;
  #image = null;

  constructor(box, model) {
    this.box = box;
    this.#labels = box.grid.isVector && isLast(model, box.node) ? model.classes : null;
    this.element.className = 'layer';
    this.element.dataset.node = box.node.name;
    this.element.dataset.operation = box.node.operation;
    setPosition(this.element, box);
    this.canvas.setAttribute('role', 'button');
    this.canvas.setAttribute('aria-label', `${nameOf(box.node)}, ${kindOf(box.node)}, ${shapeOf(box.node.shape)}`);
    this.canvas.style.width = `${columnsOf(box.grid, 1).length}px`;
    this.canvas.style.height = `${rowsOf(box.grid, 1).length}px`;
    this.element.append(line('layer-name', nameOf(box.node)), line('layer-kind', kindOf(box.node)), this.canvas,
      line('layer-shape', shapeOf(box.node.shape)));
  }

  paint(maps, frame) {
    const ratio = Math.min(SHARPEST, Math.ceil(devicePixelRatio));
    const { grid } = this.box;
    const [across, down] = [columnsOf(grid, ratio), rowsOf(grid, ratio)];
    if (this.#image?.width !== across.length || this.#image.height !== down.length) {
      this.canvas.width = across.length;
      this.canvas.height = down.length;
      this.#image = new ImageData(across.length, down.length);
    }
    const [height, width, count] = grid.isVector ? [1, 1, maps.width] : [maps.height, maps.width, maps.maps.length];
    const bytes = frame.bytes(maps.offset, count * height * width);
    const pixels = new Uint32Array(this.#image.data.buffer);
    const columnAt = Int32Array.from({ length: across.tile }, (_, x) => Math.floor(x * width / across.tile));
    const palette = paletteOf(maps.zero);
    for (let tile = 0; tile < Math.min(count, grid.count); tile++) {
      const left = across.step * (tile % grid.columns);
      const top = down.step * Math.floor(tile / grid.columns);
      for (let y = 0; y < down.tile; y++) {
        const source = (tile * height + Math.floor(y * height / down.tile)) * width;
        const target = (top + y) * across.length + left;
        for (let x = 0; x < across.tile; x++)
          pixels[target + x] = palette[bytes[source + columnAt[x]]];
      }
    }
    const context = this.canvas.getContext('2d');
    context.putImageData(this.#image, 0, 0);
    if (this.#labels)
      this.#write(context, across, down, bytes, maps.zero);
  }

  /** Index of the tile at a point of the canvas, in CSS pixels; null outside of the tiles. */
  tileAt(x, y) {
    const { columns, count, tileWidth, tileHeight, gap } = this.box.grid;
    const [column, row] = [Math.floor(x / (tileWidth + gap)), Math.floor(y / (tileHeight + gap))];
    const tile = row * columns + column;
    return column < 0 || row < 0 || column >= columns || tile >= count ? null : tile;
  }

  /** Position and size of a tile in the drawing. */
  positionOf(tile) {
    const { columns, tileWidth, tileHeight, gap } = this.box.grid;
    return {
      x: this.box.x + (this.box.width - columnsOf(this.box.grid, 1).length) / 2 + tile % columns * (tileWidth + gap),
      y: this.box.y + LABEL + Math.floor(tile / columns) * (tileHeight + gap),
      width: tileWidth,
      height: tileHeight,
    };
  }

  #write(context, across, down, bytes, zero) {
    context.font = `${Math.round(down.tile * 0.6)}px system-ui, sans-serif`;
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    this.#labels.forEach((label, tile) => {
      context.fillStyle = textOn(levelOf(bytes[tile], zero));
      context.fillText(label, across.tile / 2, down.step * tile + down.tile / 2, across.tile - 4);
    });
  }
}

// Pixels of a grid in one direction: of a tile, from one tile to the next, and in total.
const columnsOf = (grid, ratio) => pixelsOf(grid.columns, grid.tileWidth, grid.gap, ratio);
const rowsOf = (grid, ratio) => pixelsOf(grid.rows, grid.tileHeight, grid.gap, ratio);

function pixelsOf(count, tile, gap, ratio) {
  const step = (tile + gap) * ratio;
  return { tile: tile * ratio, step, length: count * step - gap * ratio };
}

const valueOf = (offset, frame, index) => frame.floats(offset + 4 * index, 1)[0];

const isLast = (model, node) => model.nodes.at(-1).name === node.name;

// An arc passes above the layers in between, or below them if an ablation has rerouted it.
function pathOf({ from, to, isArc, around }, kind) {
  const [startX, startY, endX, endY] = [from.x + from.width + 2, from.middle, to.x - 2, to.middle];
  return createSvg('path', {
    class: `line ${isArc ? 'arc' : ''} ${kind}`,
    'data-from': from.node.name,
    'data-to': to.node.name,
    d: isArc ? arcOf(startX, startY, endX, endY, around) : curveOf(startX, startY, endX, endY),
  });
}

function curveOf(startX, startY, endX, endY) {
  const bend = Math.max(startX, endX - 2 * TURN); // in the gap before its end, to avoid the other lanes
  return `M${startX} ${startY} H${bend} C${bend + TURN} ${startY} ${endX - TURN} ${endY} ${endX} ${endY}`;
}

function arcOf(startX, startY, endX, endY, around) {
  const round = around < startY ? ROUND : -ROUND;
  const [out, back] = [startX + TURN, endX - TURN + 2];
  return [
    `M${startX} ${startY} H${out - ROUND} Q${out} ${startY} ${out} ${startY - round} V${around + round}`,
    `Q${out} ${around} ${out + ROUND} ${around} H${back - ROUND} Q${back} ${around} ${back} ${around + round} V${endY - round}`,
  ].join(' ');
}

function plusOf(box) {
  const group = createSvg('g', { class: 'plus' });
  const [x, y] = [box.x - 16, box.middle];
  group.append(createSvg('circle', { cx: x, cy: y, r: 8 }), createSvg('path', { d: `M${x - 4} ${y} h8 M${x} ${y - 4} v8` }));
  return group;
}

function setPosition(element, { x, y, width, height }) {
  element.style.left = `${x}px`;
  element.style.top = `${y}px`;
  element.style.width = `${width}px`;
  element.style.height = `${height}px`;
}

function line(className, words) {
  return createElement('p', { className, textContent: words, title: words });
}
