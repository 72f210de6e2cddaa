import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../src/index.ts';

/** Models of random blocks of one type each, and what llama.cpp gives for them. */
const FOLDER = fileURLToPath(new URL('../../../shared/real/quantised', import.meta.url));

interface Expected {
  readonly ids: readonly number[];
  /** By type: for each id, the most probable next ids with their log-probabilities. */
  readonly types: Readonly<Record<string, readonly (readonly (readonly [number, number])[])[]>>;
}

const test = suite('models of quantised blocks that others made');

/**
 * llama.cpp rounds activations to 8 bits: float64 is up to 0.14 away from it where they have a scale
 * for 32 of them, and 0.17 where for 256. A wrong nibble, scale or minimum is more than 1 away.
 */
const BOUND = 0.2;

async function check(dtype: 'f32' | 'auto'): Promise<void> {
  const expected = JSON.parse(readFileSync(`${FOLDER}/expected.json`, 'utf8')) as Expected;
  const { ids, types } = expected;
  assert.is(Object.keys(types).length, 8);
  for (const [type, steps] of Object.entries(types)) {
    using model = await loadModel(`${FOLDER}/${type.toLowerCase()}.gguf`, { dtype });
    const { vocabSize } = model.config;
    const all = await model.logits(ids);
    for (const [i, step] of steps.entries()) {
      const logits = all.subarray(i * vocabSize, (i + 1) * vocabSize);
      const largest = Math.max(...logits);
      const sum = logits.reduce((total, logit) => total + Math.exp(logit - largest), 0);
      for (const [id, logProbability] of step) {
        const found = logits[id]! - largest - Math.log(sum);
        const message = `${type}, ${dtype}, step ${i}, id ${id}: ${found}, not ${logProbability}`;
        assert.ok(Math.abs(found - logProbability) < BOUND, message);
      }
    }
  }
}

for (const dtype of ['f32', 'auto'] as const) {
  const name = `${dtype}: log-probabilities are llama.cpp's within ${BOUND}, all eight types`;
  if (existsSync(FOLDER)) test(name, () => check(dtype));
  else test.skip(`${name}: ../shared/real/quantised is not there`);
}

test.run();
