import { openAttention } from '../kernels/attention.ts';
import { openDense } from '../kernels/dense.ts';
import { probesOf } from '../kernels/engines.ts';
import {
  DENSE_SHAPES,
  LONG_CONTEXT,
  PAPER_DECODE,
  T6_SMALL,
  decodeSuite,
  denseDecodeMacs,
  tpaDecodeMacs,
} from '../shapes.ts';
import type { SuitePart } from '../suite.ts';
import { openThreaded, type ThreadedEngine } from './engine.ts';
import { threadsTitle } from './thread-counts.ts';

/** The cache of a dense mechanism at this length is 134 MB, which no cache of a processor holds. */
const DENSE_CONTEXT = 8192;

/** Decodes with each number of threads, in turns over one cache. */
export function threadParts(counts: readonly number[]): SuitePart[] {
  return [
    ...[PAPER_DECODE, T6_SMALL].map((shape) =>
      part(counts, decodeSuite(shape, LONG_CONTEXT), LONG_CONTEXT, ({ engine, threads }) => ({
        macs: tpaDecodeMacs(shape, LONG_CONTEXT),
        run: openAttention(engine, shape, LONG_CONTEXT, 1, { threads }).run,
      })),
    ),
    ...DENSE_SHAPES.map((shape) =>
      part(counts, decodeSuite(shape, DENSE_CONTEXT), DENSE_CONTEXT, async (threaded) => {
        const { engine, threads } = threaded;
        const probes = await probesOf(engine);
        const { run } = openDense(engine, shape, DENSE_CONTEXT, probes, { threads });
        return { macs: denseDecodeMacs(shape, DENSE_CONTEXT), run };
      }),
    ),
  ];
}

type Decode = { readonly macs: number; run(): void };

function part(
  counts: readonly number[],
  decode: string,
  tokens: number,
  open: (threaded: ThreadedEngine) => Decode | Promise<Decode>,
): SuitePart {
  return {
    suite: `threads-${decode}`,
    cachedTokens: tokens,
    prepare: async () => {
      const threaded = await openThreaded(Math.max(...counts));
      const { pool } = threaded;
      const { macs, run } = await open(threaded);
      const cases = counts.map((count) => ({
        name: threadsTitle(count),
        macs,
        run: () => {
          pool.lanes = count;
          run();
        },
      }));
      return { cases, dispose: () => pool.dispose() };
    },
  };
}
