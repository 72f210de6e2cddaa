import fs, { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CpuBackend } from '../../src/backend/cpu.ts';
import { Compute } from '../../src/compute/compute.ts';
import { folderCache } from '../../src/download/cache/folder.ts';
import { readConfig } from '../../src/format/config/read-config.ts';
import { openContents } from '../../src/format/open-contents.ts';
import type { LoadOptions, ModelCache, ModelSource } from '../../src/index.ts';
import { withFiles } from '../../src/load/with-files.ts';
import { WeightDtypes } from '../../src/weights/dtypes.ts';
import { loadWeights } from '../../src/weights/weights.ts';
import type { Engine } from '../../src/wasm/engine.ts';
import { assertSame } from '../helpers/checks/close.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { refused } from '../helpers/checks/refused.ts';
import { MemoryCache } from '../helpers/fakes/memory-cache.ts';
import { buildGguf } from '../helpers/files/build-gguf.ts';
import { hashOf } from '../helpers/files/bytes.ts';
import { ggufModel } from '../helpers/models/gguf-model.ts';
import { asBytes, GOOD_FILES } from '../helpers/models/hostile-models.ts';
import { onlyHeads, serveFiles } from '../helpers/servers/file-server.ts';
import { BLOCK_TYPE_NAMES, BLOCKS, randomBlocks } from '../reference/gguf-blocks.ts';

const WEIGHTS = 'model.safetensors';
const IDS = [5, 6, 7, 8];
/** Rows of one block of 256. */
const SIZES = {
  dim: 256,
  hiddenDim: 256,
  heads: 4,
  kvHeads: 2,
  headDim: 64,
  layers: 1,
  vocabSize: 40,
};

const { grow } = WebAssembly.Memory.prototype;

const test = suite<{ root: string }>('loading into a shared memory');

test.before.each(async (context) => {
  context.root = await mkdtemp(join(tmpdir(), 'tpa shared-'));
});
test.after.each(async ({ root }) => {
  WebAssembly.Memory.prototype.grow = grow;
  await rm(root, { recursive: true });
});

test('a directory, bytes and a Blob give the bits of a plain memory', async ({ root }) => {
  const expected = await logitsOf(asBytes(GOOD_FILES)!, false);
  for (const [name, bytes] of GOOD_FILES) await writeFile(join(root, name), bytes);
  await isSame(root, expected);
  await isSame(root, expected, { sha256: { [WEIGHTS]: hashOf(GOOD_FILES.get(WEIGHTS)!) } });
  await isSame(asBytes(GOOD_FILES)!, expected);
});

test('every block type of GGUF, from a file, bytes and a Blob, gives them too', async ({
  root,
}) => {
  for (const [seed, name] of BLOCK_TYPE_NAMES.entries()) {
    const random = createRandom(seed);
    const { length, number } = BLOCKS[name];
    const { parts } = ggufModel({
      sizes: SIZES,
      type: number,
      encode: (values) => randomBlocks(name, values.length / length, random),
    });
    const file = Uint8Array.from(buildGguf(parts));
    const path = join(root, `${name}.gguf`);
    await writeFile(path, file);
    for (const dtype of ['f32', 'auto'] as const) {
      const expected = await logitsOf(file, false, { dtype });
      for (const source of [path, file, new Blob([file])])
        await isSame(source, expected, { dtype });
    }
  }
});

test('a download, and what a cache keeps of it, give them too', async ({ root }) => {
  const expected = await logitsOf(asBytes(GOOD_FILES)!, false);
  const sha256 = { [WEIGHTS]: hashOf(GOOD_FILES.get(WEIGHTS)!) };
  for (const cache of [new OwnBytes(), folderCache(root, fs)]) {
    await using server = await serveFiles(GOOD_FILES);
    await isSame(server.base, expected, { cache, sha256 });
    const { length } = server.log;
    await isSame(server.base, expected, { cache, sha256 });
    assert.ok(onlyHeads(server.log.slice(length)), 'all is in the cache the second time');
  }
});

test('a shared memory that does not grow is replaced by a plain one, with the reason', async () => {
  const expected = await logitsOf(asBytes(GOOD_FILES)!, false);
  WebAssembly.Memory.prototype.grow = function (pages) {
    const isRefused = this.buffer instanceof SharedArrayBuffer && pages > 1;
    if (isRefused) throw new RangeError('failed to grow memory');
    return grow.call(this, pages);
  };
  const { logits, engine } = await open(asBytes(GOOD_FILES)!, true);
  assertSame(logits, expected, 'logits');
  assert.is(engine.shared, undefined);
  assert.match(engine.unsharedReason!, /^the shared memory did not grow: memory expected to hold/);
});

test('a model that no memory would hold is refused once', async () => {
  const source = asBytes(GOOD_FILES)!;
  let opened = 0;
  const use = async (_: unknown, { heap }: Engine) => {
    opened++;
    heap.allocate(2 ** 21);
  };
  const small = { simd: 'baseline', memoryLimit: 2 ** 20 } as const;
  await refused(() => withFiles(source, small, use, { isShared: true }), 'OUT_OF_MEMORY');
  assert.is(opened, 1);
});

test.run();

/** A cache that takes no view of a memory that others may change. */
class OwnBytes extends MemoryCache implements ModelCache {
  override async create(...args: Parameters<MemoryCache['create']>) {
    const writer = await super.create(...args);
    return {
      ...writer,
      async write(bytes: Uint8Array) {
        assert.instance(bytes.buffer, ArrayBuffer);
        await writer.write(bytes);
      },
    };
  }
}

/** Logits of a model, and what computed them. */
async function open(source: ModelSource, isShared: boolean, options: LoadOptions = {}) {
  const how = { simd: 'baseline', cache: 'none', ...options } as const;
  const read = async (...[files, engine]: Parameters<Parameters<typeof withFiles>[2]>) => {
    const { tensors, config: json } = await openContents(files);
    const config = await readConfig(json, tensors.entries);
    const compute = new Compute(engine);
    const dtypes = new WeightDtypes(how.dtype, tensors.entries);
    files.begin();
    const weights = await loadWeights(compute, config, tensors, { dtypes });
    await files.finish();
    const sequence = new CpuBackend(compute, config, weights).createSequence();
    return { logits: await sequence.forward(IDS, 'all'), engine };
  };
  return withFiles(source, how, read, { isShared });
}

async function logitsOf(...args: Parameters<typeof open>): Promise<Float32Array> {
  return (await open(...args)).logits;
}

/** A model over a shared memory has these logits. */
async function isSame(source: ModelSource, expected: Float32Array, options?: LoadOptions) {
  const { logits, engine } = await open(source, true, options);
  assertSame(logits, expected, 'logits');
  assert.ok(engine.shared, engine.unsharedReason);
}
