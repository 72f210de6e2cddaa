import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LocalHost } from '../../src/load/local-host.ts';
import { Model } from '../../src/load/model.ts';
import { openAuto, openOn, openSmall, runScenario } from '../helpers/gpu/dispatch-scenario.ts';
import { FakeClock } from '../helpers/fakes/fake-clock.ts';
import { type Fault, type FaultPlan, FAULTS, SPOILS } from '../helpers/gpu/fake-gpu.ts';
import { settle } from '../helpers/fakes/silence.ts';

const cpu = await openSmall();
const device = await openSmall();
const { heap } = cpu.network.compute.engine;
const expected = await runScenario(
  new Model(new LocalHost(cpu, cpu.network.config), cpu.network.config),
  new FakeClock(),
);
const used = heap.used;

const test = suite('every call to the GPU, failing in every way');

let rejections = 0;
const count = (): void => void rejections++;
test.before(() => void process.on('unhandledRejection', count));
test.after(() => void process.off('unhandledRejection', count));

interface Run {
  /** How it is loaded; 'webgpu' unless given. */
  readonly auto?: boolean;
  /** What is done with the model; ids that must be `expected`. */
  readonly act?: typeof runScenario;
}

/** One run; the GPU fails by plan. */
async function run(plan: FaultPlan | undefined, { auto = false, act = runScenario }: Run = {}) {
  const label = plan && `${plan.fault} at ${plan.at}${plan.isForEver ? ' for ever' : ''}`;
  const open = auto ? openAuto : openOn;
  const opened = await open(cpu, device, { plan }).catch(() => undefined);
  if (opened === undefined) {
    // select.test.ts has what 'webgpu' throws
    assert.ok(!auto && plan!.at <= STARTING, label);
    return { losses: 0, calls: [] };
  }
  const { clock, gpus, dispatch, model } = opened;
  assert.equal(await act(model, clock), expected, label);
  const { gpu, backendReason } = dispatch.info();
  const { losses = 0 } = gpu ?? {};
  assert.not.equal(backendReason, '', label);
  if (losses === 0 && !auto) assert.is(gpus.live, 0, `${label}: sequences on the device`);
  dispatch.dispose();
  await settle(); // a device just made is let go
  assert.equal(gpus.violations, [], label);
  assert.is(gpus.live, 0, `${label}: sequences on the device at the end`);
  assert.is(gpus.devices, 0, `${label}: devices`);
  assert.is(clock.timers, 0, `${label}: timers`);
  assert.is(heap.used, used, `${label}: bytes of the CPU`);
  const retries = gpus.opened.slice(1);
  for (const moment of retries) {
    const near = retries.filter((other) => other >= moment && other < moment + 600_000);
    assert.ok(near.length <= 3, `${label}: ${near.length} attempts in 10 minutes`);
  }
  return { losses, calls: gpus.calls };
}

/** Two sessions at once, token by token: each gives what one alone gives. */
async function runTwo(model: Model, clock: FakeClock): Promise<number[]> {
  const both = await Promise.all([runScenario(model, clock), runScenario(model, clock)]);
  assert.equal(both[0], both[1]);
  return both[0];
}

/** Calls that opening and the check make. */
const STARTING = 6;

test('without a fault all is computed on the GPU', async () => {
  const { losses, calls } = await run(undefined);
  assert.is(losses, 0);
  assert.equal(calls.slice(0, STARTING), ['open', 'forward', 'forward', 'read', 'load', 'forward']);
  assert.is(calls.filter((call) => call === 'forward').length, 3 + 2 + 32 + 32 + 2);
});

for (const fault of FAULTS) {
  test(`${fault}: whichever call it hits, once or for ever, no token changes`, async () => {
    const [runs, losses] = await runAll(fault, {}, 1, STARTING);
    assert.ok(runs >= 2 * 60, `${runs} runs`);
    assert.ok(losses >= runs - 2 * STARTING, `${losses} of ${runs} runs lost the device`);
  });

  test(`${fault}: nor of two sessions at once`, async () => {
    const [runs, losses] = await runAll(fault, { act: runTwo }, 3, STARTING);
    assert.ok(runs >= 80, `${runs} runs`);
    assert.ok(losses >= runs - 2 * STARTING, `${losses} of ${runs} runs lost the device`);
  });

  test(`${fault}: nor with 'auto', which measures first`, async () => {
    const [runs, losses] = await runAll(fault, { auto: true }, 3, Infinity);
    assert.ok(runs >= 50, `${runs} runs`);
    assert.ok(losses >= runs / 3, `${losses} of ${runs} runs lost the device`);
  });
}

test.run();

/** Every `step`-th call fails, once and for ever. @returns runs, and how many lost a device */
async function runAll(
  fault: Fault,
  options: Run,
  step: number,
  mustLoseAfter: number,
): Promise<[runs: number, losses: number]> {
  const { calls } = await run(undefined, options);
  let [runs, losses] = [0, 0];
  for (const isForEver of [false, true]) {
    const sort = SPOILS[fault];
    const hit = [...calls.keys()].filter((i) => (sort ?? calls[i]) === calls[i]);
    for (let i = 0; i < hit.length; i += step) {
      const at = hit[i]! + 1;
      const outcome = await run({ fault, at, isForEver }, options);
      runs++;
      losses += Math.min(outcome.losses, 1);
      if (at > mustLoseAfter) assert.ok(outcome.losses >= 1, `${fault} at ${at} was not met`);
    }
  }
  await settle();
  assert.is(rejections, 0, 'unhandled rejections');
  return [runs, losses];
}
