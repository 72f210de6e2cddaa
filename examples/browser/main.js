import { showCosts, showFigures } from './figures-view.js';
import { loadForm } from './load-form.js';
import { PageModel } from './page-model.js';
import { PLACES } from './words.js';
import { writeForm } from './write-form.js';

/** The name of the model in use, and the model. */
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
    loading = new AbortController();
    const { signal } = loading;
    loadForm.isLoading = true;
    say(`Loading ${name}`);
    try {
      const model = await PageModel.load(request, { onProgress: loadForm.showProgress, signal });
      use({ name, model });
    } catch (error) {
      if (!signal.aborted) throw error;
      say('Loading was cancelled');
    } finally {
      loading = undefined;
      loadForm.isLoading = false;
    }
  });
}

function use({ name, model }) {
  current?.model.close();
  current = { name, model };
  model.onBackendChange = ({ backend, reason }) => {
    loadForm.showModel(name, model);
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
    const { name, model } = current;
    const request = { ...writeForm.options, prompt };
    if (prompt !== undefined) {
      canGoOn = false;
      writeForm.begin(prompt, model.isAnswering && prompt !== '');
    }
    isWriting = true;
    writeForm.show({ isWriting, canGoOn });
    say('Writing');
    try {
      const end = await model.generate(request, ({ text, figures }) => {
        writeForm.add(text);
        showFigures(figures, model.config.contextLength);
      });
      loadForm.showModel(name, model);
      canGoOn = end.finishReason !== 'context_full';
      say(`${ENDS[end.finishReason](end.tokens)}. Seed ${end.seed}`);
    } finally {
      isWriting = false;
      writeForm.show({ isWriting, canGoOn });
    }
  });
}

function stop() {
  if (isWriting) current.model.stop();
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
