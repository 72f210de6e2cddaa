import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openRuntimeCache } from '../../../src/download/cache/folder.ts';
import { openRuntimeCache as openNone } from '../../../src/download/cache/none.ts';
import { cachePlace } from '../../../src/download/cache/folder.ts';
import { chooseCache } from '../../../src/download/open-remote.ts';
import type { DenoPermission } from '../../../src/base/environment.ts';
import { Patience } from '../../../src/download/net/patience.ts';
import { systemNetwork } from '../../../src/download/net/network.ts';

const test = suite('where the cache is');

test('TPA_CACHE, else the cache directory of the system', async () => {
  const home = { HOME: '/home/me', LOCALAPPDATA: 'C:\\Users\\me\\AppData\\Local' };
  const cases: [Record<string, string>, string, string | undefined][] = [
    [home, 'linux', '/home/me/.cache/tpa-wasm'],
    [{ ...home, XDG_CACHE_HOME: '/x' }, 'linux', '/x/tpa-wasm'],
    [{ ...home, XDG_CACHE_HOME: '' }, 'freebsd', '/home/me/.cache/tpa-wasm'],
    [home, 'darwin', '/home/me/Library/Caches/tpa-wasm'],
    [home, 'win32', 'C:\\Users\\me\\AppData\\Local/tpa-wasm'],
    [{ ...home, TPA_CACHE: '/mine' }, 'win32', '/mine'],
    [{ ...home, TPA_CACHE: '' }, 'darwin', '/home/me/Library/Caches/tpa-wasm'],
    [{}, 'linux', undefined],
    [{}, 'win32', undefined],
    [{}, 'darwin', undefined],
  ];
  for (const [variables, platform, expected] of cases) {
    assert.is(await cachePlace(async (name) => variables[name], platform), expected);
  }
});

test('in Node it is a folder; the module behind #cache is this one', async () => {
  await withVariable('TPA_CACHE', '/mine', async () => {
    const info = { kind: 'folder', reason: 'files are kept in /mine' };
    assert.equal((await openRuntimeCache()).info, info);
    const patience = new Patience(systemNetwork().clock, undefined);
    assert.equal((await chooseCache('auto', patience)).info, info);
    assert.equal((await chooseCache('reload', patience)).info, info);
    assert.equal(await chooseCache('none', patience), {
      info: { kind: 'none', reason: 'asked for' },
    });
  });
  assert.is((await openNone()).info.kind, 'none');
});

test('in Deno only what is granted is read or used, and nobody is asked', async () => {
  const asked: DenoPermission[] = [];
  const refused = new Set<string>();
  const permissions = {
    async query(permission: DenoPermission) {
      asked.push(permission);
      return { state: refused.has(permission.name) ? 'prompt' : 'granted' };
    },
  };
  Object.defineProperty(globalThis, 'Deno', { value: { permissions }, configurable: true });
  try {
    await withVariable('TPA_CACHE', '/mine', async () => {
      assert.is((await openRuntimeCache()).info.kind, 'folder');
      assert.equal(asked, [
        { name: 'env', variable: 'TPA_CACHE' },
        { name: 'read', path: '/mine' },
        { name: 'write', path: '/mine' },
      ]);
      refused.add('env');
      assert.match(
        (await openRuntimeCache()).info.reason,
        /^no environment variable that may be read/,
      );
      for (const name of ['read', 'write']) {
        refused.clear();
        refused.add(name);
        assert.equal(await openRuntimeCache(), {
          info: { kind: 'none', reason: `Deno has not been allowed to ${name} /mine` },
        });
      }
    });
  } finally {
    Reflect.deleteProperty(globalThis, 'Deno');
  }
});

test.run();

async function withVariable(name: string, value: string, use: () => Promise<void>): Promise<void> {
  const before = process.env[name];
  process.env[name] = value;
  try {
    await use();
  } finally {
    if (before === undefined) Reflect.deleteProperty(process.env, name);
    else process.env[name] = before;
  }
}
