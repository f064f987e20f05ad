import { text } from './text.js';

/** Shows the view in a place. @returns {() => void} what ends it */
export function showRuns(place) {
  const title = document.createElement('h2');
  title.textContent = text('viewRuns');
  place.replaceChildren(title);
  return () => place.replaceChildren();
}
