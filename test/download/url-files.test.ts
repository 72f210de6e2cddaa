import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readModelFile } from '../../src/format/files/model-files.ts';
import { TpaError, type TpaErrorCode } from '../../src/base/errors.ts';
import { type Fault, serveFiles } from '../helpers/servers/file-server.ts';
import { CANARY, refused } from '../helpers/checks/refused.ts';
import { drain, fastNetwork, openRemote } from '../helpers/servers/remote-files.ts';

const FILE = 'config.json';
const HELLO = new TextEncoder().encode('hello');
const FILES = new Map([[FILE, HELLO]]);

const test = suite('openUrl()');

/** The file as it is, from a server with one fault; how often it was asked. */
async function read(
  fault: Fault | ((nth: number) => Fault | undefined),
): Promise<[Buffer, number]> {
  await using server = await serveFiles(FILES, ({ nth }) =>
    typeof fault === 'function' ? fault(nth) : fault,
  );
  const { base, log } = server;
  return [(await drain(openRemote(base), FILE, 2))!, log.length];
}

/** Opens a file of 5 bytes, in an answer with these headers. */
function openFake(headers: Record<string, string>, status = 200, fake: PropertyDescriptorMap = {}) {
  const fetch = async () =>
    Object.defineProperties(new Response('hello', { status, headers }), fake);
  return openRemote('http://host/m', { network: fastNetwork(fetch) }).open(FILE);
}

test('fetches below an address, with or without slash and query; 404 is no file', async () => {
  const asked: string[] = [];
  await using server = await serveFiles(
    FILES,
    ({ file, query }) => void asked.push(`${file}${query}`),
  );
  const { base } = server;
  for (const source of [base.slice(0, -1), base, new URL('?key=1', base), `${base}#part`]) {
    const files = openRemote(source);
    assert.equal(await readModelFile(files, FILE, 9), HELLO);
    assert.is(await files.open('tokenizer.json'), undefined);
  }

  assert.equal(
    asked.filter((_, i) => i % 2 === 0),
    [FILE, FILE, `${FILE}?key=1`, FILE],
  );
});

test('user and password of an address are sent as a header, and are in no message', async () => {
  const seen: (string | undefined)[] = [];
  await using server = await serveFiles(
    FILES,
    ({ authorization }) => void seen.push(authorization),
  );
  const address = server.base.replace('//', `//me:${CANARY}%20%C3%A9@`);
  const files = openRemote(`${address}?token=${CANARY}`);
  assert.ok((await drain(files, FILE))!.equals(HELLO));
  await refused(() => readModelFile(files, 'tokenizer.json', 9), 'MODEL_NOT_FOUND');
  const expected = Buffer.from(`me:${CANARY} é`).toString('base64');
  assert.equal(seen.splice(0), [`Basic ${expected}`, `Basic ${expected}`]);
  const odd = openRemote(server.base.replace('//', '//us%er%FF:%@'));
  assert.ok((await drain(odd, FILE))!.equals(HELLO));
  assert.equal(seen, [`Basic ${Buffer.from('us%er\xFF:%', 'latin1').toString('base64')}`]);
});

