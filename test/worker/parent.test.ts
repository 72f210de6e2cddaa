import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { connectParent } from '../../src/worker/parent.ts';
import { withGlobals } from '../helpers/fakes/globals.ts';

const test = suite('the parent of a worker');

test('what comes before anybody listens is kept, in order', () =>
  inWorker(async ({ emit }) => {
    const parent = connectParent();
    for (const data of ['first', 'second', 'third']) emit('message', { data });
    assert.is(await parent.next(), 'first');
    const heard: unknown[] = [];
    parent.listen((message) => heard.push(message));
    assert.equal(heard, ['second', 'third']);
    emit('message', { data: 'fourth' });
    assert.equal(heard, ['second', 'third', 'fourth']);
  }));

test('after the next message the others wait again', () =>
  inWorker(async ({ emit }) => {
    const parent = connectParent();
    const first = parent.next();
    emit('message', { data: 1 });
    emit('message', { data: 2 });
    assert.is(await first, 1);
    assert.is(await parent.next(), 2);
  }));

test('what it is told goes with its buffers', () =>
  inWorker(async ({ posted }) => {
    const parent = connectParent();
    const buffer = new ArrayBuffer(8);
    parent.post({ buffer }, [buffer]);
    parent.post('plain');
    assert.equal(posted, [
      [{ buffer }, [buffer]],
      ['plain', []],
    ]);
  }));

test('a rejection that nobody handles becomes an error, of which the parent hears', () =>
  inWorker(async ({ emit }) => {
    connectParent();
    const reason = new Error('lost');
    let prevented = 0;
    const event = { reason, preventDefault: () => prevented++ };
    assert.throws(() => emit('unhandledrejection', event), 'lost');
    assert.is(prevented, 1, 'or the console tells of it twice');
  }));

test.run();

interface Scope {
  readonly posted: unknown[];
  emit(type: string, event: object): void;
}

/** Runs `work` in the global scope of a worker that is none. */
function inWorker(work: (scope: Scope) => Promise<void>): Promise<void> {
  const posted: unknown[] = [];
  const listeners = new Map<string, (event: object) => void>();
  const globals = {
    postMessage: (...args: unknown[]) => posted.push(args),
    addEventListener: (type: string, listener: (event: object) => void) =>
      listeners.set(type, listener),
  };
  return withGlobals(globals, () =>
    work({ posted, emit: (type, event) => listeners.get(type)!(event) }),
  );
}
