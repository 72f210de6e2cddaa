import { env } from 'cloudflare:workers';
import { loadModel } from 'tpa-wasm';
import { createHandler } from './handler.js';

/** What Cloudflare lets an isolate hold, WebAssembly memory included. Beyond it the isolate is ended. */
const ISOLATE_BYTES = 128_000_000;
/**
 * Of that, left to JavaScript. Measured with a tokenizer of 50,000 entries: 18 MB are in use once the
 * model is loaded, garbage included, and up to 37 MB beside 84 MB of memory while it loads.
 */
const SCRIPT_BYTES = 32_000_000;
/** Less than the 30 seconds that `waitUntil` grants after a reader has left. */
const LOAD_MS = 20_000;

/** What `assets.js` has put there; of a folder, its address ends in `/model/`. */
const MODEL = new URL('http://assets.local/model/t6-stories.gguf');

const handle = createHandler(() =>
  loadModel(MODEL, {
    fetch: (request) => env.ASSETS.fetch(request),
    cache: 'none',
    backend: 'wasm',
    memoryLimit: ISOLATE_BYTES - SCRIPT_BYTES,
    signal: AbortSignal.timeout(LOAD_MS),
  }),
);

export default {
  fetch: (request, _env, context) => handle(request, (promise) => context.waitUntil(promise)),
};
