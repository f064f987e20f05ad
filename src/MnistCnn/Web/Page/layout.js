// Positions of the layers in the drawing of a network: from left to right, one column per layer; the branches of a block are lanes, one
// above the other. Does not use the DOM; all lengths are in CSS pixels.

/** Distance from the top of a layer to its feature maps; its name is above them. */
export const LABEL = 42;

const GAP = 34;
const LANE_GAP = 14;
const FRAME = { side: 16, top: 40, bottom: 14 };
const ARC = 26;
const FOOT = 20;
const LEAST_WIDTH = 92;
const TILE_GAP = 3;
const TILE = 40;
const LANE_TILE = 30;
const FEW_NUMBERS = 40;
const MARGIN = 12;

/**
 * Arrangement of the feature maps of a layer.
 * @typedef {{columns: number, rows: number, tileWidth: number, tileHeight: number, gap: number, count: number, isVector: boolean}} Grid
 *
 * A layer in the drawing. Lines end at the height `middle`.
 * @typedef {{node: object, x: number, y: number, width: number, height: number, middle: number, grid: Grid}} Box
 *
 * @typedef {{block: string, kind: string, isOpen: boolean, x: number, y: number, width: number, height: number}} BlockFrame
 * A line into a layer. An arc passes above other layers at the height `around`, or beneath them at the height `below`.
 * @typedef {{from: Box, to: Box, input: number, isArc: boolean, around: number, below: number}} Line
 * @typedef {{width: number, height: number, boxes: Box[], frames: BlockFrame[], lines: Line[]}} Layout
 */

/**
 * @param {object[]} nodes the operations in the order of computation
 * @param {(block: string) => boolean} isOpen whether a block shows all of its layers, or only its output
 * @param {number} maps most feature maps per layer
 * @returns {Layout}
 */
export function layOut(nodes, isOpen, maps) {
  const parts = groupsOf(nodes).map(group => group.block && isOpen(group.block)
    ? openBlock(group, maps)
    : closedPart(group, maps));
  const axis = MARGIN + Math.max(...parts.map(axisOf));
  const layout = { width: MARGIN, height: 0, boxes: [], frames: [], lines: [] };
  for (const part of parts) {
    const top = axis - axisOf(part);
    place(part, layout.width, top, layout);
    layout.width += part.width + GAP;
    layout.height = Math.max(layout.height, top + part.height + MARGIN);
  }
  layout.width += MARGIN - GAP;
  layout.lines = linesOf(layout);
  return layout;
}

/** @returns {string[]} the blocks of a network, in order */
export function blocksOf(nodes) {
  return [...new Set(nodes.map(node => node.block).filter(block => block !== null))];
}

/** The operation that joins the branches of a block: Concat or Add. */
export function joinOf(nodes, block) {
  return nodes.find(node => node.block === block && node.inputs.length > 1)?.operation;
}

// Groups consecutive layers of the same block; a layer outside of blocks is a group of its own.
function groupsOf(nodes) {
  const groups = [];
  for (const node of nodes) {
    const last = groups.at(-1);
    if (node.block !== null && last?.block === node.block)
      last.nodes.push(node);
    else
      groups.push({ block: node.block, nodes: [node] });
  }
  return groups;
}

function closedPart({ block, nodes }, maps) {
  const box = boxOf(nodes.at(-1), maps, false);
  if (block === null)
    return { ...box, boxes: [box] };
  box.x = FRAME.side;
  box.y = FRAME.top;
  const [width, height] = [box.width + 2 * FRAME.side, box.height + FRAME.top + FRAME.bottom];
  return { width, height, boxes: [box], frame: { block, kind: joinOf(nodes, block), isOpen: false } };
}

function openBlock({ block, nodes }, maps) {
  const lanes = lanesOf(nodes);
  const isNarrow = node => lanes.of.has(node.name) && lanes.count > 2;
  const isHalf = node => lanes.of.has(node.name) && lanes.count > 1;
  const boxes = nodes.map(node => boxOf(node, isHalf(node) ? Math.ceil(maps / 2) : maps, isNarrow(node)));
  const depths = depthsOf(nodes);
  const columns = Math.max(...depths) + 1;
  const lefts = runningSums(columns, column => widest(boxes.filter((_, index) => depths[index] === column)) + GAP, FRAME.side);
  const inLane = lane => boxes.filter(({ node }) => lanes.of.get(node.name) === lane);
  const tops = runningSums(lanes.count, lane => highest(inLane(lane)) + LANE_GAP, FRAME.top + (lanes.hasArc ? ARC : 0));
  const inner = Math.max(tops[lanes.count] - LANE_GAP, FRAME.top + highest(boxes));
  boxes.forEach((box, index) => {
    const lane = lanes.of.get(box.node.name);
    const [top, room] = lane === undefined || lanes.count === 1
      ? [tops[0], inner - tops[0]]
      : [tops[lane], tops[lane + 1] - LANE_GAP - tops[lane]];
    box.x = lefts[depths[index]];
    box.y = top + (room - box.height) / 2;
  });
  return {
    width: lefts[columns] - GAP + FRAME.side,
    height: inner + FRAME.bottom,
    boxes,
    frame: { block, kind: joinOf(nodes, block), isOpen: true },
  };
}

