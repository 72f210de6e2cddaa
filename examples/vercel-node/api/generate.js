import { loadModel } from 'tpa-wasm';
import { createHandler } from '../handler.js';

const MODEL = new URL('models/t6-stories.gguf', import.meta.resolve('tpa-wasm/package.json'));

const handle = createHandler(() => loadModel(MODEL, { backend: 'wasm' }));

export async function GET(request) {
  return handle(request);
}

export async function POST(request) {
  return handle(request);
}
