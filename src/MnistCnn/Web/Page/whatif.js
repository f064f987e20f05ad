// Ablations of the networks, as switches, and changes to the image, as sliders.

import { unchanged, wireOf } from './api.js';
import { createElement } from './elements.js';
import { joinOf } from './layout.js';
import { number, text } from './text.js';

const SLIDERS = [
  { name: 'right', least: -10, most: 10, step: 0.5, unit: 'px' },
  { name: 'down', least: -10, most: 10, step: 0.5, unit: 'px' },
  { name: 'degrees', least: -90, most: 90, step: 1, unit: '°' },
  { name: 'scale', least: 0.4, most: 1.6, step: 0.05, unit: '×' },
  { name: 'thicker', least: -2, most: 3, step: 0.25, unit: 'px' },
];

// More blocks than this are collapsed.
const MANY_BLOCKS = 6;

/** The switches and the sliders. */
export class WhatIf {
  #onChange;
  #changes = { ...unchanged };
  #models = [];
  #active = new Map(); // ablations by model id
  #reset = document.querySelector('#reset');

  /** @param {() => void} onChange */
  constructor(onChange) {
    this.#onChange = onChange;
    this.#reset.addEventListener('click', () => this.#resetAll());
  }

  /** @returns {import('./api.js').Changes} changes to the image */
  get changes() {
    return this.#changes;
  }

  /** @returns {object[]} the active ablations of a network */
  activeAblations(model) {
    return model.ablations.filter(each => this.#active.get(model.id)?.has(wireOf(each)));
  }

  /** @returns {string[]} the active ablations of a network, formatted for a query */
  wiresOf(model) {
    return this.activeAblations(model).map(wireOf);
  }

  /** Shows the switches of these networks. */
  use(models) {
    this.#models = models;
    for (const id of [...this.#active.keys()])
      if (!models.some(model => model.id === id))
        this.#active.delete(id);
    this.translate();
  }

  /** Updates all texts to the page's language. */
  translate() {
    document.querySelector('#sliders').replaceChildren(...SLIDERS.map(slider => this.#slider(slider)));
    document.querySelector('#switches').replaceChildren(...this.#models
      .filter(model => model.ablations.length > 0).map(model => this.#switchesOf(model)));
    this.#updateReset();
  }

  #slider({ name, least, most, step, unit }) {
    const row = createElement('label', 'slider');
    const input = document.createElement('input');
    Object.assign(input, { type: 'range', min: least, max: most, step, id: `whatif-${name}` });
    input.value = this.#changes[name];
    const label = createElement('span', {}, text(`change${name}`));
    const value = createElement('output', 'value', formatted(this.#changes[name], unit));
    input.addEventListener('input', () => {
      this.#changes = { ...this.#changes, [name]: Number(input.value) };
      value.textContent = formatted(this.#changes[name], unit);
      this.#notify();
    });
    row.append(label, input, value);
    return row;
  }

  #switchesOf(model) {
    const group = createElement('fieldset', 'switches');
    group.dataset.model = model.id;
    const legend = createElement('legend', {}, this.#models.length > 1 ? text('switchesOf', { model: model.title }) : text('switches'));
    const blocks = [...new Set(model.ablations.map(each => each.block))];
    const lists = blocks.map(block => this.#blockOf(model, block));
    if (blocks.length > MANY_BLOCKS) {
      const folded = document.createElement('details');
      folded.append(createElement('summary', {}, text('blocks', { count: blocks.length })), ...lists);
      group.append(legend, folded);
    } else {
      group.append(legend, ...lists);
    }
    return group;
  }

  #blockOf(model, block) {
    const list = createElement('div', 'switch-block');
    const join = joinOf(model.nodes, block);
    list.append(createElement('p', 'note', `${block} · ${text(`block${join}`)}`));
    for (const each of model.ablations.filter(one => one.block === block))
      list.append(this.#switch(model, each));
    return list;
  }

  #switch(model, each) {
    const label = createElement('label', 'switch');
    const input = document.createElement('input');
    const wire = wireOf(each);
    input.type = 'checkbox';
    input.checked = this.#active.get(model.id)?.has(wire) ?? false;
    input.dataset.wire = wire;
    input.dataset.kind = each.kind;
    input.addEventListener('change', () => {
      const active = this.#active.get(model.id) ?? new Set();
      this.#active.set(model.id, active);
      if (input.checked)
        active.add(wire);
      else
        active.delete(wire);
      this.#notify();
    });
    label.append(input, createElement('span', {}, labelOf(model, each)));
    return label;
  }

  #resetAll() {
    this.#changes = { ...unchanged };
    this.#active.clear();
    this.translate();
    this.#onChange();
  }

  #notify() {
    this.#updateReset();
    this.#onChange();
  }

  #updateReset() {
    const isChanged = Object.keys(unchanged).some(name => this.#changes[name] !== unchanged[name]);
    this.#reset.disabled = !isChanged && [...this.#active.values()].every(wires => wires.size === 0);
  }
}

function labelOf(model, { kind, block, override: { node, input } }) {
  if (kind !== 'branch')
    return text(`switch${kind}`);
  const last = model.nodes.find(each => each.name === model.nodes.find(join => join.name === node).inputs[input]);
  return text('switchbranch', { branch: last.module.slice(block.length + 1).split('.')[0] });
}

function formatted(value, unit) {
  const digits = number(value, 2);
  return unit === '×' ? `${unit} ${digits}` : unit === '°' ? `${digits}${unit}` : `${digits} ${unit}`;
}
