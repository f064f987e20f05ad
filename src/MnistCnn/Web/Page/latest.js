/**
 * Sends one request at a time. While it runs, only the latest of the others waits: a drawing that is already outdated is never sent.
 */
export class LatestRequest {
  #running = null;
  #waiting = null;

  /**
   * @template T
   * @param {(signal: AbortSignal) => Promise<T>} request
   * @returns {Promise<T | null>} null if a later request replaced it, or if `stop` cancelled it
   */
  ask(request) {
    this.#waiting?.resolve(null);
    return new Promise((resolve, reject) => {
      this.#waiting = { request, resolve, reject };
      if (!this.#running)
        this.#next();
    });
  }

  /** Cancels the running and the waiting request. */
  stop() {
    this.#waiting?.resolve(null);
    this.#waiting = null;
    this.#running?.abort();
  }

  async #next() {
    const { request, resolve, reject } = this.#waiting;
    const running = new AbortController();
    this.#waiting = null;
    this.#running = running;
    try {
      resolve(await request(running.signal));
    } catch (error) {
      if (running.signal.aborted)
        resolve(null);
      else
        reject(error);
    } finally {
      this.#running = null;
      if (this.#waiting)
        this.#next();
    }
  }
}
