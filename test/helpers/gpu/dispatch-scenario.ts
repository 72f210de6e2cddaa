import type { CpuBackend } from '../../../src/backend/cpu.ts';
import type { CpuSide } from '../../../src/backend/dispatch/known-answer.ts';
import {
  type DispatchBackend,
  type DispatchOptions,
  openDispatch,
} from '../../../src/backend/dispatch/dispatch-backend.ts';
import type { Session } from '../../../src/index.ts';
import { LocalHost } from '../../../src/load/local-host.ts';
import { Model } from '../../../src/load/model.ts';
import { FakeClock } from '../fakes/fake-clock.ts';
import { FakeGpus, type FakeGpuOptions } from './fake-gpu.ts';
import { costs, slowed } from '../fakes/slow-cpu.ts';
import { integers, loadGolden } from '../checks/golden.ts';
import { goldenSource, livelyWeights, openCpuModel } from '../models/t6-model.ts';

const golden = loadGolden('model_t6');
const source = goldenSource(golden, 'bf16', { block_size: 250 }, livelyWeights(golden));

/** 64 tokens. */
export const PROMPT: readonly number[] = [
  ...integers(golden, 'ids'),
  ...integers(golden, 'ids'),
].slice(0, 64);

/** Milliseconds between two tokens, so that the back-off passes in the middle of a text. */
const BETWEEN_TOKENS = 100;

/** A small model of its own memory. */
export async function openSmall(): Promise<CpuBackend> {
  return (await openCpuModel(source, { simd: 'baseline' })).backend;
}

/** The CPU as a dispatcher has it, which it outlives. */
export function lent(cpu: CpuBackend, dispose: () => void = () => {}): CpuSide {
  const { maxChunk, contextLength, vocabSize, identity } = cpu;
  const createSequence = () => cpu.createSequence();
  const receive = (lengths: readonly number[]) => cpu.receive(lengths);
  return { maxChunk, contextLength, vocabSize, identity, createSequence, receive, dispose };
}

/** A dispatcher over fake devices, and the model on it. */
export interface Opened {
  readonly clock: FakeClock;
  readonly gpus: FakeGpus;
  readonly dispatch: DispatchBackend;
  readonly model: Model;
}

/**
 * What `loadModel` makes of a CPU that outlives it and of fake devices.
 *
 * @param wrap stands before the CPU
 */
export async function openOn(
  cpu: CpuBackend,
  device: CpuBackend,
  gpuOptions: FakeGpuOptions = {},
  options: Partial<DispatchOptions> = {},
  wrap: (cpu: CpuSide, clock: FakeClock) => CpuSide = (side) => side,
): Promise<Opened> {
  const clock = new FakeClock();
  const gpus = new FakeGpus(device, clock, gpuOptions);
  const dispatch = await openDispatch(wrap(lent(cpu), clock), gpus.open, {
    mode: 'webgpu',
    clock,
    random: () => 0.5,
    ...options,
  });
  const { config } = cpu.network;
  const model = new Model(new LocalHost(cpu, config, { dispatch }), config);
  return { clock, gpus, dispatch, model };
}

/** The same with 'auto', where the CPU takes `cpuMs` for a token, and the GPU 1 ms and 1 a call. */
export function openAuto(
  cpu: CpuBackend,
  device: CpuBackend,
  options: FakeGpuOptions = {},
  cpuMs = 10,
): Promise<Opened> {
  return openOn(cpu, device, { cost: costs(1, 1), ...options }, { mode: 'auto' }, slowed(cpuMs));
}

/** The likeliest token. */
export function argmax(logits: Float32Array): number {
  return logits.reduce((best, logit, id) => (logit > logits[best]! ? id : best), 0);
}

/** Decodes so many tokens, the likeliest each time. */
export async function decode(
  session: Session,
  logits: Float32Array,
  count: number,
  clock: FakeClock,
): Promise<{ ids: number[]; logits: Float32Array }> {
  const ids: number[] = [];
  let last = logits;
  for (let i = 0; i < count; i++) {
    const id = argmax(last);
    ids.push(id);
    last = await session.decode(id);
    clock.advance(BETWEEN_TOKENS);
  }
  return { ids, logits: last };
}

/** Prefill 64, decode 32, fork, decode 32 there and 2 in the first one, dispose. */
export async function runScenario(model: Model, clock: FakeClock): Promise<number[]> {
  const session = model.createSession();
  const first = await decode(session, await session.prefill(PROMPT), 32, clock);
  const fork = session.fork();
  const second = await decode(fork, first.logits, 32, clock);
  const third = await decode(session, first.logits, 2, clock);
  session.dispose();
  fork.dispose();
  return [...first.ids, ...second.ids, ...third.ids];
}
