// Helpers that create elements.

/**
 * @param {string} name
 * @param {object | string} properties a string is the class
 * @param {...(Node | string)} children
 * @returns {HTMLElement}
 */
export function createElement(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), typeof properties === 'string' ? { className: properties } : properties);
  element.append(...children);
  return element;
}

/** Creates an SVG element. */
export function createSvg(name, attributes) {
  const shape = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes))
    shape.setAttribute(key, value);
  return shape;
}

/** Creates a box in which wide content scrolls, also by keyboard. */
export function scrolling(content, label) {
  return createElement('div', { className: 'wide', tabIndex: 0, role: 'region', ariaLabel: label }, content);
}

/** Formats the URL of a view: `#/VIEW/ID?QUERY`. */
export function urlOf(view, id, query = {}) {
  const search = new URLSearchParams(query);
  return `#/${view}${id ? `/${encodeURIComponent(id)}` : ''}${search.size ? `?${search}` : ''}`;
}
