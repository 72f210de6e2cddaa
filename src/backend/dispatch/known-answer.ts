import { type Backend, type FactorSequence, type GpuBackend, inChunks } from '../backend.ts';
import type { CpuSequence } from '../cpu.ts';
import type { Guard } from '../../device/guard.ts';
import { checkAgainst } from '../../device/judge.ts';

/** Tokens of the probe: a prompt and one decoded token. */
const TOKENS = 8;

/**
 * How far a number may be off, times 1 + the largest magnitude of its row. float32: sums in another
 * order, 1e-6 on the adapters measured; a wrong kernel is off by 1 or more. float16: one product
 * with sums in float16 is off by 1.7e-3 of its norm (llvmpipe), and a token meets some hundreds in
 * a row, about the square root of 300 times that.
 */
export const TOLERANCE = { float32: 1e-3, float16: 3e-2, quantized: 4e-3 } as const;

/** What the CPU computes for the probe. */
export interface KnownAnswer {
  readonly ids: readonly number[];
  /** Logits of the prompt's last token, if there is a prompt, and of the decoded one (vocabSize). */
  readonly rows: readonly Float32Array[];
  /** (layers, ids.length, numbers) */
  readonly factors: Float32Array;
  /** (layers, ids.length - 1, numbers); empty if there is no prompt */
  readonly promptFactors: Float32Array;
}

/** The CPU as the dispatcher needs it. */
export type CpuSide = Backend<CpuSequence> & Pick<GpuBackend, 'maxChunk'>;

/** Ids from all over the vocabulary. */
export function probeIds(count: number, vocabSize: number): number[] {
  const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;
  return Array.from({ length: count }, (_, i) =>
    Math.floor((((i + 1) * GOLDEN_RATIO) % 1) * vocabSize),
  );
}

/** Computes the probe on the CPU. @throws TpaError as its sequences do */
export async function answerOf(cpu: CpuSide): Promise<KnownAnswer> {
  const count = Math.min(TOKENS, cpu.contextLength, cpu.maxChunk + 1);
  const ids = probeIds(count, cpu.vocabSize);
  const sequence = cpu.createSequence();
  try {
    const rows: Float32Array[] = [];
    if (count > 1) rows.push(await sequence.forward(ids.slice(0, -1)));
    rows.push(await sequence.forward(ids.slice(-1)));
    const factors = await sequence.readFactors(0, count);
    const promptFactors =
      count > 1 ? await sequence.readFactors(0, count - 1) : new Float32Array(0);
    return { ids, rows, factors, promptFactors };
  } finally {
    sequence.dispose();
  }
}

/**
 * Has the GPU compute the probe, once as a prompt and a token, and once on factors of the CPU.
 *
 * @throws TpaError `BACKEND_UNAVAILABLE` if its numbers are wrong, `GPU_LOST`,
 *   `GPU_OUT_OF_MEMORY`
 */
export async function checkAnswer(
  guard: Guard<GpuBackend>,
  { ids, rows, factors, promptFactors }: KnownAnswer,
): Promise<void> {
  const tolerance = TOLERANCE[guard.resource.dtype];
  const limitOf = (largest: number): number => tolerance * (1 + largest);
  const prompt = ids.slice(0, -1);
  const last = ids.slice(-1);
  const [lastRow, promptRow] = rows.toReversed();

  await onSequence(guard, async (sequence) => {
    if (promptRow !== undefined) {
      const logits = await evaluate(guard, sequence, prompt);
      checkAgainst(promptRow, logits, limitOf, "a prompt's logits");
    }
    const logits = await evaluate(guard, sequence, last);
    checkAgainst(lastRow!, logits, limitOf, "a decoded token's logits");
    const read = await guard.call('check', () => sequence.readFactors(0, ids.length));
    checkAgainst(factors, read, limitOf, 'factors');
  });
  if (promptRow === undefined) return;
  await onSequence(guard, async (sequence) => {
    await guard.call('check', () => sequence.loadFactors(promptFactors));
    const logits = await evaluate(guard, sequence, last);
    checkAgainst(lastRow!, logits, limitOf, "logits after the CPU's factors");
  });
}

/** Logits of the last of `ids`, however few of them the GPU takes at once. */
async function evaluate(
  guard: Guard<GpuBackend>,
  sequence: FactorSequence,
  ids: readonly number[],
): Promise<Float32Array> {
  let logits!: Float32Array;
  await inChunks(sequence, ids, async (rest) => {
    logits = await guard.call('check', () => sequence.forward(rest));
  });
  return logits;
}

/** Runs `work` on an empty sequence of the GPU, which is let go if anything fails. */
async function onSequence<T>(
  guard: Guard<GpuBackend>,
  work: (sequence: FactorSequence) => Promise<T>,
): Promise<T> {
  const sequence = await guard.call('start', async (gpu) => gpu.createSequence());
  try {
    const result = await work(sequence);
    guard.between(() => sequence.dispose());
    return result;
  } catch (error) {
    guard.dispose();
    throw error;
  }
}
