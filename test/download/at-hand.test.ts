import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openSource } from '../../src/download/open-source.ts';
import type { ModelFiles } from '../../src/format/files/model-files.ts';

const test = suite('files of another thread');

test('they are taken whatever the place is called: nothing is fetched', async () => {
  const opened: string[] = [];
  const filesAtHand: ModelFiles = {
    name: 'bytes',
    gguf: undefined,
    async open(file) {
      opened.push(file);
      return undefined;
    },
    async close() {},
  };
  const files = await openSource('https://example.org/model', {
    filesAtHand,
    sha256: {},
    onProgress: undefined,
    fetch: () => Promise.reject(new Error('fetched')),
    cache: 'none',
    endpoint: undefined,
    signal: undefined,
    maxWeightBytes: 1,
    isReload: false,
    isHeaderOnly: false,
  });
  assert.is(files.name, 'bytes');
  assert.is(await files.open('config.json'), undefined);
  assert.equal(opened, ['config.json']);
});

test.run();
