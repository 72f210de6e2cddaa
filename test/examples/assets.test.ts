import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../src/load/load-model.ts';
import { outcomeOf } from '../helpers/checks/refused.ts';
import { SHIPPED_MODEL } from '../../src/cli/package-files.ts';
import { writeTalkingT6 } from '../helpers/sessions/talking-t6.ts';
import { writeZeroModel } from '../runtimes/zero-model.ts';

const path = (file: string): string => fileURLToPath(new URL(`../../${file}`, import.meta.url));
const SCRIPT = path('examples/cloudflare-worker/assets.js');
/** A folder with a model of floats, 1.7 MB. */
const FLOATS = mkdtempSync(`${tmpdir()}/tpa-floats-`);
writeTalkingT6(FLOATS);

const test = suite('assets.js of the Workers example');
test.after(() => rmSync(FLOATS, { recursive: true }));

test('copies a model that is small enough, a GGUF file or a folder', async () => {
  await withAssets([], (folder) => {
    assert.equal(readdirSync(folder), ['t6-stories.gguf']);
    assert.ok(readFileSync(`${folder}/t6-stories.gguf`).equals(readFileSync(SHIPPED_MODEL)));
  });
  await withAssets([FLOATS], (folder) => {
    const files = ['config.json', 'model.safetensors', 'tokenizer.json'];
    assert.equal(readdirSync(folder).toSorted(), files);
    const { size } = statSync(`${folder}/model.safetensors`);
    assert.is(size, statSync(`${FLOATS}/model.safetensors`).size);
  });
});

test('copies all parts of a GGUF file and no other; says how to cut one that is too large', async () => {
  const names = ['m-00001-of-00002.gguf', 'm-00002-of-00002.gguf'];
  for (const name of [...names, 'other-00001-of-00002.gguf', 'm.gguf', 'm-2.gguf']) {
    writeFileSync(`${FLOATS}/${name}`, 'x'.repeat(9));
  }
  await withAssets([`${FLOATS}/${names[1]}`], (folder) => {
    assert.equal(readdirSync(folder).toSorted(), names);
  });
  const refusal = await outcomeOf(() => withAssets([`${FLOATS}/m.gguf`, '8'], () => {}));
  assert.match(String(refusal), /m\.gguf has 9 bytes: cut it, with npx tpa convert .*--shard-size/);
});

test('cuts larger weights into shards that load as the same model', async () => {
  await withAssets([FLOATS, '800000'], async (folder) => {
    const shards = readdirSync(folder).filter((file) => file.endsWith('.safetensors'));
    assert.ok(shards.length >= 3, `${shards.length} shards`);
    for (const shard of shards) assert.ok(statSync(`${folder}/${shard}`).size < 8e5 + 10_000);
    const logits = await Promise.all([logitsOf(folder), logitsOf(FLOATS)]);
    assert.equal(logits[0], logits[1]);
  });
});

test('says which tensor no shard can hold', async () => {
  const refusal = await outcomeOf(() => withAssets([FLOATS, '100000'], () => {}));
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
    mkdirSync(`${cwd}/node_modules`);
    symlinkSync(path('.'), `${cwd}/node_modules/tpa-wasm`);
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
