import { showCosts, showFigures } from './figures-view.js';
import { loadForm } from './load-form.js';
import { PLACES } from './words.js';
import { WorkerModel } from './worker-model.js';
import { writeForm } from './write-form.js';

/** The model in use: a worker, and what it said of itself. */
let current;
/** Gives up the model that is being loaded. */
let loading;
let isWriting = false;
/** Whether the text can go on from where it ended. */
let canGoOn = false;

loadForm.listen({ onLoad: load, onCancel: () => loading?.abort() });
writeForm.listen({
  onWrite: () => write(writeForm.prompt),
  onMore: () => write(),
  onStop: stop,
});
load();

/** Loads what is chosen; the model in use stays until the new one is there. */
function load() {
  return attempt('#load-error', async () => {
    if (loading !== undefined) return;
    const { name, request } = loadForm.choice();
    stop();
    const worker = new WorkerModel();
    loading = new AbortController();
    const { signal } = loading;
    loadForm.isLoading = true;
    say(`Loading ${name}`);
    try {
      const model = await worker.load(request, { onProgress: loadForm.showProgress, signal });
      use({ name, worker, ...model });
    } catch (error) {
      worker.close();
      if (!signal.aborted) throw error;
      say('Loading was cancelled');
    } finally {
      loading = undefined;
      loadForm.isLoading = false;
    }
  });
}

function use(model) {
  const { name } = model;
  current?.worker.close();
  current = model;
  model.worker.onBackendChange = ({ backend, reason, info }) => {
    loadForm.showModel(name, { ...model, info });
    say(`Now on ${PLACES[backend]}: ${reason}`);
  };
  loadForm.showModel(name, model);
  showCosts(model.config, model.info);
  canGoOn = false;
  writeForm.show({ isWriting, canGoOn });
  say(`Ready: ${name}`);
}

/** Writes on from a prompt, or from where the text ended if there is none. */
function write(prompt) {
  return attempt('#error', async () => {
    if (isWriting) return;
    if (current === undefined) throw new Error('there is no model yet, load one first');
    const { name, worker, config, isAnswering } = current;
    const request = { ...writeForm.options, prompt };
    if (prompt !== undefined) {
      canGoOn = false;
      writeForm.begin(prompt, isAnswering && prompt !== '');
    }
    isWriting = true;
    writeForm.show({ isWriting, canGoOn });
    say('Writing');
    try {
      const end = await worker.generate(request, ({ text, figures }) => {
        writeForm.add(text);
        showFigures(figures, config.contextLength);
      });
      loadForm.showModel(name, { config, info: end.info });
      canGoOn = end.finishReason !== 'context_full';
      say(`${ENDS[end.finishReason](end.tokens)}. Seed ${end.seed}`);
    } finally {
      isWriting = false;
      writeForm.show({ isWriting, canGoOn });
    }
  });
}

function stop() {
  if (isWriting) current.worker.stop();
}

const ENDS = {
  stop: (tokens) => `The end, after ${tokens} tokens`,
  length: (tokens) => `${tokens} tokens, as many as asked for`,
  abort: (tokens) => `Stopped after ${tokens} tokens`,
  context_full: (tokens) => `The context is full after ${tokens} tokens`,
};

/** Whatever goes wrong is one line at the form that asked for it, and the page goes on. */
async function attempt(place, action) {
  const error = document.querySelector(place);
  error.textContent = '';
  try {
    await action();
  } catch ({ message }) {
    say('');
    error.textContent = message;
  }
}

function say(text) {
  document.querySelector('#status').textContent = text;
}
