import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { serveFiles } from '../helpers/servers/file-server.ts';
import { MemoryCache } from '../helpers/fakes/memory-cache.ts';
import { fastNetwork, openRemote } from '../helpers/servers/remote-files.ts';

const NAMES = ['a.safetensors', 'b.safetensors'];
const FILES = new Map(NAMES.map((name, i) => [name, new Uint8Array(300_000).fill(i + 1)]));

const test = suite('finish() of the files of an address');

test('a server that stalls holds a finished model for 30 s and no longer', async () => {
  for (const [stalled, kept] of [
    ['a.safetensors', []],
    ['b.safetensors', ['a.safetensors']],
  ] as const) {
    const cache = new MemoryCache();
    const network = fastNetwork();
    await using server = await serveFiles(FILES, ({ file }) =>
      file === stalled ? { stallAfter: 20_000 } : undefined,
    );
    const files = openRemote(server.base, { network, cache });
    for (const name of NAMES) await (await files.open(name))!.read(0, 8);
    await files.finish();
    await files.close();
    assert.equal(cache.names(), kept);
    assert.is(cache.unclosed, 0);
    const waited = network.waited.reduce((sum, milliseconds) => sum + milliseconds, 0);
    assert.ok(waited > 5000 && waited <= 30_000, `${waited} ms`);
  }
});

test.run();
