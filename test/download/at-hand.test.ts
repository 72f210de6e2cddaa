import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openSource, type SourceOptions } from '../../src/download/open-source.ts';
import { outcomeOf } from '../helpers/checks/refused.ts';
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
  const options: SourceOptions = {
    filesAtHand,
    sha256: {},
    onProgress: undefined,
    fetch: undefined,
    cache: 'none',
    endpoint: undefined,
    signal: undefined,
    maxWeightBytes: 1,
    isReload: false,
    isHeaderOnly: false,
  };
  const files = await openSource('https://example.invalid/model', options);
  assert.is(files.name, 'bytes');
  assert.is(await files.open('config.json'), undefined);
  assert.equal(opened, ['config.json']);
  for (const wrong of [{ fetch: refused }, { endpoint: 'https://example.invalid' }]) {
    const [name] = Object.keys(wrong);
    const error = await outcomeOf(() => openSource('', { ...options, ...wrong }));
    assert.match(String(error), `TypeError: "${name}" expected`);
  }
});

test.run();

async function refused(): Promise<Response> {
  throw new Error('fetched');
}
