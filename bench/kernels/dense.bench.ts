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

const READ_NOTE =
  'The read probe loads every byte of the same pages once and adds; a MAC of its row is one float32 number read.';

export const parts: readonly SuitePart[] = [
  ...DENSE_SHAPES.flatMap((shape) =>
    DENSE_CONTEXTS.map((tokens) => densePart(decodeSuite(shape, tokens), shape, tokens)),
  ),
  densePart(decodeSuite(named('mha-32'), LONG_CONTEXT), named('mha-32'), LONG_CONTEXT),
  densePart(PEER_SUITE, named('gqa-32-4'), PEER_CONTEXT),
  densePart(DENSE_PEER_SUITE, named('mha-32'), PEER_CONTEXT),
];

function densePart(suite: string, shape: DenseShape, tokens: number): SuitePart {
  return {
    suite,
    cachedTokens: tokens,
    notes: [READ_NOTE],
    prepare: async () => {
      const engines = await openEngines();
      const cases = engines.flatMap(({ name, engine, probes, peak }) => {
        checkDense(`dense decode, ${name}`, engine, shape);
        const { run, read, numbers } = openDense(engine, shape, tokens, probes);
        const macs = denseDecodeMacs(shape, tokens);
        return [
          peak,
          { name: `${shape.name} decode, ${name}`, macs, peak: peak.name, run },
          { name: `${shape.name} read, ${name}`, macs: numbers, run: read },
        ];
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
