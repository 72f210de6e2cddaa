import { type FactorBackend, type FactorSequence, inChunks } from '../../src/backend/backend.ts';
import { type Contender, STEP_ID } from './contender.ts';

/** Factors (layers, count, numbers) of a prompt's tokens. */
export interface FactorBlock {
  readonly layers: number;
  readonly count: number;
  readonly factors: Float32Array;
}

/** TPA on either backend; contexts are the factors of a prompt, again and again. */
export class FactorContender implements Contender {
  readonly name: string;
  readonly #backend: FactorBackend & { readonly bytesRead?: number };
  readonly #block: FactorBlock;
  #sequence: FactorSequence | undefined;
  #bytesRead = 0;

  constructor(name: string, backend: FactorBackend, block: FactorBlock) {
    this.name = name;
    this.#backend = backend;
    this.#block = block;
  }

  get bytesRead(): number {
    return this.#bytesRead;
  }

  async prefill(ids: readonly number[]): Promise<Float32Array> {
    const sequence = this.#backend.createSequence();
    try {
      return await evaluate(sequence, ids);
    } finally {
      sequence.dispose();
    }
  }

  async fill(tokens: number): Promise<void> {
    const sequence = (this.#sequence ??= this.#backend.createSequence());
    sequence.truncate(tokens);
    while (sequence.length < tokens) {
      await sequence.loadFactors(firstTokens(this.#block, tokens - sequence.length));
    }
  }

  async step(): Promise<Float32Array> {
    const sequence = this.#sequence!;
    const { length } = sequence;
    const logits = await sequence.forward([STEP_ID]);
    this.#bytesRead = this.#backend.bytesRead ?? 0;
    sequence.truncate(length);
    return logits;
  }

  dispose(): void {
    this.#backend.dispose();
  }
}

/** Evaluates a prompt in chunks. @returns the last token's logits */
export async function evaluate(
  sequence: FactorSequence,
  ids: readonly number[],
): Promise<Float32Array> {
  let logits: Float32Array = new Float32Array(0);
  await inChunks(sequence, ids, async (rest) => {
    logits = await sequence.forward(rest);
  });
  return logits;
}

/** The first tokens of a block, all of them where more are asked for. */
export function firstTokens({ layers, count, factors }: FactorBlock, tokens: number): Float32Array {
  if (tokens >= count) return factors;
  const numbers = factors.length / (layers * count);
  const out = new Float32Array(layers * tokens * numbers);
  for (let layer = 0; layer < layers; layer++) {
    const from = layer * count * numbers;
    out.set(factors.subarray(from, from + tokens * numbers), layer * tokens * numbers);
  }
  return out;
}
