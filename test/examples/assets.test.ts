import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../src/load/load-model.ts';
import { outcomeOf } from '../helpers/checks/refused.ts';
import { writeZeroModel } from '../runtimes/zero-model.ts';

const path = (file: string): string => fileURLToPath(new URL(`../../${file}`, import.meta.url));
const SCRIPT = path('examples/cloudflare-worker/assets.js');
const SHIPPED = path('models/t6-fairytales');

const test = suite('assets.js of the Workers example');

test('copies a model that is small enough', () =>
  withAssets([SHIPPED], (folder) => {
    assert.equal(readdirSync(folder).toSorted(), [
      'config.json',
      'model.safetensors',
      'tokenizer.json',
    ]);
    assert.is(
      statSync(`${folder}/model.safetensors`).size,
      statSync(`${SHIPPED}/model.safetensors`).size,
    );
  }));

test('cuts larger weights into shards that load as the same model', async () => {
  await withAssets([SHIPPED, '1000000'], async (folder) => {
    const shards = readdirSync(folder).filter((file) => file.endsWith('.safetensors'));
    assert.is(shards.length, 5);
    for (const shard of shards) assert.ok(statSync(`${folder}/${shard}`).size < 1e6 + 10_000);
    const logits = await Promise.all([logitsOf(folder), logitsOf(SHIPPED)]);
    assert.equal(logits[0], logits[1]);
  });
});

test('says which tensor no shard can hold', async () => {
  const refusal = await outcomeOf(() => withAssets([SHIPPED, '100000'], () => {}));
  assert.match(String(refusal), /tensor transformer\.wte\.weight alone has 786432 bytes/);
});

test('shards of 24 MiB unless told', async () => {
  const model = mkdtempSync(`${tmpdir()}/tpa-model-`);
  try {
    const json = { vocab_size: 2048, n_layer: 4, n_embd: 768, n_head: 34, head_dim: 64 };
    writeZeroModel(model, { model_type: 't6', rank: 2, q_rank: 6, ...json });
    await withAssets([model], (folder) => {
      const sizes = readdirSync(folder).map((file) => statSync(`${folder}/${file}`).size);
      assert.ok(sizes.length > 3);
      for (const size of sizes) assert.ok(size < 25 * 2 ** 20);
    });
  } finally {
    rmSync(model, { recursive: true });
  }
});

test.run();

async function withAssets(
  args: readonly string[],
  work: (folder: string) => void | Promise<void>,
): Promise<void> {
  const cwd = mkdtempSync(`${tmpdir()}/tpa-assets-`);
  try {
    execFileSync(process.execPath, [SCRIPT, ...args], { cwd, stdio: 'pipe', timeout: 60_000 });
    await work(`${cwd}/assets/model`);
  } finally {
    rmSync(cwd, { recursive: true });
  }
}

async function logitsOf(folder: string): Promise<Float32Array> {
  using model = await loadModel(folder, { backend: 'wasm', simd: 'baseline' });
  return await model.logits([1, 2, 3]); // the model lives until then
}
