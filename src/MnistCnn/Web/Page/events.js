// A stream of server-sent events that is opened again after every failure. A browser's own EventSource gives up for good after a response
// with an error status, such as 503. Does not use the DOM.

const PAUSE = 3000; // in ms, as browsers wait

export class EventConnection {
  #url;
  #listeners;
  #state;
  #source = null;
  #timer = 0;

  /**
   * @param {string} url
   * @param {Record<string, (data: object) => void>} listeners by type of event
   * @param {{opened: () => void, lost: () => void}} state `opened` is called at each opening, `lost` at each failure
   */
  constructor(url, listeners, state) {
    this.#url = url;
    this.#listeners = listeners;
    this.#state = state;
    this.#open();
  }

  close() {
    clearTimeout(this.#timer);
    this.#source.close();
  }

  #open() {
    const source = this.#source = new EventSource(this.#url);
    source.addEventListener('open', () => this.#state.opened());
    source.addEventListener('error', () => {
      if (source.readyState === EventSource.CLOSED)
        this.#timer = setTimeout(() => this.#open(), PAUSE);
      this.#state.lost();
    });
    for (const [type, listener] of Object.entries(this.#listeners))
      source.addEventListener(type, event => listener(JSON.parse(event.data)));
  }
}
