import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Chunks } from '../../../src/download/net/sequential.ts';
import { readWhole } from '../../../src/download/net/whole.ts';
import { loadModel } from '../../../src/index.ts';
import { asBytes, GOOD_FILES } from '../../helpers/models/hostile-models.ts';
import { refused } from '../../helpers/checks/refused.ts';

const MEBI = 2 ** 20;

const test = suite('readWhole()');

/** Chunks that never end, and how many were taken. */
function endless(chunk: Uint8Array): Chunks & { taken: number; isSuspended: boolean } {
  return {
    taken: 0,
    isSuspended: false,
    async next() {
      this.taken++;
      return chunk;
    },
    seek() {},
    suspend() {
      this.isSuspended = true;
    },
  };
}

test('the limit holds while bytes arrive, and lets the connection go', async () => {
  const chunks = endless(new Uint8Array(MEBI));
  const error = await refused(() => readWhole('file', chunks, 3 * MEBI), 'RESOURCE_LIMIT');
  assert.equal(error.data, { needed: 4 * MEBI, limit: 3 * MEBI });
  assert.match(error.message, /^"file" has 4194304 bytes, at most 3145728 are read$/);
  assert.is(chunks.taken, 4);
  assert.ok(chunks.isSuspended);
});

test('as many bytes as the limit are no error', async () => {
  const pieces = [new Uint8Array(MEBI), new Uint8Array(2 * MEBI), undefined];
  const chunks: Chunks = { next: async () => pieces.shift(), seek() {}, suspend() {} };
  assert.is((await readWhole('file', chunks, 3 * MEBI)).byteLength, 3 * MEBI);
});

test('memory that cannot be had is OUT_OF_MEMORY', async () => {
  const huge = Object.defineProperty(new Uint8Array(), 'byteLength', { value: 2 ** 52 });
  await refused(() => readWhole('file', endless(huge), Number.MAX_SAFE_INTEGER), 'OUT_OF_MEMORY', {
    needed: 2 ** 52,
  });
});

test('a load: what is no weights ends at 64 MiB, weights where they do not fit the memory', async () => {
  const endlessly = async (file: string): Promise<number> => {
    let sent = 0;
    const body = new ReadableStream(
      {
        pull(controller) {
          sent += MEBI;
          controller.enqueue(new Uint8Array(MEBI));
        },
      },
      { highWaterMark: 0 },
    );
    const fetch = async ({ url }: Request): Promise<Response> => {
      const asked = new URL(url).pathname.slice(1);
      if (asked === file) return new Response(body);
      const content = GOOD_FILES.get(asked);
      return new Response(content ? new Uint8Array(content) : null, {
        status: content ? 200 : 404,
      });
    };
    const options = { fetch, cache: 'none', backend: 'wasm', memoryLimit: 4 * MEBI } as const;
    await refused(() => loadModel('https://host.test/', options), 'RESOURCE_LIMIT', file);
    return sent / MEBI;
  };
  using _ = await loadModel(asBytes(GOOD_FILES)!, { memoryLimit: 4 * MEBI, backend: 'wasm' });
  for (const file of ['config.json', 'tokenizer.json', 'chat_template.jinja']) {
    assert.is(await endlessly(file), 65, file);
  }
  assert.is(await endlessly('model.safetensors'), 5);
});

test.run();
