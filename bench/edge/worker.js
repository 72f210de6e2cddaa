import { loadModel } from 'tpa-wasm';

let model;
let session;

/** Each step of a run is a request, so that it can be measured alone; the model stays. */
const STEPS = {
  async load({ file, ...options }, { ASSETS }) {
    model = await loadModel(new URL(`http://assets.local/${file}`), {
      fetch: (request) => ASSETS.fetch(request),
      cache: 'none',
      backend: 'wasm',
      ...options,
    });
  },
  async prefill({ tokens }) {
    session = model.createSession();
    await session.prefill(Array.from({ length: tokens }, (_, at) => (at * 7919) % 50_000));
  },
  async generate({ tokens }) {
    const generation = session.generate([1], { maxTokens: tokens, seed: 7, topP: 0.95 });
    await generation.text();
    if (generation.tokens.length < tokens) throw new Error(generation.finishReason);
    session.dispose();
  },
  /** Text to tokens and back, as a request of a reader does. */
  async answer({ tokens, seed }) {
    const own = model.createSession();
    const prompt = `Question ${seed}: once upon a time there was a question, and its answer was`;
    const generation = own.generate(prompt, { maxTokens: tokens, seed, topP: 0.95 });
    for await (const { text } of generation) globalThis.lastText = text;
    own.dispose();
  },
};

export default {
  async fetch(request, env) {
    const { step, ...options } = await request.json();
    try {
      await STEPS[step](options, env);
      return Response.json(model.memory());
    } catch (error) {
      return Response.json({ error: error.message });
    }
  },
};
