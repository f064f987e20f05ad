// Small helpers of the views that make their elements by script.

/**
 * Makes an element.
 * @param {string} name
 * @param {object} properties
 * @param {...(Node | string)} children
 */
export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** Makes an element of a class, with words in it. */
export function made(name, className = '', words = '') {
  return element(name, { className, textContent: words });
}

/** Makes an element of an SVG picture. */
export function svg(name, attributes) {
  const shape = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes))
    shape.setAttribute(key, value);
  return shape;
}

/** A box as wide as there is room for, in which something wider scrolls, by keyboard too. */
export function scrolling(content, label) {
  return element('div', { className: 'wide', tabIndex: 0, role: 'region', ariaLabel: label }, content);
}

/** An address within the page: `#/VIEW/ID?QUERY`. */
export function addressOf(view, id, query = {}) {
  const search = new URLSearchParams(query);
  return `#/${view}${id ? `/${encodeURIComponent(id)}` : ''}${search.size ? `?${search}` : ''}`;
}
