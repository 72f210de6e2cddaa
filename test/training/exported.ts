import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { loadModel } from '../../src/index.ts';

/** Holds the runtime to the logits that PyTorch computed of a model that it exported. */
export async function assertExported(folder: string): Promise<void> {
  const expected = JSON.parse(readFileSync(`${folder}/expected.json`, 'utf8')) as {
    prompt: string;
    ids: number[];
    logits: number[];
  };
  const model = await loadModel(folder, { backend: 'wasm' });
  assert.equal(
    model.tokenizer!.encode(expected.prompt),
    expected.ids.slice(1),
    'ids of the prompt',
  );
  const session = model.createSession();
  const logits = await session.prefill(expected.ids);
  const worst = Math.max(...logits.map((logit, i) => Math.abs(logit - expected.logits[i]!)));
  assert.ok(worst < 1e-3, `logits differ by ${worst}`);
  session.dispose();
  model.dispose();
}
