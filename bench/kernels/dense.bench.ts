import { CACHE_DTYPES, type CacheDtype } from '../../src/layout/cache-dtype.ts';
import {
  DENSE_CONTEXTS,
  DENSE_PEER_SUITE,
  DENSE_SHAPES,
  LONG_CONTEXT,
  PEER_CONTEXT,
  PEER_SUITE,
  decodeSuite,
  denseDecodeMacs,
  type DenseShape,
} from '../shapes.ts';
import type { SuitePart } from '../suite.ts';
import { checkDense, openDense } from './dense.ts';
import { openEngines } from './engines.ts';

const F32: readonly CacheDtype[] = ['f32'];
const READ_NOTE =
  'The read probe loads every byte of the same pages once and adds; a MAC of its row is one float32 number read.';

export const parts: readonly SuitePart[] = [
  ...DENSE_SHAPES.flatMap((shape) =>
    DENSE_CONTEXTS.map((tokens) =>
      densePart(decodeSuite(shape, tokens), shape, tokens, shape.isLatent ? F32 : CACHE_DTYPES),
    ),
  ),
  densePart(
    decodeSuite(named('mha-32'), LONG_CONTEXT),
    named('mha-32'),
    LONG_CONTEXT,
    CACHE_DTYPES,
  ),
  densePart(PEER_SUITE, named('gqa-32-4'), PEER_CONTEXT),
  densePart(DENSE_PEER_SUITE, named('mha-32'), PEER_CONTEXT),
];

function densePart(
  suite: string,
  shape: DenseShape,
  tokens: number,
  dtypes: readonly CacheDtype[] = F32,
): SuitePart {
  return {
    suite,
    cachedTokens: tokens,
    notes: [READ_NOTE],
    prepare: async () => {
      const engines = await openEngines();
      const cases = engines.flatMap(({ name, engine, probes, peak }) => {
        const macs = denseDecodeMacs(shape, tokens);
        const decodes = dtypes.flatMap((dtype) => {
          const title = `${name}${dtype === 'f32' ? '' : `, ${dtype} cache`}`;
          checkDense(`dense decode, ${title}`, engine, shape, dtype);
          const { run, read, numbers } = openDense(engine, shape, tokens, probes, { dtype });
          return [
            { name: `${shape.name} decode, ${title}`, macs, peak: peak.name, run },
            { name: `${shape.name} read, ${title}`, macs: numbers, run: read },
          ];
        });
        return [peak, ...decodes];
      });
      return { cases };
    },
  };
}

function named(name: string): DenseShape {
  const shape = DENSE_SHAPES.find((candidate) => candidate.name === name);
  if (!shape) throw new RangeError(`"name" expected a dense shape, got "${name}"`);
  return shape;
}
