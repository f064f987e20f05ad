// What layers are called in front of people.

import { text } from './text.js';

/** The name of a layer in its block, or what it does where it has none of its own. */
export function nameOf(node) {
  const own = node.block !== null && node.part.startsWith(node.block) ? node.part.slice(node.block.length + 1) : node.part;
  return own === '' ? text(`name${node.operation}`) : own;
}

/** What a layer does, with the size of its window. */
export function kindOf(node) {
  return text(`kind${node.operation}`, { window: node.kernel ? node.kernel.join('×') : '' });
}

/** A shape as people write it. */
export function shapeOf(shape) {
  return shape.join(' × ');
}
