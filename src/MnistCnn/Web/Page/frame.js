// The binary responses of the server. docs/guides/serve.md has their format.

/** A response of JSON and data: feature maps, kernels, saliency. */
export class Frame {
  #start;
  #buffer;

  /** @param {ArrayBuffer} buffer the whole response */
  constructor(buffer) {
    const length = new DataView(buffer).getUint32(0, true);
    this.#start = 4 + length;
    this.#buffer = buffer;
    this.json = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  }

  /** @returns {Uint8Array} `count` bytes at an offset of the JSON */
  bytes(offset, count) {
    return new Uint8Array(this.#buffer, this.#start + offset, count);
  }

  /** @returns {Float32Array} `count` values at an offset of the JSON */
  floats(offset, count) {
    return new Float32Array(this.#buffer, this.#start + offset, count);
  }
}
