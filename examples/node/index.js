import { loadModel } from 'tpa-wasm';

const MODEL = new URL('models/t6-stories.gguf', import.meta.resolve('tpa-wasm/package.json'));
const [prompt = 'Once upon a time', seed] = process.argv.slice(2);

const stop = new AbortController();
process.once('SIGINT', () => stop.abort());

const model = await loadModel(MODEL);
const generation = model.createSession().generate(prompt, {
  maxTokens: 120,
  signal: stop.signal,
  ...(seed !== undefined && { seed: Number(seed) }),
});
process.stdout.write(prompt);
for await (const { text } of generation) process.stdout.write(text);
process.stderr.write(`\n(${generation.finishReason}, seed ${generation.seed})\n`);
model.dispose();
