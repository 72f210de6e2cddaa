import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { BackendChange } from '../../../src/backend/backend-change.ts';
import { onlyRoutes } from '../../../src/backend/dispatch/routes.ts';
import {
  type DispatchBackend,
  openDispatch,
} from '../../../src/backend/dispatch/dispatch-backend.ts';
import { TpaError } from '../../../src/base/errors.ts';
import { LocalHost } from '../../../src/load/local-host.ts';
import { Model } from '../../../src/load/model.ts';
import {
  decode,
  lent,
  openAuto,
  openOn,
  openSmall,
  PROMPT,
  runScenario,
} from '../../helpers/gpu/dispatch-scenario.ts';
import { FakeClock } from '../../helpers/fakes/fake-clock.ts';
import { type Fault, FakeGpus } from '../../helpers/gpu/fake-gpu.ts';
import { refused } from '../../helpers/checks/refused.ts';
import { costs, slowed } from '../../helpers/fakes/slow-cpu.ts';
import { settle } from '../../helpers/fakes/silence.ts';

const cpu = await openSmall();
const device = await openSmall();
const { heap } = cpu.network.compute.engine;
const alone = new Model(new LocalHost(cpu, cpu.network.config), cpu.network.config);
const expected = await runScenario(alone, new FakeClock());
const used = heap.used;

const test = suite('openDispatch() and DispatchBackend');

test("'auto': each phase goes where it was measured to be faster", async () => {
  const cost = costs(50, 1);
  const opened = await openOn(cpu, device, { cost }, { mode: 'auto' }, slowed(10, 2));
  const { dispatch, model, gpus, clock } = opened;
  const { backend, backendReason, routes, gpu } = model.info();
  assert.is(backend, 'webgpu');
  // 10 t > 50 + t + 2 from 6 tokens on
  assert.equal(routes.prefill, { backend: 'wasm', switchesAt: 6 });
  assert.equal(routes.decode, { backend: 'wasm', switchesAt: null });
  assert.match(backendReason, /prefill wasm, webgpu from 6 tokens on; decode wasm$/);
  assert.is(gpu?.figures?.wasm.tokenShortMs, 10);
  assert.is(gpu?.figures?.webgpu.tokenShortMs, 50 + 1 + 2);
  assert.is(gpu?.figures?.webgpu.chunkLongMs, 50 + 32 + 2);
  assert.equal(JSON.parse(JSON.stringify(model.info())), model.info());
  assert.is(await tokensTaken(dispatch), 32);

  const before = gpus.calls.length;
  assert.equal(await runScenario(model, clock), expected);
  const calls = gpus.calls.slice(before);
  assert.equal(calls, ['forward', 'read', 'forward', 'read'], 'the prompt and nothing else');
  dispatch.dispose();
  assert.equal([gpus.live, gpus.devices, clock.timers, gpus.violations], [0, 0, 0, []]);
  assert.is(heap.used, used);
});

test("a context that the GPU cannot hold is the CPU's from there on, and costs no device", async () => {
  const opened = await openOn(cpu, device, { contextLength: 80 }, { mode: 'webgpu' });
  const { dispatch, model, gpus, clock } = opened;
  assert.equal(await runScenario(model, clock), expected);
  const forwards = gpus.calls.filter((call) => call === 'forward').length;
  // two of the check, the prompt of 64 in two chunks, and 16 tokens; the fork begins beyond
  assert.is(forwards, 2 + 1 + 2 + 16);
  assert.equal([gpus.opened.length, model.info().gpu?.losses], [1, 0]);
  dispatch.dispose();
  assert.equal([gpus.live, gpus.devices, clock.timers, gpus.violations], [0, 0, 0, []]);
});

test("'auto': where decoding is faster too, the copy is brought up to date once", async () => {
  const { dispatch, model, gpus, clock } = await openAuto(cpu, device);
  assert.equal(model.info().routes.decode, { backend: 'webgpu', switchesAt: null });
  const before = gpus.calls.length;
  assert.equal(await runScenario(model, clock), expected);
  const count = (sort: string) => gpus.calls.slice(before).filter((call) => call === sort).length;
  assert.equal([count('forward'), count('load')], [2 + 32 + 32 + 2, 1], 'the fork is loaded');
  dispatch.dispose();
});

