import { text } from './text.js';

/** Shows the view in a place. @returns {() => void} what ends it */
export function showConfusion(place) {
  const title = document.createElement('h2');
  title.textContent = text('viewConfusion');
  place.replaceChildren(title);
  return () => place.replaceChildren();
}
