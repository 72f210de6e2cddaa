import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createServer } from 'node:http';
import { openModelFiles, readModelFile } from '../../src/format/model-files.ts';
import { CANARY, refused } from '../helpers/refused.ts';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ByteSource } from '../../src/format/byte-source.ts';

const test = suite('openModelFiles() of an address');

const HELLO = new TextEncoder().encode('hello');

/** Opens a file of 5 bytes whose content-length is said to be `length`; replaces fetch. */
async function openDeclared(
  length: string,
  more: Record<string, string> = {},
): Promise<ByteSource | undefined> {
  const headers = { 'content-length': length, ...more };
  globalThis.fetch = async () => new Response('hello', { headers });
  return (await openModelFiles('http://host/m')).open('config.json');
}

/** Serves each path by `answer` while `use` runs. */
async function served<T>(
  answer: (path: string, response: ServerResponse) => void,
  use: (base: string) => Promise<T>,
): Promise<T> {
  const server = createServer(({ url = '' }, response) => answer(url, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

test('fetches below an address, with or without slash and query; 404 is no file', async () => {
  const paths: string[] = [];
  await served(
    (path, response) => {
      paths.push(path);
      response.statusCode = path.includes('config.json') ? 200 : 404;
      response.end('hello');
    },
    async (base) => {
      for (const source of [`${base}/m`, `${base}/m/`, new URL(`${base}/m?key=1`)]) {
        const files = await openModelFiles(source);
        assert.equal(await readModelFile(files, 'config.json', 9), HELLO);
        assert.is(await files.open('tokenizer.json'), undefined);
      }
    },
  );
  assert.equal(
    paths.filter((_, i) => i % 2 === 0),
    ['/m/config.json', '/m/config.json', '/m/config.json?key=1'],
  );
});

test('an HTML page, an error status, a dead server: MODEL_NOT_FOUND that says so', async () => {
  const answers: [string, (response: ServerResponse) => unknown][] = [
    ['an HTML page', (r) => r.setHeader('content-type', 'text/html; charset=utf-8').end(CANARY)],
    ['HTTP status 500', (r) => r.writeHead(500, CANARY).end(CANARY)],
    ['HTTP status 403', (r) => r.writeHead(403).end()],
    ['no answer', (r) => r.destroy()],
  ];
  for (const [found, answer] of answers) {
    await served(
      (_, response) => answer(response),
      async (base) => {
        const files = await openModelFiles(base);
        const error = await refused(() => files.open('config.json'), 'MODEL_NOT_FOUND', found);
        assert.ok(error.message.includes(found), error.message);
      },
    );
  }
});

test('W2 a body shorter than its length is WEIGHTS_TRUNCATED, chunks of 1 byte add up', async () => {
  await served(
    (path, response) => {
      if (path.includes('short')) {
        response.writeHead(200, { 'content-length': 9 });
        response.write('hello', () => response.destroy());
      } else if (path.includes('cut')) {
        response.writeHead(200);
        response.write('hello', () => response.destroy());
      } else {
        for (const letter of 'hello') response.write(letter);
        response.end();
      }
    },
    async (base) => {
      const files = await openModelFiles(base);
      for (const name of ['short', 'cut'])
        await refused(() => files.open(name), 'WEIGHTS_TRUNCATED', name);
      assert.equal(await readModelFile(files, 'trickle', 9), HELLO);
    },
  );
});

test('W2 bodies that disagree with content-length, in either direction, and absurd lengths', async () => {
  const original = globalThis.fetch;
  try {
    for (const length of ['4', '6', '0', '4000000000'])
      await refused(() => openDeclared(length), 'WEIGHTS_TRUNCATED', length);
    for (const length of ['-1', 'x', '1e300', '4294967297'])
      await refused(() => openDeclared(length), 'RESOURCE_LIMIT', length);
    assert.is((await openDeclared('3', { 'content-encoding': 'gzip' }))?.size, 5);
    assert.is((await openDeclared('5'))?.size, 5);
  } finally {
    globalThis.fetch = original;
  }
});

test('a body of 3 MiB + 5 of unknown length arrives whole', async () => {
  const body = Uint8Array.from({ length: 3 * 2 ** 20 + 5 }, (_, i) => (i * 31) >> 7);
  await served(
    (_, response) => void response.writeHead(200, { 'transfer-encoding': 'chunked' }).end(body),
    async (base) => {
      const files = await openModelFiles(base);
      assert.ok(Buffer.from(body).equals(await readModelFile(files, 'model.safetensors', 2 ** 22)));
    },
  );
});

test('an aborted fetch is ABORTED', async () => {
  await served(
    () => undefined,
    async (base) => {
      const controller = new AbortController();
      const files = await openModelFiles(base, controller.signal);
      const pending = refused(() => files.open('config.json'), 'ABORTED');
      controller.abort();
      const error = await pending;
      assert.ok(error.retryable);
    },
  );
});

test.run();