test('an HTML page, an error status, a dead server: MODEL_NOT_FOUND that says so', async () => {
  const html = { 'content-type': 'text/html; charset=utf-8' };
  const answers: [string, Fault, number][] = [
    ['an HTML page', { headers: html, body: CANARY }, 1],
    ['HTTP status 500', { status: 500, body: CANARY }, 6],
    ['HTTP status 403', { status: 403 }, 1],
    ['HTTP status 400', { status: 400, body: CANARY }, 1],
  ];
  for (const [found, fault, requests] of answers) {
    await using server = await serveFiles(FILES, fault);
    const { base, log } = server;
    const files = openRemote(base);
    const error = await refused(() => files.open(FILE), 'MODEL_NOT_FOUND', found);
    assert.ok(error.message.includes(found), error.message);
    assert.is(error.data['status'], fault.status ?? 206);
    assert.is(log.length, requests, found);
  }
  const dead = openRemote('http://127.0.0.1:1/m/');
  const error = await refused(() => dead.open(FILE), 'MODEL_NOT_FOUND', 'dead');
  assert.match(error.message, /": no answer: fetch failed: bad port$/);
});

test('why there is no answer is said, without what may be secret, and asked for only where it may help', async () => {
  const deno = Object.assign(new Error('Requires net access, run again with --allow-net'), {
    name: 'NotCapable',
  });
  const key = `?key=${CANARY}`;
  const failures: [unknown, string, number][] = [
    [deno, 'no answer: Requires net access, run again with --allow-net', 1],
    [new TypeError('refused', { cause: deno }), `no answer: refused: ${deno.message}`, 1],
    [new Error(`cannot send to (http://host/m/${FILE}${key})`), `to (http://host/m/${FILE})`, 6],
    ['binding', 'no answer: binding', 6],
  ];
  for (const [failure, found, requests] of failures) {
    let asked = 0;
    const fetch = async () => {
      asked++;
      throw failure;
    };
    const files = openRemote(`http://host/m${key}`, { network: fastNetwork(fetch) });
    const error: unknown = await files.open(FILE).catch((thrown: unknown) => thrown);
    assert.instance(error, TpaError);
    const { message } = error as TpaError;
    assert.ok(message.endsWith(found), message);
    assert.not.ok(message.includes(CANARY), message);
    assert.is(asked, requests, found);
  }
});

test('a fetch that gives no Response is a TypeError, at once', async () => {
  for (const odd of [undefined, null, 'text', {}]) {
    let asked = 0;
    const fetch = async () => {
      asked++;
      return odd as unknown as Response;
    };
    const files = openRemote('http://host/m', { network: fastNetwork(fetch) });
    const error: unknown = await files.open(FILE).catch((thrown: unknown) => thrown);
    assert.instance(error, TypeError);
    assert.match(
      (error as Error).message,
      /^"fetch" expected a function that gives a Response, got/,
    );
    assert.is(asked, 1);
  }
});

test('404 and 410 are no file; 404 in the middle of one is a changed file', async () => {
  for (const status of [404, 410]) {
    await using server = await serveFiles(FILES, { status });
    await assert.is(await openRemote(server.base).open(FILE), undefined);
  }
  await refused(
    () => read((nth) => (nth === 0 ? { cutAfter: 3 } : { status: 404 })),
    'WEIGHTS_CHANGED',
  );
  await refused(
    () => read((nth) => (nth === 0 ? { cutAfter: 3 } : { status: 403 })),
    'MODEL_NOT_FOUND',
  );
});

test('follows redirects, and asks the first address again where the connection breaks', async () => {
  await using server = await serveFiles(
    new Map([...FILES, ['moved.json', HELLO]]),
    ({ file, nth }) => {
      if (file === FILE) return { status: 302, headers: { location: 'moved.json' } };
      return nth === 0 ? { cutAfter: 2 } : undefined;
    },
  );
  const { base, log } = server;
  assert.ok((await drain(openRemote(base), FILE))!.equals(HELLO));
  const both = (from: number) => [`GET ${FILE} ${from}-`, `GET moved.json ${from}-`];
  assert.equal(log, [...both(0), ...both(2)]);
});

test('whole, chunked and gzipped answers are as good, broken ones too', async () => {
  const unknown = { 'content-length': undefined, 'transfer-encoding': 'chunked' };
  const faults: [string, Fault][] = [
    ['whole', { ignoresRange: true }],
    ['chunked range', { headers: unknown }],
    ['chunked', { ignoresRange: true, headers: unknown }],
    ['gzip', { ignoresRange: true, gzip: true }],
    ['gzip, chunked', { ignoresRange: true, gzip: true, headers: unknown }],
    ['no total', { headers: { 'content-range': 'bytes 0-4/*' } }],
  ];
  for (const [what, fault] of faults) {
    const [bytes, requests] = await read(fault);
    assert.ok(bytes.equals(HELLO), what);
    assert.is(requests, 1, what);
    if (fault.headers?.['content-range']) continue;
    const [again] = await read((nth) => (nth === 0 ? { ...fault, cutAfter: 3 } : fault));
    assert.ok(again.equals(HELLO), `${what}, cut`);
  }
});

test('a compressed body is asked for from its start: no part of it can be counted', async () => {
  await using server = await serveFiles(FILES, ({ nth }) => ({
    ignoresRange: true,
    gzip: true,
    ...(nth === 0 && { cutAfter: 23 }),
  }));
  const { base, log } = server;
  assert.ok((await drain(openRemote(base), FILE))!.equals(HELLO));
  assert.equal(log, [`GET ${FILE} 0-`, `GET ${FILE} 0-`]);
});

test('an empty file is 416 or an empty answer', async () => {
  for (const fault of [{ status: 416 }, { ignoresRange: true }]) {
    await using server = await serveFiles(new Map([[FILE, new Uint8Array()]]), fault);
    await assert.is((await drain(openRemote(server.base), FILE))?.byteLength, 0);
  }
});

test('W2 a body longer or shorter than it is said to be, or from elsewhere', async () => {
  const lies: [string, Fault][] = [
    ['longer', { ignoresRange: true, headers: { 'content-length': '9' } }],
    ['longer range', { headers: { 'content-range': 'bytes 0-8/9', 'content-length': '9' } }],
    ['headers disagree', { headers: { 'content-range': 'bytes 0-8/9' } }],
    ['from 1', { headers: { 'content-range': 'bytes 1-5/6' } }],
    ['before its start', { headers: { 'content-range': 'bytes 0-4/3' } }],
    ['backwards', { headers: { 'content-range': 'bytes 4-0/5' } }],
    ['no range', { headers: { 'content-range': CANARY.replaceAll(/./g, 'x') } }],
    ['chunked, longer', chunked('bytes 0-2/3')],
    ['chunked, shorter', chunked('bytes 0-5/6')],
  ];
  for (const [what, fault] of lies) {
    const error = await refused(() => read(fault), 'WEIGHTS_TRUNCATED', what);
    assert.ok(!error.retryable);
    if (what === 'from 1') assert.match(error.message, /and sent "bytes 1-5\/6"$/);
  }
  // the byte too much comes when all have been read
  const pieces = ['hel', 'lo', '!'];
  const body = new ReadableStream({
    pull(controller) {
      const piece = pieces.shift();
      if (piece === undefined) controller.close();
      else controller.enqueue(new TextEncoder().encode(piece));
    },
  });
  const headers = { 'content-range': 'bytes 0-4/5' };
  const network = fastNetwork(async () => new Response(body, { status: 206, headers }));
  const late = openRemote('http://host/m', { network });
  await refused(() => drain(late, FILE), 'WEIGHTS_TRUNCATED', 'one more');
});

test('W2 bodies that disagree with content-length, in either direction, and absurd lengths', async () => {
  for (const length of ['4', '6', '0', '4000000000']) {
    const open = async () =>
      (await openFake({ 'content-length': length }))?.read(0, Number(length));
    if (length !== '0') await refused(open, 'WEIGHTS_TRUNCATED', length);
  }
  for (const length of ['-1', 'x', '1e300', '4294967297']) {
    await refused(() => openFake({ 'content-length': length }), 'RESOURCE_LIMIT', length);
  }
  const absurd = { 'content-range': `bytes 0-4/${2 ** 33}` };
  await refused(() => openFake(absurd, 206), 'RESOURCE_LIMIT');
  const encoded = { 'content-length': '3', 'content-encoding': 'gzip' };
  assert.is((await openFake(encoded))?.size, 5);
  assert.is((await openFake({ 'content-length': '5' }))?.size, 5);
});

test('from another origin a browser hides headers: the length of a part counts, of a whole not', async () => {
  const cors = { type: { value: 'cors' } };
  assert.is((await openFake({ 'content-length': '5' }, 206, cors))?.size, 5);
  assert.is((await openFake({ 'content-length': '3' }, 200, cors))?.size, 5);
  assert.is((await openFake({}, 206, cors))?.size, 5);
});

test('a file that changes while it is read is WEIGHTS_CHANGED, by etag, date or length', async () => {
  const second: [string, Fault, Fault, TpaErrorCode?][] = [
    ['etag', etag('"1"'), etag('"2"'), 'WEIGHTS_CHANGED'],
    ['date', date('yesterday'), date('today'), 'WEIGHTS_CHANGED'],
    ['whole', etag('"1"'), { ...etag('"2"'), ignoresRange: true }, 'WEIGHTS_CHANGED'],
    ['longer', {}, { headers: { 'content-range': 'bytes 3-4/9' } }, 'WEIGHTS_CHANGED'],
    ['shorter', {}, { status: 416 }, 'WEIGHTS_CHANGED'],
    ['weak', etag('"1"'), etag('W/"1"')],
    ...['-gzip', ';br', '-br', '-zstd', '-deflate'].map((suffix): [string, Fault, Fault] => [
      suffix,
      etag('"1"'),
      etag(`"1${suffix}"`),
    ]),
    ['another suffix', etag('"1"'), etag('"1-b"'), 'WEIGHTS_CHANGED'],
    ['hidden', etag('"1"'), { headers: { etag: undefined } }],
  ];
  for (const [what, before, after, code] of second) {
    const run = () => read((nth) => (nth === 0 ? { ...before, cutAfter: 3 } : after));
    if (code === undefined) {
      assert.ok((await run())[0].equals(HELLO), what);
    } else {
      const error = await refused(run, code, what);
      assert.ok(error.retryable);
    }
  }
});

test('a body of 3 MiB + 5 of unknown length arrives whole', async () => {
  const body = Uint8Array.from({ length: 3 * 2 ** 20 + 5 }, (_, i) => (i * 31) >> 7);
  const headers = { 'content-length': undefined, 'transfer-encoding': 'chunked' };
  await using server = await serveFiles(new Map([['model.safetensors', body]]), {
    ignoresRange: true,
    headers,
  });
  const bytes = await readModelFile(openRemote(server.base), 'model.safetensors', 2 ** 22);
  assert.ok(Buffer.from(body).equals(bytes));
});

test('reads anywhere begin another request there, reads in order and over a gap none', async () => {
  const body = Uint8Array.from({ length: 100_000 }, (_, i) => i % 251);
  await using server = await serveFiles(new Map([['model.safetensors', body]]));
  const { base, log } = server;
  const source = (await openRemote(base).open('model.safetensors'))!;
  const target = new Uint8Array(20);
  assert.equal([...(await source.read(0, 4))], [0, 1, 2, 3]);
  assert.equal([...(await source.read(4, 2))], [4, 5]);
  await source.readInto!(6, target);
  assert.equal([...target], [...body.subarray(6, 26)]);
  assert.equal([...(await source.read(200, 3))], [200, 201, 202]);
  assert.equal(log.splice(0), ['GET model.safetensors 0-']);
  assert.equal([...(await source.read(90_000, 3))], [...body.subarray(90_000, 90_003)]);
  assert.equal([...(await source.read(90_003, 0))], []);
  assert.equal([...(await source.read(5, 2))], [5, 6]);
  assert.equal(log.splice(0), ['GET model.safetensors 90000-', 'GET model.safetensors 5-']);
  // a few bytes beside the stream, which goes on
  assert.equal([...(await source.peek!(80_000, 3))], [...body.subarray(80_000, 80_003)]);
  assert.equal([...(await source.read(7, 99_993))], [...body.subarray(7)]);
  assert.equal(log.splice(0), ['GET model.safetensors 80000-80002']);
  await refused(() => source.read(99_999, 2), 'WEIGHTS_TRUNCATED');
  await source.close();
});

test('shards: two bodies are open at a time, each goes on where it was', async () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => `${name}.safetensors`);
  // more than what sockets hold, so that each body waits
  const size = 3 * 2 ** 20;
  const body = (seed: number) => Uint8Array.from({ length: size }, (_, i) => (i * seed) >> 5);
  const shards = new Map(names.map((name, i) => [name, body(i + 3)]));
  let open = 0;
  let most = 0;
  await using server = await serveFiles(shards);
  const { base, log } = server;
  const network = fastNetwork(async (address, init) => {
    most = Math.max(most, ++open);
    init.signal!.addEventListener('abort', () => open--, { once: true });
    return fetch(address, init);
  });
  const files = openRemote(base, { network });
  const sources = [];
  for (const name of names) {
    const source = (await files.open(name))!;
    await source.read(0, 8);
    sources.push(source);
  }
  for (const source of sources) {
    const rest = await source.read(8, size - 8);
    assert.ok(Buffer.from(shards.get(source.name)!.subarray(8)).equals(rest), source.name);
  }
  await files.close();
  assert.is(most, 2);
  assert.is(open, 0);
  // the last two were still open, but the first of those reads closed one of them
  assert.ok(log.length <= names.length * 2, log.join());
});

test('a fetch that is aborted before it begins is ABORTED', async () => {
  const signal = AbortSignal.abort();
  const error = await refused(() => openRemote('http://host/m', { signal }).open(FILE), 'ABORTED');
  assert.ok(error.retryable);
});

test.run();

function etag(value: string): Fault {
  return { headers: { etag: value } };
}

function date(value: string): Fault {
  return { headers: { etag: undefined, 'last-modified': value } };
}

function chunked(range: string): Fault {
  return {
    headers: {
      'content-length': undefined,
      'transfer-encoding': 'chunked',
      'content-range': range,
    },
  };
}
