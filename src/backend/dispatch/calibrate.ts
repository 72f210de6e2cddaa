import { type Clock, yieldMacrotask } from '../../base/time.ts';
import { type GpuBackend, inChunks } from '../backend.ts';
import type { CpuSequence } from '../cpu.ts';
import type { Figures, SideFigures } from './cost-model.ts';
import { GpuCopy } from './gpu-copy.ts';
import type { Guard } from '../../device/guard.ts';
import { medianTime } from '../../device/judge.ts';
import { type CpuSide, probeIds } from './known-answer.ts';

/** Tokens cached at the points called short, and long. */
const SHORT = 8;
const LONG = 1024;

/**
 * Milliseconds of the CPU's steps.
 *
 * @throws TpaError as its sequences do
 */
export async function measureCpu(cpu: CpuSide, clock: Clock): Promise<SideFigures> {
  const points = pointsOf(cpu.maxChunk, cpu.contextLength);
  const sequence = cpu.createSequence();
  try {
    return await measure(points, cpu.vocabSize, clock, {
      grow: (length) => fill(cpu, sequence, length),
      step: async (ids) => {
        await yieldMacrotask(); // a page goes on living while it loads
        const started = clock.now();
        const { length } = sequence;
        await sequence.forward(ids);
        const took = clock.now() - started;
        sequence.truncate(length);
        return took;
      },
    });
  } finally {
    sequence.dispose();
  }
}

/**
 * Milliseconds of the GPU's steps as the dispatcher takes them, factors read back and cached by the
 * CPU included, and of copying factors to it.
 *
 * @param tokenNumbers of the factors of one token in all layers
 * @throws TpaError as sequences of the CPU do; `GPU_LOST`, `GPU_OUT_OF_MEMORY`
 */
export async function measureGpu(
  guard: Guard<GpuBackend>,
  cpu: CpuSide,
  tokenNumbers: number,
  clock: Clock,
): Promise<Omit<Figures, 'wasm'>> {
  const { maxChunk, contextLength } = guard.resource;
  const points = pointsOf(maxChunk, contextLength);
  const truth = cpu.createSequence();
  const copy = new GpuCopy(guard, tokenNumbers);
  let syncTokenMs = 0;
  try {
    const webgpu = await measure(points, cpu.vocabSize, clock, {
      async grow(length) {
        await fill(cpu, truth, length);
        const missing = length - copy.length;
        const started = clock.now();
        await copy.sync(truth);
        if (missing > 0) syncTokenMs = (clock.now() - started) / missing;
      },
      async step(ids) {
        const started = clock.now();
        const { length } = truth;
        await inChunks(truth, ids, async (rest) => {
          const { factors } = await copy.step(truth, rest, 'last');
          await truth.loadFactors(factors);
          copy.commit(truth.length);
        });
        const took = clock.now() - started;
        truth.truncate(length);
        copy.truncate(length);
        return took;
      },
    });
    return { webgpu, syncTokenMs };
  } finally {
    copy.dispose();
    truth.dispose();
  }
}

type Points = Pick<SideFigures, 'chunkTokens' | 'shortContext' | 'longContext'>;

/** How one side is measured. */
interface Side {
  /** Makes its context `length` tokens long. */
  grow(length: number): Promise<void>;
  /** Milliseconds of one step, which is forgotten. */
  step(ids: readonly number[]): Promise<number>;
}

/** The largest sizes that fit: in a very short context a chunk fills half of it. */
function pointsOf(maxChunk: number, contextLength: number): Points {
  const chunkTokens = Math.max(1, Math.min(maxChunk, Math.floor(contextLength / 2)));
  const room = contextLength - chunkTokens;
  const shortContext = Math.min(SHORT, room);
  return { chunkTokens, shortContext, longContext: Math.min(LONG, room) };
}

async function measure(
  points: Points,
  vocabSize: number,
  clock: Clock,
  side: Side,
): Promise<SideFigures> {
  const token = probeIds(1, vocabSize);
  const chunk = probeIds(points.chunkTokens, vocabSize);
  await side.grow(points.shortContext);
  const tokenShortMs = await medianTime(clock, () => side.step(token));
  const chunkShortMs = await medianTime(clock, () => side.step(chunk));
  await side.grow(points.longContext);
  const tokenLongMs = await medianTime(clock, () => side.step(token));
  const chunkLongMs = await medianTime(clock, () => side.step(chunk));
  return { ...points, tokenShortMs, tokenLongMs, chunkShortMs, chunkLongMs };
}

/** Makes a context long without evaluating it: factors of a first few tokens, over and over. */
async function fill(cpu: CpuSide, sequence: CpuSequence, length: number): Promise<void> {
  if (sequence.length === 0 && length > 0) {
    await sequence.forward(probeIds(Math.min(SHORT, length, cpu.maxChunk), cpu.vocabSize));
  }
  while (sequence.length < length) {
    const count = Math.min(sequence.length, length - sequence.length);
    await sequence.loadFactors(await sequence.readFactors(0, count));
  }
}
