// Texts and numbers in the language of the page.

import { texts } from './texts.js';

const STORAGE_KEY = 'language';

let current = stored() ?? navigator.languages.find(each => /^(en|zh)/.test(each))?.slice(0, 2) ?? 'en';

/** @returns {'en' | 'zh'} */
export const language = () => current;

/** Changes the language and stores it for the next visit. @param {'en' | 'zh'} language */
export function setLanguage(language) {
  current = language;
  try {
    localStorage.setItem(STORAGE_KEY, language);
  } catch {
    // The browser stores nothing.
  }
}

function stored() {
  try {
    return localStorage.getItem(STORAGE_KEY);
  } catch {
    return null;
  }
}

/**
 * @param {string} key
 * @param {Record<string, unknown>} values replace {name} in the text
 * @returns {string}
 */
export function text(key, values = {}) {
  const pair = texts[key];
  if (!pair)
    throw new Error(`There is no text '${key}'.`);
  return pair[current === 'zh' ? 1 : 0].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Fills the elements in a container that name a text: `data-text` as their content, `data-label` as their name and tooltip. */
export function translate(container) {
  for (const element of container.querySelectorAll('[data-text]'))
    element.textContent = text(element.dataset.text);
  for (const element of container.querySelectorAll('[data-label]'))
    element.ariaLabel = element.title = text(element.dataset.label);
}

/** Formats a number with at most this many decimals. */
export function number(value, decimals = 0) {
  return value.toLocaleString('en-US', { maximumFractionDigits: decimals }).replace('-', '−').replace(/^−0$/, '0');
}

/** Formats a number with about three significant digits. */
export function figure(value) {
  const size = Math.abs(value);
  return number(value, size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.001 || size === 0 ? 3 : 5);
}

/** Formats a fraction from 0 to 1 in percent. */
export function percent(fraction, decimals = 1) {
  const written = (100 * fraction).toFixed(decimals);
  return current === 'zh' ? `${written}%` : `${written}\u00a0%`;
}
