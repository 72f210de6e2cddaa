import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readSafetensorsHeader } from '../../src/format/tensors/safetensors.ts';
import { bytesSource } from '../../src/format/files/byte-source.ts';
import { FakeClock } from '../helpers/fakes/fake-clock.ts';
import { until } from '../helpers/fakes/silence.ts';
import { type Faults, serveFiles } from '../helpers/servers/file-server.ts';
import { GOOD_FILES } from '../helpers/models/hostile-models.ts';
import { refused } from '../helpers/checks/refused.ts';
import { drain, fastNetwork, openRemote } from '../helpers/servers/remote-files.ts';

const WEIGHTS = 'model.safetensors';
const weights = GOOD_FILES.get(WEIGHTS)!;
const entries = await readSafetensorsHeader(bytesSource(WEIGHTS, weights));
const offsets = [...entries.values()].map(({ offset }) => offset).toSorted((a, b) => a - b);
const dataStart = offsets[0]!;

/** Where connections break: in the prefix, the header, at edges of tensors, between and at ends. */
const POSITIONS = [0, 1, 7, 8, 9, 100, dataStart - 1, dataStart, dataStart + 1]
  .concat([offsets[1]! - 1, offsets[1]!, offsets[1]! + 1, offsets[2]! + 333, 65_536, 65_537])
  .concat([weights.byteLength - 1]);

const test = suite('downloads over connections that break');

/** A server with faults, and a download of the weights from it. */
async function serveWeights(faults?: Faults) {
  const network = fastNetwork();
  const server = await serveFiles(GOOD_FILES, faults);
  const run = async (): Promise<Buffer> => {
    const files = openRemote(server.base, { network });
    try {
      return (await drain(files, WEIGHTS))!;
    } finally {
      await files.close();
    }
  };
  return { ...server, waited: network.waited, run };
}

for (const position of POSITIONS) {
  test(`cut once after ${position} bytes: goes on there`, async () => {
    await using server = await serveWeights(({ nth }) =>
      nth === 0 ? { cutAfter: position } : undefined,
    );
    const { log, sent, waited, run } = server;
    assert.ok((await run()).equals(weights));
    assert.equal(log, [`GET ${WEIGHTS} 0-`, `GET ${WEIGHTS} ${position}-`]);
    assert.is(sent.get(WEIGHTS), weights.byteLength, 'no byte twice');
    assert.equal(waited, [250]);
  });

  test(`cut after ${position} bytes by a server without ranges: skips what is there`, async () => {
    await using server = await serveWeights(({ nth }) => ({
      ignoresRange: true,
      ...(nth === 0 && { cutAfter: position }),
    }));
    const { log, run } = server;
    assert.ok((await run()).equals(weights));
    assert.equal(log, [`GET ${WEIGHTS} 0-`, `GET ${WEIGHTS} ${position}-`]);
  });
}

test('cut 5 times in a row: goes on each time, later and later', async () => {
  await using server = await serveWeights(({ nth }) => (nth < 5 ? { cutAfter: 100 } : undefined));
  const { log, sent, waited, run } = server;
  assert.ok((await run()).equals(weights));
  assert.equal(
    log,
    [0, 100, 200, 300, 400, 500].map((from) => `GET ${WEIGHTS} ${from}-`),
  );
  assert.is(sent.get(WEIGHTS), weights.byteLength);
  assert.equal(waited, [250, 500, 1000, 2000, 4000]);
});

test('cut for ever, with or without a byte: WEIGHTS_TRUNCATED after 6 requests', async () => {
  for (const cutAfter of [0, 1]) {
    await using server = await serveWeights({ cutAfter });
    const { log, run } = server;
    const error = await refused(run, 'WEIGHTS_TRUNCATED');
    assert.equal(error.data, { expected: weights.byteLength, found: 6 * cutAfter });
    assert.is(log.length, 6);
  }
});

