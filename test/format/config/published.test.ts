import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfig } from '../../../src/format/config/config.ts';
import { refused } from '../../helpers/checks/refused.ts';
import { LLAMA_TENSORS } from '../../helpers/models/tiny-configs.ts';
import type { Json } from '../../helpers/models/tiny-configs.ts';

/** A config.json with the keys and sizes of a published model. */
interface Published {
  readonly name: string;
  readonly config: Json;
  /** What it must come to. */
  readonly expected?: {
    readonly headDim: number;
    readonly kvHeads: number;
    readonly context: number;
    readonly scaling?: string;
    readonly window?: number;
  };
  /** What its refusal must name, although its tensors are called as a LLaMA's. */
  readonly refused?: string;
}

const file = new URL('../../fixtures/published_configs.jsonl', import.meta.url);
const MODELS = readFileSync(file, 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Published);

const parse = (config: Json) => parseConfig(config, LLAMA_TENSORS);

const test = suite('config.json of published models');

test('there are 40 that load and 15 that do not', () => {
  assert.ok(MODELS.filter(({ expected }) => expected).length >= 40);
  assert.ok(MODELS.filter((model) => model.refused).length >= 15);
});

for (const { name, config, expected, refused: named } of MODELS) {
  if (expected === undefined) {
    test(`${name} is refused by name`, async () => {
      const { message } = await refused(() => parse(config), 'MODEL_UNSUPPORTED');
      assert.ok(message.includes(named!), message);
    });
    continue;
  }
  test(`${name} loads`, () => {
    const read = parse(config);
    const { headDim, kvHeads, contextLength, ropeScaling, slidingWindow } = read;
    const found = {
      headDim,
      kvHeads,
      context: contextLength,
      ...(ropeScaling && { scaling: ropeScaling.type }),
      ...(slidingWindow && { window: slidingWindow.size }),
    };
    assert.equal(found, expected);
    assert.equal(read.eosTokenIds, [config['eos_token_id'] ?? []].flat());
  });
}

test.run();
