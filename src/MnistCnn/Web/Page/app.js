// Starts the page and shows the view of the URL: #/look, #/runs or #/confusion.
//
// Selectors for tests:
//   #pen                                   the canvas to draw on
//   #answer, #other-answer                 the predicted class of the first and the second network
//   .panel[data-model]                     the prediction of a network, with
//   .probability[data-class][data-probability]   the bar of a class
//   .image, .heat[data-class][data-method]   the input of the network, and the heat map over it
//   .network[data-model]                   the drawing of a network, with
//   [data-node] canvas                       the feature maps of a layer
//   [data-block] button                      opens and closes a block
//   path[data-from][data-to].off             a line removed by an ablation
//   #map[data-node][data-channel]          the open feature map, with
//   #map-value, #map-place[data-row][data-column][data-value]   the map, and the value under its cursor
//   .equation[data-sum][data-bias][data-value]   of a convolution: the sum, the bias and the value
//   .contribution[data-channel][data-sum]    the contribution of an input map
//   .numbers td[data-value]                  its input, kernel and products
//   .term[data-term][data-norm]              x, F(x), x + F(x), relu at the end of a block
//   #whatif-right, -down, -degrees, -scale, -thicker   the sliders; #reset
//   [data-wire][data-kind]                 the switches: branch, shortcut, listing; in a fieldset with data-model
//   #previous-image, #next-image, #random-image, #mistake, #image-caption, #file, #undo, #clear
//   #model, #other                         the networks; #language; #problem

import { Problem } from './api.js';
import { showConfusion } from './confusion.js';
import { InspectView } from './inspect.js';
import { showRuns } from './runs.js';
import { language, setLanguage, text, translate } from './text.js';

const inspect = new InspectView(fail);

// Functions that show a view in a container and return a function that closes it.
const otherViews = { runs: showRuns, confusion: showConfusion };
let leave = () => {};

addEventListener('hashchange', go);
document.querySelector('#language').addEventListener('click', () => {
  setLanguage(language() === 'zh' ? 'en' : 'zh');
  translateAll();
  inspect.translate();
  go();
});
document.querySelector('#skip').addEventListener('click', () => document.querySelector('#main').focus());
translateAll();
go();

// The URL is #/VIEW/ID?QUERY. Only the confusion matrix has an ID, the id of a model.
function go() {
  const [path, query] = location.hash.replace(/^#\/?/, '').split('?');
  const [name, ...id] = path.split('/');
  const view = Object.hasOwn(otherViews, name) ? name : 'look';
  const parameters = new URLSearchParams(query);
  if (id.length > 0)
    parameters.set('id', decoded(id.join('/')));
  leave();
  leave = () => {};
  fail(null);
  for (const container of document.querySelectorAll('.view'))
    container.hidden = container.id !== view;
  for (const link of document.querySelectorAll('nav a'))
    link.ariaCurrent = link.dataset.view === (view === 'confusion' ? 'runs' : view) ? 'page' : null;
  if (view === 'look')
    inspect.open(parameters).catch(fail);
  else
    leave = otherViews[view](document.getElementById(view), parameters) ?? leave;
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a URL that was typed
  }
}

function translateAll() {
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
  const message = error?.message ?? '';
  const element = document.querySelector('#problem');
  if (element.textContent !== message)
    element.textContent = message;
}
