/** The confusion matrix: how many images of each class are predicted as each class. */
export class ConfusionCounts {
  #counts;
  #totals;

  /**
   * @param {number} classes the number of classes
   * @param {number[]} labels true classes of the images
   * @param {number[]} predictions their predicted classes
   */
  constructor(classes, labels, predictions) {
    this.#counts = Array.from({ length: classes }, () => new Array(classes).fill(0));
    labels.forEach((label, image) => this.#counts[label][predictions[image]]++);
    this.#totals = this.#counts.map(row => row.reduce((one, other) => one + other, 0)); // once: cells are many
  }

  of(label, prediction) {
    return this.#counts[label][prediction];
  }

  /** The number of images of a class. */
  total(label) {
    return this.#totals[label];
  }

  /** The fraction of the images of a class with this prediction, from 0 to 1. */
  fraction(label, prediction) {
    return this.#totals[label] ? this.#counts[label][prediction] / this.#totals[label] : 0;
  }

  /** @returns {{label: number, prediction: number, count: number}[]} the most frequent mistakes, at most `most` */
  mistakes(most) {
    return this.#counts.flatMap((row, label) => row.map((count, prediction) => ({ label, prediction, count })))
      .filter(({ label, prediction, count }) => label !== prediction && count > 0)
      .sort((one, other) => other.count - one.count).slice(0, most);
  }
}
