// The first view: an image, its predictions and feature maps, and everything that the user can change.

import * as api from './api.js';
import { AnswerPanel } from './answer.js';
import { acceptFiles, showImage, TestImages } from './images.js';
import { LatestRequest } from './latest.js';
import { MapView } from './map.js';
import { NetworkDrawing } from './network.js';
import { Pen } from './pen.js';
import { HeatMap, onMethodChange } from './saliency.js';
import { text, translate } from './text.js';
import { WhatIf } from './whatif.js';

// Milliseconds for which a prediction must be stable before screen readers announce it.
const ANNOUNCEMENT_DELAY = 700;

/**
 * Origin of the image.
 * @typedef {{kind: 'drawing'} | {kind: 'image', index: number, key: string, file: Blob} | {kind: 'file', file: Blob}} Source
 */

/** The view. There is one instance. */
export class InspectView {
  #fail;
  #models = new Map();
  #panes = [];
  #choice = null;
  /** @type {Source} */
  #source = { kind: 'drawing' };
  #announcing = 0;
  #wantedIndex = null;
  #find = selector => document.querySelector(selector);
  #shown = this.#find('#shown');
  #pen;
  #images;
  #whatIf;
  #map;

  /** @param {(error: Error | null) => void} fail shows an error; null removes it */
  constructor(fail) {
    this.#fail = fail;
    this.#pen = new Pen(this.#find('#pen'), this.#find('#pen-cursor'), {
      onChange: () => this.#useDrawing(),
      announce: line => this.#announce(line),
    });
    this.#images = new TestImages(index => this.#useImage(index).catch(fail), fail);
    this.#whatIf = new WhatIf(() => this.#updateAblations());
    this.#map = new MapView(this.#find('#map'), () => this.#find('.layer canvas[tabindex="0"]')?.focus(), fail);
    this.#find('#undo').addEventListener('click', () => this.#pen.undo());
    this.#find('#clear').addEventListener('click', () => this.#clear());
    acceptFiles(file => this.#useFile(file), fail);
    onMethodChange(() => this.#panes.forEach(pane => this.#showHeat(pane)));
    for (const id of ['#model', '#other'])
      this.#find(id).addEventListener('change', () => this.#chooseFromLists());
  }

  /**
   * Shows the view.
   * @param {URLSearchParams} query `model`, `other` and `image`; a missing one stays unchanged
   */
  async open(query) {
    if (this.#models.size === 0)
      for (const model of await api.models())
        this.#models.set(model.id, model);
    const isFirst = this.#panes.length === 0;
    const ids = isFirst || query.has('model')
      ? [query.get('model') ?? this.#models.keys().next().value, query.get('other')]
      : this.#panes.map(pane => pane.model.id);
    if (!await this.#use(ids.filter(id => id)))
      return;
    if (query.has('image') && this.#hasImages)
      this.#images.choose(Number(query.get('image')));
    else if (isFirst && this.#hasImages)
      this.#images.choose(0);
    else
      this.#refresh();
  }

  /** Updates all texts to the page's language. */
  translate() {
    this.#fillLists();
    for (const { panel, drawing } of this.#panes) {
      panel.translate();
      drawing.translate();
    }
    this.#whatIf.translate();
    this.#map.translate();
    if (this.#source.kind === 'image')
      this.#images.describe();
    else
      this.#images.leave();
  }

  get #hasImages() {
    return this.#panes[0].model.has_images;
  }

  // Whether no network reads drawings: the view waits for a file.
  get #isPenless() {
    return !this.#panes.some(pane => pane.model.reads_drawings);
  }

  // Loads one or two networks; returns false if others were chosen meanwhile.
  async #use(ids) {
    const choice = this.#choice = {};
    if (ids.join() === this.#panes.map(pane => pane.model.id).join())
      return true;
    const models = await Promise.all(ids.map(id => this.#panes.find(pane => pane.model.id === id)?.model ?? api.model(id)));
    const keys = await Promise.all(models.map(model => TestImages.dataSetKey(model)));
    if (choice !== this.#choice)
      return false;
    const isOtherFirst = this.#panes[0]?.model.id !== models[0].id;
    this.#map.close();
    this.#find('#networks').after(this.#find('#map'));
    for (const pane of this.#panes)
      pane.close();
    this.#panes = models.map((model, index) => this.#createPane(model, keys[index], index));
    for (const model of models)
      this.#models.set(model.id, model);
    this.#find('#answers').classList.toggle('two', models.length > 1);
    this.#find('#look').classList.toggle('penless', this.#isPenless);
    this.#find('#pen-title').dataset.text = this.#isPenless ? 'pictureTitle' : 'drawTitle';
    this.#find('#pen-hint').dataset.text = this.#isPenless ? 'pictureHint' : 'penHint';
    translate(this.#find('.easel').parentElement);
    this.#whatIf.use(models);
    this.#fillLists();
    if (isOtherFirst)
      await this.#images.use(models[0]);
    this.#showSource();
    return true;
  }

  #createPane(model, key, index) {
    const pane = { model, key, requests: new LatestRequest() };
    pane.panel = new AnswerPanel(model, index === 0 ? 'answer' : 'other-answer', () => this.#showHeat(pane));
    pane.heat = new HeatMap(pane.panel.heat);
    pane.drawing = new NetworkDrawing(model, {
      onChoose: (node, channel) => {
        pane.drawing.element.after(this.#find('#map'));
        this.#map.open(model, node, channel, this.#queryOf(pane)).catch(this.#fail);
      },
      onMaps: () => this.#ask(pane),
    });
    pane.close = () => {
      pane.requests.stop();
      pane.heat.hide();
      pane.panel.close();
      pane.drawing.close();
    };
    this.#find('#answers').append(pane.panel.element);
    this.#find('#networks').append(pane.drawing.element);
    return pane;
  }

  #fillLists() {
    const [first, second] = this.#panes.map(pane => pane.model.id);
    const options = [...this.#models.values()].map(({ id, title }) => [id, title === id ? id : `${title} · ${id}`]);
    fill(this.#find('#model'), options, first);
    fill(this.#find('#other'), [['', text('noOther')], ...options.filter(([id]) => id !== first)], second ?? '');
  }

  #chooseFromLists() {
    const model = this.#find('#model').value;
    const other = this.#find('#other').value;
    const query = new URLSearchParams({ model, ...other && other !== model ? { other } : {} });
    history.replaceState(null, '', `#/look?${query}`);
    this.open(query).catch(this.#fail);
  }

  #useDrawing() {
    this.#wantedIndex = null;
    if (this.#source.kind !== 'drawing') {
      this.#source = { kind: 'drawing' };
      this.#images.leave();
      this.#showSource();
    }
    this.#showHint();
    this.#refresh();
  }

  #clear() {
    this.#pen.clear();
    this.#useDrawing();
  }

  async #useImage(index) {
    const { model, key } = this.#panes[0];
    this.#wantedIndex = index;
    const file = await api.imageFile(model.id, index);
    if (this.#wantedIndex !== index)
      return; // another image was chosen meanwhile
    this.#source = { kind: 'image', index, key, file };
    this.#useSource();
  }

  #useFile(file) {
    this.#wantedIndex = null;
    this.#source = { kind: 'file', file };
    this.#images.leave();
    this.#useSource();
  }

  #useSource() {
    this.#pen.clear();
    this.#showSource();
    this.#refresh();
  }

  #showSource() {
    const { file } = this.#source;
    this.#shown.hidden = !file;
    if (file)
      showImage(this.#shown, file).catch(() => this.#shown.hidden = true); // the server's response names the error
    this.#showHint();
  }

  #showHint() {
    this.#find('#pen-hint').hidden = !this.#pen.isEmpty || (this.#isPenless && this.#source.kind !== 'drawing');
    this.#find('#undo').disabled = this.#pen.isEmpty;
  }

  #updateAblations() {
    for (const { drawing, model } of this.#panes)
      drawing.showAblations(this.#whatIf.activeAblations(model));
    this.#refresh();
  }

  #refresh() {
    if (this.#isPenless && this.#source.kind === 'drawing')
      return;
    for (const pane of this.#panes)
      this.#ask(pane);
  }

  // The query is built when the request is sent, so it has the latest drawing.
  async #ask(pane) {
    try {
      const frame = await pane.requests.ask(signal => api.look(this.#queryOf(pane), pane.drawing.mapsPerLayer, signal));
      if (!frame || !this.#panes.includes(pane))
        return;
      pane.panel.show(frame);
      pane.drawing.show(frame);
      this.#updateDetails(pane);
      this.#fail(null);
    } catch (error) {
      this.#fail(error);
    }
  }

  #updateDetails(pane) {
    this.#showHeat(pane);
    if (this.#map.modelId === pane.model.id)
      this.#map.refresh(this.#queryOf(pane)).catch(this.#fail);
    clearTimeout(this.#announcing);
    this.#announcing = setTimeout(() => this.#announce(this.#panes.map(each => each.panel.announcement).join(' ')), ANNOUNCEMENT_DELAY);
  }

  #showHeat(pane) {
    pane.heat.show(pane.panel.hoveredClass, this.#queryOf(pane), this.#fail);
  }

  #queryOf(pane) {
    return { id: pane.model.id, image: this.#imageFor(pane), changes: this.#whatIf.changes, wires: this.#whatIf.wiresOf(pane.model) };
  }

  // A network of another data set gets the test image as a file.
  #imageFor(pane) {
    const source = this.#source;
    if (source.kind === 'drawing')
      return { body: this.#pen.toBmp() };
    return source.kind === 'image' && source.key === pane.key ? { image: source.index } : { body: source.file };
  }

  #announce(line) {
    this.#find('#announcement').textContent = line;
  }
}

function fill(list, options, selected) {
  list.replaceChildren(...options.map(([value, label]) => new Option(label, value, false, value === selected)));
}
