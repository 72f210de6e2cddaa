import { bytes, PLACES, short } from './words.js';

/** Where the server has the shipped model. */
const SHIPPED = new URL('models/t6-stories.gguf', document.baseURI).href;

const form = document.querySelector('#load');
const bar = document.querySelector('#progress-bar');
const cancel = document.querySelector('#cancel');
const start = form.querySelector('button');
const folder = document.querySelector('#folder');
const files = document.querySelector('#files');

/** The part of the page where a model is chosen and described. */
export const loadForm = {
  /** Calls back when a model is asked for, and when loading is given up. */
  listen({ onLoad, onCancel }) {
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      onLoad();
    });
    cancel.addEventListener('click', onCancel);
    // what was picked last is the choice
    folder.addEventListener('change', () => (files.value = ''));
    files.addEventListener('change', () => (folder.value = ''));
  },

  /**
   * What is chosen: its name, and what is asked for.
   *
   * @throws Error in one line where nothing is
   */
  choice() {
    const { source, address, backend } = form.elements;
    const chosen = CHOICES[source.value](address.value.trim());
    return { name: chosen.name, request: { ...chosen.request, backend: backend.value } };
  },

  /** Shows Cancel in place of Load, and the other way round; focus stays with the pair. */
  set isLoading(isLoading) {
    const hadFocus = [start, cancel].includes(document.activeElement);
    start.hidden = isLoading;
    cancel.hidden = !isLoading;
    document.querySelector('#progress').hidden = !isLoading;
    bar.removeAttribute('value');
    document.querySelector('#progress-text').textContent = '';
    if (hadFocus) (isLoading ? cancel : start).focus();
  },

  showProgress({ file, loaded, total, rate }) {
    const isDone = loaded === total;
    bar.max = total;
    bar.value = loaded;
    // what follows, such as compiling shaders, takes a time nobody knows
    if (isDone) bar.removeAttribute('value');
    document.querySelector('#progress-text').textContent = isDone
      ? 'Getting ready'
      : `${file}: ${bytes(loaded)} of ${bytes(total)}, ${bytes(rate)}/s`;
  },

  /** Says what the model is and who computes it. */
  showModel(name, { config, info }) {
    const { heads, headDim, layers, mechanism, headFactors, rankQ, rankK, rankV } = config;
    const ranks = headFactors === 'groups' ? '' : `, ranks ${rankQ}, ${rankK}, ${rankV}`;
    const { backend, backendReason, threads, threadsReason, simd, worker, workerReason } = info;
    document.querySelector('#model-name').textContent = `${name}, on ${PLACES[backend]}`;
    showFacts({
      parameters: short(info.parameters),
      attention: `${mechanism}${ranks}`,
      heads: `${heads} of ${headDim}, ${layers} layers`,
      backend: `${backend}: ${backendReason}`,
      threads: `${threads}: ${threadsReason}`,
      worker: `${worker ? 'yes' : 'no'}: ${workerReason}`,
      kernels: `${simd} SIMD`,
      downloads: info.cache.reason,
    });
  },
};

const CHOICES = {
  shipped: () => ({ name: 'stories', request: { address: SHIPPED } }),
  address(typed) {
    if (!URL.canParse(typed, document.baseURI) || typed === '') {
      throw new Error('type the address of a GGUF file, or of a folder with config.json');
    }
    const { href } = new URL(typed, document.baseURI);
    return { name: href, request: { address: href } };
  },
  files() {
    const picked = [...folder.files, ...files.files];
    if (picked.length === 0) throw new Error('pick the folder of a model, or its files');
    const [{ webkitRelativePath, name }] = picked;
    return { name: webkitRelativePath.split('/')[0] || name, request: { files: picked } };
  },
};

function showFacts(facts) {
  const rows = Object.entries(facts).map(([term, fact]) => {
    const row = document.createElement('div');
    row.append(element('dt', term), element('dd', fact));
    return row;
  });
  document.querySelector('#model-facts').replaceChildren(...rows);
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}
