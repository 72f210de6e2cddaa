import { loadModel } from 'tpa-wasm';
import { createHandler } from './handler.js';

const MODEL = new URL('models/t6-stories.gguf', import.meta.resolve('tpa-wasm/package.json'));

const handle = createHandler(() => loadModel(MODEL, { backend: 'wasm' }));

const server = Bun.serve({
  fetch: (request) => handle(request),
  idleTimeout: 30, // seconds; a request that waits for its turn is silent
});
console.log(`listening on ${server.url}`);
