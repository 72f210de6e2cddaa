// Runs a model in this repository's runtime for scripts in Python: reads one JSON object a line,
// `{ prompt, seed, temperature, maxTokens }` to generate from or `{ ids }` to score, and answers
// each with a line: `{ text, finishReason }` or `{ scores }`.
//
//     node training/measure/runtime.mjs MODEL < requests.jsonl > answers.jsonl
import { createInterface } from 'node:readline';
import { loadModel } from '../../dist/index.js';

const model = await loadModel(process.argv[2], { backend: 'wasm' });
for await (const line of createInterface({ input: process.stdin })) {
  const { prompt, ids, ...options } = JSON.parse(line);
  const answer = ids === undefined ? await generate(prompt, options) : await score(ids);
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
model.dispose();

async function generate(prompt, options) {
  const session = model.createSession();
  const generation = session.generate(prompt, options);
  const text = await generation.text();
  session.dispose();
  return { text, finishReason: generation.finishReason };
}

async function score(ids) {
  return { scores: [...(await model.score(ids))] };
}
