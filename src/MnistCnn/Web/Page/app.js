// Starts the page, and shows the view that its address names: #/look, #/runs or #/confusion.
//
// What tests can hold on to:
//   #pen                                   the sheet to draw on
//   #answer, #other-answer                 the class that the first, the second network answers
//   .panel[data-model]                     the answers of a network; in it
//   .probability[data-class][data-share]     the bar of a class, from 0 to 1
//   .image, .heat[data-class][data-method]   what the network got, and the heat map over it (hidden where there is none)
//   .network[data-model]                   the drawing of a network; in it
//   [data-node] canvas                       the maps of a layer
//   [data-block] button                      opens and closes a block
//   path[data-from][data-to].off             a line that is switched off
//   #map[data-node][data-channel]          the map that was clicked; in it
//   #map-value, #map-place[data-row][data-column][data-value]   the map, and the number under its cursor
//   .equation[data-sum][data-bias][data-value]   of a convolution: what all input maps give, the bias, and the value
//   .contribution[data-channel][data-sum]    what one input map gives
//   .numbers td[data-value]                  patch, kernel and products of that one
//   .term[data-term][data-norm]              x, F(x), x + F(x), relu at the end of a block
//   #whatif-right, -down, -degrees, -scale, -thicker   the sliders; #reset
//   [data-wire][data-kind]                 the switches: branch, shortcut, listing; in a fieldset with data-model
//   #previous-image, #next-image, #random-image, #mistake, #image-caption, #file, #undo, #clear
//   #model, #other                         which networks; #language; #problem
//   performance.getEntriesByName('stroke-to-maps')   one for each stroke and network, in ms

import { Problem } from './api.js';
import { showConfusion } from './confusion.js';
import { LookView } from './inspect.js';
import { showRuns } from './runs.js';
import { language, setLanguage, text, translate } from './text.js';

const look = new LookView(fail);

// Each shows itself in a place and gives back what ends it.
const otherViews = { runs: showRuns, confusion: showConfusion };
let leave = () => {};

addEventListener('hashchange', go);
document.querySelector('#language').addEventListener('click', () => {
  setLanguage(language() === 'zh' ? 'en' : 'zh');
  writeAll();
  look.translate();
  go();
});
document.querySelector('#skip').addEventListener('click', () => document.querySelector('#main').focus());
writeAll();
go();

// The address is #/VIEW/ID?QUERY; only the confusion matrix has an ID, its network's.
function go() {
  const [path, query] = location.hash.replace(/^#\/?/, '').split('?');
  const [name, ...id] = path.split('/');
  const view = name in otherViews ? name : 'look';
  const parameters = new URLSearchParams(query);
  if (id.length > 0)
    parameters.set('id', decodeURIComponent(id.join('/')));
  leave();
  leave = () => {};
  fail(null);
  for (const place of document.querySelectorAll('.view'))
    place.hidden = place.id !== view;
  for (const link of document.querySelectorAll('nav a'))
    link.ariaCurrent = link.dataset.view === (view === 'confusion' ? 'runs' : view) ? 'page' : null;
  if (view === 'look')
    look.open(parameters).catch(fail);
  else
    leave = otherViews[view](document.getElementById(view), parameters) ?? leave;
}

function writeAll() {
  document.documentElement.lang = language() === 'zh' ? 'zh-CN' : 'en';
  document.title = text('title');
  const button = document.querySelector('#language');
  button.textContent = language() === 'zh' ? 'English' : '中文';
  button.lang = language() === 'zh' ? 'en' : 'zh-CN';
  translate(document);
}

function fail(error) {
  if (error !== null && !(error instanceof Problem))
    console.error(error); // a bug of this page
  const words = error?.message ?? '';
  const place = document.querySelector('#problem');
  if (place.textContent !== words)
    place.textContent = words;
}
