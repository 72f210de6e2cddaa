import { Worker } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { GpuDevice } from '../../../../src/backend/webgpu/client/device.ts';
import type { Reply, Request } from '../../../../src/backend/webgpu/protocol.ts';
import { spawnWorker, type WorkerPort } from '../../../../src/backend/webgpu/client/worker-port.ts';
import { withGlobals } from '../../../helpers/fakes/globals.ts';
import { refused } from '../../../helpers/checks/refused.ts';

const test = suite('spawnWorker() in Node');

/** Answers with what it got; told to free, it does something else. */
const CHILD = new URL('../echo-process.mjs', import.meta.url);

const free = (id: number, ...buffers: number[]): Request => ({
  id,
  kind: 'free',
  ask: { buffers },
});

interface Spawned {
  readonly port: WorkerPort;
  readonly replies: Reply[];
  /** Resolves with the reason of the end. */
  readonly dead: Promise<string>;
  next(): Promise<Reply>;
}

async function spawn(url: string | URL = CHILD): Promise<Spawned> {
  const replies: Reply[] = [];
  const waiting: ((reply: Reply) => void)[] = [];
  let die!: (reason: string) => void;
  const dead = new Promise<string>((resolve) => (die = resolve));
  const port = await spawnWorker(url, {
    onReply(reply) {
      replies.push(reply);
      waiting.shift()?.(reply);
    },
    onDead: (reason) => die(reason),
  });
  return { port, replies, dead, next: () => new Promise((resolve) => waiting.push(resolve)) };
}

test('a process of its own: typed arrays go there and back, terminate() ends it', async () => {
  const { port, next, dead } = await spawn();
  const data = Float32Array.of(1, NaN, -0);
  port.post({ id: 3, kind: 'write', ask: { writes: [{ buffer: 1, at: 0, data }] } }, [data.buffer]);
  const reply = (await next()) as { id: number; answer: Float32Array[]; pid: number };
  assert.is(reply.id, 3);
  assert.instance(reply.answer[0], Float32Array);
  assert.equal([...reply.answer[0]!], [1, NaN, -0]);
  assert.is.not(reply.pid, process.pid);
  port.keepAlive(false);
  port.keepAlive(true);
  port.terminate();
  assert.is(await dead, 'the GPU process ended with SIGKILL');
});

test('a process that exits or crashes is dead, with how it ended', async () => {
  const exiting = await spawn();
  exiting.port.post(free(0, 7), []);
  assert.is(await exiting.dead, 'the GPU process ended with 7');
  const missing = await spawn(new URL('./no-such-worker.mjs', import.meta.url));
  assert.is(await missing.dead, 'the GPU process ended with 1');
});

test('what waits for a process that is killed rejects', async () => {
  const device = await GpuDevice.open((events) => spawnWorker(CHILD, events));
  const error = await refused(() => device.ask('free', { buffers: [9] }), 'GPU_LOST');
  assert.is(error.message, 'the GPU process ended with 9');
  assert.is(await device.lost, error.message);
});

test("a global Worker that is Node's own, as onnxruntime-web leaves it, is no web worker", () =>
  withGlobals({ Worker }, async () => {
    const { port, dead } = await spawn();
    port.post(free(0, 7), []);
    assert.is(await dead, 'the GPU process ended with 7');
  }));

test('an address that is none is no worker', async () => {
  const error = await refused(
    () => GpuDevice.open((events) => spawnWorker('./gpu-worker.js', events)),
    'BACKEND_UNAVAILABLE',
  );
  assert.match(error.message, /^no worker for the GPU: .*Invalid URL/);
});

test.run();
