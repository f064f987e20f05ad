// The first view: a picture, what the networks make of it, and all that one can do with both.

import * as api from './api.js';
import { AnswerPanel } from './answer.js';
import { Pen } from './pen.js';
import { MapView } from './map.js';
import { NetworkDrawing } from './network.js';
import { showPicture, takeFiles, TestImages } from './pictures.js';
import { text, translate } from './text.js';
import { HeatMap, onMethodChange } from './saliency.js';
import { WhatIf } from './whatif.js';

// A screen reader is told an answer when it has stood for so long.
const PATIENCE = 700;

/**
 * What is looked at.
 * @typedef {{kind: 'drawing'} | {kind: 'image', index: number, key: string, file: Blob} | {kind: 'file', file: Blob}} Source
 */

/** The view. There is one. */
export class LookView {
  #fail;
  #models = new Map();
  #seats = [];
  #choice = null;
  /** @type {Source} */
  #source = { kind: 'drawing' };
  #version = 0;
  #inkTime = 0;
  #strokeEnd = null;
  #announcing = 0;
  #wanted = null;
  #find = selector => document.querySelector(selector);
  #shown = this.#find('#shown');
  #pen;
  #images;
  #whatIf;
  #map;

  /** @param {(error: Error | null) => void} fail shows what goes wrong; null when all is well again */
  constructor(fail) {
    this.#fail = fail;
    this.#pen = new Pen(this.#find('#pen'), this.#find('#pen-cursor'), {
      onChange: time => this.#drawn(time),
      onStroke: () => this.#strokeDone(),
      announce: line => this.#announce(line),
    });
    this.#images = new TestImages(index => this.#useImage(index).catch(fail), fail);
    this.#whatIf = new WhatIf(() => this.#rewired());
    this.#map = new MapView(this.#find('#map'), () => this.#find('.layer canvas[tabindex="0"]')?.focus(), fail);
    this.#find('#undo').addEventListener('click', () => this.#pen.undo());
    this.#find('#clear').addEventListener('click', () => this.#clear());
    takeFiles(file => this.#useFile(file), fail);
    onMethodChange(() => this.#seats.forEach(seat => this.#showHeat(seat)));
    for (const id of ['#model', '#other'])
      this.#find(id).addEventListener('change', () => this.#chooseFromLists());
  }

  /**
   * Shows the view.
   * @param {URLSearchParams} query `model`, `other` and `image`: what to look at; what is missing stays as it is
   */
  async open(query) {
    if (this.#models.size === 0)
      for (const model of await api.models())
        this.#models.set(model.id, model);
    const isFirst = this.#seats.length === 0;
    const ids = isFirst || query.has('model')
      ? [query.get('model') ?? this.#models.keys().next().value, query.get('other')]
      : this.#seats.map(seat => seat.model.id);
    if (!await this.#use(ids.filter(id => id)))
      return;
    if (query.has('image') && this.#hasImages)
      this.#images.choose(Number(query.get('image')));
    else if (isFirst && this.#hasImages)
      this.#images.choose(0);
    else
      this.#refresh();
  }

  /** Writes again in the page's language. */
  translate() {
    this.#fillLists();
    for (const { panel, drawing } of this.#seats) {
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
    return this.#seats[0].model.has_images;
  }

  // Networks that read no drawings: they wait for a picture.
  get #isPenless() {
    return !this.#seats.some(seat => seat.model.reads_drawings);
  }

  // Seats the networks, one or two; false where others were chosen before they were here.
  async #use(ids) {
    const choice = this.#choice = {};
    if (ids.join() === this.#seats.map(seat => seat.model.id).join())
      return true;
    const models = await Promise.all(ids.map(id => this.#seats.find(seat => seat.model.id === id)?.model ?? api.model(id)));
    const keys = await Promise.all(models.map(model => TestImages.keyOf(model)));
    if (choice !== this.#choice)
      return false;
    const isOtherFirst = this.#seats[0]?.model.id !== models[0].id;
    this.#map.close();
    this.#find('#networks').after(this.#find('#map'));
    for (const seat of this.#seats)
      seat.close();
    this.#seats = models.map((model, place) => this.#seat(model, keys[place], place));
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

  #seat(model, key, place) {
    const seat = { model, key, newest: new api.Newest(), painted: null, measured: null };
    seat.panel = new AnswerPanel(model, place === 0 ? 'answer' : 'other-answer', () => this.#showHeat(seat));
    seat.heat = new HeatMap(seat.panel.heat);
    seat.drawing = new NetworkDrawing(model, {
      onChoose: (node, channel) => {
        seat.drawing.element.after(this.#find('#map'));
        this.#map.open(model, node, channel, this.#questionOf(seat)).catch(this.#fail);
      },
      onMaps: () => this.#ask(seat),
    });
    seat.close = () => {
      seat.newest.stop();
      seat.heat.hide();
      seat.panel.close();
      seat.drawing.close();
    };
    this.#find('#answers').append(seat.panel.element);
    this.#find('#networks').append(seat.drawing.element);
    return seat;
  }

  #fillLists() {
    const [first, second] = this.#seats.map(seat => seat.model.id);
    const options = [...this.#models.values()].map(model => [model.id, model.title === model.id ? model.id : `${model.title} · ${model.id}`]);
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

  #drawn(time) {
    this.#wanted = null;
    this.#inkTime = time;
    this.#version++;
    if (this.#source.kind !== 'drawing') {
      this.#source = { kind: 'drawing' };
      this.#images.leave();
      this.#showSource();
    }
    this.#showHint();
    this.#refresh();
  }

  #strokeDone() {
    this.#strokeEnd = { version: this.#version, time: this.#inkTime };
    for (const seat of this.#seats)
      this.#measure(seat);
  }

  #clear() {
    this.#pen.clear();
    this.#drawn(performance.now());
  }

  async #useImage(index) {
    const { model, key } = this.#seats[0];
    this.#wanted = index;
    const file = await api.imageFile(model.id, index);
    if (this.#wanted !== index)
      return; // another was chosen meanwhile
    this.#source = { kind: 'image', index, key, file };
    this.#useSource();
  }

  #useFile(file) {
    this.#wanted = null;
    this.#source = { kind: 'file', file };
    this.#images.leave();
    this.#useSource();
  }

  #useSource() {
    this.#pen.clear();
    this.#version++;
    this.#showSource();
    this.#refresh();
  }

  #showSource() {
    const { file } = this.#source;
    this.#shown.hidden = !file;
    if (file)
      showPicture(this.#shown, file).catch(() => this.#shown.hidden = true); // the server says what is wrong with it
    this.#showHint();
  }

  #showHint() {
    this.#find('#pen-hint').hidden = !this.#pen.isEmpty || (this.#isPenless && this.#source.kind !== 'drawing');
    this.#find('#undo').disabled = this.#pen.isEmpty;
  }

  #rewired() {
    for (const { drawing, model } of this.#seats)
      drawing.rewire(this.#whatIf.switchesOf(model));
    this.#refresh();
  }

  #refresh() {
    if (this.#isPenless && this.#source.kind === 'drawing')
      return;
    for (const seat of this.#seats)
      this.#ask(seat);
  }

  // The picture is taken when its turn comes, so that it is the newest.
  async #ask(seat) {
    let version = 0;
    try {
      const frame = await seat.newest.ask(signal => {
        version = this.#version;
        return api.look(this.#questionOf(seat), seat.drawing.mapsPerLayer, signal);
      });
      if (!frame || !this.#seats.includes(seat))
        return;
      seat.panel.show(frame);
      seat.drawing.show(frame);
      seat.painted = { version, time: performance.now() };
      this.#measure(seat);
      this.#follow(seat);
      this.#fail(null);
    } catch (error) {
      this.#fail(error);
    }
  }

  // What else shows the picture.
  #follow(seat) {
    this.#showHeat(seat);
    if (this.#map.modelId === seat.model.id)
      this.#map.refresh(this.#questionOf(seat)).catch(this.#fail);
    clearTimeout(this.#announcing);
    this.#announcing = setTimeout(() => this.#announce(this.#seats.map(each => each.panel.announcement).join(' ')), PATIENCE);
  }

  #showHeat(seat) {
    seat.heat.show(seat.panel.pointedAt, this.#questionOf(seat), this.#fail);
  }

  // From the last ink of a stroke until the maps of the whole stroke were painted.
  #measure(seat) {
    const end = this.#strokeEnd;
    if (!end || !seat.painted || seat.measured === end || seat.painted.version < end.version)
      return;
    seat.measured = end;
    performance.measure('stroke-to-maps', { start: end.time, end: seat.painted.time, detail: { model: seat.model.id } });
  }

  #questionOf(seat) {
    return { id: seat.model.id, picture: this.#pictureFor(seat), changes: this.#whatIf.changes, wires: this.#whatIf.wiresOf(seat.model) };
  }

  // The other network may have other test images: it gets the picture of this one.
  #pictureFor(seat) {
    const source = this.#source;
    if (source.kind === 'drawing')
      return { body: this.#pen.picture() };
    return source.kind === 'image' && source.key === seat.key ? { image: source.index } : { body: source.file };
  }

  #announce(line) {
    this.#find('#announcement').textContent = line;
  }
}

function fill(list, options, chosen) {
  list.replaceChildren(...options.map(([value, words]) => new Option(words, value, false, value === chosen)));
}
