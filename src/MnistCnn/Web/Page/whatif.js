// What if a branch or a shortcut were missing, or the digit stood elsewhere: the switches of the networks and the sliders of the
// image. The answer follows at once.

import { unchanged, wireOf } from './api.js';
import { made } from './elements.js';
import { joinOf } from './layout.js';
import { number, text } from './text.js';

const SLIDERS = [
  { name: 'right', least: -10, most: 10, step: 0.5, unit: 'px' },
  { name: 'down', least: -10, most: 10, step: 0.5, unit: 'px' },
  { name: 'degrees', least: -90, most: 90, step: 1, unit: '°' },
  { name: 'scale', least: 0.4, most: 1.6, step: 0.05, unit: '×' },
  { name: 'thicker', least: -2, most: 3, step: 0.25, unit: 'px' },
];

// More blocks than these are folded away.
const MANY_BLOCKS = 6;

/** Switches and sliders. Tells `onChange()` when one is moved. */
export class WhatIf {
  #changed;
  #changes = { ...unchanged };
  #models = [];
  #on = new Map();
  #reset = document.querySelector('#reset');

  /** @param {() => void} onChange */
  constructor(onChange) {
    this.#changed = onChange;
    this.#reset.addEventListener('click', () => this.#resetAll());
  }

  /** What is changed in the image. @returns {import('./api.js').Changes} */
  get changes() {
    return this.#changes;
  }

  /** The switches of a network that are on. @returns {object[]} */
  switchesOf(model) {
    return model.switches.filter(each => this.#on.get(model.id)?.has(wireOf(each)));
  }

  /** The same as the server takes them. @returns {string[]} */
  wiresOf(model) {
    return this.switchesOf(model).map(wireOf);
  }

  /** Offers the switches of these networks. */
  use(models) {
    this.#models = models;
    for (const id of [...this.#on.keys()])
      if (!models.some(model => model.id === id))
        this.#on.delete(id);
    this.translate();
  }

  /** Writes again in the page's language. */
  translate() {
    document.querySelector('#sliders').replaceChildren(...SLIDERS.map(slider => this.#slider(slider)));
    document.querySelector('#switches').replaceChildren(...this.#models.filter(model => model.switches.length > 0).map(model => this.#switchesOf(model)));
    this.#tellReset();
  }

  #slider({ name, least, most, step, unit }) {
    const row = made('label', 'slider');
    const input = document.createElement('input');
    Object.assign(input, { type: 'range', min: least, max: most, step, id: `whatif-${name}` });
    input.value = this.#changes[name];
    const words = made('span', '', text(`change${name}`));
    const value = made('output', 'value', written(this.#changes[name], unit));
    input.addEventListener('input', () => {
      this.#changes = { ...this.#changes, [name]: Number(input.value) };
      value.textContent = written(this.#changes[name], unit);
      this.#tell();
    });
    row.append(words, input, value);
    return row;
  }

  #switchesOf(model) {
    const group = made('fieldset', 'switches');
    group.dataset.model = model.id;
    const legend = made('legend', '', this.#models.length > 1 ? text('switchesOf', { model: model.title }) : text('switches'));
    const blocks = [...new Set(model.switches.map(each => each.block))];
    const lists = blocks.map(block => this.#blockOf(model, block));
    if (blocks.length > MANY_BLOCKS) {
      const folded = document.createElement('details');
      folded.append(made('summary', '', text('blocks', { count: blocks.length })), ...lists);
      group.append(legend, folded);
    } else {
      group.append(legend, ...lists);
    }
    return group;
  }

  #blockOf(model, block) {
    const list = made('div', 'switch-block');
    const join = joinOf(model.nodes, block);
    list.append(made('p', 'note', `${block} · ${text(`block${join}`)}`));
    for (const each of model.switches.filter(one => one.block === block))
      list.append(this.#switch(model, each));
    return list;
  }

  #switch(model, each) {
    const label = made('label', 'switch');
    const input = document.createElement('input');
    const wire = wireOf(each);
    input.type = 'checkbox';
    input.checked = this.#on.get(model.id)?.has(wire) ?? false;
    input.dataset.wire = wire;
    input.dataset.kind = each.kind;
    input.addEventListener('change', () => {
      const on = this.#on.get(model.id) ?? new Set();
      this.#on.set(model.id, on);
      if (input.checked)
        on.add(wire);
      else
        on.delete(wire);
      this.#tell();
    });
    label.append(input, made('span', '', wordsOf(model, each)));
    return label;
  }

  #resetAll() {
    this.#changes = { ...unchanged };
    this.#on.clear();
    this.translate();
    this.#changed();
  }

  #tell() {
    this.#tellReset();
    this.#changed();
  }

  #tellReset() {
    const isChanged = Object.keys(unchanged).some(name => this.#changes[name] !== unchanged[name]);
    this.#reset.disabled = !isChanged && [...this.#on.values()].every(wires => wires.size === 0);
  }
}

function wordsOf(model, { kind, block, node, input }) {
  if (kind !== 'branch')
    return text(`switch${kind}`);
  const last = model.nodes.find(each => each.name === model.nodes.find(join => join.name === node).inputs[input]);
  return text('switchbranch', { branch: last.part.slice(block.length + 1).split('.')[0] });
}

function written(value, unit) {
  const digits = number(value, 2);
  return unit === '×' ? `${unit} ${digits}` : unit === '°' ? `${digits}${unit}` : `${digits} ${unit}`;
}
