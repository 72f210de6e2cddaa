import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { StartWorker, WorkerEvents } from '../../src/base/worker-port.ts';
import { ThreadPool } from '../../src/threads/pool.ts';
import { READY, startThreads } from '../../src/threads/start-threads.ts';
import type { SharedKernels } from '../../src/wasm/instantiate-shared.ts';
import { FakeClock } from '../helpers/fakes/fake-clock.ts';

/** A worker that does what a test says. */
interface Actor {
  readonly events: WorkerEvents;
  posts: number;
  ends: number;
}

/** No thread of these tests has kernels. */
const shared = {} as SharedKernels;
const SIZE = 3;

const test = suite('threads that start, or do not');

test('those that say that they are ready take part, however often they say it', async () => {
  const { pool, actors, starting } = begin();
  assert.is(pool.threads, 1);
  for (const { events } of actors) {
    events.onMessage('hello');
    events.onMessage(READY);
    events.onMessage(READY);
  }
  assert.is(await starting, undefined);
  assert.is(pool.threads, SIZE);
  assert.is(pool.members.lanes, SIZE);
});

test('one whose constructor throws, or which is refused the memory, leaves the reason', async () => {
  const throwing = begin(() => {
    throw new Error('worker-src forbids it');
  });
  assert.is(await throwing.starting, 'worker-src forbids it');
  const refusing = begin((actor) => {
    actor.posts++;
    throw new DOMException('a memory could not be cloned', 'DataCloneError');
  }, 'post');
  assert.is(await refusing.starting, 'a memory could not be cloned');
  assert.equal(
    refusing.actors.map(({ ends }) => ends),
    [1, 1],
    'nothing is left of them',
  );
  for (const { pool } of [throwing, refusing]) assert.is(pool.threads, 1);
});

test('one that dies at once, or before it is ready, leaves the reason and tells of no loss', async () => {
  for (const isAtOnce of [true, false]) {
    const { pool, starting, losses } = begin(({ events }) => {
      if (isAtOnce) events.onDead('its file is missing');
      else queueMicrotask(() => events.onDead('its file is missing'));
    });
    assert.is(await starting, 'its file is missing');
    assert.is(pool.threads, 1);
    assert.equal(losses, []);
  }
});

test('one that is not ready within 2 s is ended, and takes no part when it is', async () => {
  const { pool, actors, starting, clock } = begin();
  actors[1]!.events.onMessage(READY);
  clock.advance(1999);
  assert.is(actors[0]!.ends, 0);
  clock.advance(1);
  assert.is(await starting, 'a worker did not begin within 2 s');
  actors[0]!.events.onMessage(READY);
  assert.is(pool.threads, 2);
  assert.is(pool.members.lanes, SIZE, 'the scratch of the lane that is missing stays');
  assert.equal(
    actors.map(({ ends }) => ends),
    [1, 0],
  );
});

test('one that dies later is lost, once', async () => {
  const { pool, actors, starting, losses } = begin();
  for (const { events } of actors) events.onMessage(READY);
  await starting;
  actors[0]!.events.onDead('it failed');
  actors[0]!.events.onDead('it failed again');
  assert.equal(losses, ['it failed']);
  assert.is(pool.threads, 2);
  pool.dispose();
  assert.equal(losses, ['it failed'], 'what is ended is not lost');
});

test('dispose() ends those that are starting, and they take no part when they are ready', async () => {
  const { pool, actors, starting, clock } = begin();
  pool.dispose();
  pool.dispose();
  assert.is(await starting, 'the threads were ended');
  for (const { events } of actors) events.onMessage(READY);
  assert.is(pool.threads, 1);
  assert.equal(
    actors.map(({ ends }) => ends),
    [1, 1],
  );
  assert.is(clock.timers, 0, 'no timer keeps the process alive');
});

test.run();

/** Starts threads whose workers do as `act` says, when they are made or posted to. */
function begin(act: (actor: Actor) => void = () => {}, when: 'make' | 'post' = 'make') {
  const actors: Actor[] = [];
  const startWorker: StartWorker = (role, events) => {
    assert.is(role, 'thread');
    const actor = { events, posts: 0, ends: 0 };
    if (when === 'make') act(actor);
    actors.push(actor);
    return {
      post: () => {
        if (when === 'post') act(actor);
      },
      keepAlive: () => {},
      terminate: async () => void actor.ends++,
    };
  };
  const clock = new FakeClock();
  const pool = new ThreadPool(SIZE);
  pool.lanes = SIZE;
  const losses: string[] = [];
  pool.members.onLost = (reason) => losses.push(reason);
  return { pool, actors, clock, losses, starting: startThreads(pool, shared, startWorker, clock) };
}