test('a line that breaks every 1.5 MB is used to the end', async () => {
  const long = Uint8Array.from({ length: 2 ** 24 }, (_, i) => (i * 31) >> 7);
  const network = fastNetwork();
  await using server = await serveFiles(new Map([[WEIGHTS, long]]), { cutAfter: 1.5e6 });
  const { base, log, sent } = server;
  assert.ok((await drain(openRemote(base, { network }), WEIGHTS, 2 ** 16))!.equals(long));
  assert.is(log.length, 12);
  assert.is(sent.get(WEIGHTS), long.byteLength);
  assert.equal([...new Set(network.waited)], [250]);
});

for (const [fault, from] of [
  [{ isSilent: true }, 0],
  [{ stallAfter: 0 }, 0],
  [{ stallAfter: 5 }, 5],
  [{ stallAfter: 70_000 }, 70_000],
] as const) {
  test(`${JSON.stringify(fault)} for 30 s is a break, and the request does not go on`, async () => {
    await using server = await serveWeights(({ nth }) => (nth === 0 ? fault : undefined));
    const { log, sent, connections, waited, run } = server;
    assert.ok((await run()).equals(weights));
    assert.equal(log, [`GET ${WEIGHTS} 0-`, `GET ${WEIGHTS} ${from}-`]);
    assert.is(sent.get(WEIGHTS), weights.byteLength);
    assert.equal(waited, [30_000, 250]);
    await until(() => connections() === 0);
  });
}

test('a server that gives a part at a time is asked for the rest, without a wait', async () => {
  await using server = await serveWeights({ atMost: 100_000 });
  const { log, sent, waited, run } = server;
  assert.ok((await run()).equals(weights));
  assert.is(log.length, Math.ceil(weights.byteLength / 100_000));
  assert.is(sent.get(WEIGHTS), weights.byteLength);
  assert.equal(waited, []);
});

test('500, 503 and 429 are asked again, at the start and in the middle', async () => {
  for (const status of [500, 503, 429]) {
    for (const nth of [0, 1]) {
      await using server = await serveWeights((request) =>
        request.nth === nth
          ? { status }
          : { cutAfter: 5e6, ...(request.nth < nth && { cutAfter: 77 }) },
      );
      const { log, run } = server;
      assert.ok((await run()).equals(weights), `${status}`);
      assert.is(log.at(-1), `GET ${WEIGHTS} ${nth === 0 ? 0 : 77}-`);
    }
  }
});

test('Retry-After, in seconds or as a date, is waited for, but not an hour', async () => {
  for (const [after, least, most] of [
    ['7', 7000, 7000],
    [new Date(Date.now() + 30_000).toUTCString(), 15_000, 30_000],
    ['0', 250, 250],
    ['soon', 250, 250],
  ] as const) {
    await using server = await serveWeights(({ nth }) =>
      nth === 0 ? { status: 429, headers: { 'retry-after': after } } : undefined,
    );
    const { waited, run } = server;
    assert.ok((await run()).equals(weights));
    assert.ok(waited[0]! >= least && waited[0]! <= most, `${after}: ${waited[0]}`);
  }
  await using server = await serveWeights({ status: 503, headers: { 'retry-after': '3600' } });
  const { log, run } = server;
  await refused(run, 'MODEL_NOT_FOUND', /HTTP status 503/);
  assert.is(log.length, 1);
});

test('an abort ends a wait for an answer, for bytes, or for the next try, at once', async () => {
  for (const fault of [{ isSilent: true }, { stallAfter: 0 }, { stallAfter: 9 }, { status: 500 }]) {
    for (const milliseconds of [0, 2, 30]) {
      await using server = await serveFiles(GOOD_FILES, fault);
      const controller = new AbortController();
      const reason = new Error('enough');
      setTimeout(() => controller.abort(reason), milliseconds);
      const files = openRemote(server.base, {
        // time stands still: no wait would end by itself
        network: { ...fastNetwork(), clock: new FakeClock() },
        signal: controller.signal,
      });
      const error = await refused(() => drain(files, WEIGHTS), 'ABORTED');
      assert.is(error.cause, reason);
      await files.close();
    }
  }
});

test.run();