test("'auto': a GPU that is slower at everything, or software, or wrong, is let go and never asked again", async () => {
  for (const [what, options, reason] of [
    ['slow', { cost: costs(500, 20) }, /the CPU was measured faster than fake adapter/],
    ['software', { isSoftware: true }, /fake adapter is a software adapter/],
    ['wrong', wrongAt('wrong-logits'), /^the GPU computes a prompt's logits wrong: off by/],
    ['NaN', wrongAt('nan-factors'), /^the GPU computes factors wrong: off by Infinity/],
  ] as const) {
    const { dispatch, model, gpus, clock } = await openAuto(cpu, device, options);
    assert.is(model.info().backend, 'wasm', what);
    assert.match(model.info().backendReason, reason, what);
    assert.is(model.info().gpu?.adapter, 'fake adapter');
    assert.is(gpus.devices, 0, what);
    assert.is(await tokensTaken(dispatch), cpu.maxChunk);
    assert.equal(await runScenario(model, clock), expected, what);
    assert.is(gpus.opened.length, 1, what);
    dispatch.dispose();
    assert.equal([gpus.live, clock.timers], [0, 0], what);
  }
});

/** Tokens of a long prompt that whoever computes takes at once. */
async function tokensTaken(dispatch: DispatchBackend): Promise<number> {
  const sequence = dispatch.createSequence();
  await sequence.forward(PROMPT);
  const { length } = sequence;
  sequence.dispose();
  return length;
}

function wrongAt(fault: Fault) {
  return { plan: { fault, at: 1, isForEver: true } };
}

test("'webgpu': software is taken; a GPU that does not open throws, with what stopped it", async () => {
  const opened = await openOn(cpu, device, { isSoftware: true });
  assert.is(opened.model.info().backend, 'webgpu');
  assert.is(opened.model.info().backendReason, 'asked for');
  opened.dispatch.dispose();

  for (const fault of ['reject', 'memory', 'never', 'lost', 'wrong-logits'] as const) {
    const plan = { fault, at: 1, isForEver: true };
    const error = await refused(() => openOn(cpu, device, { plan }), 'BACKEND_UNAVAILABLE', fault);
    if (fault !== 'wrong-logits') assert.instance(error.cause, Error, fault);
  }
  assert.is(heap.used, used);
});

test("MODEL_UNSUPPORTED: 'webgpu' throws it, 'auto' computes on the CPU and says why", async () => {
  const refusal = new TpaError('MODEL_UNSUPPORTED', 'no linear attention here');
  const open = () => Promise.reject(refusal);
  const own = lent(cpu);
  await refused(() => openDispatch(own, open, { mode: 'webgpu' }), 'MODEL_UNSUPPORTED');
  const dispatch = await openDispatch(own, open, { mode: 'auto' });
  assert.is(dispatch.info().backend, 'wasm');
  assert.is(dispatch.info().backendReason, 'no linear attention here');
  assert.is(dispatch.info().gpu, undefined);
});

test("'auto': a copy that costs more than it gains is not made", async () => {
  const usual = costs(1, 1);
  const cost = (sort: string, tokens: number) => (sort === 'load' ? 5000 : usual(sort, tokens));
  const { dispatch, model, gpus, clock } = await openAuto(cpu, device, { cost });
  const before = gpus.calls.length;
  assert.equal(await runScenario(model, clock), expected);
  const count = (sort: string) => gpus.calls.slice(before).filter((call) => call === sort).length;
  assert.equal([count('forward'), count('load')], [2 + 32 + 2, 0], 'the fork stays on the CPU');
  dispatch.dispose();
});

test("'auto', lost, and another adapter is there: it was not measured, so the CPU computes", async () => {
  const options = { adapters: ['first', 'second'] };
  const { dispatch, model, gpus, clock } = await openAuto(cpu, device, options);
  gpus.lose();
  assert.equal(await runScenario(model, clock), expected);
  assert.is(model.info().backend, 'wasm');
  assert.is(model.info().backendReason, 'second is not first, which was measured');
  assert.equal([gpus.opened.length, gpus.devices], [2, 0]);
  dispatch.dispose();
});

test("'auto', lost and back: routes are as they were measured, and nothing is measured again", async () => {
  const { dispatch, model, gpus, clock } = await openAuto(cpu, device);
  const { routes, gpu } = model.info();
  gpus.lose();
  await settle();
  assert.equal(model.info().routes, onlyRoutes('wasm'));
  assert.equal(model.info().gpu, { ...gpu, losses: 1 });
  clock.advance(2000);
  const before = gpus.calls.length;
  const session = model.createSession();
  await session.prefill([1]);
  await settle();
  assert.equal(gpus.calls.slice(before), ['open', 'forward', 'forward', 'read', 'load', 'forward']);
  assert.equal(model.info().routes, routes);
  session.dispose();
  dispatch.dispose();
});

test('an abort while opening is ABORTED in both modes, and nothing is left', async () => {
  for (const mode of ['auto', 'webgpu'] as const) {
    const controller = new AbortController();
    const clock = new FakeClock();
    const open = () => new Promise<never>(() => controller.abort());
    let disposals = 0;
    const side = lent(cpu, () => void disposals++);
    const { signal } = controller;
    await refused(() => openDispatch(side, open, { mode, signal, clock }), 'ABORTED', mode);
    assert.equal([disposals, clock.timers, heap.used], [1, 0, used]);
  }
});

test('each part of the known answer counts', async () => {
  for (const [at, fault, message] of [
    [2, 'wrong-logits', /a prompt's logits wrong/],
    [3, 'wrong-logits', /a decoded token's logits wrong/],
    [4, 'nan-factors', /factors wrong: off by Infinity/],
    [4, 'short-factors', /factors wrong: off by Infinity/],
    [6, 'wrong-logits', /logits after the CPU's factors wrong/],
  ] as const) {
    const plan = { fault, at, isForEver: false };
    const error = await refused(() => openOn(cpu, device, { plan }), 'BACKEND_UNAVAILABLE');
    assert.match(error.message, message);
  }
});

test('a device that opens after loading was aborted is let go unused', async () => {
  const clock = new FakeClock();
  const gpus = new FakeGpus(device, clock);
  const controller = new AbortController();
  const open = async () => {
    controller.abort();
    await settle();
    return gpus.open();
  };
  const { signal } = controller;
  await refused(() => openDispatch(lent(cpu), open, { mode: 'webgpu', signal, clock }), 'ABORTED');
  for (let i = 0; i < 5; i++) await settle();
  assert.equal([gpus.calls, gpus.devices, gpus.made], [['open'], 0, 0]);
});

test("'backendchange' tells of a loss and of a return; a listener that throws stops nothing", async () => {
  const opened = await openOn(cpu, device);
  const { dispatch, model, gpus, clock } = opened;
  const changes: BackendChange[] = [];
  const listener = ({ backend, reason }: BackendChange): void => {
    changes.push({ backend, reason });
    throw new Error('mine');
  };
  model.addEventListener('backendchange', listener);
  const session = model.createSession();
  const first = await decode(session, await session.prefill(PROMPT), 4, clock);
  gpus.lose('unplugged');
  const second = await decode(session, first.logits, 28, clock);
  assert.equal([...first.ids, ...second.ids], expected.slice(0, 32));
  assert.equal(changes, [
    { backend: 'wasm', reason: 'unplugged' },
    { backend: 'webgpu', reason: 'the GPU is back' },
  ]);
  assert.is(model.info().gpu?.losses, 1);
  model.removeEventListener('backendchange', listener);
  gpus.lose('again');
  await settle();
  assert.is(changes.length, 2);
  assert.is(model.info().backend, 'wasm');
  assert.is(model.info().backendReason, 'again');
  session.dispose();
  dispatch.dispose();
});

test.run();
