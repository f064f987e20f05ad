// Names of layers for people.

import { text } from './text.js';

/** The name of a layer within its block, or that of its operation. */
export function nameOf(node) {
  const own = node.block !== null && node.module.startsWith(node.block) ? node.module.slice(node.block.length + 1) : node.module;
  return own === '' ? text(`name${node.operation}`) : own;
}

/** The operation of a layer, with the size of its window. */
export function kindOf(node) {
  return text(`kind${node.operation}`, { window: node.kernel ? node.kernel.join('×') : '' });
}

export function shapeOf(shape) {
  return shape.join(' × ');
}
