import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { systemNetwork } from '../../../src/download/net/network.ts';
import { until } from '../../helpers/fakes/silence.ts';
import { serveFiles } from '../../helpers/servers/file-server.ts';

const FILES = new Map([['config.json', new TextEncoder().encode('hello')]]);

const test = suite('systemNetwork()');

for (const [what, fault] of [
  ['an answer', { isSilent: true }],
  ['bytes', { stallAfter: 2 }],
] as const) {
  test(`an abort ends a wait for ${what} after garbage was collected`, async () => {
    await using server = await serveFiles(FILES, fault);
    const { base, connections } = server;
    const controller = new AbortController();
    const { signal } = controller;
    const answer = systemNetwork().fetch(new URL(`${base}config.json`), { signal });
    const ended = answer.then((response) => response.text()).catch(() => {});
    for (let i = 0; i < 5; i++) {
      await pause();
      collectGarbage();
    }
    assert.is(connections(), 1);
    controller.abort();
    await until(() => connections() === 0);
    await ended;
  });
}

test.run();

function pause(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 20);
  });
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
}