// Assigns the layers of a block to lanes, one per branch. A branch without layers is an arc above the lanes.
function lanesOf(nodes) {
  const byName = new Map(nodes.map(node => [node.name, node]));
  const of = new Map();
  const isInside = node => node !== undefined && !of.has(node.name);
  const join = nodes.find(node => node.inputs.length > 1);
  let count = 0;
  let hasArc = false;
  for (const input of join?.inputs ?? []) {
    let node = byName.get(input);
    hasArc ||= node === undefined;
    for (const lane = node ? count++ : count; isInside(node); node = byName.get(node.inputs[0]))
      of.set(node.name, lane);
  }
  return { of, count: Math.max(1, count), hasArc };
}

// The column of each layer: the longest path to it from the block's input.
function depthsOf(nodes) {
  const depths = new Map();
  for (const node of nodes)
    depths.set(node.name, Math.max(...node.inputs.map(input => depths.has(input) ? depths.get(input) + 1 : 0), 0));
  return [...depths.values()];
}

function boxOf(node, maps, isNarrow) {
  const grid = gridOf(node.shape, maps, isNarrow);
  const width = Math.max(LEAST_WIDTH, grid.columns * (grid.tileWidth + grid.gap) - grid.gap);
  const height = LABEL + grid.rows * (grid.tileHeight + grid.gap) - grid.gap + FOOT;
  return { node, x: 0, y: 0, width, height, middle: 0, grid };
}

/**
 * @param {number[]} shape (C, H, W) or (values)
 * @returns {Grid}
 */
function gridOf(shape, maps, isNarrow) {
  if (shape.length === 1)
    return gridOfNumbers(shape[0]);
  const [channels, height, width] = shape;
  const count = Math.min(channels, maps);
  const columns = count <= 2 ? 1 : isNarrow ? Math.ceil(count / 2) : Math.min(count <= 16 ? 2 : 4, count);
  const longer = (isNarrow ? LANE_TILE : TILE) * (count === 1 ? 2 : 1);
  const scale = longer / Math.max(height, width);
  return {
    columns, rows: Math.ceil(count / columns), count, isVector: false, gap: TILE_GAP,
    tileWidth: Math.max(4, Math.round(width * scale)), tileHeight: Math.max(4, Math.round(height * scale)),
  };
}

function gridOfNumbers(count) {
  if (count <= FEW_NUMBERS)
    return { columns: 1, rows: count, count, isVector: true, tileWidth: 40, tileHeight: 22, gap: 2 };
  const columns = Math.max(8, 4 * Math.ceil(Math.sqrt(count / 4) / 4));
  const side = Math.max(2, Math.floor(LEAST_WIDTH / columns));
  return { columns, rows: Math.ceil(count / columns), count, isVector: true, tileWidth: side, tileHeight: side, gap: side > 3 ? 1 : 0 };
}

// The height in a part at which the line to the next part starts.
const axisOf = part => middleOf(part.boxes.at(-1));

const middleOf = box => box.y + LABEL + (box.height - LABEL - FOOT) / 2;

function place(part, x, y, layout) {
  for (const box of part.boxes) {
    box.x += x;
    box.y += y;
    box.middle = middleOf(box);
    layout.boxes.push(box);
  }
  if (part.frame)
    layout.frames.push({ ...part.frame, x, y, width: part.width, height: part.height });
}

// A closed block has a single line, from the part before it.
function linesOf({ boxes, frames }) {
  const byName = new Map(boxes.map(box => [box.node.name, box]));
  const closed = new Set(frames.filter(frame => !frame.isOpen).map(frame => frame.block));
  const heights = new Map(frames.map(({ block, y, height }) =>
    [block, { around: y + FRAME.top - 2, below: y + height - FRAME.bottom / 2 }]));
  let before = null;
  return boxes.flatMap(box => {
    const previous = before;
    before = box;
    if (closed.has(box.node.block))
      return [{ from: previous, to: box, input: 0, isArc: false }];
    return box.node.inputs.map((input, index) => {
      const from = byName.get(input);
      const isArc = box.node.inputs.length > 1 && from.node.block !== box.node.block;
      return { from, to: box, input: index, isArc, ...heights.get(box.node.block) };
    });
  });
}

function runningSums(count, lengthOf, start) {
  const sums = [start];
  for (let index = 0; index < count; index++)
    sums.push(sums[index] + lengthOf(index));
  return sums;
}

const widest = boxes => Math.max(0, ...boxes.map(box => box.width));
const highest = boxes => Math.max(0, ...boxes.map(box => box.height));
