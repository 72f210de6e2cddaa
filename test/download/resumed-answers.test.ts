import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { TpaErrorCode } from '../../src/base/errors.ts';
import { type Fault, serveFiles } from '../helpers/servers/file-server.ts';
import { refused } from '../helpers/checks/refused.ts';
import { drain, fastNetwork, openRemote } from '../helpers/servers/remote-files.ts';

const FILE = 'config.json';
const HELLO = new TextEncoder().encode('hello');
const UNSAID = { 'content-length': undefined, 'transfer-encoding': 'chunked' };
const NO_RANGE = { ...UNSAID, 'content-range': undefined };
/** Requests after which a server relents, so that a loop ends in a failed test. */
const PATIENCE = 20;

const test = suite('answers to a download that goes on');

/** A file of 5 bytes of which `first` came, and what each answer after it is. */
async function goOn(
  first: Fault,
  then: Fault,
  fetch?: typeof globalThis.fetch,
): Promise<{ readonly requests: number; readonly run: () => Promise<Buffer> }> {
  let outcome: () => Promise<Buffer>;
  let requests = 0;
  await using server = await serveFiles(new Map([[FILE, HELLO]]), ({ nth }) =>
    nth === 0 ? first : nth > PATIENCE ? undefined : then,
  );
  const { base, log } = server;
  const files = openRemote(base, { network: fastNetwork(fetch) });
  outcome = await drain(files, FILE, 2).then(
    (bytes) => async () => bytes!,
    (error: unknown) => () => Promise.reject(error),
  );
  requests = log.length;

  return { requests, run: () => outcome() };
}

/** As a browser shows what another origin sent. */
const asCors: typeof globalThis.fetch = async (...request) =>
  Object.defineProperty(await fetch(...request), 'type', { value: 'cors' });

test('answers without a new byte are counted as breaks, whatever they promise', async () => {
  const odd: [string, Fault, Fault, TpaErrorCode, number, typeof globalThis.fetch?][] = [
    ['416 at the start', { cutAfter: 0 }, { status: 416 }, 'WEIGHTS_CHANGED', 2],
    [
      '200 of a shorter file',
      { cutAfter: 3 },
      { ignoresRange: true, headers: UNSAID, body: 'he' },
      'WEIGHTS_TRUNCATED',
      6,
    ],
    ['204', { cutAfter: 3 }, { status: 204, body: '', headers: UNSAID }, 'WEIGHTS_TRUNCATED', 6],
    [
      '204 at the start',
      { cutAfter: 0 },
      { status: 204, body: '', headers: UNSAID },
      'WEIGHTS_TRUNCATED',
      6,
    ],
    [
      '206 of nothing',
      { cutAfter: 3 },
      { status: 206, headers: NO_RANGE, body: '' },
      'WEIGHTS_TRUNCATED',
      6,
      asCors,
    ],
  ];
  for (const [what, first, then, code, expected, fetch] of odd) {
    const { requests, run } = await goOn(first, then, fetch);
    assert.is(requests, expected, what);
    await refused(run, code, what);
  }
});

test('an answer that is too long is measured by the file', async () => {
  const long = { ignoresRange: true, headers: UNSAID, body: 'hello!' };
  for (const [first, then] of [
    [{ cutAfter: 3 }, long],
    [
      { cutAfter: 3 },
      { status: 206, body: 'lo!', headers: { ...UNSAID, 'content-range': 'bytes 3-4/5' } },
    ],
  ] as const) {
    const { run } = await goOn(first, then);
    await refused(run, 'WEIGHTS_TRUNCATED', /^the server promised 5 bytes of ".+" and sent 6$/);
  }
});

test('a part that does not say where it is from is used only where a browser may hide it', async () => {
  const part = { status: 206, body: 'lo', headers: { 'content-range': undefined } };
  const hidden = await goOn({ cutAfter: 3 }, part, asCors);
  assert.is(String(await hidden.run()), 'hello');
  const { requests, run } = await goOn({ cutAfter: 3 }, part);
  const error = await refused(run, 'WEIGHTS_TRUNCATED');
  assert.match(error.message, /asked for bytes from 3 on .* and sent "no Content-Range"$/);
  assert.is(requests, 2);
});

test.run();
